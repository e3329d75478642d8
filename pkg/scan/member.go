package scan

// What each type reads from a member, in the order of the wire.

func (e *Event) member(d *Decoder, f field) bool {
	switch f {
	case fieldID:
		e.ID = d.id()
	case fieldTime:
		e.Time = d.time(millis)
	case fieldTimeBasis:
		e.TimeBasis = TimeBasis(d.text())
	case fieldReceived:
		e.Received = d.time(millis)
	case fieldSensor:
		e.Sensor = d.text()
	case fieldFormat:
		e.Format = d.text()
	case fieldVerdict:
		e.Verdict = Verdict(d.text())
	case fieldDirection:
		e.Direction = Direction(d.text())
	case fieldProto:
		e.Proto = d.text()
	case fieldSrcIP:
		e.SrcIP = d.addr()
	case fieldSrcPort:
		e.SrcPort = option[uint16](d)
	case fieldDstIP:
		e.DstIP = d.addr()
	case fieldDstPort:
		e.DstPort = option[uint16](d)
	case fieldTCPFlags:
		e.TCPFlags = d.flags()
	case fieldICMPType:
		e.ICMPType = option[uint8](d)
	case fieldICMPCode:
		e.ICMPCode = option[uint8](d)
	case fieldPackets:
		if d.null() {
			e.Packets = 1
		} else {
			e.Packets = uint32(d.number(1<<32 - 1))
		}
	case fieldLabel:
		e.Label = d.text()
	case fieldLine:
		e.Line = d.freshText()
	case fieldOrigin:
		e.Origin = d.freshText()
	default:
		return false
	}
	return true
}

func (a *Facts) member(d *Decoder, f field) bool {
	switch f {
	case fieldNetwork:
		a.Network = d.text()
	case fieldOwner:
		a.Owner = d.text()
	case fieldRegistrant:
		a.Registrant = d.text()
	case fieldNetname:
		a.Netname = d.text()
	case fieldCountry:
		a.Country = d.text()
	case fieldCarrier:
		a.Carrier = d.text()
	case fieldASN:
		a.ASN = uint32(d.number(1<<32 - 1))
	case fieldASName:
		a.ASName = d.text()
	case fieldOwnerBasis:
		a.OwnerBasis = Basis(d.text())
	case fieldOwnerAsOf:
		a.OwnerAsOf = d.time(seconds)
	case fieldOwnerWhy:
		a.OwnerWhy = d.text()
	case fieldCause:
		a.Cause = Cause(d.text())
	case fieldCauseWhy:
		a.CauseWhy = d.text()
	default:
		return false
	}
	return true
}

func (e *Enriched) member(d *Decoder, f field) bool {
	return e.Event.member(d, f) || e.Facts.member(d, f)
}

func (r *Rejected) member(d *Decoder, f field) bool {
	switch f {
	case fieldID:
		r.ID = d.id()
	case fieldKind:
		r.Kind = RejectKind(d.text())
	case fieldStage:
		r.Stage = d.text()
	case fieldReason:
		r.Reason = d.text()
	case fieldReceived:
		r.Received = d.time(millis)
	case fieldSensor:
		r.Sensor = d.text()
	case fieldFormat:
		r.Format = d.text()
	case fieldPackets:
		r.Packets = uint32(d.number(1<<32 - 1))
	case fieldLine:
		r.Line = d.freshText()
	case fieldOrigin:
		r.Origin = d.freshText()
	default:
		return false
	}
	return true
}

func (a *Attributed) member(d *Decoder, f field) bool {
	switch f {
	case fieldFirst:
		a.First = d.addr()
	case fieldLast:
		a.Last = d.addr()
	default:
		return a.Facts.member(d, f)
	}
	return true
}

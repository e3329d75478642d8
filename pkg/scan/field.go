package scan

// field is a key of the wire form. The fields are numbered in the order in
// which the appenders write them, so that the Decoder can guess the next key.
type field uint8

const (
	unknown field = iota
	fieldV
	fieldFirst // of Attributed
	fieldLast
	fieldID
	fieldKind // of Rejected, to fieldReason
	fieldStage
	fieldReason
	fieldTime
	fieldTimeBasis
	fieldReceived
	fieldSensor
	fieldFormat
	fieldVerdict
	fieldDirection
	fieldProto
	fieldSrcIP
	fieldSrcPort
	fieldDstIP
	fieldDstPort
	fieldTCPFlags
	fieldICMPType
	fieldICMPCode
	fieldPackets
	fieldLabel
	fieldLine
	fieldOrigin
	fieldNetwork
	fieldOwner
	fieldRegistrant
	fieldNetname
	fieldCountry
	fieldCarrier
	fieldASN
	fieldASName
	fieldOwnerBasis
	fieldOwnerAsOf
	fieldOwnerWhy
	fieldCause
	fieldCauseWhy
	fields // their number
)

// starts has the start of a member with each field, as the appenders write it.
// It is never written to.
var starts = [fields]string{
	fieldV:          `"v":`,
	fieldFirst:      `"first":`,
	fieldLast:       `"last":`,
	fieldID:         `"id":`,
	fieldKind:       `"kind":`,
	fieldStage:      `"stage":`,
	fieldReason:     `"reason":`,
	fieldTime:       `"time":`,
	fieldTimeBasis:  `"time_basis":`,
	fieldReceived:   `"received":`,
	fieldSensor:     `"sensor":`,
	fieldFormat:     `"format":`,
	fieldVerdict:    `"verdict":`,
	fieldDirection:  `"direction":`,
	fieldProto:      `"proto":`,
	fieldSrcIP:      `"src_ip":`,
	fieldSrcPort:    `"src_port":`,
	fieldDstIP:      `"dst_ip":`,
	fieldDstPort:    `"dst_port":`,
	fieldTCPFlags:   `"tcp_flags":`,
	fieldICMPType:   `"icmp_type":`,
	fieldICMPCode:   `"icmp_code":`,
	fieldPackets:    `"packets":`,
	fieldLabel:      `"label":`,
	fieldLine:       `"line":`,
	fieldOrigin:     `"origin":`,
	fieldNetwork:    `"network":`,
	fieldOwner:      `"owner":`,
	fieldRegistrant: `"registrant":`,
	fieldNetname:    `"netname":`,
	fieldCountry:    `"country":`,
	fieldCarrier:    `"carrier":`,
	fieldASN:        `"asn":`,
	fieldASName:     `"as_name":`,
	fieldOwnerBasis: `"owner_basis":`,
	fieldOwnerAsOf:  `"owner_as_of":`,
	fieldOwnerWhy:   `"owner_why":`,
	fieldCause:      `"cause":`,
	fieldCauseWhy:   `"cause_why":`,
}

// name returns the key without its quotes and colon.
func (f field) name() string { return starts[f][1 : len(starts[f])-2] }

func fieldOf(key []byte) field {
	for f := unknown + 1; f < fields; f++ {
		if f.name() == string(key) {
			return f
		}
	}
	return unknown
}

package scan

import (
	"net/netip"
	"strconv"
	"time"
)

// The appenders write JSON by hand because this is the hottest code of every
// service: no reflection, no allocation beyond dst, and keys in a fixed order,
// so that equal values have equal bytes. What they write is always valid JSON,
// whatever bytes an attacker got into a log line.

// AppendJSON appends e in its wire form to dst and returns the extended slice:
// one JSON object without a newline, absent fields left out. It blocks on
// nothing and never fails; an event that breaks the rules of [Event.Validate]
// is still valid JSON, though a reader may refuse it.
func (e *Event) AppendJSON(dst []byte) []byte {
	return append(e.appendMembers(append(dst, head...)), '}')
}

// AppendJSON appends e in its wire form, as [Event.AppendJSON] does: the keys
// of the event, then those of the facts.
func (e *Enriched) AppendJSON(dst []byte) []byte {
	dst = e.Event.appendMembers(append(dst, head...))
	return append(e.Facts.appendMembers(dst), '}')
}

// AppendJSON appends r in its wire form, as [Event.AppendJSON] does.
func (r *Rejected) AppendJSON(dst []byte) []byte {
	dst = append(dst, head...)
	dst = appendID(dst, r.ID)
	dst = appendText(dst, `,"kind":`, string(r.Kind))
	dst = appendText(dst, `,"stage":`, r.Stage)
	dst = appendText(dst, `,"reason":`, r.Reason)
	dst = appendTime(dst, `,"received":`, r.Received, millis)
	dst = appendText(dst, `,"sensor":`, r.Sensor)
	dst = appendText(dst, `,"format":`, r.Format)
	if r.Packets != 0 {
		dst = strconv.AppendUint(append(dst, `,"packets":`...), uint64(r.Packets), 10)
	}
	dst = appendText(dst, `,"line":`, r.Line)
	dst = appendText(dst, `,"origin":`, r.Origin)
	return append(dst, '}')
}

// AppendJSON appends a in its wire form, as [Event.AppendJSON] does.
func (a *Attributed) AppendJSON(dst []byte) []byte {
	dst = append(dst, head...)
	dst = appendAddr(dst, `,"first":`, a.First)
	dst = appendAddr(dst, `,"last":`, a.Last)
	return append(a.appendMembers(dst), '}')
}

// head opens every object. It is the only member without a comma before it.
const head = `{"v":1`

func (e *Event) appendMembers(dst []byte) []byte {
	dst = appendID(dst, e.ID)
	dst = appendTime(dst, `,"time":`, e.Time, millis)
	dst = appendText(dst, `,"time_basis":`, string(e.TimeBasis))
	dst = appendTime(dst, `,"received":`, e.Received, millis)
	dst = appendText(dst, `,"sensor":`, e.Sensor)
	dst = appendText(dst, `,"format":`, e.Format)
	dst = appendText(dst, `,"verdict":`, string(e.Verdict))
	dst = appendText(dst, `,"direction":`, string(e.Direction))
	dst = appendText(dst, `,"proto":`, e.Proto)
	dst = appendAddr(dst, `,"src_ip":`, e.SrcIP)
	dst = appendOpt(dst, `,"src_port":`, e.SrcPort)
	dst = appendAddr(dst, `,"dst_ip":`, e.DstIP)
	dst = appendOpt(dst, `,"dst_port":`, e.DstPort)
	if e.TCPFlags.OK {
		dst = append(dst, `,"tcp_flags":"`...)
		dst = append(e.TCPFlags.V.append(dst), '"')
	}
	dst = appendOpt(dst, `,"icmp_type":`, e.ICMPType)
	dst = appendOpt(dst, `,"icmp_code":`, e.ICMPCode)
	dst = append(dst, `,"packets":`...) // always: a reader takes its absence for 1
	dst = strconv.AppendUint(dst, uint64(e.Packets), 10)
	dst = appendText(dst, `,"label":`, e.Label)
	dst = appendText(dst, `,"line":`, e.Line)
	return appendText(dst, `,"origin":`, e.Origin)
}

func (f *Facts) appendMembers(dst []byte) []byte {
	dst = appendText(dst, `,"network":`, f.Network)
	dst = appendText(dst, `,"owner":`, f.Owner)
	dst = appendText(dst, `,"registrant":`, f.Registrant)
	dst = appendText(dst, `,"netname":`, f.Netname)
	dst = appendText(dst, `,"country":`, f.Country)
	dst = appendText(dst, `,"carrier":`, f.Carrier)
	if f.ASN != 0 {
		dst = append(dst, `,"asn":`...)
		dst = strconv.AppendUint(dst, uint64(f.ASN), 10)
	}
	dst = appendText(dst, `,"as_name":`, f.ASName)
	dst = appendText(dst, `,"owner_basis":`, string(f.OwnerBasis))
	dst = appendTime(dst, `,"owner_as_of":`, f.OwnerAsOf, seconds)
	dst = appendText(dst, `,"owner_why":`, f.OwnerWhy)
	dst = appendText(dst, `,"cause":`, string(f.Cause))
	return appendText(dst, `,"cause_why":`, f.CauseWhy)
}

// In what follows member is the comma, the quoted key and the colon, so that
// a member's start is one copy.

func appendText(dst []byte, member, s string) []byte {
	if s == "" {
		return dst
	}
	return appendString(append(dst, member...), s)
}

func appendID(dst []byte, id ID) []byte {
	if id == 0 {
		return dst
	}
	dst = append(dst, `,"id":"`...)
	return append(id.append(dst), '"')
}

func appendOpt[T ~uint8 | ~uint16](dst []byte, member string, o Opt[T]) []byte {
	if !o.OK {
		return dst
	}
	return strconv.AppendUint(append(dst, member...), uint64(o.V), 10)
}

// appendAddr writes the canonical form even of an address that is not: a zone
// is free text and would let an address end the JSON string.
func appendAddr(dst []byte, member string, a netip.Addr) []byte {
	if !a.IsValid() {
		return dst
	}
	dst = append(append(dst, member...), '"')
	dst = a.Unmap().WithZone("").AppendTo(dst)
	return append(dst, '"')
}

// appendTime leaves out a time whose year RFC 3339 cannot write.
func appendTime(dst []byte, member string, t time.Time, p precision) []byte {
	if t.IsZero() || !writable(t) {
		return dst
	}
	dst = append(append(dst, member...), '"')
	return append(appendClock(dst, t, p), '"')
}

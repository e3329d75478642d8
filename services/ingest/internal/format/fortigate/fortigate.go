// Package fortigate reads the traffic, anomaly and IPS logs of Fortinet's
// FortiGate, as key=value pairs with blanks or commas between them, and as CEF:
//
//	date=2024-01-02 time=10:00:00 devname="gw" logid="0001000014" type="traffic" subtype="local" srcip=192.0.2.7 srcport=40000 dstip=198.51.100.9 dstport=23 proto=6 action="deny"
//	CEF:0|Fortinet|Fortigate|v6.0.3|00013|traffic:forward close|3|cat=traffic:forward src=192.0.2.7 spt=40000 dst=198.51.100.9 dpt=23 proto=6 act=close
//
// The specification is Fortinet's "FortiOS Log Message Reference". A session that
// was let through has its record at its end.
package fortigate

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "fortigate"

// record is what a line says, as text.
type record struct {
	kind, subtype, action                string
	src, sport, dst, dport, proto        string
	date, clock, zone, eventtime         string
	attack, policy, count                string
	icmpType, icmpCode, srcRole, dstRole string
	srcCut                               bool
}

// Parse reads one line; see parse.Func. It claims records of type traffic, and
// those about anomalies and by the intrusion prevention.
func Parse(line *envelope.Line, ev *scan.Event) error {
	var r record
	switch {
	case line.Product.Vendor == "Fortinet":
		// "traffic:forward close", which some versions repeat in cat
		r.kind, r.subtype, _ = strings.Cut(line.Product.Title, ":")
		r.subtype, _, _ = strings.Cut(r.subtype, " ")
		r.cef(parse.Extension(line))
	case line.Product.Form == 0 && strings.Contains(line.Payload, "logid=") && strings.Contains(line.Payload, "type="):
		r.pairs(parse.KeyValues(line.Payload))
	default:
		return parse.ErrNotMine
	}
	if !r.packets() {
		return parse.ErrNotMine
	}
	if t, ok := r.stamp(); ok {
		line.Own(t)
	}
	return r.event(ev)
}

func (r *record) pairs(p parse.Pairs) {
	for p.Next() {
		switch p.Key {
		case "type":
			r.kind = p.Value
		case "subtype":
			r.subtype = p.Value
		case "action":
			r.action = p.Value
		case "srcip":
			r.src, r.srcCut = p.Value, p.Cut
		case "srcport":
			r.sport = whole(p)
		case "dstip":
			r.dst = whole(p)
		case "dstport":
			r.dport = whole(p)
		case "proto":
			r.proto = whole(p)
		case "date":
			r.date = p.Value
		case "time":
			r.clock = p.Value
		case "tz":
			r.zone = p.Value
		case "eventtime":
			r.eventtime = whole(p)
		case "attack":
			r.attack = p.Value
		case "policyid":
			r.policy = p.Value
		case "count":
			r.count = whole(p)
		case "icmptype":
			r.icmpType = whole(p)
		case "icmpcode":
			r.icmpCode = whole(p)
		case "srcintfrole":
			r.srcRole = p.Value
		case "dstintfrole":
			r.dstRole = p.Value
		}
	}
}

// cef reads the same from CEF, where Fortinet's own keys have a prefix that
// differs from version to version.
func (r *record) cef(p parse.Pairs) {
	for p.Next() {
		switch p.Key {
		case "cat":
			r.kind, r.subtype, _ = strings.Cut(p.Value, ":")
		case "act":
			r.action = p.Value
		case "src":
			r.src = p.Value
		case "spt":
			r.sport = p.Value
		case "dst":
			r.dst = p.Value
		case "dpt":
			r.dport = p.Value
		case "proto":
			r.proto = p.Value
		case "cnt":
			r.count = p.Value
		default:
			r.own(p.Key, p.Value)
		}
	}
}

func (r *record) own(key, value string) {
	switch {
	case strings.HasSuffix(key, "subtype"):
		r.subtype = value
	case strings.HasSuffix(key, "eventtime"):
		r.eventtime = value
	case strings.HasSuffix(key, "tz"):
		r.zone = value
	case strings.HasSuffix(key, "attack"):
		r.attack = value
	case strings.HasSuffix(key, "policyid"):
		r.policy = value
	case strings.HasSuffix(key, "icmptype"):
		r.icmpType = value
	case strings.HasSuffix(key, "icmpcode"):
		r.icmpCode = value
	case strings.HasSuffix(key, "srcintfrole"):
		r.srcRole = value
	case strings.HasSuffix(key, "dstintfrole"):
		r.dstRole = value
	case strings.HasSuffix(key, "action") && r.action == "":
		r.action = value
	}
}

// whole is the value, unless the line may have been cut off within it.
func whole(p parse.Pairs) string {
	if p.Cut {
		return ""
	}
	return p.Value
}

func (r *record) packets() bool {
	switch r.kind {
	case "traffic":
		return r.action != "start" // its end has a record, too
	case "anomaly", "ips":
		return true
	case "utm":
		return r.subtype == "ips" || r.subtype == "anomaly"
	}
	return false
}

// stamp takes the time since 1970 where there is one, in seconds or nanoseconds:
// it needs no zone.
func (r *record) stamp() (clock.Stamp, bool) {
	if size := len(r.eventtime); size == 10 || size == 19 {
		if t, n := clock.Unix(r.eventtime[:10]); n > 0 {
			if frac, n := clock.Digits(r.eventtime[10:]); n == 9 {
				t.Nano = int32(frac)
			}
			return t, true
		}
	}
	return clock.Joined(r.date, r.clock, r.zone)
}

func (r *record) event(ev *scan.Event) (err error) {
	*ev = scan.Event{Packets: 1, Proto: parse.Proto(r.proto), Verdict: verdict(r.action), Label: r.attack}
	attack := r.kind != "traffic"
	if ev.Label == "" {
		ev.Label = r.action
	}
	if attack {
		if ev.Verdict == scan.VerdictAllow || ev.Verdict == scan.VerdictUnknown {
			ev.Verdict = scan.VerdictAlert
		}
		if n, ok := parse.Count(r.count); ok {
			ev.Packets = n
		}
	}
	if r.srcCut {
		return parse.ErrCutSource
	}
	if ev.SrcIP, err = parse.Source(r.src); err != nil {
		return err
	}
	ev.DstIP, _ = parse.Addr(r.dst)
	switch ev.Proto {
	case "icmp", "icmpv6":
		ev.ICMPType, ev.ICMPCode = hex(r.icmpType), hex(r.icmpCode)
	default:
		ev.SrcPort, ev.DstPort = parse.Port(r.sport), parse.Port(r.dport)
	}
	switch {
	case r.srcRole == "wan" && r.dstRole != "wan":
		ev.Direction = scan.DirectionIn
	case r.srcRole == "lan" && r.dstRole == "wan":
		ev.Direction = scan.DirectionOut
	default:
		ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	}
	return nil
}

// hex reads 0x08.
func hex(s string) scan.Opt[uint8] {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok || len(digits) == 0 || len(digits) > 2 {
		return parse.Byte(s)
	}
	v := 0
	for _, c := range []byte(digits) {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 {
			return scan.Opt[uint8]{}
		}
		v = 16*v + d
	}
	return scan.Some(uint8(v))
}

// verdict reads an action; what names how a session ended was let through.
func verdict(action string) scan.Verdict {
	switch action {
	case "deny", "dropped", "drop", "drop_session", "block", "blocked", "clear_session", "clear_ session":
		return scan.VerdictDrop
	case "reset", "reset_client", "reset_server":
		return scan.VerdictReject
	case "detected":
		return scan.VerdictAlert
	case "accept", "close", "timeout", "client-rst", "server-rst", "ip-conn", "dns", "pass", "pass_session", "passthrough":
		return scan.VerdictAllow
	}
	return scan.VerdictUnknown
}

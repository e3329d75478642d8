// Package sophos reads the firewall logs of Sophos: SFOS (XG, XGS) and UTM.
//
//	timestamp="2025-03-12T11:03:06-0400" log_type="Firewall" log_component="Invalid Traffic" log_subtype="Denied" src_ip="192.0.2.4" dst_ip="198.51.100.9" protocol="TCP" src_port=55821 dst_port=443
//	id="2001" severity="info" sys="SecureNet" sub="packetfilter" name="Packet dropped" action="drop" srcip="192.0.2.55" dstip="198.51.100.9" proto="6" srcport="54040" dstport="52938" tcpflags="SYN"
//
// The specifications are Sophos's "Log File Guide" of SFOS and the log reference of
// UTM 9.
package sophos

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "sophos"

type record struct {
	kind, component, subtype, event, name, action, signature string
	src, sport, dst, dport, proto, flags                     string
	icmpType, icmpCode                                       string
	at, date, clock, zone                                    string
	cut                                                      bool
}

// Parse reads one line; see parse.Func. It claims SFOS's logs of type Firewall
// and IDP, and those of UTM's packet filter.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	switch {
	case line.Product.Form != 0:
		return parse.ErrNotMine
	case strings.Contains(s, `log_type="Firewall"`), strings.Contains(s, `log_type="IDP"`), strings.Contains(s, `log_type="IPS"`):
	case strings.Contains(s, `sub="packetfilter"`):
	default:
		return parse.ErrNotMine
	}
	var r record
	r.pairs(parse.KeyValues(s))
	if r.event == "Interim" {
		return parse.ErrNotMine // of a session whose end has a record
	}
	if t, n := clock.ISO(r.at); n > 0 {
		line.Own(t)
	} else if t, ok := clock.Joined(r.date, r.clock, r.zone); ok {
		line.Own(t)
	} else if i := strings.Index(s, "-"); i == len("2022:01:02") { // UTM's file: 2022:01:02-10:11:12
		if t, ok := clock.Joined(strings.ReplaceAll(s[:i], ":", "-"), s[i+1:], ""); ok {
			line.Own(t)
		}
	}
	return r.fill(ev)
}

func (r *record) pairs(p parse.Pairs) {
	for p.Next() {
		v := p.Value
		switch p.Key {
		case "log_type":
			r.kind = v
		case "log_component":
			r.component = v
		case "log_subtype":
			r.subtype = v
		case "con_event":
			r.event = v
		case "name":
			r.name = v
		case "action":
			r.action = v
		case "signature_msg":
			r.signature = v
		case "src_ip", "srcip":
			r.src, r.cut = v, p.Cut
		case "src_port", "srcport":
			r.sport = v
		case "dst_ip", "dstip":
			r.dst = v
		case "dst_port", "dstport":
			r.dport = v
		case "protocol", "proto":
			r.proto = v
		case "tcpflags":
			r.flags = v
		case "icmp_type", "type":
			r.icmpType = v
		case "icmp_code", "code":
			r.icmpCode = v
		case "timestamp":
			r.at = v
		case "date":
			r.date = v
		case "time":
			r.clock = v
		case "timezone":
			r.zone = v
		}
	}
}

func (r *record) fill(ev *scan.Event) (err error) {
	*ev = scan.Event{Packets: 1, Proto: parse.Proto(r.proto)}
	switch r.kind {
	case "": // UTM
		ev.Label, ev.Verdict = r.name, parse.Verdict(r.action)
	case "Firewall":
		if ev.Label = r.component; r.subtype == "Denied" || r.subtype == "Drop" {
			ev.Verdict = scan.VerdictDrop
		} else if r.subtype == "Allowed" {
			ev.Verdict = scan.VerdictAllow
		} else {
			ev.Verdict = parse.Verdict(r.subtype)
		}
	default:
		if ev.Label, ev.Verdict = r.signature, scan.VerdictAlert; r.subtype == "Drop" {
			ev.Verdict = scan.VerdictDrop
		}
	}
	if r.cut {
		return parse.ErrCutSource
	}
	if ev.SrcIP, err = parse.Source(r.src); err != nil {
		return err
	}
	ev.DstIP, _ = parse.Addr(r.dst)
	switch ev.Proto {
	case "icmp", "icmpv6":
		ev.ICMPType, ev.ICMPCode = parse.Byte(r.icmpType), parse.Byte(r.icmpCode)
	default:
		ev.SrcPort, ev.DstPort = parse.Port(r.sport), parse.Port(r.dport)
	}
	if ev.Proto == "tcp" && r.flags != "" {
		ev.TCPFlags = parse.Flags(r.flags)
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

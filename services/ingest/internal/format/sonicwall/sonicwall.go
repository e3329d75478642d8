// Package sonicwall reads the firewall's messages of SonicWall, as key=value pairs
// and as CEF:
//
//	id=firewall sn=0006B1 time="2004-04-01 10:39:35 UTC" fw=198.51.100.2 pri=5 c=64 m=36 msg="TCP connection dropped" n=2686 src=192.0.2.27:4507:WAN dst=198.51.100.2:445:LAN proto=tcp/445
//	CEF:0|SonicWall|NSa 4500|7.0.1|98|Connection Opened|4|src=10.0.10.20 spt=12345 dst=192.0.2.1 dpt=123 proto=tcp/https
//
// The specification is SonicWall's "SonicOS Log Events Reference Guide". Of its
// messages those about packets that were dropped, about scans and floods, and
// about connections that were opened are claimed.
package sonicwall

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "sonicwall"

type record struct{ msg, src, sport, srcV6, srcZone, dst, dport, dstV6, dstZone, proto, at string }

// Parse reads one line; see parse.Func.
func Parse(line *envelope.Line, ev *scan.Event) error {
	var r record
	switch {
	case line.Product.Vendor == "SonicWall":
		r.msg = line.Product.Title
		r.cef(parse.Extension(line))
	case line.Product.Form == 0 && strings.Contains(line.Payload, " sn=") && strings.Contains(line.Payload, " m="):
		if err := r.pairs(parse.KeyValues(line.Payload)); err != nil {
			return err
		}
	default:
		return parse.ErrNotMine
	}
	verdict := about(r.msg)
	if verdict == "" {
		return parse.ErrNotMine
	}
	if t, n := clock.ISO(r.at); n > 0 {
		t.In(strings.TrimSpace(r.at[n:]))
		line.Own(t)
	}
	return r.event(verdict, ev)
}

func (r *record) pairs(p parse.Pairs) error {
	cut := false
	for p.Next() {
		switch p.Key {
		case "msg":
			r.msg = p.Value
		case "time":
			r.at = p.Value
		case "src":
			r.src, r.sport, r.srcZone = end(p.Value)
			cut = p.Cut
		case "srcV6":
			r.srcV6 = p.Value
		case "dst":
			if !p.Cut {
				r.dst, r.dport, r.dstZone = end(p.Value)
			}
		case "dstV6":
			r.dstV6 = p.Value
		case "proto":
			r.proto = p.Value
		}
	}
	if cut {
		return parse.ErrCutSource
	}
	return nil
}

// end cuts 192.0.2.7:4507:WAN, 192.0.2.7::X0 and :49702:X0-V514.
func end(s string) (host, port, zone string) {
	host, rest, _ := strings.Cut(s, ":")
	port, rest, _ = strings.Cut(rest, ":")
	zone, _, _ = strings.Cut(rest, ":")
	return host, port, zone
}

func (r *record) cef(p parse.Pairs) {
	for p.Next() {
		switch p.Key {
		case "src":
			r.src = p.Value
		case "spt":
			r.sport = strings.TrimSpace(p.Value)
		case "dst":
			r.dst = p.Value
		case "dpt":
			r.dport = strings.TrimSpace(p.Value)
		case "proto":
			r.proto = p.Value
		case "cs3Label":
			r.srcZone = p.Value
		case "cs4Label":
			r.dstZone = p.Value
		}
	}
}

// about tells from the message what was done to the packet it is about; "" if it
// is about none.
func about(msg string) scan.Verdict {
	switch {
	case strings.HasSuffix(msg, "onnection Opened"):
		return scan.VerdictAllow
	case has(msg, "dropped"), has(msg, "blocked") && has(msg, "packet"), has(msg, "IPS Prevention"):
		return scan.VerdictDrop
	case has(msg, "port scan"), has(msg, "flood"), has(msg, "spoof"), has(msg, "IPS Detection"), has(msg, "attack"), has(msg, "of death"):
		return scan.VerdictAlert
	}
	return ""
}

// has looks for a word in any case.
func has(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

func (r *record) event(verdict scan.Verdict, ev *scan.Event) (err error) {
	proto, _, _ := strings.Cut(r.proto, "/")
	*ev = scan.Event{Packets: 1, Verdict: verdict, Label: r.msg, Proto: parse.Proto(proto)}
	src, dst := r.src, r.dst
	if r.srcV6 != "" {
		src = r.srcV6
	}
	if r.dstV6 != "" {
		dst = r.dstV6
	}
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	ev.DstIP, _ = parse.Addr(dst)
	if ev.Proto == "" { // "TCP connection dropped"
		name, _, _ := strings.Cut(r.msg, " ")
		ev.Proto = parse.Proto(name)
	}
	if ev.Proto != "icmp" && ev.Proto != "icmpv6" {
		ev.SrcPort, ev.DstPort = parse.Port(r.sport), parse.Port(r.dport)
	}
	switch {
	case r.srcZone == "WAN":
		ev.Direction = scan.DirectionIn
	case r.dstZone == "WAN" && r.srcZone != "":
		ev.Direction = scan.DirectionOut
	default:
		ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	}
	return nil
}

// Package watchguard reads the packet filter of WatchGuard's Firebox, as LEEF
// and in its own text:
//
//	LEEF:1.0|WatchGuard|XTM|12.8.2|30000148|policy=Unhandled External Packet-00	disp=Deny	in_if=WAN1	out_if=Firebox	src=192.0.2.7	srcPort=35186	dst=198.51.100.9	dstPort=6379	proto=tcp	tcp_flag=S
//	firewall: msg_id="3000-0148" Deny 0-External Firebox 52 tcp 20 117 192.0.2.7 198.51.100.9 40001 23 offset 8 S 1426487 win 32 (Unhandled External Packet-00)
//
// The specification is WatchGuard's "Fireware Log Catalog". Proxies and the report
// of how much a connection has carried, at its end, speak of connections that the
// filter has logged before.
package watchguard

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "watchguard"

// Parse reads one line; see parse.Func. It claims the messages 3000-nnnn that
// name a source.
func Parse(line *envelope.Line, ev *scan.Event) error {
	if line.Product.Vendor == "WatchGuard" {
		return leef(line, ev)
	}
	if i := strings.Index(line.Payload, `msg_id="3000-`); i >= 0 && i < 128 {
		return plain(line.Payload[i:], ev)
	}
	return parse.ErrNotMine
}

func leef(line *envelope.Line, ev *scan.Event) error {
	if !strings.HasPrefix(line.Product.Event, "3000") {
		return parse.ErrNotMine
	}
	var disp, src, sport, dst, dport, proto, flags, policy, msg, at string
	ended := false
	for p := parse.Extension(line); p.Next(); {
		switch p.Key {
		case "disp":
			disp = p.Value
		case "src":
			if src = p.Value; p.Cut {
				return parse.ErrCutSource
			}
		case "srcPort":
			sport = p.Value
		case "dst":
			dst = p.Value
		case "dstPort":
			dport = p.Value
		case "proto":
			proto = p.Value
		case "tcp_flag":
			flags = p.Value
		case "policy":
			policy = p.Value
		case "msg":
			msg = p.Value
		case "devTime":
			at = p.Value
		case "duration":
			ended = true
		}
	}
	if disp == "" || ended || msg == "Application identified" {
		return parse.ErrNotMine
	}
	if t, n := clock.BSD(at); n > 0 { // "Sep 23 2022 09:51:24 +0200"
		t.In(strings.TrimSpace(at[n:]))
		line.Own(t)
	}
	*ev = scan.Event{Packets: 1, Verdict: parse.Verdict(disp), Label: policy, Proto: parse.Proto(proto)}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	ev.DstIP, _ = parse.Addr(dst)
	ev.SrcPort, ev.DstPort = parse.Port(sport), parse.Port(dport)
	if f, err := scan.ParseTCPFlags(flags); err == nil && flags != "" && ev.Proto == "tcp" {
		ev.TCPFlags = scan.Some(f)
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// plain reads "Deny <in> <out> <length> <proto> <header> <ttl> <src> <dst> <sport>
// <dport> ... (<policy>)". Interfaces may have blanks, so the addresses are
// looked for.
func plain(s string, ev *scan.Event) error {
	_, s, ok := strings.Cut(s[len(`msg_id="`):], `" `)
	if !ok {
		return parse.ErrNotMine
	}
	disp, rest, _ := strings.Cut(s, " ")
	if disp != "Deny" && disp != "Allow" {
		return parse.ErrNotMine
	}
	*ev = scan.Event{Packets: 1, Verdict: parse.Verdict(disp)}
	if i := strings.LastIndexByte(rest, '('); i >= 0 {
		ev.Label = strings.TrimRight(rest[i+1:], ") ")
	}
	var f [32]string
	n := parse.Split(f[:], rest, ' ')
	at := 5
	for ; at+1 < n; at++ { // the first address, three words behind the protocol
		if _, ok := parse.Addr(f[at]); ok {
			if ev.Proto = parse.Proto(f[at-3]); ev.Proto != "" {
				break
			}
		}
	}
	if at+1 >= n {
		return parse.ErrCutSource
	}
	ev.SrcIP, _ = parse.Addr(f[at])
	ev.DstIP, _ = parse.Addr(f[at+1])
	if at+4 < n && ev.Proto != "icmp" {
		ev.SrcPort, ev.DstPort = parse.Port(f[at+2]), parse.Port(f[at+3])
	}
	if at+6 < n && f[at+4] == "offset" && ev.Proto == "tcp" {
		if flags, err := scan.ParseTCPFlags(f[at+6]); err == nil {
			ev.TCPFlags = scan.Some(flags)
		}
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

package ciscoasa

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// accessList reads the messages of access lists that log:
//
//	access-list NAME denied tcp outside/192.0.2.7(51234) -> inside/198.51.100.9(23) hit-cnt 21 300-second interval [0x1, 0x2]
//	access-list NAME denied tcp for user 'joe' outside/192.0.2.7(51234) -> ...
//
// The first packet of a flow has its own line; the one at the end of an interval
// counts all of it. What is let through for a connection that exists is
// est-allowed.
func accessList(id int, body string, ev *scan.Event) error {
	rest, ok := strings.CutPrefix(body, "access-list ")
	if !ok {
		return errNoSource
	}
	name, rest, _ := strings.Cut(rest, " ")
	verdict, rest, _ := strings.Cut(rest, " ")
	proto, rest, _ := strings.Cut(rest, " ")
	from, to, whole := strings.Cut(rest, "->")
	from = strings.TrimRight(from, " ")
	if id != 106100 { // a user's name may have blanks
		from = from[strings.LastIndexByte(from, ' ')+1:]
	}
	*ev = scan.Event{Packets: 1, Label: name, Proto: parse.Proto(proto)}
	switch verdict {
	case "permitted", "est-allowed":
		ev.Verdict = scan.VerdictAllow
	case "denied":
		ev.Verdict = scan.VerdictDrop
	default:
		ev.Verdict = scan.VerdictUnknown
	}
	host, srcPort, closed := listEnd(from)
	if !closed && !whole {
		return parse.ErrCutSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	to = strings.TrimLeft(to, " ")
	host, dstPort, closed := listEnd(to)
	if closed {
		ev.DstIP, _ = parse.Addr(host)
	}
	switch ev.Proto {
	case "icmp", "icmpv6": // newer devices write the type before the arrow, older ones after it
		if srcPort == "0" {
			srcPort = dstPort
		}
		if closed {
			ev.ICMPType = parse.Byte(srcPort)
		}
	case "tcp", "udp", "sctp":
		ev.SrcPort, ev.DstPort = port(srcPort), port(dstPort)
	}
	if _, count, ok := strings.Cut(to, " hit-cnt "); ok {
		if count, _, ok = strings.Cut(count, " "); ok {
			if n, ok := parse.Count(count); ok {
				ev.Packets = n
			}
		}
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	protocolFields(ev)
	return nil
}

// listEnd cuts interface/address(port); an interface may have a slash itself.
func listEnd(s string) (host, port string, closed bool) {
	i := strings.IndexByte(s, '(')
	if i < 0 {
		host, _, closed = strings.Cut(s, " ")
		return host[strings.LastIndexByte(host, '/')+1:], "", closed
	}
	port, _, closed = strings.Cut(s[i+1:], ")")
	if !closed {
		port = ""
	}
	return s[strings.LastIndexByte(s[:i], '/')+1 : i], port, true
}

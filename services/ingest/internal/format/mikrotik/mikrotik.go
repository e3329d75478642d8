// Package mikrotik reads the firewall lines of MikroTik's RouterOS:
//
//	firewall,info drop-tcp input: in:ether1-WAN out:(unknown 0), connection-state:new src-mac 00:00:5e:00:53:01, proto TCP (SYN), 192.0.2.7:59388->198.51.100.9:23, len 40
//
// The form is described in RouterOS's manual, "Log" and "Firewall: log-prefix". The
// verdict is known from the prefix only, which is the owner's own text.
package mikrotik

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "mikrotik"

const (
	topic = "firewall,"
	in    = "in:"
	proto = "proto "
)

// Parse reads one line; see parse.Func. It claims a line with a chain, "in:" and
// "out:", and of topic firewall whatever has "proto".
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	chain, rest, ok := head(line, s)
	if !ok {
		return parse.ErrNotMine
	}
	*ev = scan.Event{Packets: 1, Label: chain}
	i := strings.Index(rest, proto)
	if i < 0 {
		return parse.ErrCutSource
	}
	rest = protocol(rest[i+len(proto):], ev)
	src, rest, ok := strings.Cut(rest, "->")
	if !ok {
		return parse.ErrCutSource
	}
	src = src[strings.LastIndexByte(src, ' ')+1:]
	dst, rest, whole := strings.Cut(rest, ",")
	host, port := parse.HostPort(src)
	var err error
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	ev.SrcPort = parse.Port(port)
	if whole || strings.Contains(rest, "len ") {
		host, port = parse.HostPort(strings.TrimSpace(dst))
		ev.DstIP, _ = parse.Addr(host)
		ev.DstPort = parse.Port(port)
	}
	ev.Verdict = parse.Verdict(chain)
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	if strings.HasSuffix(chain, "output") {
		ev.Direction = scan.DirectionOut
	}
	return nil
}

// head cuts the prefix and the chain from what follows them. A log that was
// printed on the router has a time of its own before the topics.
func head(line *envelope.Line, s string) (chain, rest string, ok bool) {
	if strings.HasPrefix(s, in) && line.Tag != "" { // the envelope took the chain for a program
		return line.Tag, s, strings.Contains(s, " out:")
	}
	i := strings.Index(s, ": "+in)
	if i < 0 || !strings.Contains(s[i:], " out:") {
		return "", "", false
	}
	chain, rest = s[:i], s[i+2:]
	if t := strings.Index(chain, topic); t >= 0 {
		if stamp, n := clock.MonthSlash(chain); n > 0 && n < t {
			line.Own(stamp)
		}
		_, chain, _ = strings.Cut(chain[t:], " ")
	}
	return strings.TrimSpace(chain), rest, true
}

// protocol reads "TCP (SYN,ACK), " or "ICMP (type 8, code 0), " and returns what
// follows.
func protocol(s string, ev *scan.Event) string {
	end := strings.IndexAny(s, " ,")
	if end < 0 {
		return s
	}
	ev.Proto = parse.Proto(s[:end])
	s = s[end:]
	inner, ok := strings.CutPrefix(s, " (")
	if !ok {
		return s
	}
	inner, rest, ok := strings.Cut(inner, ")")
	if !ok {
		return s
	}
	switch ev.Proto {
	case "tcp":
		ev.TCPFlags = parse.Flags(inner)
	case "icmp", "icmpv6":
		kind, code, _ := strings.Cut(inner, ",")
		ev.ICMPType = parse.Byte(strings.TrimPrefix(kind, "type "))
		ev.ICMPCode = parse.Byte(strings.TrimPrefix(strings.TrimSpace(code), "code "))
	}
	return rest
}

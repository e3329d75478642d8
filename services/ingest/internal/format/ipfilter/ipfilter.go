// Package ipfilter reads what ipmon writes of IP Filter's log on NetBSD, Solaris,
// FreeBSD and old firewalls:
//
//	28/06/2020 18:57:52.179848 2x rge0 @0:12 b 192.0.2.100,40702 -> 198.51.100.51,993 PR tcp len 20 60 -S IN
//
// The specification is the man page ipmon(8). Lines about NAT and state are no
// packets.
package ipfilter

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "ipfilter"

// Parse reads one line; see parse.Func. It claims "@<group>:<rule> <action>
// <source> -> <destination> PR".
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	at := strings.Index(s, " @")
	if at < 0 || at > 96 {
		return parse.ErrNotMine
	}
	rule, rest, _ := strings.Cut(s[at+1:], " ")
	if !isRule(rule) {
		return parse.ErrNotMine
	}
	action, rest, ok := strings.Cut(rest, " ")
	if len(action) != 1 || strings.IndexByte("bBpPSnL", action[0]) < 0 {
		return parse.ErrNotMine
	}
	if t, n := clock.DayFirst(s); n > 0 {
		line.Own(t)
		s = s[n:]
		at -= n
	}
	*ev = scan.Event{Packets: 1, Label: rule, Verdict: verdict(action[0])}
	for before := strings.TrimLeft(s[:at], " "); before != ""; { // "2x rge0"
		var w string
		w, before, _ = strings.Cut(before, " ")
		if n, isCount := strings.CutSuffix(w, "x"); isCount {
			if count, ok := parse.Count(n); ok {
				ev.Packets = count
			}
		}
	}
	src, rest, arrow := strings.Cut(rest, " -> ")
	if !ok || !arrow {
		return parse.ErrCutSource
	}
	host, port, _ := strings.Cut(src, ",")
	var err error
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	ev.SrcPort = parse.Port(port)
	dst, rest, whole := strings.Cut(rest, " ")
	if whole {
		host, port, _ = strings.Cut(dst, ",")
		ev.DstIP, _ = parse.Addr(host)
		ev.DstPort = parse.Port(port)
	}
	out := strings.HasSuffix(rest, " OUT")
	if rest, ok = strings.CutPrefix(rest, "PR "); ok {
		proto, rest, _ := strings.Cut(rest, " ")
		ev.Proto = parse.Proto(proto)
		more(rest, ev)
	}
	ev.Direction = parse.Passing(out, ev.SrcIP, ev.DstIP)
	return nil
}

// isRule fits @0:12 and @g1:12.
func isRule(s string) bool {
	if len(s) < 4 || len(s) > 40 || s[0] != '@' {
		return false
	}
	i := strings.IndexByte(s, ':')
	return i > 1 && i+1 < len(s) && s[i+1]-'0' <= 9
}

func verdict(action byte) scan.Verdict {
	switch action {
	case 'b', 'B':
		return scan.VerdictDrop
	case 'p', 'P':
		return scan.VerdictAllow
	}
	return scan.VerdictUnknown
}

// more reads "len 20 60 -S IN" and "len 20 84 icmp echo/0 IN".
func more(s string, ev *scan.Event) {
	for s != "" {
		var w string
		var ok bool
		w, s, ok = strings.Cut(s, " ")
		switch {
		case ev.Proto == "tcp" && len(w) > 1 && w[0] == '-' && ok:
			if f, err := scan.ParseTCPFlags(strings.ReplaceAll(w[1:], "W", "C")); err == nil {
				ev.TCPFlags = scan.Some(f)
			}
		case w == "icmp" && ev.Proto == "icmp":
			kind, _, ok := strings.Cut(s, " ")
			if name, code, slash := strings.Cut(kind, "/"); ok && slash {
				ev.ICMPType, ev.ICMPCode = icmp(name), parse.Byte(code)
			}
		}
	}
}

// icmp reads a type by ipmon's name for it, or its number.
func icmp(s string) scan.Opt[uint8] {
	switch s {
	case "echorep":
		return scan.Some[uint8](0)
	case "unreach":
		return scan.Some[uint8](3)
	case "squench":
		return scan.Some[uint8](4)
	case "redir":
		return scan.Some[uint8](5)
	case "echo":
		return scan.Some[uint8](8)
	case "timex":
		return scan.Some[uint8](11)
	}
	return parse.Byte(s)
}

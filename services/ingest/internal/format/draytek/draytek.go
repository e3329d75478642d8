// Package draytek reads the firewall lines of DrayTek's Vigor routers:
//
//	DoS udp_flood Block(10s) 192.0.2.3,53 -> 198.51.100.71,29705 PR udp len 20 399
//	[DOS][Block][port_scan][192.0.2.3:53->198.51.100.71:29705][UDP][HLen=20, TLen=399]
//	[FILTER][Block][WAN->LAN/RT/VPN, 0:00:12][@S:R=2:1, 192.0.2.3:40000->198.51.100.71:23][TCP][HLen=20, TLen=40, Flag=S, Seq=1, Ack=0, Win=1024]
//
// There is no published specification; the form in brackets is known from
// descriptions only.
package draytek

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "draytek"

// Parse reads one line; see parse.Func.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	if i := strings.Index(s, "DoS "); i >= 0 && i < 64 && strings.Contains(s, " -> ") && strings.Contains(s, " PR ") {
		return plain(s[i:], ev)
	}
	for _, head := range [...]string{"[DOS][", "[FILTER]["} {
		if i := strings.Index(s, head); i >= 0 && i < 64 {
			return bracketed(s[i:], ev)
		}
	}
	return parse.ErrNotMine
}

// plain reads "DoS udp_flood Block(10s) <src>,<port> -> <dst>,<port> PR udp len 20 399".
func plain(s string, ev *scan.Event) error {
	var f [10]string
	n := parse.Split(f[:], s, ' ')
	if n < 8 || f[4] != "->" || f[6] != "PR" {
		return parse.ErrNotMine
	}
	*ev = scan.Event{Packets: 1, Label: s[:len(f[0])+1+len(f[1])], Verdict: verdict(f[2]), Proto: parse.Proto(f[7])}
	src, port, _ := strings.Cut(f[3], ",")
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	dst, to, _ := strings.Cut(f[5], ",")
	ev.SrcPort, ev.DstPort = parse.Port(port), parse.Port(to)
	ev.DstIP, _ = parse.Addr(dst)
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// bracketed reads groups in brackets, of which that with an arrow between
// addresses holds source and destination.
func bracketed(s string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1}
	found, source := false, ""
	for n := 0; strings.HasPrefix(s, "["); n++ {
		end := strings.IndexByte(s, ']')
		if len(s) > 1 && s[1] == '[' { // an IPv6 address opens the group
			end = strings.Index(s, "][") // of the group, unless more than one
			if end < 0 {
				end = len(s) - 1
			}
		}
		if end < 1 {
			break
		}
		group := s[1:end]
		s = s[end+1:]
		switch {
		case n == 0:
			ev.Label = group
		case n == 1:
			ev.Verdict = verdict(group)
		case !found && strings.Contains(group, "->") && endpoints(group, &source, ev):
			found = true
		case n == 2:
			ev.Label = group
		case found && ev.Proto == "":
			ev.Proto = parse.Proto(group)
		case strings.Contains(group, "Flag="):
			_, flags, _ := strings.Cut(group, "Flag=")
			flags, _, _ = strings.Cut(flags, ",")
			if f, err := scan.ParseTCPFlags(flags); err == nil && ev.Proto == "tcp" {
				ev.TCPFlags = scan.Some(f)
			}
		}
	}
	if !found {
		return parse.ErrNotMine
	}
	var err error
	if ev.SrcIP, err = parse.Source(source); err != nil {
		return err
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// endpoints reads "<src>:<port>-><dst>:<port>", perhaps behind "@S:R=2:1, ".
func endpoints(s string, source *string, ev *scan.Event) bool {
	if i := strings.LastIndexByte(s, ' '); i >= 0 {
		s = s[i+1:]
	}
	from, to, ok := strings.Cut(s, "->")
	if !ok || from == "" || from[0]-'0' > 9 && from[0] != '[' && from[0] != 'x' && from[0] != '*' {
		return false // "WAN->LAN"
	}
	host, port := parse.HostPort(from)
	*source, ev.SrcPort = host, parse.Port(port)
	host, port = parse.HostPort(to)
	ev.DstIP, _ = parse.Addr(host)
	ev.DstPort = parse.Port(port)
	return true
}

func verdict(s string) scan.Verdict {
	s, _, _ = strings.Cut(s, "(")
	if s == "Pass" {
		return scan.VerdictAllow
	}
	return parse.Verdict(s)
}

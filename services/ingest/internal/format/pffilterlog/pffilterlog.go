// Package pffilterlog reads the filter log of pfSense and OPNsense, which is
// comma separated and in a program of its own:
//
//	filterlog: 53,,,1000102631,em0,match,block,in,4,0x0,,64,600,0,none,6,tcp,44,192.0.2.2,198.51.100.15,53792,22,0,S,31552001,,65535,,mss
//
// The specification is "Raw Filter Log Format" of pfSense's documentation.
package pffilterlog

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "pf-filterlog"

// The fields that every line has, by their place.
const (
	fieldReason  = 5
	fieldAction  = 6
	fieldWay     = 7
	fieldVersion = 8
	// what IPv4 and IPv6 have where
	v4Proto, v4Source = 16, 18
	v6Proto, v6Source = 12, 15
)

// Parse reads one line; see parse.Func. It claims what the program filterlog
// says, and lines of its form without a header.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	if line.Tag != "filterlog" && (s == "" || s[0]-'0' > 9 || !strings.Contains(s, ",match,")) {
		return parse.ErrNotMine
	}
	var f [32]string
	n := parse.Split(f[:], s, ',')
	if n <= fieldWay || f[fieldReason] == "" {
		if line.Tag == "filterlog" {
			return parse.ErrCutSource
		}
		return parse.ErrNotMine
	}
	*ev = scan.Event{Packets: 1, Label: f[0], Verdict: scan.VerdictUnknown}
	switch f[fieldAction] {
	case "block":
		ev.Verdict = scan.VerdictDrop
	case "pass":
		ev.Verdict = scan.VerdictAllow
	case "reject":
		ev.Verdict = scan.VerdictReject
	default: // translations
		return parse.ErrNotMine
	}
	proto, src := v4Proto, v4Source
	if f[fieldVersion] == "6" {
		proto, src = v6Proto, v6Source
	}
	if n <= src+1 {
		return parse.ErrCutSource
	}
	ev.Proto = parse.Proto(f[proto])
	if ev.Proto == "" { // a name that IANA does not have
		ev.Proto = parse.Proto(f[proto-1])
		if f[fieldVersion] == "6" {
			ev.Proto = parse.Proto(f[proto+1])
		}
	}
	var err error
	if ev.SrcIP, err = parse.Source(f[src]); err != nil {
		return err
	}
	dst := src + 1
	if n > dst+1 {
		ev.DstIP, _ = parse.Addr(f[dst])
	}
	detail(f[dst+1:n], ev)
	ev.Direction = parse.Passing(f[fieldWay] == "out", ev.SrcIP, ev.DstIP)
	return nil
}

// detail reads what a protocol adds. The last field of a line may be cut off.
func detail(f []string, ev *scan.Event) {
	switch ev.Proto {
	case "tcp", "udp", "sctp", "dccp":
		if len(f) > 2 {
			ev.SrcPort, ev.DstPort = parse.Port(f[0]), parse.Port(f[1])
		}
		if ev.Proto == "tcp" && len(f) > 4 {
			ev.TCPFlags = flags(f[3])
		}
	case "icmp":
		if len(f) > 1 {
			ev.ICMPType, ev.ICMPCode = icmp(f[0])
		}
	}
}

// flags reads pf's letters, of which W is CWR.
func flags(s string) (f scan.Opt[scan.TCPFlags]) {
	for i := range len(s) {
		switch s[i] {
		case 'F':
			f.V |= scan.FIN
		case 'S':
			f.V |= scan.SYN
		case 'R':
			f.V |= scan.RST
		case 'P':
			f.V |= scan.PSH
		case 'A', '.':
			f.V |= scan.ACK
		case 'U':
			f.V |= scan.URG
		case 'E':
			f.V |= scan.ECE
		case 'W', 'C':
			f.V |= scan.CWR
		default:
			return scan.Opt[scan.TCPFlags]{}
		}
	}
	f.OK = true
	return f
}

// icmp reads the words that filterlog has for types.
func icmp(s string) (kind, code scan.Opt[uint8]) {
	switch s {
	case "request":
		return scan.Some[uint8](8), code
	case "reply":
		return scan.Some[uint8](0), code
	case "unreach":
		return scan.Some[uint8](3), code
	case "unreachproto":
		return scan.Some[uint8](3), scan.Some[uint8](2)
	case "unreachport":
		return scan.Some[uint8](3), scan.Some[uint8](3)
	case "needfrag":
		return scan.Some[uint8](3), scan.Some[uint8](4)
	case "redirect":
		return scan.Some[uint8](5), code
	case "timexceed":
		return scan.Some[uint8](11), code
	case "paramprob":
		return scan.Some[uint8](12), code
	case "tstamp":
		return scan.Some[uint8](13), code
	case "tstampreply":
		return scan.Some[uint8](14), code
	case "maskreply":
		return scan.Some[uint8](18), code
	}
	return parse.Byte(s), code
}

package netfilter

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// fields reads what follows the source, in the order in which the kernel prints
// it and only as far as it says anything: the destination, then from PROTO= on.
// Fields that come again (LEN, ID), and the packet in brackets that an ICMP error
// is about, lie behind or between and are never reached. A value at the very end
// of the line may lack digits and counts only where the kernel ends a line so.
func fields(s string, ev *scan.Event) {
	i := free(s, "PROTO=")
	own := s
	if i >= 0 {
		own = s[:i]
	}
	if quoted := strings.IndexByte(own, '['); quoted >= 0 { // the line lost its own protocol
		own, i = own[:quoted], -1
	}
	if j := strings.Index(own, "DST="); j >= 0 {
		if value, _, whole := cut(s[j+len("DST="):]); whole {
			ev.DstIP, _ = parse.Addr(value)
		}
	}
	if i < 0 {
		return
	}
	value, rest, _ := cut(s[i+len("PROTO="):])
	ev.Proto = parse.Proto(value)
	switch ev.Proto {
	case "icmp", "icmpv6":
		if value, rest, whole := field(rest, "TYPE="); whole {
			ev.ICMPType = parse.Byte(value)
			value, _, _ = field(rest, "CODE=")
			ev.ICMPCode = parse.Byte(value)
		}
	default:
		value, rest, whole := field(rest, "SPT=")
		if !whole {
			return
		}
		ev.SrcPort = parse.Port(value)
		if value, rest, whole = field(rest, "DPT="); !whole {
			return
		}
		ev.DstPort = parse.Port(value)
		if ev.Proto == "tcp" {
			ev.TCPFlags = flags(rest)
		}
	}
}

// field cuts the value of a field that s must begin with.
func field(s, key string) (value, rest string, whole bool) {
	if !strings.HasPrefix(s, key) {
		return "", s, false
	}
	return cut(s[len(key):])
}

// flags reads the bare words of a TCP line, which the kernel prints in the order
// of the switch below and then URGP. Some routers leave URGP out. Such a line is
// believed only if its last word is one behind which hardly another can follow:
// "ACK" may be a SYN/ACK cut off, and no flag at all is no NULL scan.
func flags(s string) (f scan.Opt[scan.TCPFlags]) {
	last := false
	for more := true; more; {
		var token string
		token, s, more = cut(s)
		switch token {
		case "CWR":
			f.V, last = f.V|scan.CWR, false
		case "ECE":
			f.V, last = f.V|scan.ECE, false
		case "URG":
			f.V, last = f.V|scan.URG, false
		case "ACK": // ACK=0 is a number
			f.V, last = f.V|scan.ACK, false
		case "PSH":
			f.V, last = f.V|scan.PSH, false
		case "RST":
			f.V, last = f.V|scan.RST, true
		case "SYN":
			f.V, last = f.V|scan.SYN, true
		case "FIN":
			f.V, last = f.V|scan.FIN, true
		default:
			if strings.HasPrefix(token, "URGP=") {
				f.OK = true
				return f
			}
			last = last && (more || token == "" || strings.IndexByte(token, '=') > 0)
		}
	}
	if !last {
		return scan.Opt[scan.TCPFlags]{}
	}
	f.OK = true
	return f
}

// interfaces finds where the fields begin in what stands before the source, and
// reads the interfaces. IN= may be glued to the prefix, or missing as in the
// output chain of Proxmox. Without fields at is len(head).
func interfaces(head string) (at int, in, out string) {
	at = len(head)
	if i := strings.Index(head, "IN="); i >= 0 {
		value, rest, _ := cut(head[i+len("IN="):])
		if !strings.HasPrefix(rest, "OUT=") {
			j := strings.Index(rest, " OUT=")
			rest = rest[j+1:] // j is -1 if there is none
		}
		out, _, _ = field(rest, "OUT=")
		return i, value, out
	}
	for _, key := range [...]string{"OUT=", "MAC="} {
		if i := strings.Index(head, key); i >= 0 && i < at {
			at = i
			if key == "OUT=" {
				out, _, _ = cut(head[i+len(key):])
			}
		}
	}
	return at, in, out
}

// direction tells from the interfaces, and where they leave it open from the
// addresses, where the packet went. A router sees what its own network sends to
// it as coming in: that is local.
func direction(in, out string, ev *scan.Event) scan.Direction {
	from, to := scan.Public(ev.SrcIP), scan.Public(ev.DstIP)
	switch {
	case !from && to && out != "":
		return scan.DirectionOut
	case !from:
		return scan.DirectionLocal
	case in != "" && (out == "" || !to):
		return scan.DirectionIn
	case in == "" && out != "":
		return scan.DirectionOut
	}
	return scan.DirectionUnknown // forwarded between public addresses, or no interface
}

package ciscoasa

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// end is one end of a packet as written: interface:address/port.
type end struct {
	host, port string
	whole      bool // something follows, so that nothing is cut off
}

// endpoint cuts the end that s begins with.
func endpoint(s string) (e end, rest string) {
	i := 0
	for i < len(s) && s[i] != ' ' && s[i] != '(' && s[i] != ')' && s[i] != ',' && s[i] != ';' {
		i++
	}
	e.whole, rest = i < len(s), s[i:]
	e.host = s[:i]
	if slash := strings.LastIndexByte(e.host, '/'); slash > strings.LastIndexByte(e.host, ':') {
		e.host, e.port = e.host[:slash], e.host[slash+1:]
	}
	return e, strings.TrimPrefix(rest, ")")
}

// address takes the interface off. Only the message knows whether there is one:
// fed:2001:db8::1 may be either. A context may stand before it, and a sentence may
// go on behind the address.
func (e end) address(named bool) string {
	host := e.host
	if i := strings.IndexByte(host, ':'); named && i >= 0 {
		host = host[i+1:]
		if _, rest, ok := strings.Cut(host, ":"); ok {
			if _, ok := parse.Addr(host); !ok {
				if _, ok := parse.Addr(rest); ok {
					return rest
				}
			}
		}
	} else if i == strings.LastIndexByte(host, ':') && i >= 0 && i < len(host)-1 {
		host = host[i+1:] // one colon is none of IPv6
	}
	if _, ok := parse.Addr(host); !ok && host != "" && (host[len(host)-1] == ':' || host[len(host)-1] == '.') {
		host = host[:len(host)-1]
	}
	return host
}

func (e end) source(named bool, ev *scan.Event) (err error) {
	if !e.whole {
		return parse.ErrCutSource
	}
	if ev.SrcIP, err = parse.Source(e.address(named)); err != nil {
		return err
	}
	ev.SrcPort = port(e.port)
	return nil
}

func (e end) destination(named, last bool, ev *scan.Event) {
	if !e.whole && !last {
		return
	}
	if a, ok := parse.Addr(e.address(named)); ok {
		ev.DstIP = a
	}
	ev.DstPort = port(strings.TrimRight(e.port, ".:"))
}

// parenthesised skips what follows an end in parentheses: its translation, its
// user and groups.
func parenthesised(s string) string {
	for {
		s = strings.TrimLeft(s, " ")
		if s == "" || s[0] != '(' || strings.HasPrefix(s, "(type ") {
			return s
		}
		i := strings.IndexByte(s, ')')
		if i < 0 {
			return ""
		}
		s = s[i+1:]
	}
}

// protocol finds the protocol among the words of s. A number counts behind the
// word for it only.
func protocol(s string) string {
	for after := ""; s != ""; {
		word, rest, _ := strings.Cut(s, " ")
		s = rest
		if _, value, ok := strings.Cut(word, "protocol="); ok {
			word = value
		}
		word = strings.TrimRight(word, ",:")
		if word == "" {
			continue
		}
		number := word[0]-'0' <= 9
		if number && after != "protocol" && after != "Deny" {
			continue
		}
		if p := parse.Proto(word); p != "" && (number || p != "ipv4" && p != "ipv6") {
			return p
		}
		after = word
	}
	return ""
}

// protocolFields makes ICMP of IPv6 what it is, and takes back the ports of
// protocols that have none: an identifier or a call number stands there. Some
// releases write a type for TCP.
func protocolFields(ev *scan.Event) {
	if ev.Proto == "icmp" && ev.SrcIP.Is6() {
		ev.Proto = "icmpv6"
	}
	switch ev.Proto {
	case "tcp", "udp", "sctp", "dccp", "udplite", "":
		ev.ICMPType, ev.ICMPCode = scan.Opt[uint8]{}, scan.Opt[uint8]{}
	default:
		ev.SrcPort, ev.DstPort = scan.Opt[uint16]{}, scan.Opt[uint16]{}
	}
}

// icmp reads "type=3, code=1", "(type 3, code 1)", "type 8 code 0" and "ICMP type
// 8". The last number may end s if the message ends so.
func icmp(s string, last bool) (kind, code scan.Opt[uint8]) {
	read := func(word string) (v scan.Opt[uint8]) {
		_, after, ok := strings.Cut(s, word)
		if !ok || after == "" || after[0] != ' ' && after[0] != '=' {
			return v
		}
		after = after[1:]
		n := 0
		for n < len(after) && after[n]-'0' <= 9 {
			n++
		}
		if n == len(after) && !last {
			return v
		}
		return parse.Byte(after[:n])
	}
	if kind = read("type"); kind.OK {
		code = read("code")
	}
	return kind, code
}

// tcpFlags reads "SYN ACK  on interface": the interface shows that no flag is
// cut off. A word that is no flag makes all of them absent.
func tcpFlags(s string) (f scan.Opt[scan.TCPFlags]) {
	list, _, ok := strings.Cut(strings.TrimLeft(s, ":"), " on interface")
	if !ok {
		return f
	}
	for list = strings.Trim(list, " ,"); list != ""; list = strings.TrimLeft(list, " ") {
		var word string
		word, list, _ = strings.Cut(list, " ")
		bit, ok := scan.TCPFlags(0), true
		switch word {
		case "FIN":
			bit = scan.FIN
		case "SYN":
			bit = scan.SYN
		case "RST":
			bit = scan.RST
		case "PSH":
			bit = scan.PSH
		case "ACK":
			bit = scan.ACK
		case "URG":
			bit = scan.URG
		case "ECE":
			bit = scan.ECE
		case "CWR":
			bit = scan.CWR
		default:
			ok = false
		}
		if !ok {
			return scan.Opt[scan.TCPFlags]{}
		}
		f.V |= bit
		f.OK = true
	}
	return f
}

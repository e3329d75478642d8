package juniper

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// screen reads the plain text of a screen:
//
//	TCP sweep! source: 192.0.2.7:6000, destination: 198.51.100.9:23, zone name: untrust, interface name: ge-0/0/0.0, action: drop
func screen(s string, ev *scan.Event) error {
	attack, rest, ok := strings.Cut(s, " source: ")
	if !ok {
		return errNoSource
	}
	ev.Label = attack
	src, rest, ok := strings.Cut(rest, ", ")
	if !ok {
		return parse.ErrCutSource
	}
	host, port := parse.HostPort(src)
	var err error
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	ev.SrcPort = parse.Port(port)
	zone := ""
	for whole := true; whole; {
		var field string
		field, rest, whole = strings.Cut(rest, ", ")
		key, value, _ := strings.Cut(field, ": ")
		switch {
		case key == "action":
			ev.Verdict = action(value)
		case !whole: // nothing else ends the line
		case key == "destination":
			host, port := parse.HostPort(value)
			ev.DstIP, _ = parse.Addr(host)
			ev.DstPort = parse.Port(port)
		case key == "source-port" || key == "source port":
			ev.SrcPort = parse.Port(value)
		case key == "protocol-id":
			ev.Proto = parse.Proto(value)
		case key == "zone name" || key == "zone":
			zone = value
		}
	}
	ev.Direction = zones(zone, "", ev)
	finish(ev)
	return nil
}

// session reads the plain text of a session that was denied or created. Releases
// differ in what stands between the service and the protocol, and behind the
// zones:
//
//	session denied 192.0.2.7/51234->198.51.100.9/23 junos-telnet 6(0) default-deny untrust trust UNKNOWN
//	session denied 192.0.2.7/51234->198.51.100.9/23 0x0 junos-telnet 6(0) default-deny untrust trust UNKNOWN
//	session created 192.0.2.7/51234->198.51.100.9/25 junos-smtp 192.0.2.7/51234->10.0.0.5/25 None None 6 mail untrust dmz 1234
//	session created 192.0.2.7/51234->198.51.100.9/25 0x0 junos-smtp 192.0.2.7/51234->10.0.0.5/25 0x0 N/A N/A static rule mail 6 mail untrust dmz 1234
func session(s string, ev *scan.Event) error {
	_, s, ok := strings.Cut(s, "session ")
	if !ok {
		return errNoSource
	}
	if _, s, ok = strings.Cut(s, " "); !ok { // denied, created
		return errNoSource
	}
	pair, rest, whole := strings.Cut(s, " ")
	if err := ends(pair, whole, ev); err != nil {
		return err
	}
	word, after := next(rest)
	if strings.HasPrefix(word, "0x") {
		_, after = next(after) // the service
	}
	for after != "" && ev.Proto == "" {
		word, after = next(after)
		number, kind, _ := strings.Cut(word, "(")
		if after == "" {
			break
		}
		if ev.Proto = parse.Proto(number); ev.Proto == "" || number[0]-'0' > 9 {
			ev.Proto = ""
			continue
		}
		if kind, ok := strings.CutSuffix(kind, ")"); ok {
			ev.ICMPType = parse.Byte(kind)
		}
	}
	policy, after := next(after)
	from, after := next(after)
	to, after := next(after)
	ev.Label = policy
	ev.Direction = zones(from, to, ev)
	if strings.Contains(after, "policy reject") {
		ev.Verdict = scan.VerdictReject
	}
	finish(ev)
	return nil
}

// ends reads 192.0.2.7/51234->198.51.100.9/23; whole says that it is not cut off.
func ends(pair string, whole bool, ev *scan.Event) (err error) {
	src, dst, ok := strings.Cut(pair, "->")
	if !ok {
		return parse.ErrCutSource
	}
	host, port, _ := strings.Cut(src, "/")
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	ev.SrcPort = parse.Port(port)
	if whole {
		host, port, _ = strings.Cut(dst, "/")
		ev.DstIP, _ = parse.Addr(host)
		ev.DstPort = parse.Port(port)
	}
	return nil
}

// attack reads the plain text of intrusion prevention:
//
//	IDP: at 1238034171, SIG Attack log <192.0.2.7/51234->198.51.100.9/80> for TCP protocol and service HTTP application NONE
//	by rule 1 of rulebase IPS in policy idp. attack: repeat=0, action=DROP, threat-severity=HIGH, name=HTTP:DIR, NAT <...>
func attack(s string, ev *scan.Event) error {
	_, pair, ok := strings.Cut(s, "<")
	if !ok {
		return errNoSource
	}
	pair, rest, whole := strings.Cut(pair, "> ")
	if err := ends(pair, whole, ev); err != nil {
		return err
	}
	if proto, ok := strings.CutPrefix(rest, "for "); ok {
		if proto, _, ok = strings.Cut(proto, " protocol"); ok {
			ev.Proto = parse.Proto(proto)
		}
	}
	for p := parse.KeyValues(rest); p.Next() && !p.Cut; {
		switch p.Key {
		case "repeat":
			if n, ok := parse.Count(p.Value); ok {
				ev.Packets = n
			}
		case "action":
			ev.Verdict = action(p.Value)
		case "name":
			ev.Label = p.Value
		}
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	finish(ev)
	return nil
}

// filter reads what the packet forwarding engine logs of a firewall filter: the
// interface, A, D or R for accept, discard or reject, and for ICMP its type and
// code in place of ports.
//
//	FW: ge-0/0/0.0   D tcp 192.0.2.7 198.51.100.9 51234 22 (1 packets)
//	FW: ge-0/0/0.0   D tcp SA 2001:db8::7 -> DA 2001:db8:1::9 sport 51234 dport 22 (1 packets)
func filter(s string, ev *scan.Event) error {
	_, s, ok := strings.Cut(s, "FW: ")
	if !ok {
		return errNoSource
	}
	_, s = next(s)
	letter, s := next(s)
	proto, s := next(s)
	src, s := value(s)
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictUnknown, Proto: parse.Proto(proto)}
	switch letter {
	case "A":
		ev.Verdict = scan.VerdictAllow
	case "D":
		ev.Verdict = scan.VerdictDrop
	case "R":
		ev.Verdict = scan.VerdictReject
	}
	if s == "" {
		return parse.ErrCutSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	dst, s := value(s)
	if s != "" {
		ev.DstIP, _ = parse.Addr(dst)
	}
	first, s := value(s)
	second, s := value(s)
	if count, _, ok := strings.Cut(strings.TrimPrefix(s, "("), " packet"); ok {
		if n, ok := parse.Count(count); ok {
			ev.Packets = n
		}
		ev.SrcPort, ev.DstPort = parse.Port(first), parse.Port(second)
		ev.ICMPType, ev.ICMPCode = parse.Byte(first), parse.Byte(second)
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	finish(ev)
	return nil
}

// value cuts the next word that is no label. Filters of IPv6 have labels.
func value(s string) (word, rest string) {
	for {
		switch word, s = next(s); word {
		case "SA", "DA", "->", "sport", "dport", "type", "code":
			continue
		}
		return word, s
	}
}

// next cuts the next word; rest is empty if the word ends s.
func next(s string) (word, rest string) {
	word, rest, _ = strings.Cut(strings.TrimLeft(s, " "), " ")
	return word, strings.TrimLeft(rest, " ")
}

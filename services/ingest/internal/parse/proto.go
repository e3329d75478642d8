package parse

import "strings"

// keywords are the protocols with a name on the wire, in IANA's lower-case
// keywords except icmpv6 and ospf, which everybody but IANA writes so.
var keywords = [...]struct {
	number int
	name   string
}{
	{1, "icmp"}, {2, "igmp"}, {4, "ipv4"}, {6, "tcp"}, {8, "egp"}, {17, "udp"}, {33, "dccp"},
	{41, "ipv6"}, {46, "rsvp"}, {47, "gre"}, {50, "esp"}, {51, "ah"}, {58, "icmpv6"}, {88, "eigrp"},
	{89, "ospf"}, {103, "pim"}, {108, "ipcomp"}, {112, "vrrp"}, {115, "l2tp"}, {132, "sctp"}, {136, "udplite"},
}

// Proto returns the protocol that a device wrote as a name in any case or as a
// number: its keyword, or its number in decimal where it has no well-known one.
// Anything else is absent.
func Proto(s string) string {
	switch s { // what nearly every line has
	case "TCP", "tcp", "6":
		return "tcp"
	case "UDP", "udp", "17":
		return "udp"
	case "ICMP", "icmp", "1":
		return "icmp"
	}
	if v, ok := number(s, 255); ok {
		for _, k := range &keywords {
			if k.number == v {
				return k.name
			}
		}
		if s[0] == '0' && len(s) > 1 {
			return ""
		}
		return s
	}
	for _, k := range &keywords {
		if strings.EqualFold(k.name, s) {
			return k.name
		}
	}
	if strings.EqualFold(s, "ipv6-icmp") || strings.EqualFold(s, "icmp6") {
		return "icmpv6"
	}
	return ""
}

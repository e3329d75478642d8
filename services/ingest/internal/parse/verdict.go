package parse

import "github.com/whoknocks/whoknocks/pkg/scan"

// Verdict reads the last word of a text, such as a log prefix, that names one:
// "zone_wan DROP", "Shorewall:net2all:DROP:". AUDIT says that nothing was decided
// yet. A text without such a word is VerdictUnknown.
func Verdict(s string) scan.Verdict {
	for end := len(s); end > 0; {
		for end > 0 && !letter(s[end-1]) {
			end--
		}
		start := end
		for start > 0 && letter(s[start-1]) {
			start--
		}
		if v := verdictOf(s[start:end]); v != "" {
			return v
		}
		end = start
	}
	return scan.VerdictUnknown
}

func letter(c byte) bool { return (c|0x20)-'a' < 26 }

func verdictOf(w string) scan.Verdict {
	if len(w) < 4 || len(w) > len("intrusion") {
		return ""
	}
	var b [len("intrusion")]byte
	for i := range len(w) {
		b[i] = w[i] | 0x20
	}
	switch string(b[:len(w)]) {
	case "drop", "drops", "dropped", "block", "blocked", "deny", "denied":
		return scan.VerdictDrop
	case "reject", "rejected":
		return scan.VerdictReject
	case "accept", "accepted", "allow", "allowed", "permit", "permitted":
		return scan.VerdictAllow
	case "portscan", "intrusion":
		return scan.VerdictAlert
	}
	return ""
}

// Flags reads the names of TCP flags, in any case and with anything but letters
// between them: "SYN,ACK", "FIN:ACK". Any other word makes it absent, as does a
// text without words.
func Flags(s string) (f scan.Opt[scan.TCPFlags]) {
	for i := 0; i < len(s); {
		if !letter(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && letter(s[i]) {
			i++
		}
		bit := flagOf(s[start:i])
		if bit == 0 {
			return scan.Opt[scan.TCPFlags]{}
		}
		f.V, f.OK = f.V|bit, true
	}
	return f
}

func flagOf(w string) scan.TCPFlags {
	if len(w) != 3 {
		return 0
	}
	switch [3]byte{w[0] | 0x20, w[1] | 0x20, w[2] | 0x20} {
	case [3]byte{'s', 'y', 'n'}:
		return scan.SYN
	case [3]byte{'a', 'c', 'k'}:
		return scan.ACK
	case [3]byte{'f', 'i', 'n'}:
		return scan.FIN
	case [3]byte{'r', 's', 't'}:
		return scan.RST
	case [3]byte{'p', 's', 'h'}:
		return scan.PSH
	case [3]byte{'u', 'r', 'g'}:
		return scan.URG
	case [3]byte{'e', 'c', 'e'}:
		return scan.ECE
	case [3]byte{'c', 'w', 'r'}:
		return scan.CWR
	}
	return 0
}

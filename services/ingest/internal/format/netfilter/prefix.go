package netfilter

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
)

// prefix reads the text before the fields, which is all that a line tells of the
// verdict and the rule.
func prefix(line *envelope.Line, s string, ev *scan.Event) {
	if s == "" && line.Tag != "kernel" && line.Tag != "ulogd" {
		s = line.Tag // "host MyRule: IN=" looks like a program's name
	}
	if i := strings.IndexByte(s, '/'); i >= 2 && i+24 <= len(s) {
		s = proxmox(line, s, i-2)
	}
	if s == "" {
		ev.Verdict = scan.VerdictUnknown
		return
	}
	ev.Label = label(s)
	var ok bool
	if ev.Verdict, ok = ubiquiti(s); !ok {
		ev.Verdict = verdict(s)
	}
}

// proxmox takes the time out of "101 1 tap101i0-IN 20/Jun/2022:13:13:14 +0200
// policy DROP:", and the numbers of machine and log level before it.
func proxmox(line *envelope.Line, s string, at int) string {
	t, n := clock.CLF(s[at:])
	if n == 0 {
		return s
	}
	line.Own(t)
	chain := strings.TrimLeft(strings.TrimSpace(s[:at]), "0123456789 ")
	if policy := strings.TrimSpace(s[at+n:]); policy != "" {
		return chain + " " + policy
	}
	return chain
}

// label drops what only sets the prefix off from the fields.
func label(s string) string {
	s = strings.TrimRight(s, ": ")
	s = strings.TrimRight(strings.TrimSuffix(s, "->"), " ")
	if len(s) > 2 && s[0] == '[' && strings.IndexByte(s, ']') == len(s)-1 {
		return s[1 : len(s)-1]
	}
	return s
}

// ubiquiti reads the letter in "[WAN_LOCAL-default-D]" and
// "[WAN_LOCAL-D-2147483647] DESCR=...".
func ubiquiti(s string) (scan.Verdict, bool) {
	if s[0] != '[' {
		return "", false
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return "", false
	}
	s = s[1:end]
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return "", false
	}
	last := s[i+1:]
	if strings.Trim(last, "0123456789") == "" { // the rule's number
		j := strings.LastIndexByte(s[:i], '-')
		last = s[j+1 : i]
	}
	switch last {
	case "A":
		return scan.VerdictAllow, true
	case "D":
		return scan.VerdictDrop, true
	case "R":
		return scan.VerdictReject, true
	}
	return "", false
}

// verdict reads the last word of the prefix that names one: "zone_wan DROP",
// "Shorewall:net2all:DROP:". AUDIT says that nothing was decided yet.
func verdict(s string) scan.Verdict {
	for end := len(s); end > 0; {
		for end > 0 && !letter(s[end-1]) {
			end--
		}
		start := end
		for start > 0 && letter(s[start-1]) {
			start--
		}
		if v := word(s[start:end]); v != "" {
			return v
		}
		end = start
	}
	return scan.VerdictUnknown
}

func letter(c byte) bool { return (c|0x20)-'a' < 26 }

func word(w string) scan.Verdict {
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

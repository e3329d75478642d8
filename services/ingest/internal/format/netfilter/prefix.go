package netfilter

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
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
		ev.Verdict = parse.Verdict(s)
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

package ciscoios

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// zone reads what the zone-based firewall drops or lets pass:
//
//	Dropping tcp session 192.0.2.7:51234 198.51.100.9:23 on zone-pair in class class-default due to  DROP action found in policy-map
//	Dropping tcp pkt 192.0.2.7:51234 => 198.51.100.9:23 (target:class)-(in:class-default)
//	Dropping tcp pkt from GigabitEthernet0/0/2 192.0.2.7:51234 => 198.51.100.9:23(target:class)-(in:class-default) due to Policy drop
func zone(mnemonic, body string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictDrop}
	if mnemonic == "PASS_PKT" {
		ev.Verdict = scan.VerdictAllow
	}
	word, rest, _ := strings.Cut(body, " ")
	if word != "Dropping" && word != "Passing" {
		return errNoSource
	}
	proto, rest, _ := strings.Cut(rest, " ")
	ev.Proto = parse.Proto(proto)
	if _, rest, _ = strings.Cut(rest, " "); rest == "" { // session or pkt
		return errNoSource
	}
	if from, ok := strings.CutPrefix(rest, "from "); ok {
		_, rest, _ = strings.Cut(from, " ")
	}
	ev.Label = class(rest)
	return pair(rest, ev)
}

// pair reads "a:p b:q ", "a:p => b:q " and "a:p => b:q(".
func pair(s string, ev *scan.Event) error {
	src, rest, ok := strings.Cut(s, " ")
	if !ok {
		return parse.ErrCutSource
	}
	rest = strings.TrimLeft(rest, "=> ")
	dst := ""
	if i := strings.IndexAny(rest, " ("); i >= 0 {
		dst = rest[:i]
	}
	return direct(src, dst, ev)
}

// class returns the zone pair and its class, or the zone pair alone, or the reason.
func class(s string) string {
	if _, target, ok := strings.Cut(s, "(target:class)-("); ok {
		if target, _, ok = strings.Cut(target, ")"); ok {
			return target
		}
		return ""
	}
	if _, name, ok := strings.Cut(s, "on zone-pair "); ok {
		if name, _, ok = strings.Cut(name, " "); ok {
			return name
		}
	}
	return ""
}

// summary reads what the zone-based firewall counts between two packets that it
// logs: 3 packets were dropped from 192.0.2.7:51234 => 198.51.100.9:23 (target:class)-(in:class-default).
func summary(_, body string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictDrop, Label: class(body)}
	head, rest, ok := strings.Cut(body, " from ")
	if !ok {
		return errNoSource
	}
	if strings.Contains(head, "passed") {
		ev.Verdict = scan.VerdictAllow
	}
	if n, ok := packets(head); ok {
		ev.Packets = n
	}
	return pair(rest, ev)
}

// session reads the beginning of an inspected session. Its end is no event.
//
//	(target:class)-(in:web):Start http session: initiator (192.0.2.7:51234) -- responder (198.51.100.9:80)
func session(_, body string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAllow, Label: class(body)}
	_, rest, ok := strings.Cut(body, "initiator (")
	if !ok {
		return errNoSource
	}
	src, rest, ok := strings.Cut(rest, ")")
	if !ok {
		return parse.ErrCutSource
	}
	dst := ""
	if _, to, ok := strings.Cut(rest, "responder ("); ok {
		if to, _, ok = strings.Cut(to, ")"); ok {
			dst = to
		}
	}
	if _, name, ok := strings.Cut(body, "Start "); ok {
		name, _, _ = strings.Cut(name, " ")
		ev.Proto = parse.Proto(name) // tcp, udp, icmp, or the application
	}
	return direct(src, dst, ev)
}

// signature reads the intrusion prevention's alerts:
//
//	Sig:3042 Subsig:1 Sev:4 TCP Connection Window Size DoS [192.0.2.7:51234 -> 198.51.100.9:80] VRF:NONE RiskRating:25
func signature(_, body string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert}
	head, rest, ok := strings.Cut(body, "[")
	if !ok {
		return errNoSource
	}
	if _, name, ok := strings.Cut(head, "Sev:"); ok {
		_, name, _ = strings.Cut(name, " ")
		ev.Label = strings.TrimSpace(name)
	}
	src, rest, ok := strings.Cut(rest, " ")
	if !ok {
		return parse.ErrCutSource
	}
	dst, _, ok := strings.Cut(strings.TrimLeft(rest, "-> "), "]")
	if !ok {
		dst = ""
	}
	if err := direct(src, dst, ev); err != nil {
		return err
	}
	if strings.HasPrefix(ev.Label, "ICMP") { // type and code stand there
		ev.Proto, ev.SrcPort, ev.DstPort = "icmp", scan.Opt[uint16]{}, scan.Opt[uint16]{}
	}
	return nil
}

// oldSignature reads the alerts of IOS before 12.3:
// Sig:2004:ICMP Echo Request - from 192.0.2.7 to 198.51.100.9.
func oldSignature(_, body string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert}
	head, rest, ok := strings.Cut(body, " from ")
	if !ok {
		return errNoSource
	}
	ev.Label = strings.TrimRight(head, " -")
	if strings.Contains(ev.Label, ":ICMP ") {
		ev.Proto = "icmp"
	}
	src, dst, ok := strings.Cut(rest, " to ")
	if !ok {
		return parse.ErrCutSource
	}
	dst, _, _ = strings.Cut(dst, " ")
	return direct(src, dst, ev)
}

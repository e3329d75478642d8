// Package ciscoasa reads the syslog messages of Cisco's firewalls: ASA, PIX, FWSM,
// Firepower Threat Defense.
//
//	%ASA-4-106023: Deny tcp src outside:192.0.2.7/51234 dst inside:198.51.100.9/23 by access-group "outside_in" [0x0, 0x0]
//	%ASA-6-106100: access-list outside_in denied udp outside/192.0.2.7(5060) -> inside/198.51.100.9(5060) hit-cnt 1 first hit [0x1, 0x2]
//	%ASA-6-302013: Built inbound TCP connection 17 for outside:192.0.2.7/51234 (192.0.2.7/51234) to dmz:10.0.0.5/25 (198.51.100.9/25)
//	%FTD-1-430002: AccessControlRuleAction: Block, SrcIP: 192.0.2.7, DstIP: 198.51.100.9, SrcPort: 51234, DstPort: 23, Protocol: tcp
//
// The specifications are Cisco's "ASA Series Syslog Messages" and "Secure
// Firewall Threat Defense Syslog Messages". The number decides what a line is;
// the severity before it is the administrator's to change.
package ciscoasa

import (
	"net/netip"
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "cisco-asa"

var errNoSource = parse.Reject("no source in the line")

// Parse reads one line; see parse.Func. It claims the messages about a packet or
// a connection, by their number. Teardowns, translations, logins, VPN and the
// state of the device are nobody's.
func Parse(line *envelope.Line, ev *scan.Event) error {
	id, body := message(line.Payload)
	if id == 0 {
		return parse.ErrNotMine
	}
	body, repeats := repeated(body)
	err := read(line, id, body, ev)
	if err == nil && repeats > 0 {
		ev.Packets = repeats
	}
	return err
}

func read(line *envelope.Line, id int, body string, ev *scan.Event) error {
	switch {
	case id == 106100 || id == 106102 || id == 106103:
		return accessList(id, body, ev)
	case id == 106101:
		return &parse.Gap{Reason: body}
	case id >= 302001 && id <= 302399:
		return built(id, body, ev)
	case id >= 430001 && id <= 430003:
		return security(line, id, body, ev)
	case id == 733100:
		return rate(body, ev)
	case id == 733101:
		return attacker(body, ev)
	}
	s := shapeOf(id)
	if s == nil {
		return parse.ErrNotMine
	}
	return s.read(id, body, ev)
}

// repeated takes the text out of what a relay writes in place of equal messages:
// "message repeated 2 times: [ Deny inbound UDP from ...]".
func repeated(s string) (body string, repeats uint32) {
	rest, ok := strings.CutPrefix(s, "message repeated ")
	if !ok {
		return s, 0
	}
	count, rest, ok := strings.Cut(rest, " times: [")
	n, number := parse.Count(count)
	if !ok || !number {
		return s, 0
	}
	return strings.Trim(strings.TrimSuffix(rest, "]"), " "), n
}

// message finds the number and the text of a message:
//
//	%ASA-4-106023: text
//	%ASA--4-106023: text        the level left out, or a class before it
//	%ASA-session-6-302013: text
//	%ASA-4-401004 text
//
// OSSEC writes the percent sign twice. A number of 0 says that there is none.
func message(s string) (id int, body string) {
	i := strings.IndexByte(s, '%')
	for i >= 0 && i < 128 { // behind a host, perhaps
		rest := strings.TrimLeft(s[i:], "%")
		if n := product(rest); n > 0 && (i == 0 || s[i-1] == ' ' || s[i-1] == ':') {
			return number(rest[n:])
		}
		next := strings.IndexByte(rest, '%')
		if next < 0 {
			break
		}
		i = len(s) - len(rest) + next
	}
	return 0, ""
}

// product returns the length of a product's name with its dash.
func product(s string) int {
	for _, name := range [...]string{"ASA-", "FTD-", "PIX-", "FWSM-", "NGIPS-"} {
		if strings.HasPrefix(s, name) {
			return len(name)
		}
	}
	return 0
}

// number reads on behind the product.
func number(s string) (id int, body string) {
	for range 3 { // class, level, number
		v, n := clock.Digits(s)
		if n == 6 && (n == len(s) || s[n] == ':' || s[n] == ' ') {
			return v, strings.TrimLeft(s[n:], ": ")
		}
		dash := strings.IndexByte(s, '-')
		if dash < 0 || dash > 16 {
			break
		}
		s = s[dash+1:]
	}
	return 0, ""
}

// rate reads a drop rate that was exceeded. The object it is of may be a host:
//
//	[ 192.0.2.7] drop rate-1 exceeded. Current burst rate is 10 per second, ...
func rate(body string, ev *scan.Event) error {
	object, rest, ok := strings.Cut(strings.TrimPrefix(body, "["), "] ")
	if !ok {
		return parse.ErrNotMine
	}
	src, ok := parse.Addr(strings.TrimSpace(object))
	if !ok {
		return parse.ErrNotMine
	}
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert, SrcIP: src, Direction: parse.Direction(src, netip.Addr{})}
	ev.Label, _, _ = strings.Cut(rest, ".")
	return nil
}

// attacker reads what threat detection says of a host; of the rates it only says
// how high they are. A host that is targeted is no source.
//
//	Host 192.0.2.7 is attacking. Current burst rate is 10 per second, ...
func attacker(body string, ev *scan.Event) error {
	who, _, ok := strings.Cut(body, " is attacking")
	if !ok {
		return errNoSource
	}
	what, addr := "", who
	if i := strings.LastIndexByte(who, ' '); i >= 0 {
		what, addr = who[:i], who[i+1:]
	}
	if strings.EqualFold(what, "subnet") {
		return parse.Reject("source is a subnet, not an address: %s", parse.Quote(addr))
	}
	src, err := parse.Source(strings.Trim(addr, "[]"))
	if err != nil {
		return err
	}
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert, SrcIP: src, Label: body[len(who)+1 : len(who)+len(" is attacking")]}
	ev.Direction = parse.Direction(src, netip.Addr{})
	return nil
}

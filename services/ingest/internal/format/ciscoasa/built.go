package ciscoasa

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// built reads the messages about connections that were opened. Those about their
// end, and about stubs that a cluster keeps of them, are not events.
//
//	Built inbound TCP connection 17 for outside:192.0.2.7/51234 (192.0.2.7/51234)(user) to dmz:10.0.0.5/25 (198.51.100.9/25)
//	Built outbound UDP connection 18 for outside:192.0.2.53/53 (192.0.2.53/53) to inside:10.0.0.5/40000 (198.51.100.9/40000)
//	Built inbound ICMP connection for faddr 192.0.2.7/1(user) gaddr 198.51.100.9/0 laddr 10.0.0.5/0 type 8 code 0
//	Built TCP state-bypass connection 19 from outside:192.0.2.7/51234 (192.0.2.7/51234) to dmz:10.0.0.5/25 (198.51.100.9/25)
//
// The foreign end comes first whoever began.
func built(id int, body string, ev *scan.Event) error {
	switch id {
	case 302001, 302013, 302015, 302017, 302020, 302035, 302303, 302305:
	default:
		return parse.ErrNotMine
	}
	head, rest, ok := strings.Cut(body, " connection ")
	if !ok || !strings.HasPrefix(head, "Built ") {
		return errNoSource
	}
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAllow, Proto: protocol(head), Label: body[:len(head)+len(" connection")]}
	var foreign, local end
	named := true
	if _, addrs, ok := strings.Cut(rest, "faddr "); ok {
		named = false
		foreign, rest = endpoint(addrs)
		if _, addrs, ok = strings.Cut(rest, "laddr "); ok {
			local, rest = endpoint(addrs)
			local.whole = true // it may end the line
		}
	} else {
		i := strings.Index(rest, "for ")
		if i < 0 {
			if i = strings.Index(rest, "from "); i < 0 {
				return errNoSource
			}
			i++ // the longer word
		}
		foreign, rest = endpoint(rest[i+len("for "):])
		rest = parenthesised(rest)
		if addrs, ok := strings.CutPrefix(rest, "to "); ok {
			local, rest = endpoint(addrs)
		}
	}
	var err error
	switch {
	case strings.Contains(head, " outbound "):
		ev.Direction = scan.DirectionOut
		if err = local.source(named, ev); err == nil {
			foreign.destination(named, false, ev)
		}
	default:
		ev.Direction = scan.DirectionIn
		if err = foreign.source(named, ev); err == nil {
			local.destination(named, false, ev)
		}
	}
	if err != nil {
		return err
	}
	if !strings.Contains(head, "bound ") { // who began is first, or not said
		ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	}
	if id == 302020 {
		ev.ICMPType, ev.ICMPCode = icmp(parenthesised(rest), true)
	}
	protocolFields(ev)
	return nil
}

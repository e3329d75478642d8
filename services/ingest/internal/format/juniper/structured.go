package juniper

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// fields reads the pairs of structured data into ev, whose verdict is that of
// the message and stands unless an action tells another.
func fields(s string, ev *scan.Event) error {
	var src, from, to, attack, policy string
	found := false
	for p := parse.KeyValues(s); p.Next() && !p.Cut; {
		switch p.Key {
		case "source-address":
			src, found = p.Value, true
		case "source-port":
			ev.SrcPort = parse.Port(p.Value)
		case "destination-address":
			ev.DstIP, _ = parse.Addr(p.Value)
		case "destination-port":
			ev.DstPort = parse.Port(p.Value)
		case "protocol-id", "protocol-name":
			if ev.Proto == "" {
				ev.Proto = parse.Proto(p.Value)
			}
		case "icmp-type":
			ev.ICMPType = parse.Byte(p.Value)
		case "attack-name":
			attack = p.Value
		case "policy-name":
			policy = p.Value
		case "source-zone-name", "source-zone":
			from = p.Value
		case "destination-zone-name", "destination-zone":
			to = p.Value
		case "action":
			ev.Verdict = action(p.Value)
		case "reason":
			if ev.Verdict == scan.VerdictDrop && strings.Contains(p.Value, "reject") {
				ev.Verdict = scan.VerdictReject
			}
		case "repeat-count":
			if n, ok := parse.Count(p.Value); ok {
				ev.Packets = n
			}
		}
	}
	if !found {
		if strings.Contains(s, "source-address=") {
			return parse.ErrCutSource
		}
		return errNoSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	if ev.Label = attack; attack == "" {
		ev.Label = policy
	}
	ev.Direction = zones(from, to, ev)
	finish(ev)
	return nil
}

// action is what a screen or an intrusion rule did.
func action(s string) scan.Verdict {
	switch strings.ToLower(s) {
	case "drop", "drop_packet", "drop_connection", "block":
		return scan.VerdictDrop
	case "close", "close_client", "close_server", "reject":
		return scan.VerdictReject
	}
	return scan.VerdictAlert // alarm-without-drop, NONE, NOTIFY
}

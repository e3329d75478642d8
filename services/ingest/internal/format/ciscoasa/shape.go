package ciscoasa

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// shape is how a message names its two ends.
type shape struct {
	verdict  scan.Verdict // empty: the words tell
	from, to string       // the words before them
	srcNamed bool         // an interface and a colon stand before the source
	dstNamed bool         // and before the destination
	last     bool         // the destination may end the line
}

// The shapes. Cisco puts the interface before an address in messages about
// traffic through the device, mostly.
var (
	bare      = shape{scan.VerdictDrop, " from ", "to ", false, false, false}
	bareLast  = shape{scan.VerdictDrop, " from ", "to ", false, false, true}
	toDevice  = shape{scan.VerdictDrop, " from ", "to ", false, true, true}
	device    = shape{scan.VerdictAllow, " from ", "to ", false, true, true}
	through   = shape{"", " from ", "to ", true, true, true}
	between   = shape{scan.VerdictDrop, " src ", "dst ", true, true, false}
	denied    = shape{scan.VerdictDrop, " src ", "dst ", true, true, true}
	outbound  = shape{scan.VerdictDrop, " src ", "dest ", false, false, true}
	fragment  = shape{scan.VerdictDrop, " src = ", "dest = ", false, false, false}
	spoofed   = shape{scan.VerdictDrop, " from (", "to ", false, false, false}
	shunned   = shape{scan.VerdictDrop, ": ", "=", false, false, false}
	icmpTo    = shape{scan.VerdictDrop, ", for ", "to ", true, true, true}
	pat       = shape{scan.VerdictDrop, " from ", "to PAT address ", false, false, true}
	signature = shape{scan.VerdictAlert, " from ", "to ", false, false, false}
)

// shapeOf returns the shape of a message, or nil if it is not about a packet.
func shapeOf(id int) *shape {
	switch id {
	case 106001, 106006, 106007, 106015, 106021, 106022,
		201010, 201011, 201012, 201013, 500003,
		313001, 313004, 313008: // the last ones name no destination, or behind the interface
		return &bare
	case 106012, 106017, 106020, 500004:
		return &bareLast
	case 106014, 106023, 305013, 313005:
		return &between
	case 106010, 106011, 418001:
		return &denied
	case 106002, 106018:
		return &outbound
	case 106013:
		return &pat
	case 106016:
		return &spoofed
	case 209003, 209004, 209005:
		return &fragment
	case 401004:
		return &shunned
	case 313009:
		return &icmpTo
	case 710003, 710004, 710005, 710006:
		return &toDevice
	case 710002:
		return &device
	case 108003, 108004, 209006, 410001, 410002, 416001, 419001, 419002, 420001, 420002, 420003, 421001,
		423001, 423002, 423003, 423004, 423005, 429001, 429002, 429003, 431001, 431002, 434001, 434002, 434003, 507001, 507003,
		338001, 338002, 338003, 338004, 338005, 338006, 338007, 338008,
		338101, 338102, 338103, 338104, 338201, 338202, 338203, 338204:
		return &through
	}
	if id >= 400000 && id <= 400051 {
		return &signature
	}
	return nil
}

// read reads a message of the shape.
func (s *shape) read(id int, body string, ev *scan.Event) error {
	i := strings.Index(body, s.from)
	if i < 0 {
		return errNoSource
	}
	head, rest := strings.TrimRight(body[:i], " :,"), body[i+len(s.from):]
	*ev = scan.Event{Packets: 1, Verdict: s.verdict, Label: head}
	src, rest := endpoint(strings.TrimPrefix(rest, "laddr "))
	if err := src.source(s.srcNamed, ev); err != nil {
		return err
	}
	ev.Proto = protocol(head)
	rest = parenthesised(rest)
	if to, ok := following(rest, s.to); ok {
		var dst end
		dst, rest = endpoint(to)
		dst.destination(s.dstNamed, s.last, ev)
		rest = parenthesised(rest)
	}
	if s.verdict == "" {
		ev.Verdict = verdict(head)
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	s.details(id, head, rest, ev)
	protocolFields(ev)
	return nil
}

// following returns what comes behind a word that begins s or stands in it.
func following(s, word string) (string, bool) {
	if strings.HasPrefix(s, word) {
		return strings.TrimLeft(s[len(word):], "=> "), true
	}
	for from := 0; ; {
		i := strings.Index(s[from:], word)
		if i < 0 {
			return "", false
		}
		if from += i + len(word); s[from-len(word)-1] == ' ' {
			return s[from:], true
		}
	}
}

// verdict tells what an inspection did from its words: "Dropped UDP DNS request",
// "SFR requested to reset TCP connection", "Dynamic Filter monitored blacklisted
// TCP traffic", "Duplicate TCP SYN".
func verdict(s string) scan.Verdict {
	switch {
	case strings.Contains(s, "monitored") || strings.HasPrefix(s, "Duplicate") || strings.HasPrefix(s, "Received"):
		return scan.VerdictAlert
	case strings.Contains(s, "whitelisted") || strings.Contains(s, "permitted") || strings.HasPrefix(s, "Allowed"):
		return scan.VerdictAllow
	case strings.Contains(s, "reset") || strings.Contains(s, "Reset"):
		return scan.VerdictReject
	}
	return scan.VerdictDrop
}

// details reads what a message says besides its ends.
func (s *shape) details(id int, head, rest string, ev *scan.Event) {
	switch id {
	case 106001, 106006, 106007, 106010, 106011, 106014:
		ev.Direction = scan.DirectionIn // inbound, in so many words
	case 106002, 106018:
		ev.Direction = scan.DirectionOut
	case 106013:
		ev.Proto, ev.ICMPType = "icmp", scan.Some[uint8](8) // "echo request"
	case 106023:
		if name := group(rest); name != "" {
			ev.Label = name
		}
	case 209003, 209004, 209005:
		if _, p, ok := strings.Cut(rest, "proto = "); ok {
			p, _, _ = strings.Cut(p, ",")
			ev.Proto = parse.Proto(p)
		}
	case 410002:
		ev.Proto = "udp" // "Dropped 189 DNS responses with mis-matched id"
		if word, _, ok := strings.Cut(strings.TrimPrefix(head, "Dropped "), " "); ok {
			if n, ok := parse.Count(word); ok {
				ev.Packets = n
			}
		}
	}
	switch id {
	case 106015, 106001, 500003:
		_, flags, _ := strings.Cut(rest, "flags")
		ev.TCPFlags = tcpFlags(flags)
	case 313001, 313004, 313008:
		ev.ICMPType, ev.ICMPCode = icmp(head, true)
	case 106014, 106023, 313005, 313009:
		ev.ICMPType, ev.ICMPCode = icmp(rest, id == 313009)
	}
}

// group returns the name of the access list that decided.
func group(s string) string {
	for _, by := range [...]string{"by access-group ", "by access_group "} {
		_, name, ok := strings.Cut(s, by)
		if !ok {
			continue
		}
		if quoted, ok := strings.CutPrefix(name, `"`); ok {
			if name, _, ok = strings.Cut(quoted, `"`); !ok {
				return ""
			}
			return name
		}
		name, _, _ = strings.Cut(name, " ")
		return name
	}
	return ""
}

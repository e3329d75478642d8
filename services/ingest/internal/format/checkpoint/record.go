package checkpoint

import (
	"strings"

	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// record is what a line says, in whichever form. Some keys come once for each
// layer of the policy: the first one counts.
type record struct {
	action, product            string
	src, srcPort, dst, dstPort string
	proto, icmpType, icmpCode  string
	rule, attack, reason       string
	inzone, outzone, way       string
	flags, count               string
	stamp                      clock.Stamp
	packets                    string // the ends of several packets
	sourced                    bool   // there is a source, and its end is there too
	cut                        bool   // the line is cut off
	undecided                  bool   // the form has no action
	administrative             bool   // about keys or administrators
}

// field returns where the value of a key goes, or nil.
func (r *record) field(key string) *string {
	switch key {
	case "action", "act":
		return &r.action
	case "product", "ProductName":
		return &r.product
	case "src":
		return &r.src
	case "s_port", "spt", "srcPort", "sport_svc":
		return &r.srcPort
	case "dst":
		return &r.dst
	case "service", "dpt", "dstPort", "svc":
		return &r.dstPort
	case "proto":
		return &r.proto
	case "icmp_type", "ICMP Type":
		return &r.icmpType
	case "icmp_code", "ICMP Code":
		return &r.icmpCode
	case "rule_name":
		return &r.rule
	case "protection_name", "attack":
		return &r.attack
	case "reason", "message_info", "tcp_packet_out_of_state", "drop_reason":
		return &r.reason
	case "inzone":
		return &r.inzone
	case "outzone":
		return &r.outzone
	case "conn_direction":
		return &r.way
	case "tcp_flags":
		return &r.flags
	case "cnt", "aggregated_log_count", "packet_amount":
		return &r.count
	case "packets":
		return &r.packets
	}
	return nil
}

// set keeps the value of a key.
func (r *record) set(key, value string) {
	switch key {
	case "ike", "administrator", "operation":
		r.administrative = true
	case "time", "rt", "devTime":
		if t, n := clock.Unix(value); n > 0 && n == len(value) {
			r.stamp = t
		}
	default:
		f := r.field(key)
		if f == nil || *f != "" {
			return
		}
		*f = value
		r.sourced = r.sourced || f == &r.src
	}
}

// brackets reads key:"value"; pairs up to the first one that is cut off. Keys that
// may have several values have two colons.
func (r *record) brackets(s string) {
	for {
		s = strings.TrimLeft(s, "; ")
		key, rest, ok := strings.Cut(s, ":")
		if key != "" && key[0] == ']' {
			return
		}
		rest = strings.TrimPrefix(rest, ":")
		if r.cut = !ok || key == "" || rest == "" || rest[0] != '"'; r.cut {
			return
		}
		end := 1
		for end < len(rest) && rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		if r.cut = end >= len(rest); r.cut {
			return
		}
		r.set(key, rest[1:end])
		s = rest[end+1:]
	}
}

// fields reads key="value" pairs, of which none is the action.
func (r *record) fields(s string) {
	for p := parse.KeyValues(s); p.Next(); {
		if r.cut = p.Cut; r.cut {
			break
		}
		r.set(p.Key, p.Value)
	}
	r.undecided = r.action == ""
}

// bars reads key=value pairs that bars separate. The source may end a line, and a
// relay's header may stand before the first key.
func (r *record) bars(s string) {
	for more := true; more; {
		var pair string
		pair, s, more = strings.Cut(s, "|")
		if key, value, ok := strings.Cut(pair, "="); ok {
			r.set(key[strings.LastIndexByte(key, ' ')+1:], value)
		}
	}
}

// extension reads the pairs of CEF and LEEF. In CEF the meaning of some keys is in
// another one before them: cs2Label=Rule Name cs2=Deny all.
func (r *record) extension(line *envelope.Line) {
	if line.Product.Event == "IPS" {
		r.attack = line.Product.Title
	}
	var second, fourth string
	for p := parse.Extension(line); p.Next(); {
		switch p.Key {
		case "cs2Label":
			second = p.Value
		case "cs4Label":
			fourth = p.Value
		case "cs2":
			r.labelled(second, p.Value)
		case "cs4":
			r.labelled(fourth, p.Value)
		default:
			r.set(p.Key, p.Value)
		}
	}
	if r.product == "" {
		r.product = line.Product.Name
	}
	if line.Product.Form == envelope.LEEF && r.action == "" {
		r.action = line.Product.Event
	}
}

func (r *record) labelled(label, value string) {
	switch label {
	case "Rule Name":
		r.set("rule_name", value)
	case "Protection Name":
		r.set("protection_name", value)
	case "TCP Flags":
		r.set("tcp_flags", value)
	}
}

// tracker reads a line that SmartView Tracker exported: quoted values in a fixed
// order, the first of which is the line's number.
func (r *record) tracker(s string) bool {
	var f [17]string
	n := parse.Split(f[:], s, ' ')
	_, digits := clock.Digits(f[0])
	if n < 7 || digits == 0 || digits != len(f[0]) {
		return false
	}
	at := len(f[0]) + len(`"" "`)
	t, w := clock.Tracker(s[min(at, len(s)):])
	if w == 0 {
		return false
	}
	r.stamp = t
	r.action, r.dstPort, r.srcPort, r.src, r.dst, r.proto = f[6], f[7], f[8], f[9], f[10], f[11]
	r.sourced, r.cut = n > 10, n <= 10
	if r.rule = f[13]; r.rule == "" {
		r.rule = f[14]
	}
	r.colons(f[16])
	return true
}

// text reads a line of fw log: the action and the origin stand before an arrow and
// the interface.
func (r *record) text(head, pairs string) bool {
	i := strings.IndexAny(head, "<>")
	if i < 0 {
		return false
	}
	words := strings.TrimRight(head[:i], " ")
	words = strings.TrimRight(words[:strings.LastIndexByte(words, ' ')+1], " ")
	r.action = words[strings.LastIndexByte(words, ' ')+1:]
	r.colons(pairs)
	return true
}

// colons reads "key: value; " pairs. The last one may be cut off.
func (r *record) colons(s string) {
	for s != "" {
		pair, rest, whole := strings.Cut(s, ";")
		if key, value, ok := strings.Cut(strings.TrimLeft(pair, " "), ": "); ok && (whole || key != "src" && key != "dst") {
			r.set(key, value)
		}
		s = rest
	}
}

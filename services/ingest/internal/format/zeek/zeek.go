// Package zeek reads Zeek's conn.log and notice.log, as tab separated values
// under a header and as JSON:
//
//	#fields	ts	uid	id.orig_h	id.orig_p	id.resp_h	id.resp_p	proto	conn_state	local_orig	history
//	1546982038.618205	C1	192.0.2.167	55099	198.51.100.23	23	tcp	S0	F	S
//	{"ts":1551393388.426472,"note":"Scan::Port_Scan","msg":"192.0.2.57 scanned at least 15 unique ports of host 198.51.100.205 in 0m0s","src":"192.0.2.57","dst":"198.51.100.205"}
//
// The specifications are base/protocols/conn and base/frameworks/notice of Zeek's
// documentation. A connection is an event if its originator is not local: those
// of one's own hosts are traffic. Of the notices those of policy Scan count.
package zeek

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "zeek"

// maxColumns bounds what a header may name.
const maxColumns = 64

// Parse reads one line; see parse.Func. It claims header lines of Zeek, lines
// under them, and JSON with conn_state or note.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	switch {
	case s == "":
		return parse.ErrNotMine
	case s[0] == '#':
		return header(line, s)
	case s[0] == '{':
		return object(line, s, ev)
	case line.Header != nil && line.Header.Format == Name && strings.IndexByte(s, '\t') > 0:
		return row(line, s, ev)
	}
	return parse.ErrNotMine
}

// record is what a line says, as text; absent is empty.
type record struct {
	ts, origHost, origPort, respHost, respPort, proto string
	state, history, localOrig                         string // conn
	note, src, dst, port                              string // notice
}

func header(line *envelope.Line, s string) error {
	key, rest, ok := strings.Cut(s, "\t")
	if !ok {
		if strings.HasPrefix(s, "#separator ") {
			return parse.ErrHeader
		}
		return parse.ErrNotMine
	}
	h := &envelope.Header{Format: Name, Unset: "-"}
	if line.Header != nil && line.Header.Format == Name {
		h.Unset = line.Header.Unset
	}
	switch key {
	case "#fields":
		for name := range strings.SplitSeq(rest, "\t") {
			if len(h.Columns) < maxColumns {
				h.Columns = append(h.Columns, name)
			}
		}
		line.Header = h
	case "#unset_field":
		h.Unset = rest
		line.Header = h
	case "#set_separator", "#empty_field", "#path", "#open", "#types", "#close":
	default:
		return parse.ErrNotMine
	}
	return parse.ErrHeader
}

func row(line *envelope.Line, s string, ev *scan.Event) error {
	h := line.Header
	var f [maxColumns]string
	n := parse.Split(f[:], s, '\t')
	var r record
	for i, name := range h.Columns[:min(n, len(h.Columns))] {
		v := f[i]
		if v == h.Unset {
			continue
		}
		switch name {
		case "ts":
			r.ts = v
		case "id.orig_h":
			r.origHost = v
		case "id.orig_p":
			r.origPort = v
		case "id.resp_h":
			r.respHost = v
		case "id.resp_p":
			r.respPort = v
		case "proto":
			r.proto = v
		case "conn_state":
			r.state = v
		case "history":
			r.history = v
		case "local_orig":
			r.localOrig = v
		case "note":
			r.note = v
		case "src":
			r.src = v
		case "dst":
			r.dst = v
		case "p":
			r.port = v
		}
	}
	if n < len(h.Columns) && (r.state != "" || scanNote(r.note)) {
		return parse.Reject("line has %d of %d columns", n, len(h.Columns))
	}
	return r.event(line, ev)
}

func object(line *envelope.Line, s string, ev *scan.Event) error {
	conn, note := strings.Contains(s, `"conn_state"`), strings.Contains(s, `"note"`)
	if !conn && !note {
		return parse.ErrNotMine
	}
	var r record
	if conn {
		r.state, r.history, r.localOrig = gjson.Get(s, "conn_state").Str, gjson.Get(s, "history").Str, gjson.Get(s, "local_orig").Raw
		r.origHost, r.origPort = gjson.Get(s, `id\.orig_h`).Str, gjson.Get(s, `id\.orig_p`).Raw
		r.respHost, r.respPort = gjson.Get(s, `id\.resp_h`).Str, gjson.Get(s, `id\.resp_p`).Raw
	} else if r.note = gjson.Get(s, "note").Str; r.note != "" {
		r.src, r.dst, r.port = gjson.Get(s, "src").Str, gjson.Get(s, "dst").Str, gjson.Get(s, "p").Raw
	}
	if r.state == "" && !scanNote(r.note) {
		return parse.ErrNotMine
	}
	if !gjson.Valid(s) {
		return parse.Reject("JSON is damaged or cut off")
	}
	r.proto = gjson.Get(s, "proto").Str
	if ts := gjson.Get(s, "ts"); ts.Str != "" {
		r.ts = ts.Str
	} else {
		r.ts = ts.Raw
	}
	return r.event(line, ev)
}

func scanNote(note string) bool { return strings.HasPrefix(note, "Scan::") }

func (r *record) event(line *envelope.Line, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Proto: parse.Proto(r.proto)}
	src, port := r.origHost, r.origPort
	switch {
	case scanNote(r.note):
		ev.Label, ev.Verdict = r.note, scan.VerdictAlert
		src, port = r.src, ""
		ev.DstIP, _ = parse.Addr(r.dst)
		ev.DstPort = parse.Port(r.port)
	case r.state == "" || r.state == "OTH" || r.localOrig == "T" || r.localOrig == "true":
		return parse.ErrNotMine
	default:
		ev.Label, ev.Verdict = r.state, verdict(r.state)
		ev.DstIP, _ = parse.Addr(r.respHost)
	}
	if t, n := clock.Epoch(r.ts); n > 0 {
		line.Own(t)
	} else if t, n := clock.ISO(r.ts); n > 0 {
		line.Own(t)
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	if r.state != "" && r.localOrig == "" && !scan.Public(ev.SrcIP) {
		return parse.ErrNotMine // without local networks in its configuration Zeek does not tell
	}
	if strings.HasPrefix(r.proto, "icmp") && ev.SrcIP.Is6() {
		ev.Proto = "icmpv6"
	}
	switch ev.Proto {
	case "icmp", "icmpv6": // Zeek has type and code where ports are
		if r.state != "" {
			ev.ICMPType, ev.ICMPCode = parse.Byte(port), parse.Byte(r.respPort)
		}
	default:
		if r.state != "" {
			ev.SrcPort, ev.DstPort = parse.Port(port), parse.Port(r.respPort)
		}
	}
	if ev.Proto == "tcp" && strings.HasPrefix(r.history, "S") {
		ev.TCPFlags = scan.Some(scan.SYN) // the packet that began it
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// verdict tells from the state whether the connection came about.
func verdict(state string) scan.Verdict {
	switch state {
	case "S1", "S2", "S3", "SF", "RSTO", "RSTR":
		return scan.VerdictAllow
	case "REJ":
		return scan.VerdictReject
	}
	return scan.VerdictUnknown
}

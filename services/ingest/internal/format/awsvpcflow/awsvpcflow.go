// Package awsvpcflow reads the flow logs of Amazon's virtual private clouds:
//
//	version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status
//	2 123456789010 eni-1235b8ca123456789 192.0.2.42 198.51.100.1 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK
//
// The specification is "Flow log records" of Amazon's VPC user guide. A line is
// one flow in one direction over up to ten minutes, of so many packets.
package awsvpcflow

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "aws-vpc-flow"

// usual are the columns of version 2, the default.
var usual = &envelope.Header{Format: Name, Columns: []string{"version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport",
	"protocol", "packets", "bytes", "start", "end", "action", "log-status"}}

// maxColumns bounds what a header may name; version 8 has fewer fields.
const maxColumns = 64

// Parse reads one line; see parse.Func. It claims a header that names srcaddr and
// action, lines under it, and lines of version 2 without one.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	if strings.Contains(s, "srcaddr") {
		return header(line, s)
	}
	h := usual
	if line.Header != nil && line.Header.Format == Name {
		h = line.Header
	} else if !strings.HasPrefix(s, "2 ") || !strings.Contains(s, " eni-") {
		return parse.ErrNotMine
	}
	var f [maxColumns]string
	if n := parse.Split(f[:], s, ' '); n != len(h.Columns) {
		return parse.ErrNotMine
	}
	switch status(f[:], h) {
	case "NODATA":
		return parse.ErrNotMine
	case "SKIPDATA":
		return &parse.Gap{Reason: "SKIPDATA"}
	}
	return flow(f[:len(h.Columns)], h, line, ev)
}

func header(line *envelope.Line, s string) error {
	h := &envelope.Header{Format: Name}
	action := false
	for name := range strings.FieldsSeq(s) {
		name = strings.ReplaceAll(strings.Trim(name, "${}"), "_", "-") // as in templates, and in Athena's tables
		action = action || name == "action"
		if len(h.Columns) < maxColumns {
			h.Columns = append(h.Columns, name)
		}
	}
	if !action {
		return parse.ErrNotMine
	}
	line.Header = h
	return parse.ErrHeader
}

func status(f []string, h *envelope.Header) string {
	for i, name := range h.Columns {
		if name == "log-status" {
			return f[i]
		}
	}
	return ""
}

func flow(f []string, h *envelope.Header, line *envelope.Line, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictUnknown}
	var src, flags string
	for i, v := range f {
		if v == "-" {
			continue
		}
		switch h.Columns[i] {
		case "srcaddr":
			src = v
		case "dstaddr":
			ev.DstIP, _ = parse.Addr(v)
		case "srcport":
			ev.SrcPort = parse.Port(v)
		case "dstport":
			ev.DstPort = parse.Port(v)
		case "protocol":
			ev.Proto = parse.Proto(v)
		case "packets":
			if n, ok := parse.Count(v); ok {
				ev.Packets = n
			}
		case "start":
			if t, n := clock.Unix(v); n > 0 && n == len(v) {
				line.Own(t)
			}
		case "action":
			ev.Label = v
			switch v {
			case "ACCEPT":
				ev.Verdict = scan.VerdictAllow
			case "REJECT":
				ev.Verdict = scan.VerdictReject
			}
		case "tcp-flags":
			flags = v
		}
	}
	if ev.Label == "" {
		return parse.ErrNotMine
	}
	if ev.Proto != "tcp" && ev.Proto != "udp" && ev.Proto != "sctp" { // 0 stands for none
		ev.SrcPort, ev.DstPort = scan.Opt[uint16]{}, scan.Opt[uint16]{}
	}
	// The flags are those of all packets of the flow together: they tell of one
	// packet if there is one, or if all can only be the same.
	if mask := parse.Byte(flags); ev.Proto == "tcp" && mask.OK && mask.V < 64 && mask.V != 0 && (ev.Packets == 1 || mask.V == uint8(scan.SYN)) {
		ev.TCPFlags = scan.Some(scan.TCPFlags(mask.V))
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// Package custom reads log formats that a user describes, for the router that
// nobody here has seen: a YAML file with regular expressions, or grok patterns,
// whose groups are named like the keys of an event.
//
//	version: 1
//	formats:
//	  - name: my-router
//	    patterns:
//	      - regex: '^(?P<verdict>\w+) (?P<proto>\w+) (?P<src_ip>\S+):(?P<src_port>\d+) to (?P<dst_ip>\S+):(?P<dst_port>\d+)'
//	      - grok: 'PING %{IP:src_ip} to %{IP:dst_ip}'
//	        set: {proto: icmp, icmp_type: "8"}
//	    time: "2006-01-02 15:04:05"
//	    verdicts: {BLOCKED: drop}
//	    samples:
//	      - line: "BLOCKED TCP 192.0.2.7:40000 to 198.51.100.9:23"
//	        event: {verdict: drop, src_ip: 192.0.2.7, dst_port: "23"}
//
// Regular expressions are Go's (RE2): no text makes them slow. Grok patterns are
// those of github.com/elastic/go-grok.
package custom

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/elastic/go-grok"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// maxText is how much of a line patterns are tried on.
const maxText = 4 << 10

// Format is one format of a file.
type Format struct {
	Name     string
	patterns []pattern
	layout   string
	verdicts map[string]scan.Verdict // by the device's word, in lower case
}

// pattern finds the groups of a line.
type pattern struct {
	find func(text string) (map[string]string, bool)
	set  map[string]string // for what the line does not say
}

// The groups that a pattern may have.
var groups = map[string]bool{
	"time": true, "verdict": true, "direction": true, "proto": true, "src_ip": true, "src_port": true, "dst_ip": true, "dst_port": true,
	"tcp_flags": true, "icmp_type": true, "icmp_code": true, "packets": true, "label": true,
}

// Parse reads one line; see parse.Func. It claims a line that one of the patterns
// fits, which are tried in their order.
func (f *Format) Parse(line *envelope.Line, ev *scan.Event) error {
	text := line.Payload
	if len(text) > maxText {
		text = text[:maxText]
	}
	for i := range f.patterns {
		if got, ok := f.patterns[i].find(text); ok {
			for key, value := range f.patterns[i].set {
				if got[key] == "" {
					got[key] = value
				}
			}
			return f.fill(got, line, ev)
		}
	}
	return parse.ErrNotMine
}

func (f *Format) fill(got map[string]string, line *envelope.Line, ev *scan.Event) (err error) {
	*ev = scan.Event{
		Packets: 1, Proto: parse.Proto(got["proto"]), SrcPort: parse.Port(got["src_port"]), DstPort: parse.Port(got["dst_port"]),
		ICMPType: parse.Byte(got["icmp_type"]), ICMPCode: parse.Byte(got["icmp_code"]), Label: got["label"],
	}
	if n, ok := parse.Count(got["packets"]); ok {
		ev.Packets = n
	}
	if ev.SrcIP, err = parse.Source(strings.Trim(got["src_ip"], "[]")); err != nil {
		return err
	}
	ev.DstIP, _ = parse.Addr(got["dst_ip"])
	if flags := got["tcp_flags"]; flags != "" {
		if ev.TCPFlags = parse.Flags(flags); !ev.TCPFlags.OK {
			if letters, err := scan.ParseTCPFlags(flags); err == nil {
				ev.TCPFlags = scan.Some(letters)
			}
		}
	}
	var ok bool
	if ev.Verdict, ok = f.verdicts[strings.ToLower(got["verdict"])]; !ok {
		ev.Verdict = parse.Verdict(got["verdict"])
	}
	switch d := scan.Direction(strings.ToLower(got["direction"])); d {
	case scan.DirectionIn, scan.DirectionOut, scan.DirectionLocal, scan.DirectionUnknown:
		ev.Direction = d
	default:
		ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	}
	if text := got["time"]; text != "" && f.layout != "" {
		if t, err := time.Parse(f.layout, text); err == nil {
			line.Own(stamp(t, f.layout))
		}
	}
	return nil
}

// stamp keeps of a time what its layout has: a year and a zone that are not
// written are not made up.
func stamp(t time.Time, layout string) clock.Stamp {
	s := clock.Stamp{
		Month: uint8(t.Month()), Day: uint8(t.Day()), Hour: uint8(t.Hour()), Minute: uint8(t.Minute()), Second: uint8(t.Second()),
		Nano: int32(t.Nanosecond()),
	}
	if strings.Contains(layout, "06") && t.Year() > 0 && t.Year() < 1<<15 { // 2006 or 06
		s.Year = int16(t.Year())
	}
	if strings.Contains(layout, "07") || strings.Contains(layout, "MST") {
		_, offset := t.Zone()
		s.Zone, s.Offset = true, int32(offset)
	}
	return s
}

func regex(text string) (pattern, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return pattern{}, err
	}
	names := re.SubexpNames()
	if err := named(names); err != nil {
		return pattern{}, err
	}
	return pattern{find: func(text string) (map[string]string, bool) {
		m := re.FindStringSubmatch(text)
		if m == nil {
			return nil, false
		}
		got := make(map[string]string, len(names))
		for i, name := range names {
			if name != "" && m[i] != "" {
				got[name] = m[i]
			}
		}
		return got, true
	}}, nil
}

// grokName finds the names that a grok pattern gives.
var grokName = regexp.MustCompile(`%\{\w+:(\w+)`)

func groks(text string) (pattern, error) {
	g, err := grok.NewComplete()
	if err != nil {
		return pattern{}, err
	}
	if err := g.Compile(text, true); err != nil {
		return pattern{}, err
	}
	var names []string
	for _, m := range grokName.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	if err := named(names); err != nil {
		return pattern{}, err
	}
	return pattern{find: func(text string) (map[string]string, bool) {
		got, err := g.ParseString(text)
		return got, err == nil && got["src_ip"] != ""
	}}, nil
}

// named checks the names of groups.
func named(names []string) error {
	source := false
	for _, name := range names {
		source = source || name == "src_ip"
		if name != "" && !groups[name] {
			return fmt.Errorf("group %.40q is no key of an event", name)
		}
	}
	if !source {
		return fmt.Errorf("there is no group src_ip")
	}
	return nil
}

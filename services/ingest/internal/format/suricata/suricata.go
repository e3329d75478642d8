// Package suricata reads alerts of Suricata, in its JSON form EVE and in the one
// of fast.log, which Snort shares:
//
//	{"timestamp":"2022-07-10T23:50:05.533101+0000","event_type":"alert","src_ip":"192.0.2.4","src_port":52812,"dest_ip":"198.51.100.1","dest_port":80,"proto":"TCP","alert":{"action":"allowed","signature":"ET SCAN"}}
//	07/11/2022-10:29:32.251216  [**] [1:2008578:4] ET SCAN Sipvicious Scan [**] [Classification: Attempted Information Leak] [Priority: 2] {UDP} 192.0.2.216:5116 -> 198.51.100.55:5060
//
// The specification is "EVE JSON Output" of Suricata's documentation. Flows, DNS
// and other records tell of traffic, not of attempts, and are nobody's.
package suricata

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "suricata"

// Parse reads one line; see parse.Func. It claims JSON of event_type alert or
// drop, bare or as the text "message" of a log shipper, and lines of fast.log.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	if s != "" && s[0] == '{' {
		return eve(line, s, ev)
	}
	if i := strings.Index(s, "[**] ["); i >= 0 && i < 64 {
		return fast(line, s, i+len("[**] "), ev)
	}
	if strings.HasPrefix(s, "[") && strings.Contains(s, " [Priority: ") { // through syslog
		return fast(line, s, 0, ev)
	}
	return parse.ErrNotMine
}

func eve(line *envelope.Line, s string, ev *scan.Event) error {
	if !strings.Contains(s, "event_type") {
		return parse.ErrNotMine
	}
	kind := gjson.Get(s, "event_type").Str
	if kind == "" {
		if inner := gjson.Get(s, "message").Str; strings.HasPrefix(inner, "{") {
			s = inner
			kind = gjson.Get(s, "event_type").Str
		}
	}
	if kind != "alert" && kind != "drop" {
		return parse.ErrNotMine
	}
	if !gjson.Valid(s) {
		return parse.Reject("JSON is damaged or cut off")
	}
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert}
	if t, n := clock.ISO(gjson.Get(s, "timestamp").Str); n > 0 {
		line.Own(t)
	}
	ev.Label = gjson.Get(s, "alert.signature").Str
	if kind == "drop" || gjson.Get(s, "alert.action").Str == "blocked" {
		ev.Verdict = scan.VerdictDrop
	}
	ev.Proto = parse.Proto(gjson.Get(s, "proto").Str)
	var err error
	if ev.SrcIP, err = parse.Source(gjson.Get(s, "src_ip").Str); err != nil {
		return err
	}
	ev.DstIP, _ = parse.Addr(gjson.Get(s, "dest_ip").Str)
	ev.SrcPort, ev.DstPort = parse.Port(gjson.Get(s, "src_port").Raw), parse.Port(gjson.Get(s, "dest_port").Raw)
	if ev.Proto == "icmp" || ev.Proto == "icmpv6" {
		ev.SrcPort, ev.DstPort = scan.Opt[uint16]{}, scan.Opt[uint16]{}
		ev.ICMPType, ev.ICMPCode = parse.Byte(gjson.Get(s, "icmp_type").Raw), parse.Byte(gjson.Get(s, "icmp_code").Raw)
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// fast reads a line of fast.log, whose numbers begin at i.
func fast(line *envelope.Line, s string, i int, ev *scan.Event) error {
	numbers, rest, ok := strings.Cut(s[i:], "] ")
	if !ok || strings.Count(numbers, ":") != 2 {
		return parse.ErrNotMine
	}
	end := strings.Index(rest, " [")
	if end < 0 {
		return parse.ErrCutSource
	}
	label, rest := rest[:end], rest[end:]
	if t, n := clock.MonthFirst(s); n > 0 {
		line.Own(t)
	}
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert, Label: label}
	if strings.Contains(s[:i], "[Drop]") || strings.Contains(s[:i], "[wDrop]") {
		ev.Verdict = scan.VerdictDrop
	}
	_, rest, ok = strings.Cut(rest, "{")
	if !ok {
		return parse.ErrCutSource
	}
	proto, rest, _ := strings.Cut(rest, "} ")
	ev.Proto = parse.Proto(proto)
	src, dst, ok := strings.Cut(rest, " -> ")
	if !ok {
		return parse.ErrCutSource
	}
	ports := ev.Proto != "icmp" && ev.Proto != "icmpv6"
	host, port := hostPort(src, ports)
	var err error
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	ev.SrcPort = parse.Port(port)
	host, port = hostPort(strings.TrimRight(dst, " "), ports)
	ev.DstIP, _ = parse.Addr(host)
	ev.DstPort = parse.Port(port)
	if !ports { // ICMP has its type and code there
		ev.SrcPort, ev.DstPort = scan.Opt[uint16]{}, scan.Opt[uint16]{}
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// hostPort cuts the port off; before it IPv6 has no brackets.
func hostPort(s string, ports bool) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || !ports && strings.IndexByte(s, '.') < 0 {
		return s, ""
	}
	return strings.Trim(s[:i], "[]"), s[i+1:]
}

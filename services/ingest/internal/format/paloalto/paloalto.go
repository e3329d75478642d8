// Package paloalto reads the traffic and threat logs of Palo Alto Networks, as
// comma separated values, as CEF, and as the JSON of their cloud:
//
//	1,2023/06/16 10:41:44,0017,TRAFFIC,drop,2305,2023/06/16 10:41:44,192.0.2.4,198.51.100.8,0.0.0.0,0.0.0.0,rule,,,not-applicable,vsys1,untrust,trust,eth1,eth2,log,2023/06/16 10:41:44,0,1,51413,23,0,0,0x0,tcp,deny,...
//
// The specification is "Syslog Field Descriptions" of the PAN-OS administrator's
// guide. A session that was let through has its record at its end; that of its
// start, if it is logged, too, is passed over.
package paloalto

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "paloalto"

type record struct {
	kind, subtype                                               string
	src, dst, rule, repeat, sport, dport, proto, action, threat string
}

// Parse reads one line; see parse.Func. It claims traffic logs but those of a
// session's start, and threat logs of scans, floods, bad packets and
// vulnerabilities.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	var r record
	var at clock.Stamp
	switch {
	case line.Product.Vendor == "Palo Alto Networks":
		r.kind, r.subtype = line.Product.Event, line.Product.Title
		at = r.cef(parse.Extension(line))
	case strings.HasPrefix(s, "{") && strings.Contains(s, `"LogType"`):
		if r.kind, r.subtype = gjson.Get(s, "LogType").Str, gjson.Get(s, "Subtype").Str; !r.packets() {
			return parse.ErrNotMine
		}
		if !gjson.Valid(s) {
			return parse.Reject("JSON is damaged or cut off")
		}
		at = r.json(s)
	case strings.Contains(s, ",TRAFFIC,"), strings.Contains(s, ",THREAT,"):
		var err error
		if at, err = r.csv(s); err != nil {
			return err
		}
	default:
		return parse.ErrNotMine
	}
	if !r.packets() {
		return parse.ErrNotMine
	}
	if !at.IsZero() {
		line.Own(at)
	}
	return r.event(ev)
}

func (r *record) packets() bool {
	switch r.kind {
	case "TRAFFIC":
		return r.subtype == "end" || r.subtype == "drop" || r.subtype == "deny"
	case "THREAT":
		return r.subtype == "scan" || r.subtype == "flood" || r.subtype == "packet" || r.subtype == "vulnerability"
	}
	return false
}

func (r *record) csv(s string) (at clock.Stamp, err error) {
	var f [34]string
	n := parse.Split(f[:], s, ',')
	if n < 5 || f[3] != "TRAFFIC" && f[3] != "THREAT" {
		return at, parse.ErrNotMine
	}
	r.kind, r.subtype = f[3], f[4]
	if !r.packets() {
		return at, parse.ErrNotMine
	}
	if n < 10 {
		return at, parse.ErrCutSource
	}
	at, _ = clock.YearSlash(f[6])
	r.src, r.dst, r.rule = f[7], f[8], f[11]
	if n > 31 {
		r.repeat, r.sport, r.dport, r.proto, r.action = f[23], f[24], f[25], f[29], f[30]
	}
	if n > 33 && r.kind == "THREAT" {
		r.threat = f[32]
	}
	return at, nil
}

func (r *record) cef(p parse.Pairs) (at clock.Stamp) {
	zone, start, received := "", "", ""
	for p.Next() {
		switch p.Key {
		case "src":
			r.src = p.Value
		case "dst":
			r.dst = p.Value
		case "spt":
			r.sport = p.Value
		case "dpt":
			r.dport = p.Value
		case "proto":
			r.proto = p.Value
		case "act":
			r.action = p.Value
		case "cnt":
			r.repeat = p.Value
		case "cs1":
			r.rule = p.Value
		case "dtz":
			zone = p.Value
		case "start":
			start = p.Value
		case "rt":
			received = p.Value
		}
	}
	at, n := clock.BSD(start)
	if n == 0 {
		at, n = clock.BSD(received)
	}
	if n > 0 {
		at.In(zone)
	}
	return at
}

func (r *record) json(s string) (at clock.Stamp) {
	get := func(key string) string {
		v := gjson.Get(s, key)
		if v.Type == gjson.String {
			return v.Str
		}
		return v.Raw
	}
	r.src, r.dst, r.rule = get("SourceAddress"), get("DestinationAddress"), get("Rule")
	r.sport, r.dport, r.proto = get("SourcePort"), get("DestinationPort"), get("Protocol")
	r.action, r.repeat, r.threat = get("Action"), get("RepeatCount"), get("ThreatID")
	at, _ = clock.ISO(get("TimeGenerated"))
	return at
}

func (r *record) event(ev *scan.Event) (err error) {
	*ev = scan.Event{Packets: 1, Verdict: verdict(r.action), Label: r.rule, Proto: parse.Proto(r.proto)}
	if r.threat != "" {
		ev.Label = r.threat
	}
	if n, ok := parse.Count(r.repeat); ok {
		ev.Packets = n
	}
	if ev.SrcIP, err = parse.Source(r.src); err != nil {
		return err
	}
	ev.DstIP, _ = parse.Addr(r.dst)
	if ev.Proto != "icmp" && ev.Proto != "icmpv6" {
		ev.SrcPort, ev.DstPort = parse.Port(r.sport), parse.Port(r.dport)
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

func verdict(action string) scan.Verdict {
	switch {
	case action == "allow":
		return scan.VerdictAllow
	case action == "alert":
		return scan.VerdictAlert
	case strings.HasPrefix(action, "reset"):
		return scan.VerdictReject
	case strings.HasPrefix(action, "drop"), strings.HasPrefix(action, "deny"), strings.HasPrefix(action, "block"), action == "random-drop", action == "syncookie-sent":
		return scan.VerdictDrop
	}
	return scan.VerdictUnknown
}

// Package screenos reads the traffic log and the attack alarms of NetScreen and
// SSG firewalls (Juniper ScreenOS).
//
//	NetScreen device_id=ns5gt  [Root]system-notification-00257(traffic): start_time="2010-05-21 14:22:37" duration=0 policy_id=320001 service=tcp/port:23 proto=6 src zone=Untrust dst zone=Trust action=Deny sent=0 rcvd=0 src=192.0.2.7 dst=198.51.100.9 src_port=51234 dst_port=23 session_id=0
//	NetScreen device_id=ns5gt  [Root]system-alert-00016: Port scan! From 192.0.2.7:51234 to 198.51.100.9:23, proto TCP (zone Untrust, int ethernet3). Occurred 3 times. (2015-09-11 07:41:20)
//
// The specification is Juniper's "ScreenOS Message Log Reference Guide".
package screenos

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "screenos"

// Parse reads one line; see parse.Func. It claims the traffic log, whose only
// line about a permitted session is written at its end, and attack alarms.
// Administration, VPN and the state of the device are nobody's.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	i := strings.Index(s, "device_id=")
	if i < 0 {
		return parse.ErrNotMine
	}
	j := strings.Index(s[i:], "system-") // the virtual system's name may stand before it
	if j < 1 || s[i+j-1] != ']' && s[i+j-1] != ' ' {
		return parse.ErrNotMine
	}
	number, body, ok := strings.Cut(s[i+j+len("system-"):], ":")
	if !ok {
		return parse.ErrNotMine
	}
	body = strings.TrimLeft(body, " ")
	if strings.HasSuffix(number, "-00257(traffic)") {
		return traffic(line, body, ev)
	}
	what, ends, ok := strings.Cut(body, " From ")
	if !ok || !strings.HasSuffix(what, "!") {
		return parse.ErrNotMine
	}
	return attack(line, what, ends, ev)
}

// traffic reads keys of which some have a blank: "src zone=" is no "src=".
func traffic(line *envelope.Line, s string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictUnknown}
	if quoted, ok := strings.CutPrefix(s, `start_time="`); ok {
		if t, n := clock.ISO(quoted); n > 0 && strings.HasPrefix(quoted[n:], `"`) {
			line.Own(t)
		}
	}
	src, whole, found := value(s, " src=")
	switch {
	case !found:
		return parse.Reject("no source in the line")
	case !whole:
		return parse.ErrCutSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	if dst, _, ok := value(s, " dst="); ok { // ends the lines of old releases
		ev.DstIP, _ = parse.Addr(dst)
	}
	if proto, whole, _ := value(s, " proto="); whole {
		ev.Proto = parse.Proto(proto)
	}
	action, _, _ := value(s, " action=")
	switch action, _, _ = strings.Cut(action, "("); action { // Tunnel(name)
	case "Deny", "Drop":
		ev.Verdict = scan.VerdictDrop
	case "Reject":
		ev.Verdict = scan.VerdictReject
	case "Permit", "Tunnel":
		ev.Verdict = scan.VerdictAllow
	}
	if ev.Proto == "icmp" || ev.Proto == "icmpv6" {
		if kind, whole, _ := value(s, " icmp type="); whole {
			ev.ICMPType = parse.Byte(kind)
		}
	} else {
		if port, whole, _ := value(s, " src_port="); whole {
			ev.SrcPort = parse.Port(port)
		}
		port, _, _ := value(s, " dst_port=") // ends the lines of some releases
		ev.DstPort = parse.Port(port)
	}
	if i := strings.Index(s, " policy_id="); i >= 0 {
		ev.Label, _, _ = strings.Cut(s[i+1:], " ")
	}
	from, _, _ := value(s, "src zone=")
	to, _, _ := value(s, "dst zone=")
	ev.Direction = zones(from, to, ev)
	return nil
}

// value returns what stands behind a key up to the next blank; whole says that
// there is one.
func value(s, key string) (v string, whole, found bool) {
	i := strings.Index(s, key)
	if i < 0 {
		return "", false, false
	}
	v, _, whole = strings.Cut(s[i+len(key):], " ")
	return v, whole, true
}

// attack reads what follows "Port scan! From ":
//
//	192.0.2.7:51234 to 198.51.100.9:23, proto TCP (zone Untrust, int ethernet3). Occurred 3 times. (2015-09-11 07:41:20)
//	192.0.2.7 to 198.51.100.9, proto 1 (zone Untrust, int ethernet3). Occurred 1 times.
//	192.0.2.7:51234 to 198.51.100.9:23, using protocol TCP, and arriving at interface untrust in zone Untrust. The attack occurred 3 times.
func attack(line *envelope.Line, what, s string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert, Label: what}
	src, rest, ok := strings.Cut(s, " to ")
	if !ok {
		return parse.ErrCutSource
	}
	host, port := parse.HostPort(src)
	var err error
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	dst, rest, whole := strings.Cut(rest, ",")
	if whole {
		ev.Proto = protocol(rest)
	}
	if ev.Proto == "" || ev.Proto == "tcp" || ev.Proto == "udp" {
		ev.SrcPort = parse.Port(port)
	}
	if whole {
		host, port = parse.HostPort(dst)
		ev.DstIP, _ = parse.Addr(host)
		if ev.SrcPort.OK {
			ev.DstPort = parse.Port(port)
		}
	}
	if _, times, ok := strings.Cut(rest, "ccurred "); ok {
		if times, _, ok = strings.Cut(times, " time"); ok {
			if n, ok := parse.Count(times); ok {
				ev.Packets = n
			}
		}
	}
	if i := strings.LastIndexByte(rest, '('); i >= 0 {
		if t, n := clock.ISO(rest[i+1:]); n > 0 {
			line.Own(t)
		}
	}
	zone, _, _ := value(rest, "zone ")
	if end := strings.IndexAny(zone, ",.)"); end >= 0 {
		zone = zone[:end]
	}
	ev.Direction = zones(zone, "", ev)
	return nil
}

// protocol reads "proto TCP (" and "using protocol TCP,".
func protocol(s string) string {
	for _, key := range [...]string{" proto ", " protocol "} {
		if v, whole, _ := value(s, key); whole {
			return parse.Proto(strings.TrimRight(v, ","))
		}
	}
	return ""
}

// zones tells the direction from the zones, of which only Untrust is sure to be
// outside, or else from the addresses. The zones of a firewall in transparent mode
// begin with V1-.
func zones(from, to string, ev *scan.Event) scan.Direction {
	outside := func(zone string) bool {
		return strings.EqualFold(strings.TrimPrefix(zone, "V1-"), "untrust")
	}
	out, in := outside(to), outside(from)
	switch {
	case in && !out:
		return scan.DirectionIn
	case out && !in && from != "":
		return scan.DirectionOut
	}
	return parse.Direction(ev.SrcIP, ev.DstIP)
}

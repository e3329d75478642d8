// Package netgeardos reads the attack lines of Netgear's cable routers (WNR,
// WNDR, R, Nighthawk, Orbi) and the inbound connections they let in:
//
//	[DoS attack: FIN Scan] attack packets in last 20 sec from ip [192.0.2.7], Thursday, May 03,2018 05:46:58
//	[DoS Attack: RST Scan] from source: 192.0.2.7, port 443, Tuesday, February 16, 2016 17:39:12
//	[DoS attack: TCP Port Scan] from source: 192.0.2.7:46430, Wednesday, April 27,2022 08:33:55
//	[LAN access from remote] from 192.0.2.7:41007 to 192.168.0.106:63115 Wednesday, Jan 01,2003 02:47:43
//
// There is no published specification, and the firmwares differ in letter case,
// commas and blanks.
package netgeardos

import (
	"net/netip"
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "netgear-dos"

// Parse reads one line; see parse.Func. It claims the four kinds of lines that
// name a remote host; what else the router logs (leases, UPnP, logins from the
// LAN, its own packets) is nobody's.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	if len(s) < 5 || s[0] != '[' {
		return parse.ErrNotMine
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return parse.ErrNotMine
	}
	title, body := s[1:end], s[end+1:]
	read := reader(title)
	if read == nil {
		return parse.ErrNotMine
	}
	whole := false
	if t, before, ok := clock.NetgearTail(body); ok {
		line.Own(t)
		body, whole = body[:before], true
	}
	*ev = scan.Event{Packets: 1, Label: title}
	return read(title, body, whole, ev)
}

// reader returns what reads the body of a line with that title, or nil.
func reader(title string) func(title, body string, whole bool, ev *scan.Event) error {
	switch {
	case hasPrefixFold(title, "dos attack:"):
		return attack
	case strings.EqualFold(title, "LAN access from remote"):
		return access
	case hasPrefixFold(title, "Service blocked:"):
		return blocked
	case strings.EqualFold(title, "Remote login failure"):
		return login
	}
	return nil
}

// attack reads the lines about attacks, which the router takes as dropped. They
// name the source only; the port is the source's. The protocol is not written:
// it is taken from the kind where that leaves no doubt, and the flags never are.
func attack(title, body string, whole bool, ev *scan.Event) error {
	ev.Verdict = scan.VerdictDrop
	ev.Proto = proto(strings.TrimSpace(title[len("dos attack:"):]))
	if from, ok := cutAfter(body, "from ip"); ok {
		if count, ok := packets(body); ok {
			ev.Packets = count
		}
		from = strings.TrimSpace(from)
		if from == "" {
			return parse.ErrContinues
		}
		inner, closed := strings.CutPrefix(from, "[")
		if closed {
			inner, _, closed = strings.Cut(inner, "]")
		}
		return sourced(inner, closed || whole, ev)
	}
	from, ok := cutAfter(body, "from source")
	if !ok {
		return parse.Reject("no source in the line")
	}
	from = strings.Trim(from, " :,")
	if from == "" {
		return parse.ErrContinues
	}
	// "a:p", "a, port p" or "a", each with a comma if anything follows.
	head, tail, more := strings.Cut(from, ",")
	addr, port := parse.HostPort(head)
	known := more || port != ""
	if rest, ok := strings.CutPrefix(strings.TrimLeft(tail, " "), "port "); ok && port == "" {
		port, _, more = strings.Cut(rest, ",")
	}
	if err := sourced(addr, whole || known, ev); err != nil {
		return err
	}
	if whole || more {
		ev.SrcPort = parse.Port(strings.TrimSpace(port))
	}
	return nil
}

// access reads a connection that was let in through a forward or UPnP.
func access(_, body string, whole bool, ev *scan.Event) error {
	ev.Verdict = scan.VerdictAllow
	from, ok := cutAfter(body, "from ")
	if !ok {
		return parse.Reject("no source in the line")
	}
	src, dst, both := strings.Cut(from, " to ")
	addr, port := parse.HostPort(strings.TrimSpace(src))
	if err := sourced(addr, both || port != "", ev); err != nil {
		return err
	}
	if both {
		ev.SrcPort = parse.Port(port)
	}
	dst = strings.Trim(dst, " ,")
	end := strings.IndexAny(dst, " ,")
	if end >= 0 {
		dst = dst[:end]
	}
	if whole || end >= 0 {
		addr, port = parse.HostPort(dst)
		ev.DstIP, _ = parse.Addr(addr)
		ev.DstPort = parse.Port(port)
	}
	ev.Direction = parse.Direction(ev.SrcIP, netip.Addr{})
	return nil
}

// blocked reads "[Service blocked: ICMP_echo_req] from source 192.0.2.7". A
// source in the LAN was kept from going out.
func blocked(title, body string, whole bool, ev *scan.Event) error {
	ev.Verdict = scan.VerdictDrop
	if strings.EqualFold(strings.TrimSpace(title[len("Service blocked:"):]), "ICMP_echo_req") {
		ev.Proto, ev.ICMPType = "icmp", scan.Some[uint8](8)
	}
	return plain(body, whole, ev)
}

// login reads "[Remote login failure] from source 192.0.2.7".
func login(_, body string, whole bool, ev *scan.Event) error {
	ev.Verdict = scan.VerdictReject
	return plain(body, whole, ev)
}

func plain(body string, whole bool, ev *scan.Event) error {
	from, ok := cutAfter(body, "from source")
	if !ok {
		return parse.Reject("no source in the line")
	}
	return sourced(strings.Trim(from, " :,"), whole, ev)
}

// sourced sets source and direction; whole says that the address is complete.
func sourced(addr string, whole bool, ev *scan.Event) (err error) {
	if !whole && addr != "" {
		return parse.ErrCutSource
	}
	if ev.SrcIP, err = parse.Source(addr); err != nil {
		return err
	}
	ev.Direction = parse.Direction(ev.SrcIP, netip.Addr{})
	return nil
}

// packets reads the count of "(3) attack packets in last 20 sec".
func packets(body string) (uint32, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(body, " "), "(")
	if !ok {
		return 0, false
	}
	count, _, ok := strings.Cut(rest, ")")
	if !ok {
		return 0, false
	}
	return parse.Count(count)
}

func cutAfter(s, sep string) (string, bool) {
	_, rest, ok := strings.Cut(s, sep)
	return rest, ok
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

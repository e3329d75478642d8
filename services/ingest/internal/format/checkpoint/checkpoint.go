// Package checkpoint reads the logs of Check Point firewalls in the forms that
// Log Exporter, SmartView Tracker and fw log write them:
//
//	[action:"Drop"; ifdir:"inbound"; origin:"198.51.100.1"; time:"1622030915"; dst:"198.51.100.9"; product:"VPN-1 & FireWall-1"; proto:"6"; s_port:"51234"; service:"23"; src:"192.0.2.7"; ]
//	CEF:0|Check Point|VPN-1 & FireWall-1|Check Point|Log|telnet|Unknown|act=Drop rt=1601203417000 spt=51234 dpt=23 proto=6 dst=198.51.100.9 src=192.0.2.7
//	LEEF:2.0|Check Point|VPN-1 & FireWall-1|1.0|Drop|devTime=1601203417	src=192.0.2.7	dst=198.51.100.9	srcPort=51234	dstPort=23	proto=6
//	time=1601203417|product=VPN-1 & FireWall-1|action=Drop|loguid={0x0,0x0,0x0,0x0}|src=192.0.2.7|s_port=51234|dst=198.51.100.9|service=23|proto=6
//	"21" "09Nov2020" "21:17:30" "eth1" "gw" "Log" "Drop" "23" "51234" "192.0.2.7" "198.51.100.9" "tcp" "107" "Deny All"
//	14:55:20 drop 198.51.100.1 >eth0 product: VPN-1 & FireWall-1; src: 192.0.2.7; s_port: 51234; dst: 198.51.100.9; service: 23; proto: tcp; rule: 5;
//
// The specification is Check Point's "Log Exporter" (sk122323) and "Description of
// Fields in Check Point Logs" (sk144192).
package checkpoint

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "checkpoint"

// Parse reads one line; see parse.Func. It claims what the firewall, intrusion
// prevention and the other guards decided of a connection. Web filters, key
// exchange, logins and administration are nobody's.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	var r record
	switch {
	case line.Product.Form != 0:
		if line.Product.Vendor != "Check Point" {
			return parse.ErrNotMine
		}
		r.extension(line)
	case len(s) < 16:
		return parse.ErrNotMine
	case s[0] == '"':
		if !r.tracker(s) {
			return parse.ErrNotMine
		}
	case strings.Contains(s, "|action=") && (strings.Contains(s, "|origin=") || strings.Contains(s, "|loguid=")):
		r.bars(s)
	default:
		if i := strings.IndexByte(s, '['); i >= 0 && i <= len("syslog") && bracketed(s[i:]) {
			r.brackets(s[i+1:])
		} else if i := strings.Index(s, fields); i >= 0 {
			r.fields(s[i+len(fields):])
		} else if i := strings.Index(s, tracked); i < 0 || !r.text(s[:i], s[i:]) {
			return parse.ErrNotMine
		}
	}
	return r.event(line, ev)
}

// bracketed reports whether s begins like the structured data that Log Exporter
// writes: with the action, or with something else of which there is an origin.
func bracketed(s string) bool {
	return strings.HasPrefix(s, `[action:"`) || strings.HasPrefix(s, `[flags:"`) && strings.Contains(s, `; origin:"`)
}

// fields begins the structured data of gateways that write syslog themselves.
const fields = "[Fields@1.3.6.1.4.1.2620 "

// tracked is in every line of fw log that is the firewall's.
const tracked = "product: VPN-1 & FireWall-1;"

// event makes an event of what was read, if it is about a connection.
func (r *record) event(line *envelope.Line, ev *scan.Event) error {
	verdict, ok := decision(r.action)
	if r.undecided {
		verdict, ok = scan.VerdictUnknown, true
	}
	if !ok || r.administrative || r.elsewhere(verdict) {
		return parse.ErrNotMine
	}
	*ev = scan.Event{Packets: 1, Verdict: verdict}
	if !r.sourced && r.packets != "" {
		if err := r.same(ev); err != nil {
			return err
		}
	}
	if !r.sourced {
		if r.cut {
			return parse.ErrCutSource
		}
		return parse.Reject("no source in the line")
	}
	var err error
	if ev.SrcIP, err = parse.Source(r.src); err != nil {
		return err
	}
	ev.DstIP, _ = parse.Addr(r.dst)
	if ev.Proto = parse.Proto(r.proto); ev.Proto == "icmp" && ev.SrcIP.Is6() {
		ev.Proto = "icmpv6"
	}
	switch ev.Proto {
	case "tcp", "udp", "sctp", "":
		ev.SrcPort, ev.DstPort = parse.Port(r.srcPort), parse.Port(r.dstPort)
	case "icmp", "icmpv6":
		ev.ICMPType, ev.ICMPCode = parse.Byte(r.icmpType), parse.Byte(r.icmpCode)
	}
	if ev.Proto == "tcp" {
		ev.TCPFlags = flags(r.flags)
	}
	if n, ok := parse.Count(r.count); ok {
		ev.Packets = n
	}
	for _, label := range [...]string{r.attack, r.rule, r.reason} {
		if ev.Label == "" {
			ev.Label = label
		}
	}
	if !r.stamp.IsZero() {
		line.Own(r.stamp)
	}
	ev.Direction = r.direction(ev)
	return nil
}

// decision is the verdict of an action. Encrypt and Decrypt accept a connection
// through a VPN; a redirection to a proxy is neither one nor the other.
func decision(action string) (scan.Verdict, bool) {
	switch {
	case strings.EqualFold(action, "Drop"), strings.EqualFold(action, "Block"), strings.EqualFold(action, "Prevent"):
		return scan.VerdictDrop, true
	case strings.EqualFold(action, "Reject"):
		return scan.VerdictReject, true
	case strings.EqualFold(action, "Accept"), strings.EqualFold(action, "Allow"),
		strings.EqualFold(action, "Encrypt"), strings.EqualFold(action, "Decrypt"):
		return scan.VerdictAllow, true
	case strings.EqualFold(action, "Detect"), strings.EqualFold(action, "Monitor"), strings.EqualFold(action, "Monitored"):
		return scan.VerdictAlert, true
	case strings.EqualFold(action, "Redirect"):
		return scan.VerdictUnknown, true
	}
	return "", false
}

// elsewhere reports whether the line is of a product that looks at what people do
// rather than at connections, or that tells how a connection goes on. A connection that TLS inspection refused counts.
func (r *record) elsewhere(verdict scan.Verdict) bool {
	switch r.product {
	case "URL Filtering", "Application Control", "Identity Awareness", "Content Awareness", "Anti-Spam", "Anti Spam",
		"Mobile Access", "SmartConsole", "System Monitor", "DLP", "Log Update":
		return true
	case "HTTPS Inspection":
		return verdict != scan.VerdictReject && verdict != scan.VerdictDrop
	}
	return false
}

// direction tells from the zones where the connection went, or else from the
// addresses. The interface's "inbound" is inbound to the firewall.
func (r *record) direction(ev *scan.Event) scan.Direction {
	switch r.way {
	case "Incoming":
		return scan.DirectionIn
	case "Outgoing":
		return scan.DirectionOut
	case "Internal":
		return scan.DirectionLocal
	}
	switch {
	case r.inzone == "External" && (r.outzone == "Internal" || r.outzone == "Local" || r.outzone == "DMZ"):
		return scan.DirectionIn
	case (r.inzone == "Internal" || r.inzone == "Local" || r.inzone == "DMZ") && r.outzone == "External":
		return scan.DirectionOut
	case r.inzone == "Internal" && (r.outzone == "Internal" || r.outzone == "Local"):
		return scan.DirectionLocal
	}
	return parse.Direction(ev.SrcIP, ev.DstIP)
}

// flags reads "SYN-ACK", "FIN-PUSH-ACK"; a word that is no flag makes all of them
// absent.
func flags(s string) (f scan.Opt[scan.TCPFlags]) {
	for more := s != ""; more; {
		var word string
		word, s, more = strings.Cut(s, "-")
		switch word {
		case "SYN":
			f.V |= scan.SYN
		case "ACK":
			f.V |= scan.ACK
		case "FIN":
			f.V |= scan.FIN
		case "RST":
			f.V |= scan.RST
		case "PUSH", "PSH":
			f.V |= scan.PSH
		case "URG":
			f.V |= scan.URG
		default:
			return scan.Opt[scan.TCPFlags]{}
		}
		f.OK = true
	}
	return f
}

// Package unifi reads the security events of UniFi Network, which come as CEF:
//
//	CEF:0|Ubiquiti|UniFi Network|10.0.140|201|Threat Detected and Blocked|7|proto=TCP src=192.0.2.10 spt=46621 dst=198.51.100.9 dpt=80 act=blocked UNIFIcategory=Security UNIFIdirection=incoming UNIFIutcTime=2025-10-26T19:01:31.807Z
//
// The specification is "UniFi System Logs and SIEM Integration" of Ubiquiti's help
// centre. The firewall's own lines are those of package netfilter.
package unifi

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "unifi"

// Parse reads one line; see parse.Func. It claims events of the category
// Security that have a protocol.
func Parse(line *envelope.Line, ev *scan.Event) error {
	if line.Product.Vendor != "Ubiquiti" {
		return parse.ErrNotMine
	}
	var category, src, dst, sport, dport, proto, act, way, policy, at string
	for p := parse.Extension(line); p.Next(); {
		switch p.Key {
		case "UNIFIcategory":
			category = p.Value
		case "src":
			src = p.Value
		case "dst":
			dst = p.Value
		case "spt":
			sport = p.Value
		case "dpt":
			dport = p.Value
		case "proto":
			proto = p.Value
		case "act":
			act = p.Value
		case "UNIFIdirection":
			way = p.Value
		case "UNIFIipsSignature", "UNIFIpolicyName":
			if policy == "" || p.Key == "UNIFIipsSignature" {
				policy = p.Value
			}
		case "UNIFIutcTime":
			at = p.Value
		}
	}
	if category != "Security" || proto == "" {
		return parse.ErrNotMine
	}
	if t, n := clock.ISO(at); n > 0 {
		line.Own(t)
	}
	*ev = scan.Event{Packets: 1, Proto: parse.Proto(proto), Label: policy, Verdict: scan.VerdictAlert}
	if ev.Label == "" {
		ev.Label = line.Product.Title
	}
	if act == "blocked" || strings.Contains(line.Product.Title, "Blocked") {
		ev.Verdict = scan.VerdictDrop
	} else if act == "allowed" && !strings.Contains(line.Product.Title, "Threat") {
		ev.Verdict = scan.VerdictAllow
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	ev.DstIP, _ = parse.Addr(dst)
	ev.SrcPort, ev.DstPort = parse.Port(sport), parse.Port(dport)
	switch way {
	case "incoming":
		ev.Direction = scan.DirectionIn
	case "outgoing":
		ev.Direction = scan.DirectionOut
	default:
		ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	}
	return nil
}

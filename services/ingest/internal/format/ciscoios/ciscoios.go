// Package ciscoios reads what Cisco's routers and switches log of packets: the
// access lists of IOS, IOS XE, IOS XR and NX-OS, the zone-based firewall and the
// intrusion signatures.
//
//	%SEC-6-IPACCESSLOGP: list 102 denied tcp 192.0.2.7(51234) -> 198.51.100.9(23), 1 packet
//	%SEC-6-IPACCESSLOGDP: list 102 denied icmp 192.0.2.7 (GigabitEthernet0/0 0011.2233.4455) -> 198.51.100.9 (8/0), 5 packets
//	%IPV6_ACL-6-ACCESSLOGP: list in6/10 denied tcp 2001:DB8::7(51234) -> 2001:DB8:1::9(22), 1 packet
//	%FW-6-DROP_PKT: Dropping tcp session 192.0.2.7:51234 198.51.100.9:23 on zone-pair in class class-default
//
// The specification is Cisco's "System Message Guide" of each system. An access
// list logs the first packet of a flow at once and the others as a number every
// five minutes. Sequence numbers and clocks are the envelope's.
package ciscoios

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "cisco-ios"

var errNoSource = parse.Reject("no source in the line")

// Parse reads one line; see parse.Func. It claims the messages about packets, by
// their mnemonic: %FACILITY-SEVERITY-MNEMONIC, with the slot between the first two
// on large systems.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	for i := strings.IndexByte(s, '%'); i >= 0 && i < 256; {
		if i == 0 || s[i-1] == ' ' || s[i-1] == ':' {
			if mnemonic, body := message(s[i+1:]); mnemonic != "" {
				if read := reader(s[i+1:], mnemonic); read != nil {
					return read(mnemonic, body, ev)
				}
			}
		}
		next := strings.IndexByte(s[i+1:], '%')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return parse.ErrNotMine
}

// message cuts the mnemonic and the text behind it. IOS XR has a blank before
// the colon.
func message(s string) (mnemonic, body string) {
	colon := strings.IndexByte(s, ':')
	if colon < 0 || colon > 64 {
		return "", ""
	}
	head := strings.TrimRight(s[:colon], " ")
	dash := strings.LastIndexByte(head, '-')
	if dash < 3 || head[dash-1]-'0' > 7 || head[dash-2] != '-' || strings.IndexByte(head, ' ') >= 0 {
		return "", ""
	}
	return head[dash+1:], strings.TrimLeft(s[colon+1:], " ")
}

// reader returns what reads the text of a message, or nil.
func reader(facility, mnemonic string) func(mnemonic, body string, ev *scan.Event) error {
	switch mnemonic {
	case "IPACCESSLOGP", "IPACCESSLOGDP", "IPACCESSLOGRP", "IPACCESSLOGSP", "IPACCESSLOGNP", "IPACCESSLOGS",
		"ACCESSLOGP", "ACCESSLOGDP", "ACCESSLOGSP", "ACCESSLOGNP", "ACCESSLOGS":
		return list
	case "IPACCESSLOGRL", "ACCESSLOGRL":
		return missed
	case "ACLLOG_FLOW_INTERVAL", "ACLLOG_NEW_FLOW":
		return flow
	case "DROP_PKT", "PASS_PKT":
		return zone
	case "LOG_SUMMARY":
		return summary
	case "SESS_AUDIT_TRAIL_START":
		return session
	case "SIGNATURE":
		if strings.HasPrefix(facility, "IPS-") {
			return signature
		}
	}
	if strings.HasPrefix(mnemonic, "ACLLOG_PKTLOG") || strings.HasPrefix(mnemonic, "ACLLOG_FLOWLOG") { // ACI, NX-OS
		return flow
	}
	if strings.HasPrefix(facility, "IDS-") && strings.HasSuffix(mnemonic, "_SIG") {
		return oldSignature
	}
	return nil
}

// missed reads "access-list logging rate-limited or missed 18 packets".
func missed(_, body string, _ *scan.Event) error {
	gap := parse.Gap{Reason: body}
	if _, count, ok := strings.Cut(body, "missed "); ok {
		if count, _, ok = strings.Cut(count, " packet"); ok {
			gap.Packets, _ = parse.Count(count)
		}
	}
	return &gap
}

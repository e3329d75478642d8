// Package netfilter reads the lines of the Linux packet filter's LOG target
// (iptables, nftables, ulogd) and of everything built on it: UFW, Shorewall,
// firewalld, OpenWrt, DD-WRT, Tomato, AsusWRT, Broadcom's ADSL routers, Ubiquiti
// EdgeRouter and UniFi, Proxmox.
//
//	[UFW BLOCK] IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=198.51.100.9 LEN=40 TOS=0x00
//	PREC=0x00 TTL=245 ID=37308 PROTO=TCP SPT=8080 DPT=8123 WINDOW=1024 RES=0x00 SYN URGP=0
//
// The specification is the kernel's net/netfilter/nf_log_syslog.c: what it
// prints, and in which order, tells a line that was cut off from one that says
// no more.
package netfilter

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "netfilter"

// Parse reads one line; see parse.Func. It claims a line with a source field
// and either a destination field or an interface field, and one that was cut
// off before the source.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	src := free(s, "SRC=")
	if src < 0 {
		return withoutSource(s)
	}
	head, rest := s[:src], s[src+len("SRC="):]
	at, in, out := interfaces(head)
	if at == len(head) && !strings.Contains(rest, " DST=") {
		return parse.ErrNotMine
	}
	value, rest, whole := cut(rest)
	addr, err := parse.Source(value)
	if err != nil {
		return err
	}
	if !whole {
		return parse.ErrCutSource
	}
	*ev = scan.Event{}
	ev.SrcIP, ev.Packets = addr, 1
	fields(rest, ev)
	prefix(line, strings.TrimSpace(head[:at]), ev)
	ev.Direction = direction(in, out, ev)
	return nil
}

// free finds a field that stands free; those of a packet quoted in an ICMP error
// begin with one in a bracket. Searching for " SRC=" would be several times
// slower: every blank of the line begins like it.
func free(s, key string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], key)
		if i < 0 {
			return -1
		}
		if i += from; i > 0 && s[i-1] == ' ' {
			return i
		}
		from = i + len(key)
	}
}

// withoutSource tells a line that was cut off before the source from one that
// is somebody else's.
func withoutSource(s string) error {
	if in := strings.Index(s, "IN="); in >= 0 && strings.Contains(s[in:], " OUT=") {
		return parse.ErrCutSource
	}
	return parse.ErrNotMine
}

// cut splits s at its first blank; whole is false if there is none, so that the
// value may have been cut off. Values are too short for IndexByte to pay.
func cut(s string) (value, rest string, whole bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

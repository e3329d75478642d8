// Package format is the table of log formats and the way a line finds its own.
package format

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/awsvpcflow"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/barracuda"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/bthomehub"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/checkpoint"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/ciscoasa"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/ciscoios"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/custom"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/dlink"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/draytek"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/fortigate"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/ipfilter"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/juniper"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/meraki"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/mikrotik"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/netfilter"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/netgeardg834"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/netgeardos"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/paloalto"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/pffilterlog"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/pftcpdump"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/screenos"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/smcbarricade"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/sonicwall"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/sophos"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/stormshield"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/suricata"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/unifi"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/watchguard"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/windowsfirewall"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/zeek"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format/zyxel"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Auto is the name that stands for every format of the table.
const Auto = "auto"

// Format is one log format.
type Format struct {
	Name    string
	Parse   parse.Func
	Devices string // that write it, for people
	Mark    string // how a line of it is recognised, for people
}

// table holds every format. No line may be claimed by two of them: which one is
// tried first then changes nothing but speed. A test checks that on real lines.
var table = [...]Format{
	{netgeardg834.Name, netgeardg834.Parse, "Netgear DG834, DG8xx, DGN", `"<protocol> Packet - Source:"`},
	{netgeardos.Name, netgeardos.Parse, "Netgear WNR, WNDR, R, Nighthawk, Orbi", `begins with [DoS attack: ...], [LAN access from remote], [Service blocked: ...] or [Remote login failure]`},
	{dlink.Name, dlink.Parse, "D-Link DI, DIR", `"attempt blocked from", "Blocked incoming", "ICMP: type", or "packet from" in a table of tabs`},
	{smcbarricade.Name, smcbarricade.Parse, "SMC Barricade, Belkin, Siemens Gigaset, Philips, Speedport, Arcadyan", `a kind between double stars and "->>"`},
	{bthomehub.Name, bthomehub.Parse, "BT Home Hub, Thomson SpeedTouch", `"FIREWALL" with "Protocol:", "IDS ... parser :", "IN: BLOCK [n]"`},
	{zyxel.Name, zyxel.Parse, "ZyXEL USG, ATP, ZyWALL, Prestige", `src="a:p" with msg= and note= about packets`},
	{draytek.Name, draytek.Parse, "DrayTek Vigor", `"DoS ... -> ... PR", [DOS][ or [FILTER][`},
	{mikrotik.Name, mikrotik.Parse, "MikroTik RouterOS", `a chain, "in:" and "out:", "proto"`},
	{pffilterlog.Name, pffilterlog.Parse, "pfSense, OPNsense", `program filterlog, or its comma separated fields with "match"`},
	{pftcpdump.Name, pftcpdump.Parse, "pf on OpenBSD, FreeBSD, old pfSense, through tcpdump", `"rule N/(match) block in on em0:"`},
	{ipfilter.Name, ipfilter.Parse, "IP Filter on NetBSD, Solaris, FreeBSD, through ipmon", `"@0:12 b a,p -> b,q PR"`},
	{windowsfirewall.Name, windowsfirewall.Parse, "Windows Firewall", `"#Fields:" with src-ip, or "DROP TCP" and the like at the start`},
	{awsvpcflow.Name, awsvpcflow.Parse, "AWS VPC flow logs", `a header with srcaddr and action and the lines under it, or "2 <account> eni-..."`},
	{suricata.Name, suricata.Parse, "Suricata, Snort", `JSON with event_type alert or drop, or the "[gid:sid:rev]" of fast.log`},
	{zeek.Name, zeek.Parse, "Zeek", `"#fields" and the lines under it, or JSON with conn_state or note`},
	{fortigate.Name, fortigate.Parse, "Fortinet FortiGate", `logid= and type= traffic, anomaly or utm; CEF of Fortinet`},
	{watchguard.Name, watchguard.Parse, "WatchGuard Firebox", `LEEF of WatchGuard with an event 3000..., or msg_id="3000-`},
	{sonicwall.Name, sonicwall.Parse, "SonicWall", `sn= and m= with a message about a packet; CEF of SonicWall`},
	{stormshield.Name, stormshield.Parse, "Stormshield", `logtype= filter or alarm, startime=`},
	{sophos.Name, sophos.Parse, "Sophos XG, XGS, UTM", `log_type="Firewall" or "IDP", sub="packetfilter"`},
	{paloalto.Name, paloalto.Parse, "Palo Alto Networks", `TRAFFIC or THREAT as the fourth value, as CEF, or as LogType`},
	{unifi.Name, unifi.Parse, "UniFi Network", `CEF of Ubiquiti, category Security`},
	{netfilter.Name, netfilter.Parse, "Linux iptables and nftables, UFW, Shorewall, firewalld, OpenWrt, DD-WRT, Tomato, AsusWRT, Broadcom ADSL, EdgeRouter, UniFi, Proxmox", `SRC= with DST=, IN= or OUT=`},
	{ciscoasa.Name, ciscoasa.Parse, "Cisco ASA, PIX, FWSM, Firepower Threat Defense", `%ASA-, %PIX-, %FWSM-, %FTD- or %NGIPS- and the number of a message about a packet`},
	{ciscoios.Name, ciscoios.Parse, "Cisco IOS, IOS XE, IOS XR, NX-OS", `%<facility>-<severity>-<mnemonic>: with ACCESSLOG, ACLLOG, DROP_PKT or SIGNATURE in the mnemonic`},
	{meraki.Name, meraki.Parse, "Cisco Meraki MX and MR", `flows, ..._firewall or ip_flow_start before src=, or security_event ids_alerted`},
	{juniper.Name, juniper.Parse, "Juniper SRX and other Junos devices", `RT_SCREEN_..., RT_FLOW_SESSION_CREATE or _DENY, IDP_ATTACK_LOG_EVENT or PFE_FW_SYSLOG_IP`},
	{screenos.Name, screenos.Parse, "Juniper NetScreen, SSG, ISG (ScreenOS)", `device_id= with ]system-notification-00257(traffic) or an attack "! From"`},
	{barracuda.Name, barracuda.Parse, "Barracuda CloudGen Firewall, NG Firewall", `a level, the device, and Allow:, Block: ... before columns with bars, or "firewall:" with an alert`},
	{checkpoint.Name, checkpoint.Parse, "Check Point firewalls", `[action:"..."; ...], CEF or LEEF of Check Point, columns of SmartView Tracker or fw log`},
}

// All returns the table.
func All() []Format { return table[:] }

func names(formats []Format) []string {
	out := make([]string, 0, len(formats))
	for i := range formats {
		out = append(out, formats[i].Name)
	}
	return out
}

// Detector finds the format of each line. It tries the formats in the order in
// which they last claimed a line, so that a log of one format settles on it, and
// one that mixes several on those. It serves one goroutine.
type Detector struct {
	formats []Format
	order   []int // of formats, the one that claimed the last line first
}

// New returns a detector for one format by name, or for all by Auto or nothing.
// Formats of the user's are tried after those of the table.
func New(name string, custom ...Format) (*Detector, error) {
	all := table[:]
	if len(custom) > 0 {
		all = slices.Concat(all, custom)
	}
	if name == "" || name == Auto {
		return detector(all), nil
	}
	for i := range all {
		if all[i].Name == name {
			return detector(all[i : i+1]), nil
		}
	}
	return nil, fmt.Errorf("unknown format %.40q (known: %s, %s)", name, Auto, strings.Join(names(all), ", "))
}

// Custom loads formats that a user has described in files. One that has the name
// of another, or of all, is an error.
func Custom(files ...string) (out []Format, err error) {
	loaded, err := custom.Load(files...)
	if err != nil {
		return nil, err
	}
	for _, f := range loaded {
		if f.Name == Auto || slices.Contains(names(table[:]), f.Name) {
			return nil, fmt.Errorf("log formats: %q is the name of another format", f.Name)
		}
		out = append(out, Format{f.Name, f.Parse, "described by the user", "a pattern of the user's"})
	}
	return out, nil
}

func detector(formats []Format) *Detector {
	d := &Detector{formats: formats, order: make([]int, len(formats))}
	for i := range d.order {
		d.order[i] = i
	}
	return d
}

// Parse reads a line with the format that claims it and returns that format's
// name. The error is as in parse.Func; with parse.ErrNotMine the name is empty.
func (d *Detector) Parse(line *envelope.Line, ev *scan.Event) (string, error) {
	for i, n := range d.order {
		f := &d.formats[n]
		err := f.Parse(line, ev)
		if errors.Is(err, parse.ErrNotMine) {
			continue
		}
		if i > 0 {
			copy(d.order[1:], d.order[:i])
			d.order[0] = n
		}
		return f.Name, err
	}
	return "", parse.ErrNotMine
}

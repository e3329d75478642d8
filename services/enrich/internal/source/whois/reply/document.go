package reply

import (
	"net/netip"
	"strings"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
)

// Bounds on what is taken from one reply, far above what registries send.
const (
	maxNets   = 256
	maxOrgs   = 256
	maxFields = 512 // of one object
)

// document collects the objects of a reply.
type document struct {
	addr netip.Addr
	nets []net
	orgs map[string]org // by handle

	route      string // description of the narrowest announcement
	routeBlock block.Block

	complaints []complaint
	contacts   map[string]string // mailboxes by handle

	blocked, none, elsewhere bool
	lacnic                   bool     // LACNIC speaks, maybe with another's words
	iana                     bool     // IANA speaks, which has no blocks of its own
	refer                    Registry // whom a registry without the block names

	// The object being read.
	fields []field
	// ARIN: the nets that the next organisation section is about begin here, and
	// where those begin that the last one was about.
	open, bound int
	// JPNIC: the part being read, whose block is told next, and the block itself.
	jp       int
	jpHolder string
	jpNet    int
	// KRNIC: the block whose contact comes next.
	krNet int
}

// net is a Net with what is known before its organisation has been found.
type net struct {
	Net
	org         string   // handle of its organisation
	contact     string   // handle of whom complaints go to
	descr       []string // RPSL: the holder's own lines
	placeholder bool     // stands for space of another registry
	weak        bool     // an answer only if no other registry has one
	refer       Registry
	server      string // of a carrier that tells of smaller blocks, host:port
}

type org struct{ name, country string }

type field struct{ key, value string }

// read splits the text into objects: runs of "key: value" lines that end at an
// empty line, at a comment that ends a result, or at the next net of ARIN.
func (d *document) read(text string) {
	d.orgs, d.contacts = map[string]org{}, map[string]string{}
	d.jpNet, d.krNet = -1, -1
	// Before another registry's words LACNIC puts a space.
	d.lacnic = strings.HasPrefix(strings.TrimLeft(text, "\r\n"), " #")
	for len(text) > 0 {
		line := text
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = ""
		}
		line = strings.TrimRight(line, " \t\r")
		if d.lacnic && (strings.HasPrefix(line, " #") || strings.HasPrefix(line, " %")) {
			line = line[1:]
		}
		switch {
		case line == "":
			d.flush()
		case d.rwhois(line), d.jpnic(line), d.krnic(line):
		case line[0] == '%' || line[0] == '#':
			if line == "# start" || line == "# end" {
				d.flush()
				d.open = len(d.nets)
			}
			d.comment(line)
		case line[0] == ' ' || line[0] == '\t' || line[0] == '+':
			d.more(strings.TrimSpace(line[1:]))
		default:
			if key, value, ok := cutField(line); ok {
				d.add(key, value)
			} else {
				d.comment(line)
			}
		}
	}
	d.flush()
}

// cutField cuts "key: value". Keys are words without spaces; "query limit
// exceeded: …" is none.
func cutField(line string) (key, value string, ok bool) {
	i := strings.IndexByte(line, ':')
	if i <= 0 || i > 32 {
		return "", "", false
	}
	key = line[:i]
	for j := 0; j < len(key); j++ {
		switch c := key[j]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return "", "", false
		}
	}
	return key, strings.TrimSpace(line[i+1:]), true
}

func (d *document) add(key, value string) {
	if len(d.fields) >= maxFields {
		return
	}
	value, _, _ = strings.Cut(value, "# Filtered")
	d.fields = append(d.fields, field{key: strings.ToLower(key), value: strings.TrimSpace(value)})
}

// more continues the value of the line before. Only the first bytes of a value
// are ever used, so it does not grow beyond them.
func (d *document) more(value string) {
	if len(d.fields) == 0 || value == "" {
		return
	}
	f := &d.fields[len(d.fields)-1]
	if f.key == "descr" { // a name, and below it an address: lines of their own
		d.add(f.key, value)
		return
	}
	if len(f.value) < source.MaxText {
		f.value += " " + value
	}
}

// flush reads the object that has just ended, by the key it begins with.
func (d *document) flush() {
	if len(d.fields) == 0 {
		return
	}
	switch d.fields[0].key {
	case "inetnum", "inet6num":
		d.inetnum()
	case "organisation":
		d.organisation()
	case "route", "route6":
		d.announcement()
	case "netrange":
		d.netRange()
	case "orgname", "custname":
		d.orgName()
	case "referralserver":
		for i := d.bound; i < len(d.nets); i++ {
			d.referral(&d.nets[i], d.fields[0].value)
		}
	case "orgabusehandle":
		d.arinAbuse("orgabuseemail", false)
	case "rabusehandle":
		d.arinAbuse("rabuseemail", true)
	case "irt":
		d.contact(d.get("irt"))
	case "nic-hdl", "nic-hdl-br":
		d.contact(d.fields[0].value)
	case "refer", "whois":
		if d.refer == "" {
			d.refer = registryAt(d.fields[0].value)
		}
	case "network:class-name", "network:id", "network:auth-area":
		d.network()
	case "jp:network number":
		d.jpNetworkInfo()
	case "kr:address":
		d.krnicNet()
	}
	clear(d.fields)
	d.fields = d.fields[:0]
}

// get returns the first value of key in the object, cleaned.
func (d *document) get(key string) string {
	for _, f := range d.fields {
		if f.key == key && f.value != "" {
			return source.Text(f.value)
		}
	}
	return ""
}

// country returns the first value that is one; regions like EU are not.
func (d *document) country() string {
	for _, f := range d.fields {
		if f.key == "country" {
			if c, ok := source.Country(f.value); ok {
				return c
			}
		}
	}
	return ""
}

// hosts are the registries' own servers, as they name each other.
var hosts = map[string]Registry{
	"whois.arin.net": ARIN, "whois.ripe.net": RIPE, "whois.apnic.net": APNIC, "whois.afrinic.net": AFRINIC, "whois.lacnic.net": LACNIC,
	"whois.registro.br": NICBR, "whois.nic.br": NICBR, "whois.nic.ad.jp": JPNIC, "whois.kisa.or.kr": KRNIC, "whois.krnic.net": KRNIC, "whois.nic.or.kr": KRNIC,
}

// registryAt is the registry whose server a registry's own field names, as a host
// or as an address with a scheme; "" for all others, which are not asked.
func registryAt(server string) Registry {
	server = strings.ToLower(strings.TrimSpace(server))
	if _, rest, ok := strings.Cut(server, "://"); ok {
		server = rest
	}
	server, _, _ = strings.Cut(strings.TrimRight(server, "/"), ":")
	return hosts[server]
}

// keep adds a net that holds the address.
func (d *document) keep(n net) {
	if len(d.nets) < maxNets && n.Block.Contains(d.addr) {
		d.nets = append(d.nets, n)
	}
}

// comment reads what a server says for itself, outside of objects: no holder of
// a block can write there.
func (d *document) comment(line string) {
	d.abuseComment(line)
	low := strings.ToLower(line)
	switch {
	case strings.HasPrefix(low, "% iana whois server"):
		d.iana = true
	case low == "%ok":
		d.none = true // a carrier's server that has said nothing else
	case strings.Contains(low, "% ip client:"), strings.Contains(low, "joint whois"):
		d.lacnic = true
	case d.lacnic && strings.Contains(low, "query terms are ambiguous"):
		d.refer = ARIN // LACNIC hands on what ARIN said to it
	case strings.Contains(low, "error:201"), strings.Contains(low, "error:202"), strings.Contains(low, "error:306"),
		strings.Contains(low, "access denied"), strings.Contains(low, "access from your host has been"),
		strings.Contains(low, "daily limit"), strings.Contains(low, "rate limit exceeded"),
		strings.Contains(low, "query limit") && strings.Contains(low, "exceed"),
		strings.Contains(low, "wait a while and try again"), strings.Contains(low, "too many queries"), strings.Contains(low, "number of allowed queries exceeded"):
		d.blocked = true
	case strings.Contains(low, "error:101"), strings.Contains(low, "no entries found"), strings.HasPrefix(strings.TrimLeft(low, "%# "), "no match"),
		strings.Contains(low, "unallocated and unassigned in lacnic block"):
		d.none = true
	}
}

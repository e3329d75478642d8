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

	blocked, none, elsewhere bool

	// The object being read.
	fields []field
	// ARIN: the nets that the next organisation section is about begin here.
	open int
}

// net is a Net with what is known before its organisation has been found.
type net struct {
	Net
	org         string   // handle of its organisation
	descr       []string // RPSL: the holder's own lines
	placeholder bool     // stands for space of another registry
	weak        bool     // an answer only if no other registry has one
	refer       Registry
}

type org struct{ name, country string }

type field struct{ key, value string }

// read splits the text into objects: runs of "key: value" lines that end at an
// empty line, at a comment that ends a result, or at the next net of ARIN.
func (d *document) read(text string) {
	d.orgs = map[string]org{}
	for len(text) > 0 {
		line := text
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = ""
		}
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "":
			d.flush()
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

// keep adds a net that holds the address.
func (d *document) keep(n net) {
	if len(d.nets) < maxNets && n.Block.Contains(d.addr) {
		d.nets = append(d.nets, n)
	}
}

// comment reads what a server says for itself, outside of objects: no holder of
// a block can write there.
func (d *document) comment(line string) {
	low := strings.ToLower(line)
	switch {
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

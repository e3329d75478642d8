package reply

import (
	"strings"
)

// netRange reads a block as ARIN writes it. The organisation follows in a
// section of its own:
//
//	NetRange:       192.0.2.0 - 192.0.2.255
//	CIDR:           192.0.2.0/24
//	NetName:        EXAMPLE
//	Parent:         NET192 (NET-192-0-0-0-0)
//	NetType:        Direct Allocation
//	Organization:   Example, Inc. (EXAMP)
func (d *document) netRange() {
	d.open = len(d.nets)
	b, ok := rpslRange(d.fields[0].value)
	if !ok {
		return
	}
	n := net{Net: Net{Block: b, Netname: d.get("netname"), Updated: updated(d.get("updated"))}}
	kind := strings.ToLower(d.get("nettype"))
	n.Leaf = kind == "reassigned" || kind == "direct assignment"
	// Short form, used where no section follows.
	who := d.get("organization")
	if who == "" {
		who = d.get("customer")
	}
	handle := ""
	if i := strings.LastIndex(who, " ("); i > 0 && strings.HasSuffix(who, ")") {
		who, handle = who[:i], who[i+2:len(who)-1]
	}
	n.Registrant = who
	for _, p := range []string{"allocated to ", "transferred to ", "early registrations, transferred to ", "early registrations, maintained by "} {
		if rest, ok := strings.CutPrefix(kind, p); ok {
			n.placeholder, n.refer = true, registryNamed(rest)
		}
	}
	if r, ok := registryOrgs[strings.ToUpper(handle)]; ok {
		n.placeholder = true
		if n.refer == "" {
			n.refer = r
		}
	}
	if n.refer == ARIN {
		n.refer = "" // ARIN's own space: nobody else to ask
	}
	d.keep(n)
}

// registryOrgs are the organisation handles under which ARIN keeps blocks that
// are a registry's and nobody's.
var registryOrgs = map[string]Registry{
	"RIPE": RIPE, "APNIC": APNIC, "AFRINIC": AFRINIC, "LACNIC": LACNIC, "ARIN": ARIN,
}

// orgName reads the section that tells whose the nets before it are.
func (d *document) orgName() {
	for i := d.open; i < len(d.nets); i++ {
		n := &d.nets[i]
		if name := d.fields[0].value; name != "" {
			n.Registrant = d.get(d.fields[0].key)
		}
		if n.Country == "" {
			n.Country = d.country()
		}
		if r, ok := registryOrgs[strings.ToUpper(d.get("orgid"))]; ok && !n.placeholder {
			n.placeholder, n.refer = true, r
			if r == ARIN {
				n.refer = ""
			}
		}
	}
	d.open = len(d.nets)
}

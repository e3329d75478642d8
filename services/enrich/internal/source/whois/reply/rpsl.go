package reply

import (
	"net/netip"
	"strings"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
	"github.com/whoknocks/whoknocks/services/enrich/internal/name"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
)

// inetnum reads a block as RIPE NCC, APNIC, AFRINIC and LACNIC write it:
//
//	inetnum:        192.0.2.0 - 192.0.2.255
//	netname:        EXAMPLE-NET
//	descr:          Example Networks
//	country:        NL
//	org:            ORG-EX1-RIPE
//	status:         ASSIGNED PA
func (d *document) inetnum() {
	b, ok := Range(d.fields[0].value)
	if !ok {
		return
	}
	if NotMine(b) {
		d.elsewhere = true
		return
	}
	n := net{Net: Net{Block: b, Netname: d.get("netname"), Country: d.country()}, org: strings.ToUpper(d.get("org"))}
	n.Leaf = Leaf(d.get("status"))
	n.Updated = updated(d.get("last-modified"))
	stub, national := false, Registry("")
	for _, f := range d.fields {
		switch f.key {
		case "descr":
			n.descr = append(n.descr, source.Text(f.value))
		case "mnt-by":
			stub = stub || Stub(f.value)
		}
		if f.key == "mnt-by" || f.key == "mnt-lower" {
			if r := National(f.value); r != "" {
				national = r
			}
		}
	}
	n.Handle = n.org
	if n.contact = d.get("mnt-irt"); n.contact == "" {
		n.contact = d.get("abuse-c")
	}
	if owner := d.get("owner"); owner != "" { // LACNIC
		n.Registrant = owner
		n.Updated = updated(d.get("changed"))
	}
	n.placeholder, n.weak = Placeholder(n.Netname)
	n.Leaf = n.Leaf && !n.weak
	if strings.EqualFold(d.get("source"), "APNIC") && national != "" && !n.Leaf {
		n.weak, n.refer = true, national // which tells of smaller blocks
	}
	n.placeholder = n.placeholder || d.iana
	if stub {
		// Only with this maintainer is the description APNIC's own.
		n.placeholder, n.refer = true, TransferredTo(n.descr)
	}
	d.keep(n)
}

// registryNamed finds the registry that s begins with or consists of.
func registryNamed(s string) Registry {
	s = strings.ToLower(strings.TrimSpace(s))
	for _, r := range []Registry{AFRINIC, APNIC, ARIN, LACNIC, RIPE} {
		if strings.HasPrefix(s, string(r)) {
			return r
		}
	}
	return ""
}

func (d *document) organisation() {
	if len(d.orgs) < maxOrgs {
		d.orgs[strings.ToUpper(d.get("organisation"))] = org{name: d.get("org-name"), country: d.country()}
	}
}

// announcement reads a route or route6 object and keeps the description of the
// narrowest that holds the address.
func (d *document) announcement() {
	p, err := netip.ParsePrefix(d.fields[0].value)
	if err != nil {
		return
	}
	b := block.Of(p)
	descr := d.get("descr")
	if b.Contains(d.addr) && descr != "" && !name.IsAddress(descr) && (d.route == "" || b.Narrower(d.routeBlock)) {
		d.route, d.routeBlock = descr, b
	}
}

// finish binds the organisation to a net and decides on its registrant: the
// organisation's name, else the first line of the description that is not an
// address, else the net name.
func (d *document) finish(i int) Net {
	n := &d.nets[i]
	if o, ok := d.orgs[n.org]; ok && n.org != "" {
		if n.Registrant == "" {
			n.Registrant = o.name
		}
		if n.Country == "" {
			n.Country = o.country
		}
	}
	if n.Registrant == "" {
		n.Registrant = Describe(n.descr)
	}
	if n.Registrant == "" {
		n.Registrant = n.Netname
	}
	n.Abuse = d.abuse(n)
	n.Private = n.Private || Withheld(n.Registrant)
	return n.Net
}

// updated reads the forms in which registries write when an object changed. An
// unknown form is the zero time: it only decides between equal blocks.
func updated(s string) time.Time {
	for _, layout := range []string{time.RFC3339, time.DateOnly, "20060102"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

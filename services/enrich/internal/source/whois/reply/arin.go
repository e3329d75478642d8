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
	b, ok := Range(d.fields[0].value)
	if !ok {
		return
	}
	n := net{Net: Net{Block: b, Netname: d.get("netname"), Updated: updated(d.get("updated"))}}
	kind := strings.ToLower(d.get("nettype"))
	n.Leaf = Leaf(kind)
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
	n.refer, n.placeholder = AllocatedTo(kind)
	if r, ok := RegistryOrg(handle); ok {
		n.placeholder = true
		if n.refer == "" {
			n.refer = r
		}
	}
	n.Handle = handle
	d.referral(&n, d.get("referralserver"), d.get("resourcelink"))
	if n.refer == ARIN {
		n.refer = "" // ARIN's own space: nobody else to ask
	}
	d.keep(n)
}

// referral reads to whom the fields of a net or its organisation send: another
// registry, if the net is a placeholder, or the server of a carrier.
func (d *document) referral(n *net, fields ...string) {
	for _, f := range fields {
		if server, ok := strings.CutPrefix(strings.ToLower(f), "rwhois://"); ok && n.server == "" {
			n.server = carrierServer(server)
		}
		if n.placeholder && n.refer == "" {
			n.refer = registryAt(f)
		}
	}
}

// carrierServer returns host:port of a server that a registry's field names, ""
// if it is none that may be asked: ports 43 and 4321, and a name with a dot in it.
// That it leads to a public address is for whoever connects to see to.
func carrierServer(server string) string {
	server, _, _ = strings.Cut(server, "/")
	host, port, ok := strings.Cut(server, ":")
	if !ok {
		port = "4321"
	}
	if port != "43" && port != "4321" || len(host) > 253 || !strings.Contains(host, ".") || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
		return ""
	}
	return host + ":" + port
}

// arinAbuse binds the mailbox for complaints to the nets that were told last: a
// net's own goes before its organisation's.
func (d *document) arinAbuse(key string, own bool) {
	m := Mailbox(d.get(key))
	for i := d.bound; i < len(d.nets) && m != ""; i++ {
		if own || d.nets[i].Abuse == "" {
			d.nets[i].Abuse = m
		}
	}
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
		if id := d.get("orgid"); id != "" {
			n.Handle = id
		}
		d.referral(n, d.get("referralserver"))
		if r, ok := RegistryOrg(d.get("orgid")); ok && !n.placeholder {
			n.placeholder, n.refer = true, r
			if r == ARIN {
				n.refer = ""
			}
		}
	}
	d.bound, d.open = d.open, len(d.nets)
}

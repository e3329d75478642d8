package reply

import (
	"strings"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
)

// rwhois takes a line of a carrier's server, which tells how it has split a block
// among its customers (RFC 2167):
//
//	network:Class-Name:network
//	network:IP-Network:192.0.2.0/26
//	network:Organization;I:Example Customer, Inc.
//	contact:Abuse-Email:abuse@example.net
func (d *document) rwhois(line string) bool {
	class, rest, ok := strings.Cut(line, ":")
	if !ok || class != "network" && class != "contact" {
		return false
	}
	key, value, ok := strings.Cut(rest, ":")
	if !ok || len(key) > 32 {
		return true
	}
	key, _, _ = strings.Cut(strings.ToLower(key), ";")
	key = class + ":" + key
	if key == "network:class-name" {
		d.flush()
	}
	d.add(key, value)
	return true
}

// network reads an object of a carrier's server.
func (d *document) network() {
	b, ok := Range(d.get("network:ip-network"))
	if !ok {
		if b, ok = Range(d.get("network:ip-network-block")); !ok {
			return
		}
	}
	n := net{Net: Net{Block: b, Netname: d.get("network:network-name"), Leaf: true, Updated: updated(d.get("network:updated"))}}
	for _, key := range []string{"organization", "org-name", "organization-name", "organisation"} {
		if n.Registrant == "" {
			n.Registrant = d.get("network:" + key)
		}
	}
	for _, f := range d.fields {
		if f.key == "network:country-code" || f.key == "network:country" {
			n.Country, _ = source.Country(f.value)
		}
	}
	n.Abuse = Mailbox(d.get("contact:abuse-email"))
	d.keep(n)
}

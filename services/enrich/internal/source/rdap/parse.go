package rdap

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
	"github.com/whoknocks/whoknocks/services/enrich/internal/name"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// Bounds on what is taken from one reply, far above what registries send.
const (
	maxDepth    = 4 // entities within entities
	maxEntities = 256
	maxLines    = 256 // of descriptions
)

// object is an "ip network" (RFC 9083, section 5.4), or an error (section 6).
type object struct {
	ObjectClassName string
	Handle          string
	ParentHandle    string
	StartAddress    string
	EndAddress      string
	Name            string
	Type            string
	Status          []string
	Country         string
	CIDRs           []cidr `json:"cidr0_cidrs"` // of the extension cidr0
	Entities        []entity
	Remarks         []remark // the holder's words
	Notices         []remark // the server's
	Events          []event

	ErrorCode   int
	Title       string
	Description []string
}

type cidr struct {
	V4Prefix, V6Prefix string
	Length             int
}

type entity struct {
	Handle     string
	Roles      []string
	VCardArray json.RawMessage
	Entities   []entity
}

type remark struct {
	Title       string
	Description []string
}

type event struct{ EventAction, EventDate string }

func (e *entity) role(role string) bool {
	return slices.ContainsFunc(e.Roles, func(r string) bool { return strings.EqualFold(r, role) })
}

// Parse reads the reply to a question about addr, which must be unmapped: an
// object of class "ip network" (RFC 9083, section 5.4).
//
//	{"objectClassName": "ip network", "handle": "192.0.2.0 - 192.0.2.255",
//	 "startAddress": "192.0.2.0", "endAddress": "192.0.2.255", "name": "EXAMPLE-NET",
//	 "type": "ASSIGNED PA", "country": "NL", "entities": […]}
//
// Registrations are judged by the rules of package reply. Nothing of a person is
// told: cards of people are read for what must not be told only, and a block that
// is registered for one is Private. A reply about another address, and text that
// is no such object, are Unusable. It does not block and keeps nothing of data.
func Parse(addr netip.Addr, data []byte) reply.Reply {
	var o object
	// A field of the wrong type is left out; the others are read all the same.
	var wrong *json.UnmarshalTypeError
	if err := json.Unmarshal(data, &o); err != nil && !errors.As(err, &wrong) {
		return reply.Reply{}
	}
	if o.StartAddress == "" && o.EndAddress == "" && len(o.CIDRs) == 0 {
		return reply.Reply{Kind: o.failure()}
	}
	if o.ObjectClassName != "" && !strings.EqualFold(o.ObjectClassName, "ip network") {
		return reply.Reply{}
	}
	b, repeats := o.block(addr)
	switch {
	case !b.Contains(addr):
		return reply.Reply{}
	case reply.NotMine(b):
		return reply.Reply{Kind: reply.Elsewhere}
	}
	r := registration{object: &o}
	r.read()
	return r.judge(b, repeats)
}

// failure says what an error means, from what the server itself writes.
func (o *object) failure() reply.Kind {
	switch {
	case o.refuses(), o.ErrorCode == 403, o.ErrorCode == 429, o.ErrorCode == 503:
		return reply.Blocked
	case o.ErrorCode == 404:
		return reply.None
	}
	return reply.Unusable
}

// refuses says whether the server writes that it was asked too often, as some do
// with a status that says something else.
func (o *object) refuses() bool {
	texts := append([]string{o.Title}, o.Description...)
	for _, n := range o.Notices {
		texts = append(texts, n.Title)
	}
	return slices.ContainsFunc(texts, func(s string) bool {
		s = strings.ToLower(s)
		return strings.Contains(s, "rate limit") || strings.Contains(s, "too many")
	})
}

// block finds the addresses that the object is about. repeats says that these are
// the address that was asked about and nothing else is said: LACNIC's server did
// so whatever the block.
func (o *object) block(addr netip.Addr) (b block.Block, repeats bool) {
	first, last := address(o.StartAddress), address(o.EndAddress)
	if b, err := block.New(first, last); err == nil {
		if b != block.Single(addr) {
			return b, false
		}
		if wider, ok := reply.Range(o.Handle); ok && wider != b && wider.Contains(addr) {
			return wider, false
		}
		return b, !strings.ContainsAny(o.Handle, "/-") && address(o.Handle) == addr
	}
	for _, c := range o.CIDRs {
		p, err := address(c.V4Prefix + c.V6Prefix).Prefix(c.Length)
		if err == nil && p.Contains(addr) {
			return block.Of(p), false
		}
	}
	return block.Block{}, false
}

// address reads an address, also with what some servers put around it: a length,
// as in "192.0.2.0/32", and zeros, as in "192.000.002.000", which are no octal.
// It is the zero Addr for anything else.
func address(s string) netip.Addr {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "/")
	if len(s) > 64 {
		return netip.Addr{}
	}
	if !strings.Contains(s, ":") {
		octets := strings.Split(s, ".")
		for i, o := range octets {
			if octets[i] = strings.TrimLeft(o, "0"); octets[i] == "" && o != "" {
				octets[i] = "0"
			}
		}
		s = strings.Join(octets, ".")
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}
	}
	return a.Unmap()
}

// registration collects what is said around the block.
type registration struct {
	object *object

	registrant, handle, country string // of the organisation
	abuse                       string
	person                      bool     // it is registered for a person
	people                      []string // names that must not be told
	descr                       []string

	registry reply.Registry // that the block is registered for, if it is one
	foreign  bool           // it is
	stub     bool
	national reply.Registry
}

// read walks through the entities, from the outer to the inner ones: what is said
// of the block goes before what is said of its organisation.
func (r *registration) read() {
	spare, n := card{}, 0
	spareHandle := ""
	level := r.object.Entities
	for depth := 0; len(level) > 0 && depth < maxDepth; depth++ {
		var inner []entity
		for i := range level {
			e := &level[i]
			if n++; n > maxEntities {
				break
			}
			inner = append(inner, e.Entities...)
			c := readCard(e.VCardArray)
			if c.person() {
				if c.name != "" {
					r.people = append(r.people, c.name)
				}
			} else if r.abuse == "" && e.role("abuse") {
				r.abuse = c.mail
			}
			if depth > 0 {
				continue // an organisation's or a contact's, not the block's
			}
			r.stub = r.stub || reply.Stub(e.Handle)
			if nat := reply.National(e.Handle); nat != "" {
				r.national = nat
			}
			switch {
			case e.role("registrant"):
				r.owner(e.Handle, c)
			case len(e.Roles) == 0 && c.kind == "org" && spareHandle == "":
				spare, spareHandle = c, e.Handle // AFRINIC's has no role
			}
		}
		level = inner
	}
	if r.registrant == "" && r.handle == "" && !r.person && spareHandle != "" {
		r.owner(spareHandle, spare)
	}
	for _, m := range r.object.Remarks {
		// Others are for whoever reads them: RIPE NCC's has no title, APNIC's has.
		if m.Title == "" || strings.EqualFold(m.Title, "description") {
			for _, l := range m.Description[:min(len(m.Description), maxLines-len(r.descr))] {
				r.descr = append(r.descr, source.Text(l))
			}
		}
	}
}

// owner takes an entity with the role registrant.
func (r *registration) owner(handle string, c card) {
	up := strings.ToUpper(handle)
	if strings.HasSuffix(up, "-MNT") || strings.HasPrefix(up, "MNT-") || strings.HasPrefix(up, "MAINT-") {
		return // RIPE NCC lists those who may change the registration as well
	}
	if reg, ok := reply.RegistryOrg(handle); ok {
		r.registry, r.foreign = reg, true
	}
	if r.registrant != "" {
		return
	}
	empty := c == card{}
	if c.person() && !empty {
		r.person = true
		return
	}
	if empty && !strings.HasPrefix(up, "ORG-") {
		return // no card, and the handle may be a person's
	}
	if strings.ContainsAny(up, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") { // NIC.br's is a tax number
		r.handle = source.Text(handle)
	}
	r.country = c.country
	r.registrant = c.name
	if c.kind != "org" && c.org != "" {
		r.registrant = c.org // the name is a contact's
	}
	if strings.EqualFold(r.registrant, handle) {
		r.registrant = ""
	}
}

// judge decides on the registrant and the kind of the reply.
func (r *registration) judge(b block.Block, repeats bool) reply.Reply {
	o := r.object
	n := reply.Net{Block: b, Netname: source.Text(o.Name), Handle: r.handle, Abuse: r.abuse}
	if n.Country, _ = source.Country(o.Country); n.Country == "" {
		n.Country = r.country
	}
	n.Registrant = r.registrant
	if strings.Contains(n.Netname, " ") { // no name of a net has one: LACNIC writes the owner's
		if n.Registrant == "" {
			n.Registrant = n.Netname
		}
		n.Netname = ""
	}
	if r.someones(n.Registrant) || r.registrant == "" && r.person {
		n.Private, n.Registrant, n.Handle = true, "", ""
	}
	if r.someones(n.Netname) || n.Private && r.namesAny(n.Netname) {
		n.Netname = ""
	}
	if n.Registrant == "" && !n.Private {
		n.Registrant = reply.Describe(slices.DeleteFunc(r.descr, r.someones))
	}
	if n.Registrant == "" && !n.Private {
		n.Registrant = n.Netname
	}
	n.Private = n.Private || reply.Withheld(n.Registrant)
	n.Leaf = !repeats && (reply.Leaf(o.Type) || o.Type == "" && slices.ContainsFunc(o.Status, reply.Leaf))
	for _, e := range o.Events {
		if strings.EqualFold(e.EventAction, "last changed") {
			n.Updated, _ = time.Parse(time.RFC3339, e.EventDate)
		}
	}

	placeholder, weak := reply.Placeholder(source.Text(o.Name))
	refer, foreign := reply.AllocatedTo(o.Type)
	if refer == "" {
		refer = r.registry
	}
	switch {
	case r.stub:
		placeholder, refer = true, reply.TransferredTo(r.descr)
	case foreign, r.foreign:
		placeholder = true
	case r.national != "" && !n.Leaf:
		weak, refer = true, r.national // which tells of smaller blocks
	}
	if refer == reply.ARIN && r.registry == reply.ARIN {
		refer = "" // ARIN's own space: nobody else to ask
	}
	if placeholder {
		return reply.Reply{Kind: reply.Elsewhere, Refer: refer, Held: b}
	}
	out := reply.Reply{Kind: reply.Answer, Net: n}
	if p, ok := reply.Range(o.ParentHandle); ok && p != b && p.Covers(b) && !reply.NotMine(p) {
		out.Parent.Block = p // of which nothing else is known
	}
	if weak {
		out.Kind, out.Refer, out.Held, out.Net.Leaf = reply.Elsewhere, refer, b, false
	}
	return out
}

// someones says whether s is the name of a person of the reply. Some put a
// company's name there: its legal form tells.
func (r *registration) someones(s string) bool {
	return s != "" && name.Short(s) == s && slices.ContainsFunc(r.people, func(p string) bool { return strings.EqualFold(p, s) })
}

// namesAny says whether s has a word of the name of a person of the reply.
func (r *registration) namesAny(s string) bool {
	s = strings.ToLower(s)
	for _, p := range r.people {
		for word := range strings.FieldsSeq(strings.ToLower(p)) {
			if len(word) > 2 && strings.Contains(s, word) {
				return true
			}
		}
	}
	return false
}

package whois

import (
	"net/netip"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// Answer is what the registries say about an address, in the form in which it is
// kept and shared. It holds nothing of a person.
type Answer struct {
	// First and Last bound the addresses that have this answer: a block that
	// was assigned to its user, else the asked address alone (in IPv6 its /64),
	// because a smaller block with another owner may lie beside it.
	First netip.Addr `json:"first"`
	Last  netip.Addr `json:"last"`
	// None says that no registry knows anything; the fields below are empty.
	None bool `json:"none,omitempty"`

	Network       string         `json:"network,omitempty"` // the smallest registered block
	Registrant    string         `json:"registrant,omitempty"`
	Netname       string         `json:"netname,omitempty"`
	Country       string         `json:"country,omitempty"`
	Private       bool           `json:"private,omitempty"` // a person whose name is withheld
	Parent        string         `json:"parent,omitempty"`  // registrant of the next larger block
	ParentNetname string         `json:"parent_netname,omitempty"`
	Route         string         `json:"route,omitempty"`  // who announces it, as the registry has it
	Handle        string         `json:"handle,omitempty"` // of the organisation, in its registry
	Abuse         string         `json:"abuse,omitempty"`  // mailbox for complaints
	Registry      reply.Registry `json:"registry,omitempty"`
	RDAP          bool           `json:"rdap,omitempty"` // rather than WHOIS
	Asked         time.Time      `json:"asked"`
}

// Block is the addresses that have this answer.
func (a Answer) Block() block.Block { return block.Block{First: a.First, Last: a.Last} }

// Blocks wider than these are never taken for one user's, whatever they say.
const leafBits4, leafBits6 = 8, 16

func answerOf(addr netip.Addr, rep reply.Reply, from reply.Registry, asked time.Time) Answer {
	own := around(addr)
	n := rep.Net
	if n.Leaf && !n.Block.Wider(leafBits4, leafBits6) {
		own = n.Block
	}
	return Answer{
		First: own.First, Last: own.Last,
		Network: n.Block.String(), Registrant: n.Registrant, Netname: n.Netname, Country: n.Country, Private: n.Private,
		Parent: rep.Parent.Registrant, ParentNetname: rep.Parent.Netname, Route: rep.Route,
		Handle: n.Handle, Abuse: n.Abuse,
		Registry: from, RDAP: rep.Via != "", Asked: asked.UTC().Truncate(time.Second),
	}
}

func noneOf(addr netip.Addr, from reply.Registry, asked time.Time) Answer {
	own := around(addr)
	return Answer{First: own.First, Last: own.Last, None: true, Registry: from, Asked: asked.UTC().Truncate(time.Second)}
}

// around is the address alone, in IPv6 its /64: within one network its users
// choose the rest themselves.
func around(addr netip.Addr) block.Block {
	if addr.Is6() {
		return block.Of(netip.PrefixFrom(addr, 64))
	}
	return block.Single(addr)
}

// Package reply reads what the registries' WHOIS servers answer to a question
// about one address: ARIN's own form, and RPSL as RIPE NCC, APNIC, AFRINIC and,
// with words of its own, LACNIC write it. It finds the smallest registered
// block that holds the address, says who registered it, and tells answers from
// what only looks like one.
//
// A reply is text from outside, and most of its values were written by the
// holders of the blocks. It is read in one pass, never followed and never kept:
// names, a country and ranges are all that leaves this package.
//
// Forms: https://www.arin.net/resources/registry/whois/ and
// https://docs.db.ripe.net/RPSL-Object-Types/
package reply

import (
	"net/netip"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
)

// Kind says what a reply means.
type Kind uint8

// The kinds of replies.
const (
	Unusable  Kind = iota // empty, cut off, or in no form that is known: not an answer
	Answer                // Net is the smallest registered block
	None                  // the registry says that it has no registration
	Elsewhere             // another registry holds the block
	Blocked               // the registry refuses to answer this asker for now
)

// String returns a word for logs and metrics.
func (k Kind) String() string {
	switch k {
	case Answer:
		return "answer"
	case None:
		return "none"
	case Elsewhere:
		return "elsewhere"
	case Blocked:
		return "blocked"
	}
	return "unusable"
}

// Registry names a registry.
type Registry string

// The regional registries, the national ones that hold what their region's
// registry does not tell in full, the root of them all, and the servers of
// carriers (referral WHOIS, RFC 2167), each of which tells of its own blocks.
const (
	ARIN    Registry = "arin"
	RIPE    Registry = "ripe"
	APNIC   Registry = "apnic"
	AFRINIC Registry = "afrinic"
	LACNIC  Registry = "lacnic"
	NICBR   Registry = "nicbr"
	JPNIC   Registry = "jpnic"
	KRNIC   Registry = "krnic"
	IANA    Registry = "iana"
	RWHOIS  Registry = "rwhois"
)

// Reply is what a reply says about the address that was asked for.
type Reply struct {
	Kind Kind
	// Net is the smallest block. Of a reply of kind Elsewhere it may still be
	// set: the answer if no other registry has a better one.
	Net Net
	// Parent is the next larger block in the reply; its Block is not valid
	// where there was none.
	Parent Net
	// Route is the description of the narrowest announcement in the reply. It
	// tells a carrier, never an owner.
	Route string
	// Refer is the registry that holds the block, "" if the reply does not say.
	// It is told by the registry's own fields, not by a holder's text.
	Refer Registry
	// Held is, for Elsewhere, what the other registry holds of this one's space.
	Held block.Block
	// Server is that of the carrier that an Answer is about, host:port, where it
	// tells of its customers' blocks; "" if it has none. It is the registry's own
	// field, but anybody may be behind it.
	Server string
	// Via is for whoever asked, to say how; Parse leaves it empty.
	Via string
}

// Net is one registered block.
type Net struct {
	Block      block.Block
	Netname    string
	Registrant string // as registered; the net name where there is nothing better
	Country    string // ISO 3166 alpha-2
	Leaf       bool   // assigned to its user: no smaller blocks are to be expected inside
	Private    bool   // registered for a person whose name the registry withholds
	Handle     string // of the organisation, in its registry
	Abuse      string // mailbox for complaints
	Updated    time.Time
}

// Parse reads the reply to a question about addr, which must be unmapped.
func Parse(addr netip.Addr, text string) Reply {
	d := document{addr: addr}
	d.read(text)
	return d.result()
}

// result picks the smallest block that holds the address.
func (d *document) result() Reply {
	var r Reply
	best, parent, placeholder := -1, -1, -1
	for i := range d.nets {
		n := &d.nets[i]
		switch {
		case n.placeholder:
			if placeholder < 0 || smaller(&n.Net, &d.nets[placeholder].Net) {
				placeholder = i
			}
		case best < 0 || smaller(&n.Net, &d.nets[best].Net):
			best, parent = i, best
		case n.Block != d.nets[best].Block && (parent < 0 || smaller(&n.Net, &d.nets[parent].Net)):
			parent = i
		}
	}
	if best >= 0 {
		r.Net = d.finish(best)
		r.Server = d.nets[best].server
	}
	if parent >= 0 && d.nets[parent].Block.Covers(r.Net.Block) && d.nets[parent].Block != r.Net.Block {
		r.Parent = d.finish(parent)
	}
	r.Route = d.route
	switch {
	case placeholder >= 0 && (best < 0 || d.nets[best].weak || d.nets[placeholder].Block.Narrower(r.Net.Block)):
		// Another registry's block inside this one's makes this one's no answer.
		r.Kind, r.Refer, r.Held = Elsewhere, d.nets[placeholder].refer, d.nets[placeholder].Block
		if r.Refer == "" {
			r.Refer = d.refer
		}
	case best >= 0 && d.nets[best].weak:
		r.Kind, r.Refer, r.Held = Elsewhere, d.nets[best].refer, r.Net.Block
	case best >= 0:
		r.Kind = Answer
	case d.blocked:
		r.Kind = Blocked
	case d.elsewhere, d.refer != "":
		r.Kind, r.Refer = Elsewhere, d.refer
	case d.none:
		r.Kind = None
	}
	return r
}

// smaller says whether a is the better answer: the narrower block, and of two
// equal ones that which was changed later.
func smaller(a, b *Net) bool {
	if a.Block == b.Block {
		return a.Updated.After(b.Updated)
	}
	return a.Block.Narrower(b.Block)
}

// Package family tells which registered names are one owner's: "Pfizer Inc." and
// "Pfizer Pte Ltd" are Pfizer. It finds families of autonomous systems in IP-to-AS
// data, says whether two names are of one family and why, and suggests what it is
// not sure of.
//
// Names alone join nothing: there are eleven unrelated StarNets. Two names need
// an equal Core, or one organisation handle, and a second signal that agrees.
// A wrong family is worse than none, so what words can't tell is left to the
// user's rules, which come first and are none of this package's business.
package family

import (
	"fmt"
	"slices"
	"strings"
)

// Name is a registered name and what was registered with it. Everything but Text
// may be missing.
type Name struct {
	Text        string
	ASN         uint32 // who announces it, or whose name it is
	Country     string // ISO 3166 alpha-2
	Registry    string // in which Handle means something
	Handle      string // of the organisation
	AbuseDomain string // of the mailbox for complaints; the mailbox will do
}

// Same says whether two registered names are of one owner, and why. It wants an
// equal core or one organisation handle, and a second signal: the same AS, abuse
// mailbox domain or family of systems, or, of a rare core, the same country.
func (ix *Index) Same(a, b Name) (why string, ok bool) {
	p, q := parse(a.Text), parse(b.Text)
	key := p.key()
	words := key != "" && key == q.key()
	as := a.ASN != 0 && a.ASN == b.ASN
	country := len(a.Country) == 2 && a.Country == b.Country
	domain := sameDomain(a.AbuseDomain, b.AbuseDomain)
	if a.Handle != "" && a.Handle == b.Handle && a.Registry != "" && a.Registry == b.Registry {
		handle := "same organisation handle " + a.Handle
		switch {
		case words:
			return handle + " and " + because(p), true
		case domain != "":
			return handle + " and same abuse mailbox domain " + domain, true
		case as:
			return fmt.Sprintf("%s and both announced by AS%d", handle, a.ASN), true
		case country:
			return handle + " and both in " + a.Country, true
		}
	}
	if !words {
		return "", false
	}
	switch {
	case as:
		return fmt.Sprintf("%s and both announced by AS%d", because(p), a.ASN), true
	case domain != "":
		return because(p) + " and same abuse mailbox domain " + domain, true
	}
	r := rankOf(p.words)
	c := ix.core(key)
	if c != nil {
		r = c.rank
		g, h := ix.of(c, a.ASN), ix.of(c, b.ASN)
		if g != nil && g == h {
			return because(p) + " and systems in the same countries", true
		}
		if g != nil && h != nil { // the data holds them apart
			return "", false
		}
	}
	switch {
	case !country:
	case r == plain && p.tells == q.tells, r == known && ix.at(c.first, a.Country):
		return because(p) + ", which is rare, and both in " + a.Country, true
	}
	return "", false
}

// because is the first signal, for people.
func because(p parsed) string {
	return fmt.Sprintf("same name but for words that tell little, %q", strings.Join(p.words, " "))
}

// Family is one owner's systems, told by the largest of them.
type Family struct {
	ASN   uint32
	Name  string // of that system in the data
	Owner string // the name without its legal form
}

// AS returns the family of an autonomous system, and why it is in it. False if
// nothing else is, or if the data has another name for the number.
func (ix *Index) AS(asn uint32, text string) (f Family, why string, ok bool) {
	m, ok := ix.members[asn]
	if !ok || hash(text) != m.name {
		return Family{}, "", false
	}
	n := ix.named[m.family]
	return n.Family, n.why, true
}

// Registrant returns the family that a registrant belongs to: one that has its
// core, and to which its AS belongs, or, if the core is rare, which is in its
// country. Everybody else belongs to none that is known.
func (ix *Index) Registrant(n Name) (f Family, why string, ok bool) {
	p := parse(n.Text)
	c := ix.core(p.key())
	if c == nil {
		return Family{}, "", false
	}
	if g := ix.of(c, n.ASN); g != nil {
		return g.family(), fmt.Sprintf("%s as %s and announced by its AS%d", because(p), g.text, n.ASN), true
	}
	if len(n.Country) != 2 || c.rank == weak {
		return Family{}, "", false
	}
	for i := c.first; i < c.first+c.count; i++ {
		g := &ix.families[i]
		if ix.at(i, n.Country) && (c.rank == known && i == c.first || rankOf(p.words) == plain && g.tells == p.tells) {
			return g.family(), fmt.Sprintf("%s as AS%d %s, which is rare, and both in %s", because(p), g.asn, g.text, n.Country), true
		}
	}
	return Family{}, "", false
}

// core finds what the data says about a core; nil if it says nothing.
func (ix *Index) core(key string) *core {
	if key == "" {
		return nil
	}
	i, ok := slices.BinarySearchFunc(ix.cores, key, func(c core, key string) int { return strings.Compare(c.key, key) })
	if !ok {
		return nil
	}
	return &ix.cores[i]
}

// of finds the family of a core that a system is in.
func (ix *Index) of(c *core, asn uint32) *group {
	if asn == 0 {
		return nil
	}
	for i := c.first; i < c.first+c.count; i++ {
		if g := &ix.families[i]; slices.Contains(ix.systems[g.systems:g.systems+g.count], asn) {
			return g
		}
	}
	return nil
}

// at says whether a family is in a country.
func (ix *Index) at(family int32, country string) bool {
	g := &ix.families[family]
	return slices.Contains(ix.countries[g.countries:g.countries+uint32(g.in)], pack(country))
}

// sameDomain returns the mail domain of both, if it is one that tells an
// organisation.
func sameDomain(a, b string) string {
	a, b = domain(a), domain(b)
	if a != b || sharedDomain[a] {
		return ""
	}
	return a
}

func domain(s string) string {
	s = strings.ToLower(strings.TrimSuffix(s[strings.LastIndexByte(s, '@')+1:], "."))
	if !strings.Contains(s, ".") {
		return ""
	}
	return strings.TrimPrefix(s, "abuse.")
}

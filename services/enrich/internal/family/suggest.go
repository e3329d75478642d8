package family

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Counted is an owner as the program names it today.
type Counted struct {
	Owner    string
	Names    []string // as registered, if known: those that a rule must fit
	Attempts uint64
}

// Suggestion is owners that may be one: the user knows.
type Suggestion struct {
	Owner    string    // the name with the most attempts
	Of       []Counted // the most attempts first, Owner's own among them
	Why      string
	Attempts uint64 // of all
}

// What a suggestion may hold, and how many names are compared: those with the
// most attempts.
const maxSuggested, maxOf, nearLength = 50_000, 20, 8

// Suggest lists owners that are probably one, the most attempts first: with one
// core, with the core of the other and more behind it, or with a core of eight
// letters or more that differs in one. No second signal is asked for, so some are
// wrong. It takes some microseconds a name.
func Suggest(owners []Counted) []Suggestion {
	owners = slices.Clone(owners)
	slices.SortStableFunc(owners, func(a, b Counted) int {
		return cmp.Or(cmp.Compare(b.Attempts, a.Attempts), strings.Compare(a.Owner, b.Owner))
	})
	owners = owners[:min(len(owners), maxSuggested)]
	byKey, byLetters := map[string]*gathered{}, map[string]*gathered{}
	var all []*gathered
	parsedOf := make([]parsed, len(owners))
	for i := range owners {
		p := parse(owners[i].Owner)
		parsedOf[i] = p
		if len(p.words) == 0 {
			continue
		}
		g := byKey[p.key()]
		if g == nil {
			g = &gathered{why: "same words but for legal form, place and trade", words: p.words}
			byKey[p.key()], all = g, append(all, g)
		}
		g.of = append(g.of, i)
	}
	for _, g := range all {
		g.attach(byKey, byLetters)
	}
	var out []Suggestion
	for _, g := range all {
		slices.Sort(g.of)
		if g.into != nil || len(g.of) < 2 {
			continue
		}
		s := Suggestion{Owner: owners[g.of[0]].Owner, Why: g.why + ": " + strings.Join(g.words, " ")}
		for _, i := range g.of {
			s.Attempts += owners[i].Attempts
			if len(s.Of) < maxOf {
				s.Of = append(s.Of, owners[i])
			}
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b Suggestion) int { return cmp.Compare(b.Attempts, a.Attempts) })
	return out
}

// gathered is owners with one core, and those that came to it.
type gathered struct {
	words []string
	of    []int
	why   string
	into  *gathered
}

// attach gives what g holds to a core that is like it, if there is one.
func (g *gathered) attach(byKey, byLetters map[string]*gathered) {
	for n := len(g.words) - 1; n > 0; n-- {
		if to := byKey[strings.Join(g.words[:n], "")]; to != nil && rankOf(g.words[:n]) != weak {
			g.give(to, "one begins with the other")
			return
		}
	}
	key := strings.Join(g.words, "")
	if utf8.RuneCountInString(key) < nearLength {
		return
	}
	// Keys that differ in one letter are equal without one of each.
	var without []string
	for i, r := range key {
		without = append(without, key[:i]+key[i+utf8.RuneLen(r):])
	}
	for _, k := range append(without, key) {
		if to := byLetters[k]; to != nil && to.end() != g {
			g.give(to.end(), "one letter differs")
			return
		}
		if to := byKey[k]; to != nil && to != g && to.end() != g {
			g.give(to.end(), "one letter differs")
			return
		}
	}
	for _, k := range without {
		byLetters[k] = g
	}
}

func (g *gathered) end() *gathered {
	for g.into != nil {
		g = g.into
	}
	return g
}

func (g *gathered) give(to *gathered, why string) {
	if to = to.end(); to == g {
		return
	}
	to.of = append(to.of, g.of...)
	to.why, g.into, g.of = why, to, nil
}

// YAML is the suggestion as an entry of a rules file, to be put under "owners:".
// It fits the names as registered, or, where they are not known, the owner's.
func (s Suggestion) YAML() string {
	var names []string
	for _, c := range s.Of {
		list := c.Names
		if len(list) == 0 {
			list = []string{c.Owner}
		}
		for _, n := range list {
			if q := strconv.QuoteToASCII(n); strings.Trim(n, "*? ") != "" && !slices.Contains(names, q) {
				names = append(names, q)
			}
		}
	}
	return fmt.Sprintf("  - name: %s\n    source: %s\n    names: [%s]\n", strconv.QuoteToASCII(s.Owner), strconv.QuoteToASCII("suggested: "+s.Why), strings.Join(names, ", "))
}

// YAML is suggestions as a whole rules file.
func YAML(list []Suggestion) string {
	var b strings.Builder
	b.WriteString("version: 1\nowners:\n")
	for _, s := range list {
		b.WriteString(s.YAML())
	}
	return b.String()
}

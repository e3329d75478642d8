package family

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/whoknocks/whoknocks/services/enrich/internal/name"
)

// Core is the words of a name that tell one company from another: Fold without
// places, without what every provider calls itself, and without what joins
// words. "Vodafone Portugal - Comunicacoes Pessoais S.A." is "vodafone",
// "Hong Kong Broadband Network Limited" is empty, since places and trades alone
// name nobody. What an institution is, "bank" or "university", stays beside its
// name and never stands alone.
func Core(s string) string {
	c := parse(s)
	return strings.Join(c.words, " ")
}

// A parsed name.
type parsed struct {
	words []string // the core
	// tells is a hash of all words but places of countries and what any company
	// may add; of all words where an institution is named: its place tells which.
	tells uint64
	// retail says that it calls itself a provider of access.
	retail bool
}

func (p parsed) key() string { return strings.Join(p.words, "") }

func parse(s string) parsed {
	words := fold(s)
	var p parsed
	kept := make([]string, 0, len(words))
	var some, all maphash.Hash
	some.SetSeed(seed)
	// Places count from the second word on: "American Honda" is no "Honda", but
	// "Honda Canada" is, and Chinese companies begin with their city.
	for i := 0; i < len(words); {
		w := words[i]
		if n := place(words[i:]); n > 0 && (len(kept) > 0 || chinese[w]) {
			// "Circuit of the Americas" is no branch of a Circuit.
			of := i > 0 && words[i-1] == "of" || i > 1 && words[i-1] == "the" && words[i-2] == "of"
			if of || local[w] || local[strings.Join(words[i:i+n], " ")] {
				_, _ = some.WriteString(w)
			}
			i += n
			continue
		}
		i++
		if !joins[w] && !hollow[w] {
			_, _ = some.WriteString(w)
		}
		switch {
		case joins[w]:
		case taken[w]:
			p.retail = p.retail || retail[w]
		default:
			kept = append(kept, w)
		}
	}
	if slices.ContainsFunc(kept, func(w string) bool { return len(w) > 1 && !digits(w) && !institution[w] && !geography[w] && !form(w) }) && !places(kept) {
		p.words, p.tells = kept, some.Sum64()
		if slices.ContainsFunc(kept, func(w string) bool { return institution[w] }) {
			all.SetSeed(seed)
			for _, w := range words {
				_, _ = all.WriteString(w)
			}
			p.tells = all.Sum64()
		}
	}
	return p
}

var seed = maphash.MakeSeed()

// place returns how many words at the beginning are the name of a place.
func place(words []string) int {
	kind := placeWords[words[0]]
	if kind&begins != 0 {
		for n := min(3, len(words)); n > 1; n-- {
			if placesOf[n][[2]string{words[0], words[n-1]}] {
				return n
			}
		}
	}
	return int(kind & alone)
}

// places says that nothing but places and institutions is named.
func places(words []string) bool {
	for i := 0; i < len(words); {
		n := place(words[i:])
		if n == 0 && !institution[words[i]] {
			return false
		}
		i += max(n, 1)
	}
	return true
}

// form says that a word is a legal form, which stays where nothing else is named.
func form(w string) bool { return len(name.WithoutForm([]string{"", w})) == 1 }

func digits(w string) bool { return strings.Trim(w, "0123456789") == "" }

package enrich

import "github.com/whoknocks/whoknocks/services/enrich/internal/family"

// NamedOwner is an owner of today with the names that it was registered under.
type NamedOwner struct {
	Owner    string
	Names    []string
	Attempts uint64
}

// Suggest returns owners that are probably one as a file of owner rules, the most
// attempts first, and how many they are: for a person to read, correct and accept.
// Some are wrong. Names are written by strangers, and are quoted.
func Suggest(owners []NamedOwner) (rules string, n int) {
	list := make([]family.Counted, len(owners))
	for i, o := range owners {
		list[i] = family.Counted{Owner: o.Owner, Names: o.Names, Attempts: o.Attempts}
	}
	suggestions := family.Suggest(list)
	return family.YAML(suggestions), len(suggestions)
}

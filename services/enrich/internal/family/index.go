package family

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/whoknocks/whoknocks/services/enrich/internal/name"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
)

// System is an autonomous system of IP-to-AS data.
type System struct {
	ASN  uint32
	Name string
	// Countries are where its addresses are registered, that with the most
	// first, without those that have hardly any.
	Countries []string
	Addresses uint64 // of IPv4
}

// Index is the families of the autonomous systems of one set of data. It is
// read-only and safe for concurrent use; the zero Index holds none, and knows no
// rare names but by their words. It keeps the names of the systems.
type Index struct {
	members   map[uint32]membership // by AS number, of families of several names
	named     map[int32]named       // the same families
	cores     []core                // by key
	families  []group
	systems   []uint32 // AS numbers of all families
	countries []uint16 // of all families
}

type named struct {
	Family
	why string
}

type membership struct {
	family int32
	name   uint32 // hash
}

// A core is what the data says about names that have it: its families are
// families[first:first+count], of which the first has the largest system.
type core struct {
	key          string
	first, count int32
	rank         rank
}

type group struct {
	text      string // the name of its largest system
	tells     uint64
	asn       uint32
	systems   uint32
	count     uint32
	countries uint32
	in        uint8
}

func (g *group) family() Family { return Family{ASN: g.asn, Name: g.text, Owner: name.System(g.text)} }

// rank is how much an equal core tells.
type rank uint8

const (
	weak  rank = iota // chosen again and again, or too short
	plain             // no word that is known to be common
	known             // a large provider's, under which several systems run
)

// What makes a core known: systems, and addresses of the largest of them. Who
// has hosts addresses in a country may be at home there.
const (
	knownSystems   = 4
	knownAddresses = 1 << 17
	hosts          = 1 << 14
	manySystems    = 12 // make even three or four letters known
	shortest       = 7  // letters of a word that is rare
)

// member is a system whose name has a core.
type member struct {
	*System
	parsed
	key   string
	taken bool
}

type builder struct {
	*Index
	starts map[string]int32 // how many cores begin with a word
}

// Families finds the families of systems, each of which is listed once. It takes
// about 3 us a system on one core.
func Families(systems []System) *Index {
	list := make([]member, 0, len(systems))
	for i := range systems {
		if p := parse(systems[i].Name); len(p.words) != 0 {
			list = append(list, member{System: &systems[i], parsed: p, key: p.key()})
		}
	}
	order := make([]*member, len(list))
	for i := range list {
		order[i] = &list[i]
	}
	slices.SortFunc(order, func(a, b *member) int {
		return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(b.Addresses, a.Addresses), cmp.Compare(a.ASN, b.ASN))
	})
	b := builder{Index: &Index{members: map[uint32]membership{}, named: map[int32]named{}}, starts: make(map[string]int32, len(order)/2)}
	cores := 0
	for i, m := range order {
		if i == 0 || m.key != order[i-1].key {
			b.starts[m.words[0]]++
			cores++
		}
	}
	b.cores, b.families = make([]core, 0, cores), make([]group, 0, len(order))
	b.systems, b.countries = make([]uint32, 0, len(order)), make([]uint16, 0, len(order)+len(order)/4)
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && order[to].key == order[from].key {
			to++
		}
		b.add(order[from:to])
		from = to
	}
	b.families = slices.Clip(b.families)
	return b.Index
}

// add divides the systems of one core, the largest first, into families.
func (b *builder) add(list []*member) {
	c := core{key: strings.Clone(list[0].key), first: int32(len(b.families)), rank: b.rank(list)}
	in := make([]*member, 0, 16)
	for i, m := range list {
		if m.taken {
			continue
		}
		// An equal word in another country is no sign of the large provider.
		r := c.rank
		if r == known && i > 0 {
			r = rankOf(m.words)
		}
		in = append(in[:0], m)
		for n := 0; n != len(in); {
			n = len(in)
			for _, m := range list[i+1:] {
				if !m.taken && joinable(r, in, m) {
					m.taken = true
					in = append(in, m)
				}
			}
		}
		b.family(r, in)
	}
	c.count = int32(len(b.families)) - c.first
	b.cores = append(b.cores, c)
}

// family keeps a family that was found.
func (b *builder) family(r rank, in []*member) {
	first := in[0]
	g := group{text: first.Name, tells: first.tells, asn: first.ASN, systems: uint32(len(b.systems)), count: uint32(len(in)), countries: uint32(len(b.countries))}
	several := false
	for _, m := range in {
		b.systems = append(b.systems, m.ASN)
		several = several || m.Name != first.Name
		at := m.Countries
		if r != known || m.Addresses < knownAddresses {
			at = at[:min(1, len(at))]
		}
		for _, c := range at {
			if len(c) == 2 && !slices.Contains(b.countries[g.countries:], pack(c)) && g.in < 255 {
				b.countries = append(b.countries, pack(c))
				g.in++
			}
		}
	}
	if several {
		id := int32(len(b.families))
		b.named[id] = named{g.family(), fmt.Sprintf("%s as AS%d and systems in the same countries", because(first.parsed), first.ASN)}
		for _, m := range in {
			b.members[m.ASN] = membership{id, hash(m.Name)}
		}
	}
	b.families = append(b.families, g)
}

func pack(country string) uint16 { return uint16(country[0])<<8 | uint16(country[1]) }

func hash(s string) uint32 { return uint32(maphash.String(seed, s)) }

// joinable says whether m belongs with those that are in a family, the largest
// of them first.
func joinable(r rank, in []*member, m *member) bool {
	if r == weak {
		return false
	}
	at := home(m.System)
	for i, n := range in {
		if !alike(n.words, m.words) {
			continue
		}
		small := m.retail && m.Addresses < hosts
		if at != "" && at == home(n.System) && (r == known && !small || n.tells == m.tells) {
			return true
		}
		switch {
		case compound(m.words[0]) || small:
			// Providers of one town name themselves after large ones.
		case r == known && (i == 0 || n.Addresses >= knownAddresses), r == plain && n.tells == m.tells:
			if slices.Contains(n.Countries, at) || m.Addresses >= hosts && slices.Contains(m.Countries, home(n.System)) {
				return true
			}
		}
	}
	return false
}

// alike says that words that are equal as one are so as words, or that no short one
// makes the difference: "UC Health" is no UCHealth.
func alike(a, b []string) bool {
	return slices.Equal(a, b) || min(len(a[0]), len(b[0])) >= 4
}

func home(s *System) string {
	if len(s.Countries) == 0 {
		return ""
	}
	return s.Countries[0]
}

// rank is how much the core of list tells.
func (b *builder) rank(list []*member) rank {
	words, n := list[0].words, len(list)
	starts := 0
	if len(words) == 1 {
		starts = int(b.starts[words[0]])
	}
	if starts > 4+2*n {
		return weak // many companies begin with this word
	}
	least := uint64(knownAddresses)
	if compound(words[0]) {
		least *= 8
	}
	institutes := slices.ContainsFunc(words, func(w string) bool { return institution[w] }) // what tells them apart is small
	if n >= knownSystems && !institutes && list[0].Addresses >= least && !chosen(words) && (len(list[0].key) > 4 || n >= manySystems) {
		return known
	}
	if starts > 3 || crowded(list) || slices.ContainsFunc(list, func(m *member) bool { return chosen(m.words) }) {
		return weak
	}
	return rankOf(words)
}

// crowded says that several in one country differ in what they offer: a word
// that is liked there.
func crowded(list []*member) bool {
	for _, m := range list[:min(len(list), 16)] {
		differ := 0
		for _, n := range list {
			if n.tells != m.tells && home(n.System) == home(m.System) {
				differ++
			}
		}
		if differ > 2 {
			return true
		}
	}
	return false
}

// rankOf ranks a core by its words alone.
func rankOf(words []string) rank {
	long := 0
	for _, w := range words {
		if !common[w] && !institution[w] && !geography[w] {
			long = max(long, utf8.RuneCountInString(w))
		}
	}
	if long < shortest || chosen(words) || slices.ContainsFunc(words, func(w string) bool { return institution[w] }) || len(words) == 1 && compound(words[0]) {
		return weak
	}
	return plain
}

// chosen says that all words are ones that anybody may choose.
func chosen(words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !common[w] && !institution[w] && !geography[w] && len(w) > 1 && !digits(w) })
}

// compound fits what providers call themselves all over the world: FastNet.
func compound(w string) bool {
	n := utf8.RuneCountInString(w)
	for _, begin := range []string{"tele", "inter", "micro", "svyaz"} {
		if n < 12 && strings.HasPrefix(w, begin) {
			return true
		}
	}
	for _, end := range compoundEnds {
		if n < len(end)+8 && strings.HasSuffix(w, end) {
			return true
		}
	}
	return false
}

var compoundEnds = []string{"net", "nets", "tel", "com", "link", "links", "fibra", "fiber", "web", "online", "telecom", "line", "tech", "soft", "host", "data", "wave",
	"connect", "sat", "cable", "cabo", "serv", "service", "servis", "max", "media", "mais", "plus", "wifi", "info", "cloud", "tv"}

// Systems gathers the systems of IP-to-AS data, of networks such as
// asn.Source.Networks yields. country returns the country in which an address is
// registered, or "". Countries with less than a 256th of a system's addresses are
// left out, and no more than eight are kept.
func Systems(networks iter.Seq2[netip.Prefix, source.Fact], country func(netip.Addr) string) []System {
	type count struct {
		country   string
		addresses uint64
	}
	index := make(map[uint32]int32, 1<<16)
	var systems []System
	var counts [][]count
	for p, f := range networks {
		i, seen := index[f.ASN]
		if !seen {
			i = int32(len(systems))
			index[f.ASN] = i
			systems, counts = append(systems, System{ASN: f.ASN, Name: f.ASName}), append(counts, nil)
		}
		c := country(p.Addr())
		addresses := uint64(0)
		if p.Addr().Is4() {
			addresses = 1 << (32 - p.Bits())
			systems[i].Addresses += addresses
		}
		// Systems of several names have their first in alphabetical order.
		systems[i].Name = min(systems[i].Name, f.ASName)
		if c == "" {
			continue
		}
		j := slices.IndexFunc(counts[i], func(n count) bool { return n.country == c })
		if j < 0 {
			j = len(counts[i])
			counts[i] = append(counts[i], count{country: c})
		}
		counts[i][j].addresses += addresses
	}
	for i := range systems {
		slices.SortFunc(counts[i], func(a, b count) int {
			return cmp.Or(cmp.Compare(b.addresses, a.addresses), strings.Compare(a.country, b.country))
		})
		for j, n := range counts[i] {
			if j == 8 || j > 0 && n.addresses*256 < systems[i].Addresses {
				break
			}
			systems[i].Countries = append(systems[i].Countries, n.country)
		}
	}
	return systems
}

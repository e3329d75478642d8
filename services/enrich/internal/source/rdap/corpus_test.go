package rdap

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// corpus finds the recorded replies, which lie beside the repository and are
// not part of it: they name people.
func corpus(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Skip("no go.work above this package, so the recorded replies cannot be found")
		}
		dir = parent
	}
	for {
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Skip("the recorded RDAP replies are not on this machine")
		}
		dir = parent
		if _, err := os.Stat(filepath.Join(dir, "shared", "corpus", "whois")); err == nil {
			return filepath.Join(dir, "shared", "corpus", "whois")
		}
	}
}

// recorded calls f for every reply, with the address that it is about: that of
// the question if the reply tells, else one of the block.
func recorded(t *testing.T, f func(file string, addr netip.Addr, data []byte)) {
	t.Helper()
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "rdap-*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if filepath.Base(filepath.Dir(file)) == "rdap-bootstrap" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var o struct {
			StartAddress string
			Links        []struct{ Value string }
		}
		if err := json.Unmarshal(data, &o); err != nil {
			t.Fatal(err)
		}
		addr := netip.MustParseAddr("192.0.2.1") // of an AS, an entity, an error
		if a := address(o.StartAddress); a.IsValid() {
			addr = a
		}
		for _, l := range o.Links {
			if _, asked, ok := strings.Cut(strings.ReplaceAll(l.Value, "%3A", ":"), "/ip/"); ok && strings.Contains(filepath.Base(file), "whoisit") {
				asked, _, _ = strings.Cut(asked, "/")
				addr = netip.MustParseAddr(asked)
			}
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		for _, text := range []string{name, strings.ReplaceAll(strings.ReplaceAll(name, "--", "::"), "-", ":")} {
			if a, err := netip.ParseAddr(text); err == nil {
				addr = a
			}
		}
		f(strings.TrimPrefix(file, dir+string(filepath.Separator)), addr, data)
	}
}

// TestCorpus checks for every recorded reply which of its fields the answer was
// taken from, and how many of each there are.
func TestCorpus(t *testing.T) {
	const (
		org   = "a registrant's card"
		descr = "the first line of the description"
		named = "the name"
	)
	type want struct {
		kind  reply.Kind
		owner string
		leaf  bool
		refer reply.Registry
	}
	known := map[string]want{
		"rdap-afrinic/196.11.240.215.json":          {reply.Answer, named, true, ""},
		"rdap-afrinic/2001-43f8-7b0--.json":         {reply.Answer, named, true, ""},
		"rdap-apnic/2001-240-10c-1--ca20-9d1d.json": {reply.Elsewhere, descr, false, reply.JPNIC},
		"rdap-apnic/210.107.73.73.json":             {reply.Elsewhere, descr, false, reply.KRNIC},
		"rdap-apnic/whoisit-cidr_v4.json":           {reply.Answer, descr, true, ""},
		"rdap-apnic/whoisit-ip_v4.json":             {reply.Answer, descr, true, ""},
		"rdap-arin/2001-4860-4860--8888.json":       {reply.Answer, org, false, ""},
		"rdap-arin/74.125.225.229.json":             {reply.Answer, org, false, ""},
		"rdap-arin/autnum-16509.json":               {},
		"rdap-arin/entity-arin-hostmaster.json":     {},
		"rdap-arin/network-192.198.0.0.json":        {reply.Answer, org, false, ""},
		"rdap-arin/whoisit-asn.json":                {},
		"rdap-arin/whoisit-cidr_v6.json":            {reply.Answer, org, false, ""},
		"rdap-arin/whoisit-entity.json":             {},
		"rdap-arin/whoisit-ip_v4_3.json":            {reply.Answer, org, false, ""},
		"rdap-arin/whoisit-ip_v6.json":              {reply.Answer, org, false, ""},
		"rdap-lacnic/200.57.141.161.json":           {reply.Answer, org, false, ""},
		"rdap-lacnic/2801-10-c000--.json":           {reply.Answer, org, false, ""},
		"rdap-ripencc/2a00-2381-ffff--1.json":       {reply.Answer, descr, true, ""},
		"rdap-ripencc/62.239.237.1.json":            {reply.Answer, descr, true, ""},
		"rdap-ripencc/error-ripe.json":              {},
		"rdap-ripencc/whoisit-ip_v4_2.json":         {reply.Answer, descr, false, ""},
	}
	kinds := map[reply.Kind]int{}
	parents, countries, handles, mailboxes := 0, 0, 0, 0
	recorded(t, func(file string, addr netip.Addr, data []byte) {
		r := Parse(addr, data)
		check(t, addr, r)
		kinds[r.Kind]++
		if r.Kind == reply.Unusable && r != (reply.Reply{}) {
			t.Errorf("%s: %s", file, tell(r))
		}
		if r.Parent.Block.Valid() {
			parents++
		}
		if r.Net.Country != "" {
			countries++
		}
		if r.Net.Handle != "" {
			handles++
		}
		if r.Net.Abuse != "" {
			mailboxes++
		}
		file = filepath.ToSlash(file)
		w, ok := known[file]
		if !ok {
			t.Logf("%s is not known here: %v", file, r.Kind)
			return
		}
		delete(known, file)
		if r.Kind != w.kind || r.Net.Leaf != w.leaf || r.Refer != w.refer || r.Net.Private {
			t.Errorf("%s: %s, want %v", file, tell(r), w)
		}
		if w.kind == reply.Unusable {
			return
		}
		var o object
		if err := json.Unmarshal(data, &o); err != nil {
			t.Fatal(err)
		}
		owner, netname := o.Name, o.Name
		switch w.owner {
		case org:
			for _, e := range o.Entities {
				if c := readCard(e.VCardArray); c.kind == "org" {
					owner = c.name
					if r.Net.Handle != e.Handle {
						t.Errorf("%s: handle %q, want %q", file, r.Net.Handle, e.Handle)
					}
				}
			}
		case descr:
			for _, m := range o.Remarks {
				if m.Title != "remarks" {
					owner = m.Description[0]
				}
			}
		}
		if strings.HasPrefix(file, "rdap-lacnic") {
			netname = "" // the owner's name stands there
		}
		if r.Net.Registrant != owner || r.Net.Netname != netname {
			t.Errorf("%s: %s, want %q, which is %s, and %q", file, tell(r), owner, w.owner, netname)
		}
		// The range is told up to three times.
		if b, ok := reply.Range(o.Handle); ok && b != r.Net.Block {
			t.Errorf("%s: block %v, but the handle is %v", file, r.Net.Block, b)
		}
		if ps := r.Net.Block.AppendPrefixes(nil); len(o.CIDRs) > 0 && len(ps) != len(o.CIDRs) {
			t.Errorf("%s: block %v, but it has %d prefixes", file, r.Net.Block, len(o.CIDRs))
		}
		if o.Country != "" && r.Net.Country != o.Country {
			t.Errorf("%s: country %q, want %q", file, r.Net.Country, o.Country)
		}
		if r.Net.Updated.IsZero() != (len(o.Events) == 0) {
			t.Errorf("%s: changed %v", file, r.Net.Updated)
		}
	})
	for file := range known {
		t.Errorf("%s is missing", file)
	}
	if parents < 4 || countries < 17 || handles < 11 || mailboxes < 11 {
		t.Errorf("%d parents, %d countries, %d handles, %d mailboxes", parents, countries, handles, mailboxes)
	}
	for kind, n := range map[reply.Kind]int{reply.Answer: 15, reply.Elsewhere: 2, reply.Unusable: 5} {
		if kinds[kind] < n {
			t.Errorf("%d replies of kind %v, want %d", kinds[kind], kind, n)
		}
	}
}

// TestCorpusAgrees compares with the WHOIS replies about the same addresses: the
// two ways must not give one block two owners.
func TestCorpusAgrees(t *testing.T) {
	dir := corpus(t)
	// What the two registries told differently.
	apart := map[string]string{
		"196.11.240.215":            "the name is the organisation's handle",
		"2001:43f8:7b0::":           "the name is the organisation's handle",
		"200.57.141.161":            "the block is the address that was asked for",
		"2801:10:c000::":            "the block is the address that was asked for",
		"2001:240:10c:1::ca20:9d1d": "WHOIS tells of JPNIC's block as well",
	}
	compared, agreed := 0, 0
	recorded(t, func(file string, addr netip.Addr, data []byte) {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		text, err := os.ReadFile(filepath.Join(dir, strings.TrimPrefix(filepath.Dir(file), "rdap-"), name+".txt"))
		if err != nil {
			return
		}
		compared++
		r, w := Parse(addr, data), reply.Parse(addr, string(text))
		if r.Kind == w.Kind && r.Refer == w.Refer && r.Net.Block == w.Net.Block && r.Net.Registrant == w.Net.Registrant && r.Net.Netname == w.Net.Netname &&
			r.Net.Country == w.Net.Country && r.Net.Leaf == w.Net.Leaf && r.Net.Private == w.Net.Private {
			agreed++
			return
		}
		if why, ok := apart[addr.String()]; !ok {
			t.Errorf("%s:\n RDAP %s\nWHOIS %s", file, tell(r), tell(w))
		} else {
			t.Logf("%s: %s\n RDAP %s\nWHOIS %s", file, why, tell(r), tell(w))
		}
	})
	if compared < 10 || agreed < 5 {
		t.Errorf("compared %d, of which %d agreed", compared, agreed)
	}
}

// TestCorpusNamesNobody: no name, mailbox or handle of a person may leave the
// parser.
func TestCorpusNamesNobody(t *testing.T) {
	found := 0
	recorded(t, func(file string, addr netip.Addr, data []byte) {
		var o object
		if err := json.Unmarshal(data, &o); err != nil {
			t.Fatal(err)
		}
		private := map[string]bool{}
		var walk func([]entity)
		walk = func(list []entity) {
			for _, e := range list {
				if c := readCard(e.VCardArray); c.kind == "individual" {
					found++
					private[e.Handle], private[c.name], private[c.mail] = true, true, true
				}
				walk(e.Entities)
			}
		}
		walk(o.Entities)
		r := Parse(addr, data)
		for _, s := range []string{r.Net.Registrant, r.Net.Netname, r.Net.Handle, r.Net.Abuse} {
			if s != "" && private[s] {
				t.Errorf("%s: a person's details leave the parser", file)
			}
		}
		if strings.Contains(r.Net.Registrant+r.Net.Netname+r.Net.Handle, "@") {
			t.Errorf("%s: a mailbox leaves the parser", file)
		}
	})
	if found < 8 {
		t.Errorf("%d people in the replies, want at least 8", found)
	}
}

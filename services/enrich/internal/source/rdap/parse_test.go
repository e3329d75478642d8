package rdap

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/whoknocks/whoknocks/services/enrich/internal/name"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

func fixture(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// tell writes a reply on a line.
func tell(r reply.Reply) string {
	s := r.Kind.String()
	if r.Net.Block.Valid() {
		s += fmt.Sprintf(" %s %q %q %s", r.Net.Block, r.Net.Registrant, r.Net.Netname, r.Net.Country)
	}
	if r.Net.Leaf {
		s += " leaf"
	}
	if r.Net.Private {
		s += " private"
	}
	if r.Net.Handle != "" {
		s += " by " + r.Net.Handle
	}
	if r.Net.Abuse != "" {
		s += " abuse " + r.Net.Abuse
	}
	if r.Parent.Block.Valid() {
		s += " in " + r.Parent.Block.String()
	}
	if r.Refer != "" {
		s += " ask " + string(r.Refer)
	}
	return s
}

func TestParse(t *testing.T) {
	f := func(file, addr, want string) {
		t.Helper()
		if got := tell(Parse(netip.MustParseAddr(addr), fixture(t, file+".json"))); got != want {
			t.Errorf("%s:\n got %s\nwant %s", file, got, want)
		}
	}
	f("arin", "198.51.100.7", `answer 198.51.100.0/24 "Example Networks, Inc." "EXAMPLE-1" US by EXAMP-1 abuse abuse@example.net`)
	f("ripe", "192.0.2.7", `answer 192.0.2.0/24 "Example Networks B.V." "EXAMPLE-NET" NL leaf by ORG-EX1-RIPE abuse complaints@example.nl in 192.0.0.0/17`)
	f("ripe-descr", "2001:db8:d0::1", `answer 2001:db8:d0::/48 "Example Campus" "EXAMPLE-V6"  leaf`)
	f("ripe-not-managed", "192.0.2.1", `elsewhere`)
	f("lacnic", "203.0.113.200", `answer 203.0.113.128/25 "Ejemplo Telecom S.A." "" UY by UY-EJTE-LACNIC`)
	f("lacnic-person", "203.0.113.9", `answer 203.0.113.0/25 "" "" UY leaf private`)
	f("apnic", "203.0.113.1", `answer 203.0.113.0/24 "Example <b>Resolver</b> Project" "EXAMPLE-AP" AU leaf abuse helpdesk@example.com`)
	f("apnic-national", "203.0.113.1", `elsewhere 203.0.113.0/24 "Example Corp." "EXAMPLE-KR" KR abuse hostmaster@example.kr ask krnic`)
	f("arin-placeholder", "203.0.113.1", `elsewhere ask apnic`)
	f("arin-private", "198.51.100.9", `answer 198.51.100.8/29 "Private Customer" "EXAMPLE-8" CA leaf private by C00000001`)
	f("afrinic", "192.0.2.1", `answer 192.0.2.0/24 "Example Networks (Pty) Ltd" "ORG-EX1-AFRINIC" ZA leaf by ORG-EX1-AFRINIC`)
	f("cidr-only", "192.0.2.1", `answer 192.0.2.0/25 "EXAMPLE" "EXAMPLE" `)
	f("cidr-only", "192.0.2.200", `unusable`)
	f("error-404", "192.0.2.1", `none`)
	f("error-429", "192.0.2.1", `blocked`)
	f("rate-limit", "192.0.2.1", `blocked`)
	f("autnum", "192.0.2.1", `unusable`)
	// The answer to another question must not be taken.
	f("ripe", "198.51.100.1", `unusable`)
	f("ripe", "2001:db8::1", `unusable`)
}

func TestParseShort(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := tell(Parse(netip.MustParseAddr("192.0.2.1"), []byte(text))); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
	f("", "unusable")
	f("<html>Not today</html>", "unusable")
	f("null", "unusable")
	f("[]", "unusable")
	f("{}", "unusable")
	f(`{"startAddress": "192.0.2.0"`, "unusable")
	f(`{"startAddress": "192.0.2.0", "endAddress": "192.0.2"}`, "unusable")
	f(`{"startAddress": "192.0.2.255", "endAddress": "192.0.2.0"}`, "unusable")
	f(`{"startAddress": "0.0.0.0", "endAddress": "255.255.255.255", "name": "X"}`, "elsewhere")
	f(`{"objectClassName": "domain", "startAddress": "192.0.2.0", "endAddress": "192.0.2.255"}`, "unusable")
	// Fields of other types than they should have are left out.
	f(`{"startAddress": "192.0.2.0", "endAddress": "192.0.2.255", "name": 7, "country": ["NL"], "status": "x", "entities": {"a": 1}, "type": "ASSIGNED PI"}`, `answer 192.0.2.0/24 "" ""  leaf`)
	f(`{"startAddress": "192.0.2.0", "endAddress": "192.0.2.255", "name": "X", "entities": [{"handle": "EX", "roles": ["registrant"], "vcardArray": ["vcard", [[], 1, ["fn"], ["fn", {}, "text", 5], ["kind", {}, "text", "org"], ["email", 3, "text", "a@example.org"]]]}]}`, `answer 192.0.2.0/24 "X" "X"  by EX`)
	// What repeats the question tells of no block.
	f(`{"startAddress": "192.0.2.1", "endAddress": "192.0.2.1", "handle": "192.0.2.1", "name": "X", "type": "assigned"}`, `answer 192.0.2.1/32 "X" "X" `)
	f(`{"startAddress": "192.0.2.1", "endAddress": "192.0.2.1", "handle": "192.0.2.1 - 192.0.2.1", "name": "X", "type": "assigned"}`, `answer 192.0.2.1/32 "X" "X"  leaf`)
	// Early registrations.
	f(`{"startAddress": "192.0.0.0", "endAddress": "192.0.255.255", "name": "ERX-NETBLOCK", "type": "ALLOCATED PORTABLE"}`, `elsewhere 192.0.0.0/16 "ERX-NETBLOCK" "ERX-NETBLOCK" `)
	f(`{"startAddress": "192.0.0.0", "endAddress": "192.0.255.255", "name": "IANA-BLK"}`, `elsewhere 192.0.0.0/16 "IANA-BLK" "IANA-BLK" `)
	f(`{"startAddress": "192.0.0.0", "endAddress": "192.0.255.255", "name": "X", "type": "Early Registrations, Transferred to RIPE NCC"}`, `elsewhere ask ripe`)
	f(`{"startAddress": "192.0.0.0", "endAddress": "192.0.255.255", "name": "STUB-192", "remarks": [{"title": "description", "description": ["Transferred to the AFRINIC region on 2018-01-01"]}], "entities": [{"handle": "APNIC-STUB", "roles": ["registrant"]}]}`, `elsewhere ask afrinic`)
	f(`{"startAddress": "192.0.0.0", "endAddress": "192.0.255.255", "name": "X", "remarks": [{"title": "description", "description": ["Transferred to the AFRINIC region on 2018-01-01"]}]}`, `answer 192.0.0.0/16 "Transferred to the AFRINIC region on 2018-01-01" "X" `)
	// An organisation that is a person by its contact's name; a company is not.
	one := `{"startAddress": "192.0.2.0", "endAddress": "192.0.2.255", "name": %q, "entities": [{"handle": "EX", "roles": ["registrant"], "vcardArray": ["vcard", [["fn", {}, "text", %q], ["kind", {}, "text", "org"]]],
		"entities": [{"roles": ["technical", "abuse"], "vcardArray": ["vcard", [["fn", {}, "text", %q], ["kind", {}, "text", "individual"], ["email", {}, "text", "x@example.org"]]]}]}]}`
	f(fmt.Sprintf(one, "DOE-NET", "Jane Doe", "JANE DOE"), `answer 192.0.2.0/24 "" ""  private`)
	f(fmt.Sprintf(one, "EX-NET", "Jane Doe", "JANE DOE"), `answer 192.0.2.0/24 "" "EX-NET"  private`)
	f(fmt.Sprintf(one, "EX-NET", "Doe Ltd", "Doe Ltd"), `answer 192.0.2.0/24 "Doe Ltd" "EX-NET"  by EX`)
	// A number that a tax office gave is not told.
	f(`{"startAddress": "192.0.2.0", "endAddress": "192.0.2.255", "country": "BR", "entities": [{"handle": "000.000.000-00", "roles": ["registrant"], "vcardArray": ["vcard", [["fn", {}, "text", "Exemplo Ltda"], ["kind", {}, "text", "org"]]]}]}`, `answer 192.0.2.0/24 "Exemplo Ltda" "" BR`)
}

func TestCountryOf(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		if got := countryOf(s); got != want {
			t.Errorf("countryOf(%q) = %q, want %q", s, got, want)
		}
	}
	f("United States", "US")
	f("UNITED STATES", "US")
	f("Korea, Republic of", "KR")
	f("nl", "NL")
	f("EU", "")
	f("Exampletown", "")
	f("", "")
	for name, code := range countries() {
		if c, ok := source.Country(code); !ok || c != code || name == "" {
			t.Errorf("countries.txt: %q is %q", name, code)
		}
	}
}

func TestHostileSizes(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	const net = `{"startAddress": "192.0.2.0", "endAddress": "192.0.2.255", "name": "X"`
	f := func(what, text string, want reply.Kind) {
		t.Helper()
		r := Parse(addr, []byte(text))
		if r.Kind != want {
			t.Errorf("%s: %s, want %s", what, tell(r), want)
		}
		check(t, addr, r)
	}
	deep := strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000)
	f("an array of depth 10,000", deep, reply.Unusable)
	f("a field of depth 10,000", net+`, "x": `+deep+`}`, reply.Unusable)
	f("entities of depth 3,000", net+`, "entities": [{"entities": `+strings.Repeat(`[{"entities": `, 3_000)+`[]`+strings.Repeat(`}]`, 3_000)+`}]}`, reply.Answer)
	f("entities of depth 10,000", net+`, "entities": `+strings.Repeat(`[{"entities": `, 10_000)+`[]`+strings.Repeat(`}]`, 10_000)+`}`, reply.Unusable)
	f("a hundred thousand entities", net+`, "entities": [`+strings.Repeat(`{"handle": "X"},`, 100_000)+`{}]}`, reply.Answer)
	f("a hundred thousand lines", net+`, "remarks": [{"description": [`+strings.Repeat(`"1 Example Street",`, 100_000)+`""]}]}`, reply.Answer)
	f("a hundred thousand properties", net+`, "entities": [{"roles": ["registrant"], "vcardArray": ["vcard", [`+strings.Repeat(`["fn", {}, "text", "x"],`, 100_000)+`[]]]}]}`, reply.Answer)
	f("a name of a megabyte", net+strings.Repeat("x", 1<<20)+`"}`, reply.Unusable)
	f("a long name", `{"startAddress": "192.0.2.0", "endAddress": "192.0.2.255", "name": "`+strings.Repeat("x", 1<<20)+`"}`, reply.Answer)
}

// check holds a reply to what every reply must be.
func check(t *testing.T, addr netip.Addr, r reply.Reply) {
	t.Helper()
	if r.Kind == reply.Answer && !r.Net.Block.Contains(addr) {
		t.Fatalf("the answer %v does not hold %v", r.Net.Block, addr)
	}
	if r.Net.Block.Valid() && r.Kind != reply.Answer && r.Kind != reply.Elsewhere {
		t.Fatalf("%v has a block", r.Kind)
	}
	if p := r.Parent.Block; p.Valid() && (!p.Covers(r.Net.Block) || p == r.Net.Block) {
		t.Fatalf("the parent %v does not hold %v", p, r.Net.Block)
	}
	if r.Server != "" || r.Via != "" {
		t.Fatalf("server %q, via %q", r.Server, r.Via)
	}
	for _, s := range []string{r.Net.Handle, r.Net.Abuse, r.Net.Netname, r.Net.Registrant, r.Net.Country, r.Route, r.Parent.Registrant, r.Parent.Netname} {
		if len(s) > source.MaxText || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			t.Fatalf("text %q leaves the parser", s)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, addr := range []string{"192.0.2.1", "198.51.100.9", "203.0.113.9", "2001:db8:d0::1"} {
			f.Add(data, addr)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, from string) {
		addr, err := netip.ParseAddr(from)
		if err != nil {
			return
		}
		addr = addr.Unmap().WithZone("")
		r := Parse(addr, data)
		check(t, addr, r)
		for _, person := range people(data) {
			if person != "" && (r.Net.Registrant == person || r.Net.Netname == person || r.Net.Abuse == person) {
				t.Fatalf("%q leaves the parser", person)
			}
		}
	})
}

// people finds the names of those cards that say they are a person's, unless
// they look like a company's, by a way of its own.
func people(data []byte) (names []string) {
	var walk func(v any, depth int)
	walk = func(v any, depth int) {
		list, _ := v.([]any)
		for _, e := range list {
			m, _ := e.(map[string]any)
			if m == nil || depth >= maxDepth {
				continue
			}
			walk(m["entities"], depth+1)
			outer, _ := m["vcardArray"].([]any)
			if len(outer) < 2 {
				continue
			}
			properties, _ := outer[1].([]any)
			if len(properties) > maxProperties {
				continue
			}
			person, of := false, []string(nil)
			for _, p := range properties {
				parts, _ := p.([]any)
				if len(parts) < 4 {
					continue
				}
				s, _ := parts[3].(string)
				switch parts[0] {
				case "kind":
					person = s == "individual"
				case "fn":
					if s = source.Text(s); name.Short(s) == s {
						of = append(of[:0], s)
					}
				}
			}
			if person && len(names) < 8 {
				names = append(names, of...)
			}
		}
	}
	var top map[string]any
	if json.Unmarshal(data, &top) == nil {
		walk(top["entities"], 0)
	}
	return names
}

func BenchmarkParse(b *testing.B) {
	data := fixture(b, "arin.json")
	addr := netip.MustParseAddr("198.51.100.7")
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		Parse(addr, data)
	}
}

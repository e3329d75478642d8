package rules

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t testing.TB, name, body string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

const example = `version: 1
owners:
  - name: Example
    source: "an invented family"
    valid_from: 2012-01-01
    valid_until: 2013-01-01T00:00:00Z
    prefixes:
      - 192.0.2.0/24
      - {prefix: 198.51.100.0/24, country: jp, carrier: Example Carrier, registrant: "Example Technologies, Inc.", netname: EXAMPLE-NET}
      - "2001:db8::/32"
    asns: [64496]
    names: ["Example*"]
  - name: Later
    valid_from: 2013-01-01
    prefixes: [192.0.2.0/24]
    names:
      - example*
      - "*ACME? GmbH"
  - name: Wide
    prefixes: [192.0.0.0/16]
    asns: [64496, 64497]
`

func TestSet(t *testing.T) {
	s, err := Load(write(t, "owners.yaml", example))
	if err != nil {
		t.Fatal(err)
	}
	addr := func(a, at, owner, why string) {
		t.Helper()
		m, ok := s.Addr(netip.MustParseAddr(a), day(at))
		if m.Owner != owner || m.Why != why || ok != (owner != "") {
			t.Errorf("Addr(%s, %s) = %q because %q, want %q because %q", a, at, m.Owner, m.Why, owner, why)
		}
	}
	addr("192.0.2.1", "2012-01-01", "Example", "owners.yaml: prefix 192.0.2.0/24")
	addr("192.0.2.1", "2012-12-31", "Example", "owners.yaml: prefix 192.0.2.0/24")
	addr("192.0.2.1", "2013-01-01", "Later", "owners.yaml: prefix 192.0.2.0/24")
	addr("192.0.2.1", "2011-12-31", "Wide", "owners.yaml: prefix 192.0.0.0/16")
	addr("192.0.3.1", "2012-06-01", "Wide", "owners.yaml: prefix 192.0.0.0/16")
	addr("2001:db8::1", "2012-06-01", "Example", "owners.yaml: prefix 2001:db8::/32")
	addr("2001:db8::1", "2014-06-01", "", "")
	addr("203.0.113.1", "2012-06-01", "", "")

	m, _ := s.Addr(netip.MustParseAddr("198.51.100.9"), day("2012-04-10"))
	want := Match{Owner: "Example", Why: "owners.yaml: prefix 198.51.100.0/24", Network: netip.MustParsePrefix("198.51.100.0/24"),
		Country: "JP", Carrier: "Example Carrier", Registrant: "Example Technologies, Inc.", Netname: "EXAMPLE-NET"}
	if diff := cmp.Diff(want, m, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("Addr() mismatch (-want +got)\n%s", diff)
	}

	as := func(n uint32, name, at, owner string, byNumber bool) {
		t.Helper()
		m, num, ok := s.AS(n, name, day(at))
		if m.Owner != owner || num != byNumber || ok != (owner != "") {
			t.Errorf("AS(%d, %q, %s) = %q, by number %v; want %q, %v", n, name, at, m.Owner, num, owner, byNumber)
		}
	}
	as(64496, "", "2012-06-01", "Example", true)
	as(64496, "Example, Inc.", "2012-06-01", "Example", false) // the name needs no override
	as(64496, "Example, Inc.", "2014-06-01", "Later", false)   // the entry above Wide
	as(64496, "Other", "2014-06-01", "Wide", true)
	as(64497, "Example, Inc.", "2012-06-01", "Example", false)
	as(64498, "Example, Inc.", "2012-06-01", "Example", false)
	as(64498, "Other", "2012-06-01", "", false)

	name := func(at, owner string, names ...string) {
		t.Helper()
		if m, ok := s.Name(day(at), names...); m.Owner != owner || ok != (owner != "") {
			t.Errorf("Name(%s, %q) = %q, want %q", at, names, m.Owner, owner)
		}
	}
	name("2012-06-01", "Example", "EXAMPLE International B.V.")
	name("2012-06-01", "", "The Example")
	name("2012-06-01", "Example", "", "Other", "example")
	name("2014-06-01", "Later", "Example")
	name("2014-06-01", "Later", "The acme1 gmbh")
	name("2014-06-01", "", "The acme gmbh and more")
	name("2014-06-01", "")
	if s.Owners() != 3 || s.Empty() {
		t.Errorf("Owners() = %d, want 3", s.Owners())
	}
}

func TestEpoch(t *testing.T) {
	s, err := Load(write(t, "o.yaml", example))
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]int{"1970-01-01": 0, "2011-12-31": 0, "2012-01-01": 1, "2012-12-31": 1, "2013-01-01": 2, "2030-01-01": 2} {
		if got := s.Epoch(day(at)); got != want {
			t.Errorf("Epoch(%s) = %d, want %d", at, got, want)
		}
	}
	if new(Set).Epoch(day("2012-01-01")) != 0 {
		t.Error("Epoch() of no rules is not constant")
	}
}

func TestFirstFileWins(t *testing.T) {
	mine := write(t, "mine.yaml", "version: 1\nowners:\n- {name: Mine, prefixes: [192.0.2.0/24], asns: [64496], names: [ex*]}\n")
	s, err := Load(mine, write(t, "shipped.yaml", example))
	if err != nil {
		t.Fatal(err)
	}
	at := day("2012-06-01")
	if m, _ := s.Addr(netip.MustParseAddr("192.0.2.1"), at); m.Owner != "Mine" {
		t.Errorf("Addr() = %q, want the first file's", m.Owner)
	}
	if m, byNumber, _ := s.AS(64496, "Example", at); byNumber || m.Owner != "Mine" {
		t.Errorf("AS() = %q, want the first file's", m.Owner)
	}
	if m, _ := s.Name(at, "Example"); m.Owner != "Mine" || m.Why != `mine.yaml: name "ex*"` {
		t.Errorf("Name() = %q because %q, want the first file's", m.Owner, m.Why)
	}
}

func TestErrors(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		_, err := Load(write(t, "o.yaml", body))
		if err == nil || !strings.Contains(err.Error(), "o.yaml:"+want) {
			t.Errorf("Load(%q) = %v, want it to say %q", body, err, want)
		}
	}
	head := "version: 1\nowners:\n  - name: Example\n"
	f("", "1:1: key version is missing")
	f("owners: []\n", "1:1: key version is missing")
	f("version: 2\n", "1:10: version 2 is not known")
	f("version: one\n", "1:10: want a whole number")
	f("version: 1\nowner: []\n", `2:1: unknown field "owner"`)
	f(head+"    prefix: [192.0.2.0/24]\n", `4:5: unknown field "prefix"`)
	f(head, "3:11: owner \"Example\" has neither")
	f("version: 1\nowners:\n  - asns: [1]\n", "1:1: owner 1 has no name")
	f("version: 1\nowners:\n  - {name: ' ', asns: [1]}\n", "3:12: owner 1 has an empty name")
	f(head+"    prefixes:\n      - 192.0.2.1/24\n", "5:9: prefix 192.0.2.1/24 has host bits set: did you mean 192.0.2.0/24?")
	f(head+"    prefixes:\n      - 192.0.2\n", `5:9: "192.0.2" is not a prefix`)
	f(head+"    prefixes:\n      - {country: NL}\n", "5:9: key prefix is missing")
	f(head+"    prefixes:\n      - {prefix: 192.0.2.0/24, land: NL}\n", `5:32: unknown field "land"`)
	f(head+"    prefixes:\n      - {prefix: 192.0.2.0/24, country: Holland}\n", `5:41: country "Holland" is not a two-letter code`)
	f(head+"    asns: [64496, 0]\n", "4:19: AS number 0")
	f(head+"    asns: [4294967296]\n", "4:12: AS number 4294967296")
	f(head+"    asns: [AS64496]\n", "4:12: want a whole number")
	f(head+"    names: ['*']\n", `4:13: name pattern "*" fits everything`)
	f(head+"    handles: [ORG-EX1-RIPE]\n", `4:15: handle "ORG-EX1-RIPE" is not a registry and its handle like ripe:ORG-EX1-RIPE`)
	f(head+"    hosts: ['*.']\n", `4:13: host pattern "*." fits everything`)
	f(head+"    valid_from: yesterday\n    asns: [1]\n", `4:17: "yesterday" is neither a date`)
	f(head+"    valid_from: 2013-01-01\n    valid_until: 2012-01-01\n    asns: [1]\n", "5:18: owner \"Example\": valid_until is not after valid_from")
	f("version: 1\nowners: [\n", "2:")
	f("version: 1\nversion: 1\n", "2:1: ")
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a missing file = %v, want a not-exist error", err)
	}
}

// TestShipped reads the files that ship with the project.
func TestShipped(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..", "..")
	s, err := Load(filepath.Join(root, "deploy", "samples", "owners-2012.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := s.Addr(netip.MustParseAddr("209.107.220.14"), day("2012-04-11")); !ok || m.Owner != "Akamai" || m.Country != "US" {
		t.Errorf("the sample's rules say %+v, %v", m, ok)
	}
	if _, ok := s.Addr(netip.MustParseAddr("209.107.220.14"), day("2026-04-11")); ok {
		t.Error("the sample's rules hold beyond 2012")
	}
	s, err = Load(filepath.Join(root, "deploy", "config", "owners.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Owners() < 11 {
		t.Errorf("deploy/config/owners.yaml has %d owners, want 11 or more", s.Owners())
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(example)
	f.Add("version: 1\nowners:\n- {name: a, prefixes: [{prefix: ::/0}], names: ['a?*']}")
	f.Fuzz(func(t *testing.T, body string) {
		s := &Set{asns: map[uint32][]*rule{}}
		if err := s.add("f", []byte(body)); err != nil {
			if !strings.Contains(err.Error(), ":") {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		at := day("2012-01-01")
		s.Addr(netip.MustParseAddr("192.0.2.1"), at)
		s.Name(at, "example")
	})
}

func TestGlob(t *testing.T) {
	f := func(pattern, s string, want bool) {
		t.Helper()
		if got := glob(pattern, s); got != want {
			t.Errorf("glob(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	}
	f("a", "a", true)
	f("a", "ab", false)
	f("a*", "a", true)
	f("*a", "ba", true)
	f("*a*b*", "xaybz", true)
	f("*a*b*", "xbya", false)
	f("a?c", "abc", true)
	f("a?c", "ac", false)
	f("a**c", "abbc", true)
	f("", "", true)
	f("?", "", false)
	// Exponential matchers do not end on this one.
	f(strings.Repeat("*a", 40)+"b", strings.Repeat("a", 200), false)
}

func BenchmarkName(b *testing.B) {
	s, err := Load(write(b, "o.yaml", example))
	if err != nil {
		b.Fatal(err)
	}
	at := day("2014-01-01")
	b.ReportAllocs()
	for b.Loop() {
		s.Name(at, "Some Internet Service Provider Holdings Ltd")
	}
}

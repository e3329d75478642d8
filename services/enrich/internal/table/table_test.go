package table

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, dir, name, body string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func keep(rest []byte) (string, bool) { return string(Unquote(rest)), len(rest) > 0 }

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	v4 := write(t, dir, "v4.csv", strings.Join([]string{
		"start,end,value", // a heading is skipped
		"192.0.2.0,192.0.2.255,one\r",
		`198.51.100.0,198.51.102.255,"two ""quoted"""`, // not one prefix
		"198.51.104.9,198.51.104.1,reversed",
		"",
		`"203.0.113.7","203.0.113.7",three`,
		"203.0.113.9,203.0.113.9",
	}, "\n"))
	v6 := write(t, dir, "v6.csv", "2001:db8::,2001:db8:0:ffff:ffff:ffff:ffff:ffff,six\n")
	tab, err := Load(keep, v4, v6)
	if err != nil {
		t.Fatal(err)
	}
	f := func(addr, want, prefix string) {
		t.Helper()
		a := netip.MustParseAddr(addr)
		got, _ := tab.Lookup(a)
		p, again, ok := tab.LookupPrefix(a)
		if got != want || again != want || ok != (want != "") || ok && p.String() != prefix {
			t.Errorf("Lookup(%s) = %q; LookupPrefix() = %v, %q; want %q in %s", addr, got, p, again, want, prefix)
		}
	}
	f("192.0.2.255", "one", "192.0.2.0/24")
	f("192.0.3.0", "", "")
	f("198.51.100.1", `two "quoted"`, "198.51.100.0/23")
	f("198.51.102.1", `two "quoted"`, "198.51.102.0/24")
	f("198.51.104.5", "", "")
	f("203.0.113.7", "three", "203.0.113.7/32")
	f("203.0.113.9", "", "")
	f("2001:db8::1", "six", "2001:db8::/48")
	f("2001:db8:1::1", "", "")
	if tab.Rows() != 4 || tab.Bad() != 3 {
		t.Errorf("Rows() = %d, Bad() = %d, want 4 and 3", tab.Rows(), tab.Bad())
	}
}

// The smallest range that holds an address answers, whatever the order of the rows; of
// equal ones the last.
func TestSmallestRange(t *testing.T) {
	rows := []string{
		"10.0.0.0,10.255.255.255,ten",
		"10.1.0.0,10.1.255.255,one",
		"10.1.2.0,10.1.2.255,two",
		"10.1.2.0,10.1.2.255,again",
		"10.1.255.128,10.2.0.127,across",
		"10.200.0.0,10.200.0.0,single",
		"2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,wide",
		"2001:db8:1::,2001:db8:1:ffff:ffff:ffff:ffff:ffff,narrow",
	}
	f := func(rows []string) {
		t.Helper()
		tab, err := Load(keep, write(t, t.TempDir(), "x.csv", strings.Join(rows, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		g := func(addr, want string) {
			t.Helper()
			if got, _ := tab.Lookup(netip.MustParseAddr(addr)); got != want {
				t.Errorf("Lookup(%s) = %q, want %q", addr, got, want)
			}
		}
		g("9.255.255.255", "")
		g("10.0.0.0", "ten")
		g("10.1.0.0", "one")
		g("10.1.2.255", "again")
		g("10.1.3.0", "one")
		g("10.1.255.200", "across")
		g("10.2.0.127", "across")
		g("10.2.0.128", "ten")
		g("10.200.0.0", "single")
		g("10.200.0.1", "ten")
		g("10.255.255.255", "ten")
		g("11.0.0.0", "")
		g("2001:db8::1", "wide")
		g("2001:db8:1::1", "narrow")
		g("2001:db8:2::1", "wide")
		g("2001:db9::", "")
		if _, ok := tab.Lookup(netip.Addr{}); ok {
			t.Error("the zero address is found")
		}
		n := 0
		for range tab.All() {
			n++
		}
		if want := 1 + 1 + 2 + 2 + 1 + 1 + 1; n != want {
			t.Errorf("All() yields %d prefixes, want %d", n, want)
		}
	}
	f(rows)
	turned := slices.Clone(rows)
	turned[2], turned[3] = turned[3], turned[2]
	slices.Reverse(turned)
	f(turned)
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	f := func(body, want string) {
		t.Helper()
		if _, err := Load(keep, write(t, dir, "x.csv", body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%.40q) = %v, want %q in it", body, err, want)
		}
	}
	f("", "no row")
	f("\x1f\x8b\x08 not text\n", "no row of the form first,last,…; the first is \"\\x1f\\x8b")
	f("192.0.2.0,192.0.2.255,"+strings.Repeat("x", maxRow), "longer than")
	if _, err := Load(keep, filepath.Join(dir, "missing.csv")); !os.IsNotExist(err) {
		t.Errorf("Load of a missing file = %v", err)
	}
}

func TestDate(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "x.csv", "192.0.2.0,192.0.2.255,x\n")
	touched := time.Date(2020, 3, 4, 5, 6, 7, 0, time.UTC)
	if err := os.Chtimes(file, touched, touched); err != nil {
		t.Fatal(err)
	}
	f := func(manifest string, want time.Time) {
		t.Helper()
		write(t, dir, "package.json", manifest)
		if got := Date(file); !got.Equal(want) {
			t.Errorf("Date() with %q = %v, want %v", manifest, got, want)
		}
	}
	f(`{"version": "2.3.2026061719"}`, time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC))
	f(`{"version": "1.2.3"}`, touched)
	f(`{"version": "2.3.99999999"}`, touched)
	f(`not JSON`, touched)
	if got := Date(filepath.Join(dir, "none", "missing.csv")); !got.IsZero() {
		t.Errorf("Date() of a missing file = %v", got)
	}
	tab, err := Load(keep, file)
	if err != nil || !tab.AsOf().Equal(touched) {
		t.Errorf("AsOf() = %v, %v, want %v", tab.AsOf(), err, touched)
	}
}

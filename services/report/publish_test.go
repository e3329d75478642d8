package report

import (
	"bytes"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// samplePublished is April 2012 with ordinary and with hostile names.
func samplePublished() Published {
	p := Published{
		Month: april, Owners: sampleOwners(), Sources: sampleSources(), AsOf: time.Date(2012, 5, 1, 9, 30, 0, 0, time.UTC),
		Days:      []Day{{april.AddDate(0, 0, 9), 40}, {april.AddDate(0, 0, 11), 1241}},
		Campaigns: []Campaign{{Owner: "Akamai", First: firstSeen, Last: lastSeen, Attempts: 1234, Sources: 11, Most: 16, Answers: 60}},
		Evidence:  map[string][]string{"reply": {"UDP from port 3478, STUN", "TCP RST from port 443, HTTPS"}, "scan": {evilScript, "its name is 198.51.100.9"}},
	}
	for _, name := range append(evil, "Customer 198.51.100.9", "2001:db8:0:7::1:53") {
		p.Campaigns = append(p.Campaigns, Campaign{Owner: name, First: firstSeen, Last: firstSeen, Attempts: 1, Sources: 1, Most: 1})
	}
	return p.hidden()
}

func files(t *testing.T, p Published) map[string]string {
	t.Helper()
	list, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range list {
		files[f.Name] = string(f.Body)
	}
	return files
}

func TestFiles(t *testing.T) {
	got := files(t, samplePublished())
	if len(got) != 4 {
		t.Errorf("%d files", len(got))
	}
	golden(t, "month.html", strings.Replace(got["2012-04.html"], style(t), "STYLE", 1))
	golden(t, "month.md", got["2012-04.md"])
	golden(t, "month-owners.csv", got["2012-04-owners.csv"])
	golden(t, "month-sources.csv", got["2012-04-sources.csv"])
}

func style(t *testing.T) string {
	t.Helper()
	w, err := loadWeb()
	if err != nil {
		t.Fatal(err)
	}
	return string(w.style)
}

// A month without attempts has a page, too.
func TestFilesOfQuietMonth(t *testing.T) {
	got := files(t, Published{Month: april})
	for name, want := range map[string]string{
		"2012-04.html": "No attempt from outside was logged in April 2012.", "2012-04.md": "No attempt from outside was logged in April 2012.",
		"2012-04-owners.csv": "\nTotal,0,0,0", "2012-04-sources.csv": "\nTotal,,0 sources,0",
	} {
		if !strings.Contains(got[name], want) {
			t.Errorf("%s does not say %q:\n%s", name, want, got[name])
		}
	}
}

// The page has as many rows as were asked for, the sheets have all, and a source has
// the same letter in both.
func TestFilesRows(t *testing.T) {
	p := samplePublished()
	p.Rows = 1
	got := files(t, p)
	for _, name := range []string{"2012-04.html", "2012-04.md"} {
		if !strings.Contains(got[name], "198.51.100.a") || strings.Contains(got[name], "198.51.100.b") {
			t.Errorf("%s has other sources than the first", name)
		}
	}
	if !strings.Contains(got["2012-04.html"], "The first 1 of 2,001 rows") || !strings.Contains(got["2012-04.md"], "1 of 2001 rows are shown") {
		t.Error("a page does not say that rows are left out")
	}
	if lines := strings.Count(got["2012-04-sources.csv"], "\n"); lines != 2+len(p.Sources.Rows) || !strings.Contains(got["2012-04-sources.csv"], "198.51.100.b,US,Akamai,15\n") {
		t.Errorf("%d lines of sources:\n%s", lines, got["2012-04-sources.csv"])
	}
}

// Whatever way a whole address takes into a page, there is no page then.
func TestFilesLeak(t *testing.T) {
	f := func(name, want string, change func(*Published)) {
		t.Helper()
		p := samplePublished()
		change(&p)
		files, err := p.Files()
		var leak *LeakError
		if !errors.As(err, &leak) || leak.Address != want || files != nil {
			t.Errorf("%s: Files() = %d files, %v, want a leak of %s", name, len(files), err, want)
		}
	}
	f("a source that is not masked", "198.51.100.9", func(p *Published) { p.Sources.Rows[1].Address = "198.51.100.9" })
	f("one of IPv6", "2001:db8:0:7::1:53", func(p *Published) { p.Sources.Rows[2].Address = "2001:db8:0:7::1:53" })
	f("own address in an owner's name", "192.0.2.77", func(p *Published) { p.Owners.Rows[0].Owner = "home of 192.0.2.77" })
	f("a line", "192.168.1.2", func(p *Published) {
		p.Owners.Rows[0].Owner = "DROP IN=eth0 OUT= SRC=192.168.1.2 PROTO=TCP"
	})
	f("only in a sheet", "203.0.113.9", func(p *Published) {
		p.Rows = 1
		p.Sources.Rows[3].Owner = "203.0.113.9"
	})
	f("a campaign", "2001:db8::1", func(p *Published) { p.Campaigns[0].Owner = "2001:db8::1" })
	f("a cause", "192.0.2.1", func(p *Published) { p.Owners.Rows[0].Causes = []Share{{"192.0.2.1", 1}} })
}

// No name becomes markup, in the page or in what others make of the Markdown.
func TestFilesAreHarmless(t *testing.T) {
	got := files(t, samplePublished())
	var rendered bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(got["2012-04.md"]), &rendered); err != nil {
		t.Fatal(err)
	}
	ours := regexp.MustCompile(`https://(db-ip\.com|creativecommons\.org/licenses/by/4\.0/)`)
	harmlessPage(t, strings.Replace(got["2012-04.html"], "<style>"+style(t)+"</style>", "", 1))
	for name, page := range map[string]string{"page": got["2012-04.html"], "Markdown": rendered.String()} {
		page = ours.ReplaceAllString(page, "")
		if found := regexp.MustCompile(`(?i)<(script|img|b>bold|iframe|link|form)|href="[^"]+"|<[^>]*src=|@team<|url\(|@import`).FindString(page); found != "" {
			t.Errorf("%s holds %q", name, found)
		}
	}
}

func TestCampaignDays(t *testing.T) {
	f := func(first, last, want string) {
		t.Helper()
		a, _ := time.Parse(time.DateTime, first)
		b, _ := time.Parse(time.DateTime, last)
		if got := (Campaign{First: a, Last: b}).Days(); got != want {
			t.Errorf("Days() of %s to %s = %q, want %q", first, last, got, want)
		}
	}
	f("2012-04-10 18:22:01", "2012-04-12 13:12:56", "10 Apr to 12 Apr")
	f("2012-04-10 00:00:00", "2012-04-10 23:59:59", "10 Apr")
}

// What the page holds of a table is what the table holds.
func TestPublishedTables(t *testing.T) {
	p := samplePublished()
	if diff := cmp.Diff(sampleSources().Total, p.Sources.Total); diff != "" {
		t.Errorf("total (-want +got)\n%s", diff)
	}
	for i, r := range p.Sources.Rows {
		if r.Addr != (netip.Addr{}) {
			t.Errorf("row %d still holds %s", i, r.Addr)
		}
	}
	if got := sampleOwners(); got.Rows[0].Owner != "Akamai" {
		t.Errorf("the table that was masked has changed: %q", got.Rows[0].Owner)
	}
}

// April as the founding user published it, with a neighbour's own name in between.
func TestPublish(t *testing.T) {
	db, reader := openDB(t)
	events := founding(t)
	insert(t, db, events...)
	insert(t, db, event(1, func(e *scan.Enriched) { e.Owner, e.SrcIP = "Customer 192.0.2.77", netip.MustParseAddr("203.0.113.5") }),
		event(2, func(e *scan.Enriched) { e.CauseWhy = "its name is host-192-0-2-77.example" }),
		event(3, func(e *scan.Enriched) { e.Direction = scan.DirectionOut }),  // no knock
		event(4, func(e *scan.Enriched) { e.Time = e.Time.AddDate(0, 1, 0) }), // another month
	)
	p, err := NewReader(reader.Conn()).Publish(t.Context(), april, 5)
	if err != nil {
		t.Fatal(err)
	}
	var days uint64
	for _, d := range p.Days {
		days += d.Attempts
	}
	if n := uint64(len(events) + 2); p.Owners.Total.Attempts != n || p.Sources.Total.Attempts != n || days != n || len(p.Days) != 3 {
		t.Errorf("owners have %d attempts, sources %d, %d days %d, want %d in 3 days", p.Owners.Total.Attempts, p.Sources.Total.Attempts, len(p.Days), days, n)
	}
	want := []Campaign{{Owner: "Akamai", First: events[0].Time, Last: events[0].Time, Attempts: 100, Sources: 11, Most: 16, Answers: 100}}
	for _, e := range events {
		want[0].First, want[0].Last = earlier(want[0].First, e.Time), later(want[0].Last, e.Time)
	}
	if diff := cmp.Diff(want, p.Campaigns); diff != "" {
		t.Errorf("campaigns (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"label", "its name is host-[address].example"}, p.Evidence["scan"]); diff != "" {
		t.Errorf("evidence (-want +got)\n%s", diff)
	}
	got := files(t, p)
	for name, body := range got {
		for _, e := range events {
			if strings.Contains(body, e.SrcIP.String()) || strings.Contains(body, e.Line) {
				t.Errorf("%s holds %s or its line", name, e.SrcIP)
			}
		}
		for _, private := range []string{"192.0.2.77", "192-0-2-77", "203.0.113.5", "home", "test:1"} {
			if strings.Contains(strings.ReplaceAll(body, style(t), ""), private) {
				t.Errorf("%s holds %q", name, private)
			}
		}
	}
	for _, want := range []string{"217.212.238.a,FR,Akamai,7\n", "217.212.238.b,FR,Akamai,6\n", "203.0.113.a,US,Customer [address],1\n", "\nTotal,,13 sources,102"} {
		if !strings.Contains(got["2012-04-sources.csv"], want) {
			t.Errorf("the table of sources lacks %q:\n%s", want, got["2012-04-sources.csv"])
		}
	}
}

// Every cause that is documented has a meaning on the page.
func TestMeanings(t *testing.T) {
	doc, err := docFiles.ReadFile("docs/25-causes.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(doc), "## How good")
	causes := regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|").FindAllStringSubmatch(table, -1)
	for _, cause := range causes {
		if meanings[cause[1]] == "" {
			t.Errorf("%s has no meaning", cause[1])
		}
	}
	if len(causes) != len(meanings) {
		t.Errorf("%d causes are documented, %d have a meaning", len(causes), len(meanings))
	}
}

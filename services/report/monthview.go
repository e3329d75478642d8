package report

import (
	"fmt"
	"html/template"
)

// monthView is what the templates month.html and month.md read.
type monthView struct {
	Published
	Style template.CSS
}

// Period is the month in words.
func (v monthView) Period() string { return v.Month.Format("January 2006") }

// OwnersTable is the table of owners in Markdown; so are the others.
func (v monthView) OwnersTable() string { return v.ownersGrid(FormatMarkdown).markdown() }

// SourcesTable is the founding table.
func (v monthView) SourcesTable() string { return v.sourcesGrid(FormatMarkdown).markdown() }

// CausesTable says why.
func (v monthView) CausesTable() string {
	g := grid{titles: []string{"Cause", "Attempts", "What it is", "Mostly told by"}, right: []int{1}, ours: []int{1, 2}, total: []string{"Total", count(v.Owners.Total.Attempts), "", ""}}
	for _, c := range v.Causes() {
		told := ""
		if len(c.ToldBy) > 0 {
			told = c.ToldBy[0]
		}
		g.rows = append(g.rows, []string{c.Name, count(c.Attempts), c.Means, told})
	}
	return g.markdown()
}

// DaysTable says when.
func (v monthView) DaysTable() string {
	g := grid{titles: []string{"Day", "Attempts"}, right: []int{1}, ours: []int{0, 1}, total: []string{"Total", count(v.Owners.Total.Attempts)}}
	for _, d := range v.Days {
		g.rows = append(g.rows, []string{d.Day.Format("2 Jan"), count(d.Attempts)})
	}
	return g.markdown()
}

// CampaignsTable is the campaigns on the page.
func (v monthView) CampaignsTable() string {
	g := grid{titles: []string{"Owner", "Days", "Attempts", "Sources", "Most of one source", "Answers"}, right: []int{2, 3, 4, 5}, ours: []int{1, 2, 3, 4, 5}}
	for _, c := range v.TopCampaigns() {
		g.rows = append(g.rows, []string{c.Owner, c.Days(), count(c.Attempts), count(c.Sources), count(c.Most), count(c.Answers)})
	}
	var attempts, answers uint64
	for _, c := range v.Campaigns {
		attempts, answers = attempts+c.Attempts, answers+c.Answers
	}
	g.total = []string{"Total", "", count(attempts), "", "", count(answers)}
	g.remark(len(g.rows), uint64(len(v.Campaigns)), 0)
	return g.markdown()
}

// TopOwners are the owners on the page.
func (v monthView) TopOwners() []OwnerRow { return v.Owners.Rows[:v.shown(len(v.Owners.Rows))] }

// TopSources are the sources on the page.
func (v monthView) TopSources() []SourceRow { return v.Sources.Rows[:v.shown(len(v.Sources.Rows))] }

// TopCampaigns are the campaigns on the page.
func (v monthView) TopCampaigns() []Campaign { return v.Campaigns[:v.shown(len(v.Campaigns))] }

// Cut says what the page leaves out of each table, if anything.
func (v monthView) Cut() map[string]string {
	left := map[string]string{}
	f := func(table string, shown int, all uint64) {
		if uint64(shown) < all {
			left[table] = fmt.Sprintf("The first %s of %s rows, most attempts first.", grouped(uint64(shown)), grouped(all))
		}
	}
	f("owners", len(v.TopOwners()), v.Owners.matching)
	f("sources", len(v.TopSources()), v.Sources.matching)
	f("campaigns", len(v.TopCampaigns()), uint64(len(v.Campaigns)))
	return left
}

// Days are those from the first to the last attempt, in words.
func (c Campaign) Days() string {
	first, last := c.First.UTC().Format("2 Jan"), c.Last.UTC().Format("2 Jan")
	if first == last {
		return first
	}
	return first + " to " + last
}

// causeRow is one of the causes with what it means.
type causeRow struct {
	Share
	Means  string
	ToldBy []string // most often first
}

// meanings are those of docs/25-causes.md.
var meanings = map[string]string{
	"scan":        "somebody looks for services",
	"reply":       "a late answer to traffic of our own, not a scan",
	"peer":        "file sharing and NAT traversal",
	"backscatter": "an answer to somebody who used our address as a false source",
	"research":    "a scan by a project that scans the whole Internet and says so",
	"noise":       "not from outside at all",
	"unknown":     "nothing tells",
}

// Causes are the attempts by cause, most first.
func (v monthView) Causes() (rows []causeRow) {
	sum := map[string]uint64{}
	for _, o := range v.Owners.Rows {
		for _, c := range o.Causes {
			sum[c.Name] += c.Attempts
		}
	}
	for _, s := range shares(sum) {
		rows = append(rows, causeRow{s, meanings[s.Name], v.Evidence[s.Name]})
	}
	return rows
}

// Busiest is the most attempts of a day.
func (v monthView) Busiest() (most uint64) {
	for _, d := range v.Days {
		most = max(most, d.Attempts)
	}
	return most
}

// shown is how many of n rows the page has.
func (p Published) shown(n int) int {
	if p.Rows == 0 {
		return n
	}
	return min(n, p.Rows)
}

// sourcesGrid is the founding table.
func (p Published) sourcesGrid(format Format) grid {
	t := p.Sources
	if format != FormatCSV {
		t.Rows = t.Rows[:p.shown(len(t.Rows))]
	}
	g := grid{
		titles: []string{"Address", "Country", "Owner", "Attempts"}, keys: []string{"address", "country", "owner", "attempts"},
		right: []int{3}, ours: []int{0, 3},
		total: []string{"Total", "", Plural(t.Total.Sources, "source"), count(t.Total.Attempts)},
	}
	for _, r := range t.Rows {
		g.rows = append(g.rows, []string{r.Address, r.Country, format.owner(r.Owner, r.Late), count(r.Attempts)})
	}
	g.remark(len(t.Rows), t.matching, t.Total.Late)
	return g
}

func (p Published) ownersGrid(format Format) grid {
	t := p.Owners
	if format != FormatCSV {
		t.Rows = t.Rows[:p.shown(len(t.Rows))]
	}
	g := grid{
		titles: []string{"Owner", "Attempts", "Sources", "Networks", "Countries", "Causes"},
		keys:   []string{"owner", "attempts", "sources", "networks", "countries", "causes"},
		right:  []int{1, 2, 3}, ours: []int{1, 2, 3},
		total: []string{"Total", count(t.Total.Attempts), count(t.Total.Sources), count(t.Total.Networks), "", ""},
	}
	for _, r := range t.Rows {
		g.rows = append(g.rows, []string{
			format.owner(r.Owner, r.Late), count(r.Attempts), count(r.Sources), count(r.Networks), names(r.Countries), names(r.Causes),
		})
	}
	g.remark(len(t.Rows), t.matching, t.Total.Late)
	return g
}

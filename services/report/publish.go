package report

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	texttemplate "text/template"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var (
	//go:embed queries/days.sql
	daysSQL string
	//go:embed queries/campaigns.sql
	campaignsSQL string
	//go:embed queries/evidence.sql
	evidenceSQL string
)

// Published is a month as it may be shown to everybody: letters for the hidden part
// of each source, days instead of times, and no sensor, line or address of one's own.
type Published struct {
	Month     time.Time // its first day
	Owners    Owners
	Sources   Sources // masked
	Days      []Day
	Campaigns []Campaign
	Evidence  map[string][]string // what decided a cause, most often first
	AsOf      time.Time           // when the database was asked
	Rows      int                 // most rows of a table on the page; files of CSV hold all
}

// Day is what was logged on one day (UTC).
type Day struct {
	Day      time.Time
	Attempts uint64
}

// Campaign is attempts of one owner that belong together.
type Campaign struct {
	Owner             string
	First, Last       time.Time
	Attempts, Sources uint64
	Most              uint64 // attempts of the source that has most
	Answers           uint64 // of the attempts, replies and backscatter
}

// Publish gathers a month, of which the first day is given, for publishing.
func (r *Reader) Publish(ctx context.Context, month time.Time, rows int) (p Published, err error) {
	p = Published{Month: month, AsOf: time.Now(), Rows: rows}
	f := Filter{Since: month, Until: month.AddDate(0, 1, 0)}
	if p.Owners, err = r.Owners(ctx, f); err != nil {
		return p, err
	}
	if p.Sources, err = r.Sources(ctx, f); err != nil {
		return p, err
	}
	err = r.each(ctx, "days", daysSQL, f.args(), func(rows driver.Rows) error {
		var d Day
		err := rows.Scan(&d.Day, &d.Attempts)
		p.Days = append(p.Days, d)
		return err
	})
	if err != nil {
		return p, err
	}
	err = r.each(ctx, "campaigns", campaignsSQL, f.args(), func(rows driver.Rows) error {
		var c Campaign
		var sources uint32
		err := rows.Scan(&c.Owner, &c.First, &c.Last, &c.Attempts, &sources, &c.Most, &c.Answers)
		c.Sources = uint64(sources)
		p.Campaigns = append(p.Campaigns, c)
		return err
	})
	if err != nil {
		return p, err
	}
	p.Evidence = map[string][]string{}
	err = r.each(ctx, "evidence", evidenceSQL, f.args(), func(rows driver.Rows) error {
		var cause string
		var evidence []string
		err := rows.Scan(&cause, &evidence)
		p.Evidence[cause] = evidence
		return err
	})
	if err != nil {
		return p, err
	}
	return p.hidden(), nil
}

// hidden masks the sources, and hides addresses in whatever strangers may have written.
func (p Published) hidden() Published {
	p.Sources = p.Sources.Mask()
	for i := range p.Sources.Rows {
		r := &p.Sources.Rows[i]
		r.Owner, r.Country = conceal(r.Owner), conceal(r.Country)
	}
	p.Owners.Rows = slices.Clone(p.Owners.Rows)
	for i := range p.Owners.Rows {
		r := &p.Owners.Rows[i]
		r.Owner, r.Countries, r.Causes = conceal(r.Owner), concealed(r.Countries), concealed(r.Causes)
	}
	p.Campaigns = slices.Clone(p.Campaigns)
	for i := range p.Campaigns {
		p.Campaigns[i].Owner = conceal(p.Campaigns[i].Owner)
	}
	evidence := map[string][]string{}
	for cause, list := range p.Evidence {
		for _, why := range list {
			evidence[conceal(cause)] = append(evidence[conceal(cause)], conceal(why))
		}
	}
	p.Evidence = evidence
	return p
}

func concealed(list []Share) []Share {
	list = slices.Clone(list)
	for i := range list {
		list[i].Name = conceal(list[i].Name)
	}
	return list
}

// A File is one of those that are published.
type File struct {
	Name string
	Body []byte
}

// Files makes the page as HTML, which needs no other file, as Markdown, and its
// tables as CSV. It returns a *LeakError, and no file, if one would show a whole
// address.
func (p Published) Files() ([]File, error) {
	page, err := p.html()
	if err != nil {
		return nil, err
	}
	markdown, err := p.markdown()
	if err != nil {
		return nil, err
	}
	name := p.Month.Format("2006-01")
	files := []File{
		{name + ".html", page},
		{name + ".md", markdown},
		{name + "-owners.csv", []byte(p.ownersGrid(FormatCSV).csv())},
		{name + "-sources.csv", []byte(p.sourcesGrid(FormatCSV).csv())},
	}
	for _, f := range files {
		if found := leak(string(f.Body)); found != "" {
			return nil, &LeakError{File: f.Name, Address: found}
		}
	}
	return files, nil
}

func (p Published) html() ([]byte, error) {
	w, err := loadWeb()
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	view := monthView{Published: p, Style: template.CSS(w.style)} //nolint:gosec // our own style sheet
	if err := w.pages["month.html"].ExecuteTemplate(&body, "month.html", view); err != nil {
		return nil, fmt.Errorf("make the page: %w", err)
	}
	return body.Bytes(), nil
}

func (p Published) markdown() ([]byte, error) {
	t, err := texttemplate.New("month.md").Funcs(viewFuncs).ParseFS(webFiles, "web/month.md")
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if err := t.Execute(&body, monthView{Published: p}); err != nil {
		return nil, fmt.Errorf("make the page: %w", err)
	}
	return body.Bytes(), nil
}

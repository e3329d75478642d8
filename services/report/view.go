package report

import (
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// frame is what every page has: layout.html reads it.
type frame struct {
	Title string
	Room  string // the entry of the navigation that is open: page or docs
}

type errorView struct {
	frame
	Sentence string
}

// pageView is page.html's.
type pageView struct {
	frame
	Period     string // "April 2012" or "all months"
	Months     []monthOption
	Older      string // query of the neighbouring month, or empty
	Newer      string
	Narrowed   []narrowing
	Query      string // of this page, for the downloads
	Owners     Owners
	Sources    Sources
	AllOwners  uint64 // rows of each table before the limit
	AllSources uint64
	Empty      bool // no event at all is stored
	AsOf       time.Time
	narrow     url.Values
}

type monthOption struct {
	Value, Text string
	Selected    bool
}

// narrowing is a filter in force, with the query of the page without it.
type narrowing struct{ Name, Value, Without string }

func newPageView(f Filter, month string, months []time.Time, owners Owners, sources Sources, asOf time.Time) pageView {
	v := pageView{
		frame:  frame{Title: "Who knocked", Room: "page"},
		Owners: owners, Sources: sources, AllOwners: owners.matching, AllSources: sources.matching,
		Empty: len(months) == 0, AsOf: asOf, Period: "all months",
		narrow: url.Values{},
	}
	for _, n := range []narrowing{
		{Name: "owner", Value: f.Owner}, {Name: "sensor", Value: f.Sensor},
		{Name: "proto", Value: f.Proto}, {Name: "cause", Value: f.Cause},
	} {
		if n.Value != "" {
			v.narrow.Set(n.Name, n.Value)
			v.Narrowed = append(v.Narrowed, n)
		}
	}
	v.Query = v.query("month", month)
	for i := range v.Narrowed {
		v.Narrowed[i].Without = v.query("month", month, v.Narrowed[i].Name, "")
	}
	v.addMonths(f, month, months)
	return v
}

// addMonths fills the picker: every month with events, the one that was asked
// for in any case, and all of them.
func (v *pageView) addMonths(f Filter, month string, months []time.Time) {
	months = slices.Clone(months)
	if month != allTime {
		v.Period = f.Since.Format("January 2006")
		if !slices.ContainsFunc(months, f.Since.Equal) {
			months = append(months, f.Since)
			slices.SortFunc(months, func(a, b time.Time) int { return b.Compare(a) })
		}
	}
	for i, m := range months {
		o := monthOption{Value: m.Format("2006-01"), Text: m.Format("January 2006")}
		if o.Selected = o.Value == month; o.Selected {
			if i > 0 {
				v.Newer = v.query("month", months[i-1].Format("2006-01"))
			}
			if i+1 < len(months) {
				v.Older = v.query("month", months[i+1].Format("2006-01"))
			}
		}
		v.Months = append(v.Months, o)
	}
	v.Months = append(v.Months, monthOption{Value: allTime, Text: "all months", Selected: month == allTime})
}

// query is the query of this page with some of its parameters set anew; an
// empty value takes one away.
func (v *pageView) query(pairs ...string) string {
	q := url.Values{}
	for name, values := range v.narrow {
		q[name] = values
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if q.Del(pairs[i]); pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return "?" + q.Encode()
}

// OwnerQuery narrows this page to one owner.
func (v pageView) OwnerQuery(owner string) string {
	if owner == "" {
		owner = NoOwner
	}
	for _, m := range v.Months {
		if m.Selected {
			return v.query("month", m.Value, "owner", owner)
		}
	}
	return v.query("owner", owner)
}

// TopOwner is the largest number of attempts of an owner.
func (v pageView) TopOwner() uint64 {
	if len(v.Owners.Rows) == 0 {
		return 0
	}
	return v.Owners.Rows[0].Attempts
}

// TopSource is the largest number of attempts of a source.
func (v pageView) TopSource() uint64 {
	if len(v.Sources.Rows) == 0 {
		return 0
	}
	return v.Sources.Rows[0].Attempts
}

// viewFuncs are the functions of the templates. What strangers wrote goes
// through text before html/template escapes it.
var viewFuncs = template.FuncMap{
	"text":   func(s string) string { return cut(Printable(s), maxCell) },
	"number": grouped,
	"part":   part,
	"plural": Plural[uint64],
	"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"when":   func(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04") },
	"day":    func(t time.Time) string { return t.UTC().Format("2 Jan 2006") },
	"second": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05") },
	"first":  func(n int, list []Share) []Share { return list[:min(n, len(list))] },
	"more":   func(n int, list []Share) int { return max(0, len(list)-n) },
}

// part is n as a part of the largest number of its table, in percent.
func part(n, largest uint64) string {
	if largest == 0 {
		return "0"
	}
	return strconv.FormatFloat(100*float64(n)/float64(largest), 'f', 1, 64)
}

// grouped writes 1234567 as 1,234,567.
func grouped(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

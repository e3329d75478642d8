package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// MaxRows is the most rows that one table holds, so that a table of millions of
// sources cannot exhaust the memory of whoever asked for it. Totals count what
// was left out, too. Everything is in `whoknocks sql`, which streams.
const MaxRows = 100_000

// NoOwner as Filter.Owner selects the attempts whose owner is not known. It is
// also what tables for people show in place of an absent value.
const NoOwner = "-"

// LateDays is how many days after an attempt its owner may have been learnt before
// tables mark it: networks change hands, and who has one today need not have had
// it then. The roll-ups are made with it.
const LateDays = 90

// Filter says which attempts count. The zero value is all of them.
type Filter struct {
	Since  time.Time // first moment that counts; zero is from the beginning
	Until  time.Time // first moment that counts no more; zero is without end
	Owner  string    // only this owner, whatever the case of its letters; NoOwner for those without
	Sensor string    // only this sensor
	Proto  string    // only this protocol, as in the event: tcp, udp, 47
	Cause  string    // only this cause
	Limit  int       // most rows of the table, not of its total; 0 is MaxRows
}

// Month returns the bounds of a month, written YYYY-MM, for Filter's Since and
// Until. Months are those of UTC, like every time here.
func Month(text string) (since, until time.Time, err error) {
	since, err = time.Parse("2006-01", text)
	if err != nil {
		return time.Time{}, time.Time{}, fmt.Errorf("month %q: want YYYY-MM", cut(text, 40))
	}
	return since, since.AddDate(0, 1, 0), nil
}

// Validate reports what no query could answer.
func (f Filter) Validate() error {
	if f.Limit < 0 || f.Limit > MaxRows {
		return fmt.Errorf("limit %d: want 0 to %d", f.Limit, MaxRows)
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return fmt.Errorf("nothing lies between %s and %s",
			f.Since.UTC().Format(time.RFC3339), f.Until.UTC().Format(time.RFC3339))
	}
	return nil
}

// limit is the most rows to ask for.
func (f Filter) limit() int {
	if f.Limit == 0 {
		return MaxRows
	}
	return f.Limit
}

// The events table refuses times outside of these years, so an open end is one
// of them.
var (
	earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// args are the parameters of the queries. Whatever a user wrote travels beside
// the query, never inside it.
func (f Filter) args() []any {
	owner, anyOwner := f.Owner, uint8(0)
	switch owner {
	case "":
		anyOwner = 1
	case NoOwner:
		owner = ""
	}
	from, to, edges := f.months()
	return []any{
		clickhouse.Named("from", from.Format(time.DateOnly)),
		clickhouse.Named("to", to.Format(time.DateOnly)),
		clickhouse.Named("edges", edges),
		clickhouse.Named("since", moment(f.Since, earliest)),
		clickhouse.Named("until", moment(f.Until, latest)),
		clickhouse.Named("any_owner", anyOwner),
		clickhouse.Named("owner", owner),
		clickhouse.Named("sensor", f.Sensor),
		clickhouse.Named("proto", strings.ToLower(f.Proto)),
		clickhouse.Named("cause", strings.ToLower(f.Cause)),
		clickhouse.Named("rows", uint64(f.limit())+1), // one more for the total
	}
}

// months are the whole months of f, from the first up to the last, which is not
// included, and whether more than these is asked for.
func (f Filter) months() (from, to time.Time, edges uint8) {
	from, to = beginning, end
	if !f.Since.IsZero() {
		from = clamp(startOfMonth(f.Since.UTC()))
		if from.Before(f.Since) {
			from, edges = from.AddDate(0, 1, 0), 1
		}
	}
	if !f.Until.IsZero() {
		to = clamp(startOfMonth(f.Until.UTC()))
		if to.Before(f.Until) {
			edges = 1
		}
	}
	return clamp(from), clamp(to), edges
}

func startOfMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// Events are of these years, and a Date can hold no others.
var (
	beginning = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	end       = time.Date(2106, 2, 1, 0, 0, 0, 0, time.UTC)
)

func clamp(t time.Time) time.Time {
	switch {
	case t.Before(beginning):
		return beginning
	case t.After(end):
		return end
	}
	return t
}

// moment writes t as a DateTime64(3) parameter: as text, because clickhouse-go
// cuts a time.Time to whole seconds.
func moment(t, absent time.Time) string {
	switch {
	case t.IsZero():
		t = absent
	case t.Before(earliest):
		t = earliest
	case t.After(latest):
		t = latest
	}
	return t.UTC().Format("2006-01-02 15:04:05.000")
}

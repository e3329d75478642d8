package report

import (
	"context"
	_ "embed"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var (
	//go:embed queries/owners.sql
	ownersSQL string
	//go:embed queries/sources.sql
	sourcesSQL string
	//go:embed queries/months.sql
	monthsSQL string
	//go:embed queries/events.sql
	eventsSQL string
	//go:embed queries/origins.sql
	originsSQL string
)

// Querier is what a Reader needs of a ClickHouse connection.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// Reader asks ClickHouse for the tables. Its counts are exact: an event that is
// stored twice, because it was imported or delivered twice, counts once (the
// view knocks says FINAL, whatever the connection's own settings). It holds no
// state, changes no setting, so that a read-only user will do, and may be used
// concurrently.
type Reader struct{ db Querier }

// NewReader returns a Reader of db, for example of clickhouse.DB.Conn().
func NewReader(db Querier) *Reader { return &Reader{db: db} }

// Owners returns the owners of the attempts that f selects, those with the most
// attempts first.
func (r *Reader) Owners(ctx context.Context, f Filter) (Owners, error) {
	if err := f.Validate(); err != nil {
		return Owners{}, err
	}
	var table Owners
	err := r.each(ctx, "owners", ownersSQL, f.args(), func(rows driver.Rows) error {
		var (
			row              OwnerRow
			isTotal          bool
			asOf             *time.Time
			causes, country  map[string]uint64
			owners, matching uint64
		)
		err := rows.Scan(&isTotal, &row.Owner, &row.Attempts, &row.Sources, &row.Networks,
			&country, &causes, &row.FirstSeen, &row.LastSeen, &asOf, &row.Late, &owners, &matching)
		if err != nil {
			return err
		}
		if isTotal && row.Attempts == 0 {
			return nil // the times of nothing are 1970
		}
		if isTotal {
			table.matching = matching
			table.Total = Total{
				Attempts: row.Attempts, Sources: row.Sources, Networks: row.Networks, Owners: owners, Late: row.Late,
				FirstSeen: row.FirstSeen, LastSeen: row.LastSeen,
			}
			return nil
		}
		row.Countries, row.Causes = shares(country), shares(causes)
		if asOf != nil {
			row.OwnerAsOf = *asOf
		}
		table.Rows = append(table.Rows, row)
		return nil
	})
	return table, err
}

// Sources returns the sources of the attempts that f selects, those with the
// most attempts first, then in the order of their addresses. A source that
// changed hands has one row for each owner.
func (r *Reader) Sources(ctx context.Context, f Filter) (Sources, error) {
	if err := f.Validate(); err != nil {
		return Sources{}, err
	}
	var table Sources
	err := r.each(ctx, "sources", sourcesSQL, f.args(), func(rows driver.Rows) error {
		var (
			row               SourceRow
			isTotal           bool
			addr              netip.Addr
			asOf              *time.Time
			sources, matching uint64
		)
		err := rows.Scan(&isTotal, &addr, &row.Owner, &row.Country, &row.Attempts,
			&row.FirstSeen, &row.LastSeen, &asOf, &row.Late, &sources, &matching)
		if err != nil {
			return err
		}
		if isTotal && row.Attempts == 0 {
			return nil // the times of nothing are 1970
		}
		if isTotal {
			table.matching = matching
			table.Total = Total{
				Attempts: row.Attempts, Sources: sources, Late: row.Late,
				FirstSeen: row.FirstSeen, LastSeen: row.LastSeen,
			}
			return nil
		}
		row.Addr = addr.Unmap()
		row.Address = row.Addr.String()
		if asOf != nil {
			row.OwnerAsOf = *asOf
		}
		table.Rows = append(table.Rows, row)
		return nil
	})
	return table, err
}

// Months returns the first day of each month that holds any event, the newest
// first, at most a hundred years of them.
func (r *Reader) Months(ctx context.Context) ([]time.Time, error) {
	var months []time.Time
	err := r.each(ctx, "months", monthsSQL, nil, func(rows driver.Rows) error {
		var month time.Time
		if err := rows.Scan(&month); err != nil {
			return err
		}
		months = append(months, month.UTC())
		return nil
	})
	return months, err
}

// Events returns how many events of a sensor are stored, those that count for no
// owner as well. It reads the whole table.
func (r *Reader) Events(ctx context.Context, sensor string) (n uint64, err error) {
	err = r.each(ctx, "events", eventsSQL, []any{clickhouse.Named("sensor", sensor)}, func(rows driver.Rows) error {
		return rows.Scan(&n)
	})
	return n, err
}

// OwnersFrom returns how many owners knocked in the files that have the names
// origins, between the times of their first and last event.
func (r *Reader) OwnersFrom(ctx context.Context, sensor string, first, last time.Time, origins []string) (n uint64, err error) {
	args := []any{
		clickhouse.Named("sensor", sensor), clickhouse.Named("origins", strings.Join(origins, "/")),
		clickhouse.Named("since", moment(first, earliest)), clickhouse.Named("until", moment(last, latest)),
	}
	err = r.each(ctx, "owners of files", originsSQL, args, func(rows driver.Rows) error { return rows.Scan(&n) })
	return n, err
}

// each runs a query and hands every row to scan.
func (r *Reader) each(ctx context.Context, what, query string, args []any, scan func(driver.Rows) error) error {
	rows, err := r.db.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("query %s: %w", what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("read row of %s: %w", what, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// attributionColumns are the columns that an attribution decides, with the value
// that each gets from it, as SQL.
func attributionColumns(f scan.Facts) (names, values []string) {
	set := func(name, value string) { names, values = append(names, name), append(values, value) }
	set("network", literal(f.Network))
	set("owner", literal(f.Owner))
	set("registrant", literal(f.Registrant))
	set("netname", literal(f.Netname))
	set("country", literal(f.Country))
	set("carrier", literal(f.Carrier))
	set("asn", "toUInt32("+strconv.FormatUint(uint64(f.ASN), 10)+")")
	set("as_name", literal(f.ASName))
	set("owner_basis", literal(string(f.OwnerBasis)))
	set("owner_why", literal(f.OwnerWhy))
	return names, values
}

// Reattribute gives the events of sources in a's block a's attribution, and
// returns how many events got it. It blocks until they are stored.
//
// Left alone are events whose attribution says the same; that rest on something
// better (the user's rules before registries before AS data); and, of what is as
// good, those of a smaller block inside, answers that are nearer the event where
// one of the two is within [Near] of it, else answers later than a's. So who had
// an address when it knocked is not overwritten by who has it years later.
//
// Nothing is changed in place: a newer version of each row is added, month by
// month, and with final = 1 a reader sees one version of each event, the old or
// the new one, at every moment. Doing it twice does nothing the second time.
// Events that are inserted meanwhile are not seen: call it when those that were
// enriched before the answer are stored.
func (db *DB) Reattribute(ctx context.Context, a scan.Attributed) (rows uint64, err error) {
	if !a.First.IsValid() || a.First.BitLen() != a.Last.BitLen() || a.First.Compare(a.Last) > 0 {
		return 0, fmt.Errorf("reattribute %s to %s: not a block", a.First, a.Last)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("reattribute %s to %s: %w", a.First, a.Last, err)
		}
	}()
	which, err := db.reattributable(ctx, a)
	if err != nil {
		return 0, err
	}
	months, err := db.monthsOf(ctx, which)
	if err != nil {
		return 0, err
	}
	for _, m := range months {
		if err := db.reattributeMonth(ctx, a.Facts, which, m.month); err != nil {
			return rows, err
		}
		rows += m.rows
	}
	return rows, nil
}

// reattributable is the condition that selects the events to change.
func (db *DB) reattributable(ctx context.Context, a scan.Attributed) (string, error) {
	names, values := attributionColumns(a.Facts)
	block := fmt.Sprintf("src_ip BETWEEN %s AND %s", ipLiteral(a.First), ipLiteral(a.Last))
	same := "owner_basis IN (" + literals(ranks[rank(a.OwnerBasis)]) + ")"
	var better []scan.Basis
	for _, bases := range ranks[rank(a.OwnerBasis)+1:] {
		better = append(better, bases...)
	}
	where := []string{block, fmt.Sprintf("(%s) != (%s)", strings.Join(names, ", "), strings.Join(values, ", "))}
	if len(better) > 0 {
		where = append(where, "owner_basis NOT IN ("+literals(better)+")")
	}
	if as, ok := epoch(a.OwnerAsOf); ok {
		now := fmt.Sprintf("toDateTime(%d, 'UTC')", as)
		where = append(where, fmt.Sprintf("NOT (%s AND (%[2]s > %[3]s OR %[2]s = %[3]s AND ifNull(owner_as_of, toDateTime(0, 'UTC')) > %[4]s))",
			same, near("owner_as_of"), near(now), now))
	}
	inside, err := db.narrowerNetworks(ctx, a, block+" AND "+same)
	if err != nil {
		return "", err
	}
	if len(inside) > 0 {
		where = append(where, fmt.Sprintf("NOT (%s AND network IN (%s))", same, literals(inside)))
	}
	return strings.Join(where, " AND "), nil
}

// Near is how far from an event, in time, an attribution may be to be one of that
// time: blocks seldom change hands within a month.
const Near = 30 * 24 * time.Hour

// near is the expression that an attribution as of some time is one of the time of
// the event.
func near(asOf string) string {
	return fmt.Sprintf("ifNull(abs(toInt64(toUnixTimestamp(time)) - toInt64(toUnixTimestamp(%s))) <= %d, 0)", asOf, int(Near.Seconds()))
}

// narrowerNetworks returns the blocks inside a's that events have, of those that
// the condition selects.
func (db *DB) narrowerNetworks(ctx context.Context, a scan.Attributed, condition string) (inside []string, err error) {
	rows, err := db.conn.Query(exact(ctx), "SELECT DISTINCT toString(network) FROM events WHERE "+condition)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var network string
		if err := rows.Scan(&network); err != nil {
			return nil, err
		}
		if narrower(network, a.First, a.Last) {
			inside = append(inside, network)
		}
	}
	return inside, rows.Err()
}

type monthRows struct {
	month uint32 // yyyymm, the partition
	rows  uint64
}

func (db *DB) monthsOf(ctx context.Context, condition string) (months []monthRows, err error) {
	rows, err := db.conn.Query(exact(ctx),
		"SELECT toYYYYMM(time) AS month, count() FROM events WHERE "+condition+" GROUP BY month ORDER BY month")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var m monthRows
		if err := rows.Scan(&m.month, &m.rows); err != nil {
			return nil, err
		}
		months = append(months, m)
	}
	return months, rows.Err()
}

// reattributeMonth adds the new versions of one month. A version is later than
// the row it replaces by a millisecond at least, whatever the clocks say.
func (db *DB) reattributeMonth(ctx context.Context, f scan.Facts, condition string, month uint32) error {
	names, values := attributionColumns(f)
	asOf := "NULL"
	if s, ok := epoch(f.OwnerAsOf); ok {
		asOf = fmt.Sprintf("toDateTime(%d, 'UTC')", s)
	}
	set := map[string]string{"owner_as_of": asOf}
	for i, n := range names {
		set[n] = values[i]
	}
	columns, exprs := newerVersion(set)
	// The condition must see the old values: it stands in a subquery, where no
	// alias of the new ones can hide them.
	query := fmt.Sprintf("INSERT INTO events (%s) SELECT %s FROM (SELECT * FROM events WHERE toYYYYMM(time) = %d AND %s) AS e",
		columns, exprs, month, condition)
	ctx = driver.Context(exact(ctx), driver.WithSettings(driver.Settings{
		"final": 1, "async_insert": 0, "deduplicate_insert_select": "disable", "max_query_size": maxQuery,
	}))
	return db.conn.Exec(ctx, query)
}

// newerVersion lists the columns of events, and for each the expression of a row e's
// newer version: what is set, or what it was.
func newerVersion(set map[string]string) (columns, exprs string) {
	now, _ := epoch(time.Now())
	set["enriched_at"] = fmt.Sprintf("greatest(e.enriched_at + 1, toDateTime(%d, 'UTC'))", now)
	names, values := []string{"stored"}, []string{"e.stored"} // the line's life does not begin anew
	for _, c := range eventColumns() {
		expr, changed := set[c.name()]
		if !changed {
			expr = "e." + c.name()
		}
		names, values = append(names, c.name()), append(values, expr)
	}
	return strings.Join(names, ", "), strings.Join(values, ", ")
}

// maxQuery is the longest statement in bytes that this package sends.
const maxQuery = 16 << 20

// exact makes a query see each event once, whatever the DSN says.
func exact(ctx context.Context) context.Context {
	return driver.Context(ctx, driver.WithSettings(driver.Settings{"final": 1, "max_query_size": maxQuery}))
}

// literal is s as a text of SQL. Names of registrants are written by strangers.
func literal(s string) string {
	return "'" + quoting.Replace(s) + "'"
}

var quoting = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

func literals[S ~string](list []S) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = literal(string(s))
	}
	return strings.Join(out, ", ")
}

func ipLiteral(a netip.Addr) string { return "toIPv6(" + literal(a.String()) + ")" }

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"strconv"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// Held is events of one source that have one attribution, in a month and within
// one epoch of the owner rules.
type Held struct {
	SrcIP       netip.Addr
	First, Last time.Time
	Epoch       uint32 // how many of the bounds lie before
	Facts       scan.Facts
	Events      uint64
	Attempts    uint64
	hash        uint64 // of the attribution, as ClickHouse has it
}

// Revision is a new attribution of what is held.
type Revision struct {
	Held
	Facts scan.Facts
	// Dated says that the attribution is as of each event, not of OwnerAsOf.
	Dated bool
}

// heldKey is the attribution of a row as one number. Rules with a validity are as
// of each event, so that date tells nothing.
const heldKey = `cityHash64(toString(network), toString(owner), toString(registrant), toString(netname), toString(country), toString(carrier),
	asn, toString(as_name), toString(owner_basis), toString(owner_why), if(owner_basis = 'override', 0, toUInt32(ifNull(owner_as_of, toDateTime(0, 'UTC')))))`

// epochOf is the number of bounds, in Unix seconds, up to the time of a row.
func epochOf(bounds []int64) string {
	texts := make([]string, len(bounds))
	for i, b := range bounds {
		texts[i] = strconv.FormatInt(b, 10)
	}
	return "toUInt32(arrayCount(b -> b <= toUnixTimestamp(time), CAST([" + strings.Join(texts, ", ") + "], 'Array(Int64)')))"
}

// EventMonths returns the months that hold events, the oldest first.
func (db *DB) EventMonths(ctx context.Context) (months []time.Time, err error) {
	rows, err := db.conn.Query(ctx, "SELECT month FROM month_states WHERE version > 0 ORDER BY month")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var m time.Time
		if err := rows.Scan(&m); err != nil {
			return nil, err
		}
		months = append(months, m.UTC())
	}
	return months, rows.Err()
}

// Held calls each for every attribution of every source that knocked in a month.
func (db *DB) Held(ctx context.Context, month time.Time, bounds []int64, each func(Held) error) (err error) {
	query := fmt.Sprintf(`SELECT src_ip, %s AS epoch, %s AS held, min(time), max(time), count(), sum(packets),
			any(toString(network)), any(toString(owner)), any(toString(registrant)), any(toString(netname)), any(toString(country)), any(toString(carrier)),
			any(asn), any(toString(as_name)), any(toString(owner_basis)), any(owner_as_of), any(toString(owner_why))
		FROM events WHERE toYYYYMM(time) = %s AND knock GROUP BY src_ip, epoch, held`, epochOf(bounds), heldKey, month.Format("200601"))
	rows, err := db.conn.Query(spilling(ctx), query)
	if err != nil {
		return fmt.Errorf("read attributions of %s: %w", month.Format("2006-01"), err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h Held
		var basis string
		var asOf *time.Time
		f := &h.Facts
		if err := rows.Scan(&h.SrcIP, &h.Epoch, &h.hash, &h.First, &h.Last, &h.Events, &h.Attempts, &f.Network, &f.Owner, &f.Registrant, &f.Netname,
			&f.Country, &f.Carrier, &f.ASN, &f.ASName, &basis, &asOf, &f.OwnerWhy); err != nil {
			return fmt.Errorf("read attributions of %s: %w", month.Format("2006-01"), err)
		}
		h.SrcIP, f.OwnerBasis = h.SrcIP.Unmap(), scan.Basis(basis)
		if asOf != nil {
			f.OwnerAsOf = asOf.UTC()
		}
		if err := each(h); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Revise gives the events of a month their new attributions, in one statement, and
// notes in table revisions what it did. Like Reattribute it adds newer versions of
// rows, so readers see each event once at every moment, and doing it again after
// being cut off does what is left. It returns how many events were changed.
func (db *DB) Revise(ctx context.Context, month time.Time, bounds []int64, revisions []Revision) (rows uint64, err error) {
	if len(revisions) == 0 {
		return 0, nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("revise %s: %w", month.Format("2006-01"), err)
		}
	}()
	tmp := fmt.Sprintf("%srevision_%s_%x", tmpPrefix, month.Format("200601"), maphash.String(maphash.MakeSeed(), ""))
	cols := revisionColumns()
	definitions := make([]string, len(cols))
	for i, c := range cols {
		definitions[i] = c.name() + " " + c.kind()
	}
	if err := db.conn.Exec(ctx, fmt.Sprintf("CREATE TABLE %s (%s) ENGINE = MergeTree ORDER BY src_ip", tmp, strings.Join(definitions, ", "))); err != nil {
		return 0, err
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, db.conn.Exec(late, "DROP TABLE IF EXISTS "+tmp+" SYNC"))
	}()
	b := newBlock(tmp, cols)
	for i := range revisions {
		rows += revisions[i].Events
		b.add(&revisions[i])
	}
	if err := b.insert(ctx, db, b.all()); err != nil {
		return 0, err
	}
	if err := db.conn.Exec(spilling(ctx), revision(tmp, month, bounds)); err != nil {
		return 0, err
	}
	return rows, db.conn.Exec(ctx, fmt.Sprintf(`INSERT INTO revisions (at, month, before, after, why, events, attempts)
		SELECT now64(3), '%s', before, owner, any(owner_why), sum(events), sum(attempts) FROM %s GROUP BY before, owner`, month.Format(time.DateOnly), tmp))
}

func revisionColumns() []col[Revision] {
	type R = Revision
	return []col[R]{
		addresses("src_ip", func(r *R) netip.Addr { return r.SrcIP }),
		numbers("epoch", "UInt32", func(r *R) uint32 { return r.Epoch }),
		numbers("held", "UInt64", func(r *R) uint64 { return r.hash }),
		words("before", func(r *R) string { return r.Held.Facts.Owner }),
		numbers("events", "UInt64", func(r *R) uint64 { return r.Events }),
		numbers("attempts", "UInt64", func(r *R) uint64 { return r.Attempts }),
		words("network", func(r *R) string { return r.Facts.Network }),
		words("owner", func(r *R) string { return r.Facts.Owner }),
		words("registrant", func(r *R) string { return r.Facts.Registrant }),
		words("netname", func(r *R) string { return r.Facts.Netname }),
		words("country", func(r *R) string { return r.Facts.Country }),
		words("carrier", func(r *R) string { return r.Facts.Carrier }),
		numbers("asn", "UInt32", func(r *R) uint32 { return r.Facts.ASN }),
		words("as_name", func(r *R) string { return r.Facts.ASName }),
		words("owner_basis", func(r *R) string { return string(r.Facts.OwnerBasis) }),
		optionals("owner_as_of", seconds, func(r *R) (uint32, bool) { return epoch(r.Facts.OwnerAsOf) }),
		words("owner_why", func(r *R) string { return r.Facts.OwnerWhy }),
		numbers("dated", "UInt8", func(r *R) uint8 {
			if r.Dated {
				return 1
			}
			return 0
		}),
	}
}

// revision is the statement that adds the new versions of a month.
func revision(tmp string, month time.Time, bounds []int64) string {
	set := map[string]string{"owner_as_of": "if(r.dated, toDateTime(least(e.time, ifNull(e.received, e.time)), 'UTC'), r.owner_as_of)"}
	for _, name := range []string{"network", "owner", "registrant", "netname", "country", "carrier", "asn", "as_name", "owner_basis", "owner_why"} {
		set[name] = "r." + name
	}
	columns, exprs := newerVersion(set)
	return fmt.Sprintf(`INSERT INTO events (%s) SELECT %s FROM (SELECT *, %s AS epoch, %s AS held FROM events WHERE toYYYYMM(time) = %s AND knock) AS e
		INNER JOIN %s AS r ON e.src_ip = r.src_ip AND e.epoch = r.epoch AND e.held = r.held`,
		columns, exprs, epochOf(bounds), heldKey, month.Format("200601"), tmp)
}

// spilling lets a statement that reads and writes the events of a month see each
// row once, and use the disk where memory is short.
func spilling(ctx context.Context) context.Context {
	return driver.Context(ctx, driver.WithSettings(driver.Settings{
		"final": 1, "max_query_size": maxQuery, "deduplicate_insert_select": "disable", "async_insert": 0,
		"max_bytes_before_external_group_by": 200 << 20, "max_bytes_before_external_sort": 200 << 20,
	}))
}

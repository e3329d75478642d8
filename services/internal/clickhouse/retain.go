package clickhouse

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// KeepLines sets how long lines live from when they are stored, whole days; 0 is
// for ever. ClickHouse empties the column in the background, within hours.
func (db *DB) KeepLines(ctx context.Context, life time.Duration) error {
	var create string
	if err := db.conn.QueryRow(ctx, "SELECT create_table_query FROM system.tables WHERE database = ? AND name = ?", db.Database(), db.layout.shard()).Scan(&create); err != nil {
		return fmt.Errorf("read the life of lines: %w", err)
	}
	ttl := "stored + toIntervalDay(" + fmt.Sprint(int(life.Hours()/24)) + ")"
	has := strings.Contains(create, " TTL stored + toIntervalDay(")
	switch {
	case life <= 0 && !has, life > 0 && strings.Contains(create, " TTL "+ttl):
		return nil
	case life <= 0:
		return db.conn.Exec(ctx, "ALTER TABLE "+db.layout.altered("events")+" MODIFY COLUMN line REMOVE TTL")
	}
	// What is there is looked at when it is merged, not rewritten at once.
	return db.conn.Exec(ctx, "ALTER TABLE "+db.layout.altered("events")+" MODIFY COLUMN line String TTL "+ttl+" SETTINGS materialize_ttl_after_modify = 0")
}

// settle is longer than a roll-up has to be there before the views read it.
const settle = 10 * time.Second

// DropEvents drops the events of months that had ended by the time given, and keeps
// their roll-ups, which are built first. It returns the months. It blocks for ten
// seconds more than that takes.
func (db *DB) DropEvents(ctx context.Context, ended time.Time) (dropped []time.Time, err error) {
	months, err := db.EventMonths(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range months {
		if m.AddDate(0, 1, 0).After(ended) {
			continue
		}
		if err := db.keep(ctx, m); err != nil {
			return nil, fmt.Errorf("keep the roll-ups of %s: %w", m.Format("2006-01"), err)
		}
		dropped = append(dropped, m)
	}
	if len(dropped) == 0 {
		return nil, nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settle):
	}
	for i, m := range dropped { // also what has come since of a month that was dropped before
		if err := db.drop(ctx, "events", m.Format("200601")); err != nil {
			return dropped[:i], fmt.Errorf("drop events of %s: %w", m.Format("2006-01"), err)
		}
	}
	return dropped, nil
}

// keep makes the roll-ups that stay when the events of a month are dropped, unless
// they are there. From then on the month counts by them, whatever comes.
func (db *DB) keep(ctx context.Context, month time.Time) error {
	version, err := db.version(ctx, month)
	for _, r := range rollups {
		if err == nil {
			err = db.build(ctx, r.table, r.time, month, version, 0)
		}
	}
	return err
}

// DropRollups drops the roll-ups of months that had ended by the time given, as far
// as their events were dropped.
func (db *DB) DropRollups(ctx context.Context, ended time.Time) error {
	last := ended.AddDate(0, -1, 0).Format("200601") // the last month that may go
	if err := db.dropRollups(ctx, "toUInt32(substring(partition_id, 1, 6)) <= "+last+" AND label = 0"); err != nil {
		return fmt.Errorf("drop roll-ups: %w", err)
	}
	return nil
}

// Forgotten is what Forget has deleted.
type Forgotten struct {
	Events, Rejected, Attributions uint64
}

// Forget deletes everything about one source: its events, the lines that became no
// event and name it, what is known of it alone, and its rows of the roll-ups. It
// blocks until that is done. Other roll-ups hold numbers only, of which those of
// months that still have events are built anew by the store.
func (db *DB) Forget(ctx context.Context, addr netip.Addr) (gone Forgotten, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("forget a source: %w", err)
		}
	}()
	at, named := ipLiteral(addr), naming(addr)
	alone := fmt.Sprintf("first = %[1]s AND last = %[1]s", at)
	for _, part := range []struct {
		table, where string
		n            *uint64
	}{
		{"events", "src_ip = " + at, &gone.Events},
		{"rejected", named, &gone.Rejected},
		{"attributions", alone, &gone.Attributions},
		{"source_month", "src_ip = " + at, nil},
		{"address_month", "src_ip = " + at, nil},
	} {
		var n uint64
		if err := db.conn.QueryRow(exact(ctx), "SELECT count() FROM "+part.table+" WHERE "+part.where).Scan(&n); err != nil {
			return gone, err
		}
		if part.n != nil {
			*part.n = n
		}
		// Also where none is seen: older versions of rows are there until merged.
		if err := db.conn.Exec(ctx, "ALTER TABLE "+db.layout.altered(part.table)+" DELETE WHERE "+part.where+" SETTINGS mutations_sync = 2"); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// naming is the condition that a line names an address, which is not the beginning
// or the end of another one: with a port behind it, in brackets, IPv6 in full.
func naming(addr netip.Addr) string {
	edge, after := "0-9.", `\\.($|[^0-9])|:`
	if addr.Is6() {
		edge, after = "0-9A-Fa-f:.", "[:.]($|[^0-9A-Fa-f])"
	}
	var any []string
	for _, form := range []string{addr.String(), addr.StringExpanded()} {
		quoted := strings.ReplaceAll(form, ".", `\\.`)
		any = append(any, fmt.Sprintf("positionCaseInsensitive(line, '%s') > 0 AND match(line, '(?i)(^|[^%s])%s($|[^%s]|%s)')", form, edge, quoted, edge, after))
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// Key is the identity of an event.
type Key struct {
	SrcIP netip.Addr
	Time  time.Time
	ID    scan.ID
}

// KeyOf returns the key of e as it is stored.
func KeyOf(e *scan.Event) Key { return Key{SrcIP: e.SrcIP, Time: e.Time, ID: e.ID} }

// Tally is what Check found.
type Tally struct {
	Keys    int   // keys asked for; equal ones within one query count once
	Stored  int   // of them, those stored
	Doubled int   // of them, those a reader sees more than once
	Missing []Key // of them, those not stored, in the order asked
}

// checkKeys is how many keys one query asks for: 10,000 make a statement of
// some 600 KB. Queries cost about the same up to there.
const checkKeys = 10_000

// Check looks for the events with these keys and tells how many are stored. It
// counts as a reader does, with final = 1. Keys that are close in time cost
// least, because only their months are read. See also [DB.Doubles].
func (db *DB) Check(ctx context.Context, keys []Key) (Tally, error) {
	var t Tally
	for len(keys) > 0 {
		n := min(len(keys), checkKeys)
		if err := db.check(ctx, keys[:n], &t); err != nil {
			return t, fmt.Errorf("check %d events: %w", n, err)
		}
		keys = keys[n:]
	}
	return t, nil
}

// storedKey is a Key as ClickHouse holds it, comparable.
type storedKey struct {
	src  [16]byte
	time int64
	id   uint64
}

func (db *DB) check(ctx context.Context, keys []Key, t *Tally) (err error) {
	wanted := make(map[storedKey]int, len(keys)) // index in keys; what is left is missing
	var from, to int64
	list := make([]byte, 0, len(keys)*64)
	for i, k := range keys {
		s := storedKey{k.SrcIP.As16(), k.Time.UnixMilli(), uint64(k.ID)}
		if _, twice := wanted[s]; twice {
			continue
		}
		wanted[s] = i
		if len(list) == 0 {
			from, to = s.time, s.time
		}
		from, to = min(from, s.time), max(to, s.time)
		list = append(netip.AddrFrom16(s.src).AppendTo(list), `\t`...)
		list = append(strconv.AppendInt(list, s.time, 10), `\t`...)
		list = append(strconv.AppendUint(list, s.id, 10), `\n`...)
	}
	query := fmt.Sprintf(`SELECT src_ip, toUnixTimestamp64Milli(time) AS ms, id, count() FROM events
WHERE time BETWEEN fromUnixTimestamp64Milli(%d, 'UTC') AND fromUnixTimestamp64Milli(%d, 'UTC')
AND (src_ip, time, id) IN (SELECT s, fromUnixTimestamp64Milli(t, 'UTC'), i FROM format(TSV, 's IPv6, t Int64, i UInt64', '%s'))
GROUP BY src_ip, ms, id`, from, to, list)
	rows, err := db.conn.Query(exact(ctx), query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	t.Keys += len(wanted)
	for rows.Next() {
		var (
			s   storedKey
			src netip.Addr
			n   uint64
		)
		if err := rows.Scan(&src, &s.time, &s.id, &n); err != nil {
			return err
		}
		s.src = src.As16()
		delete(wanted, s)
		t.Stored++
		if n > 1 {
			t.Doubled++
		}
	}
	for _, i := range slices.Sorted(maps.Values(wanted)) {
		t.Missing = append(t.Missing, keys[i])
	}
	return rows.Err()
}

// Doubles returns how many contents (source and id) are stored under more than
// one time. That is the one way for an event to be there twice that the table
// itself cannot prevent: its repaired time came out differently when the log was
// read again. It can also be two events, for an id knows no year where the line
// has none. It reads the whole table once, in the order of its key, with little
// memory.
func (db *DB) Doubles(ctx context.Context) (uint64, error) {
	var n uint64
	err := db.conn.QueryRow(exact(ctx), `SELECT count() FROM (
SELECT src_ip FROM events GROUP BY src_ip, id HAVING count() > 1) SETTINGS optimize_aggregation_in_order = 1`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("look for doubles: %w", err)
	}
	return n, nil
}

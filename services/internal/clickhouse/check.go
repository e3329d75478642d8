package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
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

// CheckAtOnce is how many keys Check asks for in one query: 100,000 make a statement of
// some 6 MB. A query reads the keys of whole months, however many it asks for.
const CheckAtOnce = 100_000

// storedKey is a Key as ClickHouse holds it, comparable.
type storedKey struct {
	src  [16]byte
	time int64
	id   uint64
}

func storedKeyOf(k Key) storedKey {
	return storedKey{k.SrcIP.As16(), k.Time.UnixMilli(), uint64(k.ID)}
}

// Check looks for the events with these keys and returns of each how often a reader
// sees it, with final = 1: 1 unless it is lost or doubled. Keys of the same months cost
// least, and [CheckAtOnce] of them in one call. See also [DB.Doubles].
func (db *DB) Check(ctx context.Context, keys []Key) (seen []uint64, err error) {
	seen = make([]uint64, 0, len(keys))
	for part := range slices.Chunk(keys, CheckAtOnce) {
		found, err := db.check(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("check %d events: %w", len(part), err)
		}
		for _, k := range part {
			seen = append(seen, found[storedKeyOf(k)])
		}
	}
	return seen, nil
}

// check returns how often a reader sees each of the keys that are stored.
func (db *DB) check(ctx context.Context, keys []Key) (found map[storedKey]uint64, err error) {
	months := make(map[string]bool)
	list := make([]byte, 0, len(keys)*64)
	for _, k := range keys {
		s := storedKeyOf(k)
		months[k.Time.UTC().Format("200601")] = true
		list = append(netip.AddrFrom16(s.src).AppendTo(list), `\t`...)
		list = append(strconv.AppendInt(list, s.time, 10), `\t`...)
		list = append(strconv.AppendUint(list, s.id, 10), `\n`...)
	}
	query := fmt.Sprintf(`SELECT src_ip, toUnixTimestamp64Milli(time) AS ms, id, count() FROM events
WHERE toYYYYMM(time) IN (%s)
AND (src_ip, time, id) IN (SELECT s, fromUnixTimestamp64Milli(t, 'UTC'), i FROM format(TSV, 's IPv6, t Int64, i UInt64', '%s'))
GROUP BY src_ip, ms, id`, strings.Join(slices.Sorted(maps.Keys(months)), ", "), list)
	rows, err := db.conn.Query(exact(ctx), query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = make(map[storedKey]uint64, len(keys))
	for rows.Next() {
		var (
			s   storedKey
			src netip.Addr
			n   uint64
		)
		if err := rows.Scan(&src, &s.time, &s.id, &n); err != nil {
			return nil, err
		}
		s.src = src.As16()
		found[s] = n
	}
	return found, rows.Err()
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

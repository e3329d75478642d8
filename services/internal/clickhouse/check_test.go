package clickhouse_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

func TestCheck(t *testing.T) {
	db := migrated(t)
	events := clickhouse.Sample(25_000)
	insert(t, db, events[:12_000]...)
	insert(t, db, events[10_000:20_000]...) // repeats are no doubles
	var keys []clickhouse.Key
	for i := range events {
		keys = append(keys, clickhouse.KeyOf(&events[i].Event))
	}
	seen := func(keys []clickhouse.Key) []uint64 {
		t.Helper()
		got, err := db.Check(t.Context(), keys)
		if err != nil || len(got) != len(keys) {
			t.Fatalf("%d keys checked of %d: %v", len(got), len(keys), err)
		}
		return got
	}
	for i, n := range seen(keys) {
		if want := [2]uint64{1, 0}[i/20_000]; n != want {
			t.Fatalf("event %d is seen %d times, want %d", i, n, want)
		}
	}
	moved := keys[0]
	moved.Time = moved.Time.Add(time.Millisecond)
	if diff := cmp.Diff([]uint64{1, 0, 1, 0, 1}, seen([]clickhouse.Key{keys[19_999], keys[20_000], keys[0], moved, keys[0]})); diff != "" {
		t.Errorf("Check() mismatch (-want +got)\n%s", diff)
	}
	if got := seen(nil); len(got) != 0 {
		t.Errorf("Check() of no keys = %d", got)
	}
	// many questions, and years between the events
	many := slices.Repeat(append([]clickhouse.Key{{SrcIP: keys[0].SrcIP, Time: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), ID: 1}}, keys[:20_000]...), 6)
	for i, n := range seen(many) {
		if want := uint64(min(i%20_001, 1)); n != want {
			t.Fatalf("event %d is seen %d times, want %d", i, n, want)
		}
	}

	if n, err := db.Doubles(t.Context()); err != nil || n != 0 {
		t.Errorf("Doubles() = %d, %v, want 0", n, err)
	}
	again := events[0]
	again.Time = again.Time.AddDate(1, 0, 0)
	insert(t, db, again)
	if n, err := db.Doubles(t.Context()); err != nil || n != 1 {
		t.Errorf("Doubles() = %d, %v, want the one event with two times", n, err)
	}
}

// BenchmarkCheck asks for events of a table of half a million, as many in a question as
// are asked by verify, and a tenth of that.
func BenchmarkCheck(b *testing.B) {
	db := migrated(b)
	events := clickhouse.Sample(500_000)
	for len(events) > 0 {
		insert(b, db, events[:100_000]...)
		events = events[100_000:]
	}
	var all []clickhouse.Key
	for _, e := range clickhouse.Sample(clickhouse.CheckAtOnce) {
		all = append(all, clickhouse.KeyOf(&e.Event))
	}
	for _, n := range []int{clickhouse.CheckAtOnce / 10, clickhouse.CheckAtOnce} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := db.Check(b.Context(), all[:n]); err != nil || slices.Contains(got, 0) {
					b.Fatal("an event is missing", err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "keys/s")
		})
	}
}

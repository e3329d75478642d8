package clickhouse_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

func TestCheck(t *testing.T) {
	db := migrated(t)
	events := clickhouse.Sample(25_000)
	insert(t, db, "", events[:12_000]...)
	insert(t, db, "", events[10_000:20_000]...) // repeats are no doubles
	var keys []clickhouse.Key
	for i := range events {
		keys = append(keys, clickhouse.KeyOf(&events[i].Event))
	}
	f := func(keys []clickhouse.Key, want clickhouse.Tally) {
		t.Helper()
		got, err := db.Check(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b clickhouse.Key) bool { return a == b }), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("Check() of %d keys mismatch (-want +got)\n%s", len(keys), diff)
		}
	}
	f(keys, clickhouse.Tally{Keys: 25_000, Stored: 20_000, Missing: keys[20_000:]})
	f(keys[:20_000], clickhouse.Tally{Keys: 20_000, Stored: 20_000})
	f(keys[19_999:20_001], clickhouse.Tally{Keys: 2, Stored: 1, Missing: keys[20_000:20_001]})
	f([]clickhouse.Key{keys[0], keys[0]}, clickhouse.Tally{Keys: 1, Stored: 1})
	f(nil, clickhouse.Tally{})
	moved := keys[0]
	moved.Time = moved.Time.Add(time.Millisecond)
	f([]clickhouse.Key{moved}, clickhouse.Tally{Keys: 1, Missing: []clickhouse.Key{moved}})

	if n, err := db.Doubles(t.Context()); err != nil || n != 0 {
		t.Errorf("Doubles() = %d, %v, want 0", n, err)
	}
	again := events[0]
	again.Time = again.Time.AddDate(1, 0, 0)
	insert(t, db, "", again)
	if n, err := db.Doubles(t.Context()); err != nil || n != 1 {
		t.Errorf("Doubles() = %d, %v, want the one event with two times", n, err)
	}
}

// BenchmarkCheck asks for 10,000 keys of a table of half a million events.
func BenchmarkCheck(b *testing.B) {
	db := migrated(b)
	events := clickhouse.Sample(500_000)
	for len(events) > 0 {
		insert(b, db, "", events[:100_000]...)
		events = events[100_000:]
	}
	var keys []clickhouse.Key
	for _, e := range clickhouse.Sample(10_000) {
		keys = append(keys, clickhouse.KeyOf(&e.Event))
	}
	b.ReportAllocs()
	for b.Loop() {
		if got, err := db.Check(b.Context(), keys); err != nil || got.Stored != len(keys) {
			b.Fatalf("Check() = %+v, %v", got, err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(keys))/b.Elapsed().Seconds(), "keys/s")
}

package clickhouse_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// BenchmarkInsert is what a batch of events costs, from values to durable rows.
func BenchmarkInsert(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db := migrated(b)
			exec(b, db, "SYSTEM STOP MERGES events") // they go on in the background, at their own pace
			events := clickhouse.Sample(n)
			block := clickhouse.NewEvents()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				block.Reset()
				for j := range events {
					events[j].ID ^= scan.ID(i << 32) // not the rows of the round before
					block.Add(&events[j], time.Now())
				}
				if err := db.Insert(b.Context(), block); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

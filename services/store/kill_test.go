package store_test

import (
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
	"github.com/whoknocks/whoknocks/services/store"
)

// The engine is killed in the middle of inserts, which can leave some months of
// a batch behind. The next store over the same data makes the counts exact.
func TestEngineKilled(t *testing.T) {
	h := &house{t: t, bus: natstest.Bus(t), cfg: store.DefaultConfig()}
	h.cfg.BatchMessages = 10
	dir := t.TempDir()
	const rounds, each = 3, 20_000
	list := events(0, rounds*each)
	for i := range list {
		list[i].Time = list[i].Time.AddDate(0, i%5, 0) // five months in each batch
	}
	h.publishEvents(list, 1000)
	for range rounds {
		engine := clickhousetest.StartEngine(t, dir)
		stop := h.start(engine.DSN + "whoknocks")
		deadline := time.Now().Add(patience)
		for h.metric("whoknocks_store_stored_events_total") < each/4 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		engine.Kill()
		stop()
	}
	engine := clickhousetest.StartEngine(t, dir)
	h.db = h.open(engine.DSN + "whoknocks")
	h.start(engine.DSN + "whoknocks")
	h.settled()
	h.want("SELECT count() FROM events", rounds*each)
	h.want("SELECT sum(packets) FROM knocks", 2*rounds*each)
}

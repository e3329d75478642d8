package store_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
	"github.com/whoknocks/whoknocks/services/store"
)

// What is stored is cut back to the replay window; what is not stays, however
// much it is.
func TestTrim(t *testing.T) {
	server := natstest.Start(t)
	h := &house{t: t, bus: natstest.Connect(t, server), dsn: clickhousetest.DSN(t), cfg: store.DefaultConfig()}
	h.db = h.open(h.dsn)
	nc, err := nats.Connect(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	state := func() jetstream.StreamState {
		t.Helper()
		s, err := js.Stream(t.Context(), bus.StreamEnriched)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().State
	}

	h.cfg.ReplayEnriched, h.cfg.TrimEvery = 100<<10, 100*time.Millisecond
	g, dsn := newGate(t, h.dsn)
	h.start(dsn)
	h.publishEvents(events(0, 2000), 100)
	h.settled()
	deadline := time.Now().Add(patience)
	for state().Bytes > uint64(h.cfg.ReplayEnriched) {
		if time.Now().After(deadline) {
			t.Fatalf("stream ENRICHED holds %d bytes, want at most %d", state().Bytes, h.cfg.ReplayEnriched)
		}
		time.Sleep(20 * time.Millisecond)
	}
	kept := state()
	if kept.Msgs == 0 {
		t.Error("nothing is kept for replay")
	}

	g.shut()
	h.publishEvents(events(2000, 2000), 100)
	time.Sleep(5 * h.cfg.TrimEvery) // some rounds of it
	if now := state(); now.LastSeq-now.FirstSeq < 19 {
		t.Errorf("messages %d to %d are kept, the last 20 are not stored", now.FirstSeq, now.LastSeq)
	}
	g.open()
	h.settled()
	h.want("SELECT count() FROM events", 4000)
}

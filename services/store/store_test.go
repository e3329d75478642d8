package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
	"github.com/whoknocks/whoknocks/services/store"
)

// patience is how long a test waits for what should happen at once.
const patience = 2 * time.Minute

// house is a bus, a database and the stores between them.
type house struct {
	t   *testing.T
	bus *bus.Bus
	db  *clickhouse.DB
	dsn string
	reg *prometheus.Registry // of the last store started
	cfg store.Config
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, bus: natstest.Bus(t), dsn: clickhousetest.DSN(t), cfg: store.DefaultConfig()}
	h.db = h.open(h.dsn)
	return h
}

func (h *house) open(dsn string) *clickhouse.DB {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := clickhouse.Open(ctx, clickhouse.Config{DSN: dsn})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = db.Close() })
	return db
}

// start runs a store over dsn until the test ends or the function returned is
// called, which waits for its end and returns how long that took.
func (h *house) start(dsn string) (stop func() time.Duration) {
	h.t.Helper()
	stop = h.begin(h.open(dsn))
	return stop
}

func (h *house) begin(db *clickhouse.DB) (stop func() time.Duration) {
	h.t.Helper()
	h.reg = prometheus.NewRegistry()
	s, err := store.New(h.cfg, h.bus, db, slog.New(slog.NewTextHandler(h.t.Output(), nil)), h.reg)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() time.Duration {
		if stopped {
			return 0
		}
		stopped = true
		start := time.Now()
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("Run() = %v, want nil after a stop", err)
		}
		return time.Since(start)
	}
	h.t.Cleanup(func() { stop() })
	select {
	case <-s.Ready():
	case err := <-done:
		h.t.Fatalf("Run() = %v before it was ready", err)
	case <-time.After(patience):
		h.t.Fatal("the store does not get ready")
	}
	return stop
}

// events makes n different events, from the first-th on.
func events(first, n int) []scan.Enriched {
	list := make([]scan.Enriched, n)
	for i := range list {
		k := first + i
		list[i] = scan.Enriched{
			Event: scan.Event{
				ID: scan.ID(k + 1), Time: time.Date(2012, 4, 10, 0, 0, k, 0, time.UTC), TimeBasis: scan.TimeGiven,
				Received: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Sensor: "home-adsl", Format: "netfilter",
				Verdict: scan.VerdictDrop, Direction: scan.DirectionIn, Proto: "tcp", SrcIP: netip.AddrFrom4([4]byte{192, 0, 2, byte(k)}),
				DstPort: scan.Some(uint16(k)), Packets: 2, Line: fmt.Sprintf("line %d", k), Origin: fmt.Sprintf("a.log:%d", k),
			},
			Facts: scan.Facts{Network: "192.0.0.0/16", Owner: "by AS", OwnerBasis: scan.BasisASN},
		}
	}
	return list
}

func ndjson(list []scan.Enriched) []byte {
	var b []byte
	for i := range list {
		b = append(list[i].AppendJSON(b), '\n')
	}
	return b
}

func (h *house) publish(subject string, data []byte) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := h.bus.Publish(ctx, subject, data); err != nil {
		h.t.Fatal(err)
	}
}

// publishEvents publishes the events in messages of size lines.
func (h *house) publishEvents(list []scan.Enriched, size int) {
	h.t.Helper()
	for len(list) > 0 {
		n := min(size, len(list))
		h.publish(bus.Enriched("home-adsl"), ndjson(list[:n]))
		list = list[n:]
	}
}

// settled waits until the store has taken everything off that is in the streams.
func (h *house) settled() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, s := range [][2]string{
		{bus.StreamEnriched, store.DurableEvents}, {bus.StreamRejected, store.DurableRejected}, {bus.StreamAttributed, store.DurableAttributed},
	} {
		seq, err := h.bus.LastSeq(ctx, s[0])
		if err == nil {
			err = h.bus.Await(ctx, s[0], s[1], seq)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) number(query string) uint64 {
	h.t.Helper()
	var n uint64
	if err := h.db.Conn().QueryRow(context.Background(), query).Scan(&n); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (h *house) want(query string, want uint64) {
	h.t.Helper()
	if got := h.number(query); got != want {
		h.t.Errorf("%s = %d, want %d", query, got, want)
	}
}

// metric reads a counter of the last store, or how often something was measured.
func (h *house) metric(name string) float64 { return metricOf(h.t, h.reg, name) }

func metricOf(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			var sum float64
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
			return sum
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestCountsAreExact(t *testing.T) {
	h := newHouse(t)
	h.start(h.dsn)
	list := events(0, 5000)
	h.publishEvents(list, 1000)
	h.publishEvents(list, 700) // the same log again, cut otherwise
	h.publishEvents(list[2000:3000], 1)
	h.settled()
	h.want("SELECT count() FROM events", 5000)
	h.want("SELECT sum(packets) FROM knocks", 10_000)
	if got := h.metric("whoknocks_store_stored_events_total"); got != 11_000 {
		t.Errorf("stored_events_total is %v, want 11000", got)
	}
}

// A store that ends without a word, in the middle of its work, loses and doubles
// nothing: another one goes on.
func TestRestartInTheMiddle(t *testing.T) {
	h := newHouse(t)
	h.cfg.BatchMessages = 3
	stop := h.start(h.dsn)
	for i := range 10 {
		h.publishEvents(events(i*1000, 1000), 100)
		if i%3 == 2 {
			stop()
			stop = h.start(h.dsn)
		}
	}
	h.settled()
	h.want("SELECT count() FROM events", 10_000)
}

func TestTwoReplicas(t *testing.T) {
	h := newHouse(t)
	h.cfg.BatchMessages, h.cfg.Workers = 2, 1
	a, b := h.open(h.dsn), h.open(h.dsn)
	var regs []*prometheus.Registry
	for _, db := range []*clickhouse.DB{a, b} {
		h.begin(db)
		regs = append(regs, h.reg)
	}
	h.publishEvents(events(0, 20_000), 100)
	h.settled()
	h.want("SELECT count() FROM events", 20_000)
	x := metricOf(t, regs[0], "whoknocks_store_stored_events_total")
	y := metricOf(t, regs[1], "whoknocks_store_stored_events_total")
	if x+y < 20_000 || x == 0 || y == 0 {
		t.Errorf("the replicas stored %v and %v events, want 20000 shared by both", x, y)
	}
}

func TestUnreadableLines(t *testing.T) {
	h := newHouse(t)
	h.start(h.dsn)
	list := events(0, 4)
	list[1].ID = 0
	list[2].SrcIP = netip.Addr{}
	data := ndjson(list)
	data = append(data, "\xff\xfe not JSON at all\n{\"v\":1,\"src_port\":\"x\"}\n"...)
	h.publish(bus.Enriched("home-adsl"), data)
	h.publish(bus.Enriched("home-adsl"), data) // adds nothing
	h.settled()
	h.settled() // what the first made in stream REJECTED
	h.want("SELECT count() FROM events", 2)
	h.want("SELECT count() FROM rejected WHERE stage = 'store' AND kind = 'rejected' AND sensor = 'home-adsl'", 4)
	h.want("SELECT count() FROM rejected WHERE reason = 'id: absent' AND line = 'line 1' AND origin = 'a.log:1'", 1)
	h.want("SELECT count() FROM rejected WHERE reason = 'src_ip: absent' AND id = 3", 1)
	h.want("SELECT count() FROM rejected WHERE line LIKE '%not JSON at all' AND isValidUTF8(line)", 1)
	if got := h.metric("whoknocks_store_unreadable_lines_total"); got != 8 {
		t.Errorf("unreadable_lines_total is %v, want 8", got)
	}
}

// A message that holds no event at all goes to the dead, whole, and the messages
// beside it are stored.
func TestDeadMessage(t *testing.T) {
	h := newHouse(t)
	h.publishEvents(events(0, 100), 50)
	h.publish(bus.Enriched("home-adsl"), []byte("garbage\nmore garbage\n"))
	h.publishEvents(events(100, 100), 50)
	h.start(h.dsn)
	h.settled()
	h.want("SELECT count() FROM events", 200)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if n, err := h.bus.LastSeq(ctx, bus.StreamDead); err != nil || n != 1 {
		t.Errorf("stream DEAD holds %d messages, %v, want 1", n, err)
	}
}

func TestRefusedRowIsIsolated(t *testing.T) {
	h := newHouse(t)
	if err := h.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.db.Conn().Exec(t.Context(), "ALTER TABLE events ADD CONSTRAINT test CHECK ifNull(dst_port, 0) NOT IN (4242, 77)"); err != nil {
		t.Fatal(err)
	}
	h.publishEvents(events(0, 10_000), 1000)
	h.start(h.dsn)
	h.settled()
	h.settled()
	h.want("SELECT count() FROM events", 9998)
	h.want("SELECT count() FROM rejected WHERE reason LIKE 'clickhouse refused it:%test%' AND id IN (4243, 78)", 2)
	h.want("SELECT count() FROM rejected", 2)
	if got := h.metric("whoknocks_store_refused_events_total"); got != 2 {
		t.Errorf("refused_events_total is %v, want 2", got)
	}
}

// More refused rows than one batch may have: messages are looked at one by one.
func TestManyRefusedRows(t *testing.T) {
	h := newHouse(t)
	if err := h.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.db.Conn().Exec(t.Context(), "ALTER TABLE events ADD CONSTRAINT test CHECK ifNull(dst_port, 0) % 3 != 0"); err != nil {
		t.Fatal(err)
	}
	h.publishEvents(events(0, 90), 45)
	h.start(h.dsn)
	h.settled()
	h.settled()
	h.want("SELECT count() FROM events", 60)
	h.want("SELECT count() FROM rejected", 30)
}

func TestRejectedLines(t *testing.T) {
	h := newHouse(t)
	h.start(h.dsn)
	var data []byte
	for i := range 10 {
		r := scan.Rejected{ID: scan.ID(i + 1), Kind: scan.KindUnrecognised, Stage: "ingest", Sensor: "home-adsl", Line: "DHCP", Received: time.Unix(1e9, 0)}
		data = append(r.AppendJSON(data), '\n')
	}
	h.publish(bus.Rejected("home-adsl"), data)
	h.publish(bus.Rejected("home-adsl"), data)
	h.publish(bus.Rejected("home-adsl"), append([]byte("garbage\n"), data...)) // dead, its good lines kept all the same
	h.settled()
	h.want("SELECT count() FROM rejected WHERE kind = 'unrecognised'", 10)
}

func TestKeepLines(t *testing.T) {
	h := newHouse(t)
	h.cfg.KeepLines = false
	h.start(h.dsn)
	h.publishEvents(events(0, 10), 10)
	h.settled()
	h.want("SELECT count() FROM events WHERE line = '' AND origin != ''", 10)
}

// An answer reaches the events that were published before it, stored or not.
func TestAttributed(t *testing.T) {
	h := newHouse(t)
	h.cfg.BatchAge = 500 * time.Millisecond // the answer overtakes them
	h.start(h.dsn)
	a := scan.Attributed{
		First: netip.MustParseAddr("192.0.2.0"), Last: netip.MustParseAddr("192.0.2.127"),
		Facts: scan.Facts{Network: "192.0.2.0/25", Owner: "Example", OwnerBasis: scan.BasisWHOIS, OwnerAsOf: time.Now()},
	}
	h.publishEvents(events(0, 2560), 500)
	h.publish(bus.SubjectAttributed, append(a.AppendJSON(nil), '\n'))
	h.settled()
	h.want("SELECT count() FROM events", 2560)
	h.want("SELECT count() FROM events WHERE owner = 'Example' AND owner_basis = 'whois' AND src_ip BETWEEN '192.0.2.0' AND '192.0.2.127'", 1280)
	h.want("SELECT count() FROM events WHERE owner = 'by AS'", 1280)
	h.want("SELECT count() FROM attributions WHERE owner = 'Example'", 1)

	// The same messages again, as after a lost acknowledgement: nothing changes.
	h.publish(bus.SubjectAttributed, append(a.AppendJSON(nil), '\n'))
	h.publish(bus.SubjectAttributed, []byte("garbage\n"))
	h.settled()
	h.want("SELECT count() FROM events WHERE owner = 'Example'", 1280)
	h.want("SELECT count() FROM attributions", 1)
	if got := h.metric("whoknocks_store_reattributed_events_total"); got != 1280 {
		t.Errorf("reattributed_events_total is %v, want 1280", got)
	}
}

func TestNewerDatabase(t *testing.T) {
	h := newHouse(t)
	if err := h.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.db.Conn().Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9001, 1)"); err != nil {
		t.Fatal(err)
	}
	s, err := store.New(h.cfg, h.bus, h.db, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Run(ctx); err == nil || !strings.Contains(err.Error(), "newer than this program") {
		t.Errorf("Run() = %v, want an error about the newer database", err)
	}
}

func TestConfig(t *testing.T) {
	if err := store.DefaultConfig().Validate(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
	f := func(change func(*store.Config), key string) {
		t.Helper()
		cfg := store.DefaultConfig()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("Validate() = %v, want an error about %s", err, key)
		}
	}
	f(func(c *store.Config) { c.BatchBytes = 1 }, "batch_bytes")
	f(func(c *store.Config) { c.BatchMessages = 0 }, "batch_messages")
	f(func(c *store.Config) { c.BatchAge = 0 }, "batch_age")
	f(func(c *store.Config) { c.Workers = 0 }, "workers")
	f(func(c *store.Config) { c.ReplayEnriched = -1 }, "replay")
	f(func(c *store.Config) { c.TrimEvery = 0 }, "trim_every")
	f(func(c *store.Config) { c.Drain = 0 }, "drain")
}

// Roll-ups are built by themselves, by one store of several, and by another when
// that one is gone.
func TestRollups(t *testing.T) {
	h := newHouse(t)
	h.cfg.RollupEvery = 100 * time.Millisecond
	stopFirst := h.begin(h.db)
	built := func(what string, n int) {
		t.Helper()
		h.publishEvents(events(n-2000, 2000), 500)
		h.settled()
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			attempts := h.number("SELECT sum(attempts) FROM owners_by_month")
			if attempts == uint64(2*n) && h.number("SELECT count() FROM stale_months") == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: the roll-ups hold %d attempts, want %d", what, attempts, 2*n)
			}
		}
	}
	built("the first store", 2000)
	h.begin(h.db) // a second one does not build while the first lives
	built("two stores", 4000)
	if n := h.metric("whoknocks_store_rollup_seconds"); n != 0 {
		t.Errorf("the second store has built %v times", n)
	}
	stopFirst()
	built("the second store", 6000)
	for deadline := time.Now().Add(patience); h.metric("whoknocks_store_rollup_seconds") == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the second store has not built")
		}
	}
}

// Events that have outlived their time are dropped once the roll-ups hold them.
func TestRetention(t *testing.T) {
	h := newHouse(t)
	h.cfg.RollupEvery = 100 * time.Millisecond
	h.cfg.KeepEventsDays, h.cfg.KeepLineDays = 365, 7
	first := h.begin(h.db)
	h.publishEvents(events(0, 1000), 500) // of 2012
	recent := events(1000, 10)
	for i := range recent {
		recent[i].Time = time.Now().UTC().Truncate(time.Second)
	}
	h.publishEvents(recent, 10)
	h.settled()
	first() // it looks once an hour: a new start looks at once
	h.begin(h.db)
	for deadline := time.Now().Add(patience); h.number("SELECT count() FROM events") != 10; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d events are stored, want the 10 of this year", h.number("SELECT count() FROM events"))
		}
	}
	h.want("SELECT sum(attempts) FROM owners_by_month", 2*1010)
	h.want("SELECT countIf(create_table_query LIKE '%TTL stored + toIntervalDay(7)%') FROM system.tables WHERE database = currentDatabase() AND name = 'events'", 1)
}

package enrich

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/whoistest"
	"github.com/whoknocks/whoknocks/services/internal/config"
)

func TestRun(t *testing.T) {
	b := natstest.Bus(t)
	s, reg := newService(t, testConfig(t), b)
	stop := run(t, s)
	out, rejects := read(t, b, bus.StreamEnriched), read(t, b, bus.StreamRejected)

	outbound := event("192.0.2.2", "2026-07-01")
	outbound.Direction = scan.DirectionOut
	good := batchOf(event("192.0.2.1", "2026-07-01"), outbound, event("198.51.100.9", "2012-04-10"))
	bad := "{\"v\":1,\"id\":\"zz\"}\nnot JSON at all \x1b[31m\xff\n{\"v\":1}\n"
	publish(t, b, append([]byte(bad), good...))

	events := out.enriched(t, 3)
	owner := func(src, want string, basis scan.Basis) {
		t.Helper()
		if e := events[src]; e.Owner != want || e.OwnerBasis != basis || e.Cause == "" || e.CauseWhy == "" || e.Line != "a line" {
			t.Errorf("%s: %+v", src, e.Facts)
		}
	}
	owner("192.0.2.1", "Big Telecom", scan.BasisASN)
	owner("192.0.2.2", "", scan.BasisNone)
	owner("198.51.100.9", "Example CDN", scan.BasisOverride)
	if e := events["192.0.2.1"]; e.Event != event("192.0.2.1", "2026-07-01") {
		t.Errorf("the event itself changed: %+v", e.Event)
	}

	var d scan.Decoder
	reasons := []string{}
	for _, line := range rejects.wait(t, 3) {
		var r scan.Rejected
		if err := d.Rejected([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Kind != scan.KindRejected || r.Stage != "enrich" || r.Sensor != "home" || r.ID == 0 || r.Line == "" || r.Received.IsZero() ||
			r.Origin != "scans.observed.home message 1" {
			t.Errorf("rejected line %+v", r)
		}
		reasons = append(reasons, r.Reason)
	}
	for i, want := range []string{"id", "not a JSON object", "id: absent"} {
		if !strings.Contains(reasons[i], want) {
			t.Errorf("line %d is rejected because %q, want %q in it", i+1, reasons[i], want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := b.Await(ctx, bus.StreamObserved, Durable, 1); err != nil {
		t.Errorf("the message is not taken off: %v", err)
	}
	eventually(t, "metrics", func() bool { return value(t, reg, "whoknocks_enrich_rejected_lines_total") == 3 })
	for name, want := range map[string]float64{
		"whoknocks_enrich_events_total basis=asn":      1,
		"whoknocks_enrich_events_total basis=override": 1,
		"whoknocks_enrich_events_total basis=":         1,
		"whoknocks_enrich_causes_total cause=scan":     2,
		"whoknocks_enrich_lookups_total":               2,
		"whoknocks_enrich_published_messages_total":    1,
		"whoknocks_enrich_redelivered_messages_total":  0,
	} {
		metric, label, _ := strings.Cut(name, " ")
		labels := strings.Fields(label)
		if label == "basis=" {
			labels = []string{"basis="}
		}
		if got := value(t, reg, metric, labels...); got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	stop()
}

// TestRunTakesOffNothingUnpublished: a message is taken off only when what it
// caused is on disk, and comes again otherwise.
func TestRunTakesOffNothingUnpublished(t *testing.T) {
	b := natstest.Bus(t)
	s, _ := newService(t, testConfig(t), b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // publishing fails at once
	msg := &bus.Message{Subject: bus.Observed("home"), Sensor: "home", Seq: 1, Delivered: 1, Data: batchOf(event("192.0.2.1", "2026-07-01"))}
	if err := s.handle(ctx, []*bus.Message{msg}); err == nil {
		t.Error("handle() = nil though nothing was published")
	}
	if err := s.handle(t.Context(), []*bus.Message{msg}); err != nil {
		t.Errorf("handle() of the same message again = %v", err)
	}
	seq, err := b.LastSeq(t.Context(), bus.StreamEnriched)
	if err != nil || seq == 0 { // the first attempt may have got through unnoticed: ids make that harmless
		t.Errorf("%d messages published, %v", seq, err)
	}
}

// arinServer answers in ARIN's form: a block of 16 addresses for a customer. It
// answers nothing before open is closed.
func arinServer(t *testing.T, open <-chan struct{}) *whoistest.Server {
	t.Helper()
	return whoistest.Serve(t, func(c net.Conn, question string) {
		select {
		case <-open:
		case <-t.Context().Done():
			return
		}
		words := strings.Fields(question)
		a, err := netip.ParseAddr(words[len(words)-1])
		if err != nil || !a.Is4() {
			return
		}
		first := a.As4()
		first[3] &^= 15
		last := first
		last[3] |= 15
		_, _ = fmt.Fprintf(c, "NetRange: %v - %v\nNetName: EXCDN-CACHE\nNetType: Reassigned\nCustomer: Example CDN, Inc. (C1)\n\nCustName: Example CDN, Inc.\nCountry: NL\n",
			netip.AddrFrom4(first), netip.AddrFrom4(last))
	})
}

func asking(t *testing.T, server string) Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.WHOIS.Enabled = true
	cfg.WHOIS.Interval = time.Millisecond
	cfg.WHOIS.Servers = map[string]string{"arin": server}
	for _, r := range whois.Registries() {
		if r != "arin" {
			cfg.WHOIS.Servers[r] = ""
		}
	}
	return cfg
}

func TestWHOIS(t *testing.T) {
	open := make(chan struct{})
	server := arinServer(t, open)
	srv := natstest.Start(t)
	b := natstest.Connect(t, srv)
	s, reg := newService(t, asking(t, server.Addr), b)
	stop := run(t, s)
	out, answers := read(t, b, bus.StreamEnriched), read(t, b, bus.StreamAttributed)

	// The events pass with what is known, and nobody waits.
	publish(t, b, batchOf(event("192.0.2.1", "2026-07-01"), event("192.0.2.2", "2026-07-01"), event("192.0.2.1", "2026-07-02"),
		event("198.51.100.9", "2012-04-10"), event("203.0.113.5", "2026-07-01")))
	events := out.enriched(t, 5)
	if e := events["192.0.2.2"]; e.Owner != "Big Telecom" || e.OwnerBasis != scan.BasisASN {
		t.Errorf("before the answer: %+v", e.Facts)
	}
	close(open)
	// The answer comes, for the whole block.
	var got scan.Attributed
	var d scan.Decoder
	if err := d.Attributed([]byte(answers.wait(t, 1)[0]), &got); err != nil {
		t.Fatal(err)
	}
	want := scan.Attributed{First: netip.MustParseAddr("192.0.2.0"), Last: netip.MustParseAddr("192.0.2.15"), Facts: scan.Facts{
		Network: "192.0.2.0/28", Owner: "Example CDN", Registrant: "Example CDN, Inc.", Netname: "EXCDN-CACHE", Country: "NL", Carrier: "Big Telecom",
		ASN: 64496, ASName: "Example Telecom, Inc.", OwnerBasis: scan.BasisWHOIS, OwnerAsOf: got.OwnerAsOf, OwnerWhy: `owners.yaml: name "Example CDN*"`}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || time.Since(got.OwnerAsOf) > time.Minute {
		t.Errorf("attribution mismatch (-want +got)\n%s", diff)
	}
	// One question served both addresses; what a rule owns was not asked about.
	eventually(t, "nothing pending", func() bool { return value(t, reg, "whoknocks_enrich_whois_pending_addresses") == 0 })
	if diff := cmp.Diff([]string{"n + 192.0.2.1\r\n"}, server.Questions()); diff != "" {
		t.Errorf("questions (-want +got)\n%s", diff)
	}
	// From now on events have it, other addresses of the block as well.
	publish(t, b, batchOf(event("192.0.2.3", "2026-07-03")))
	if e := out.enriched(t, 6)["192.0.2.3"]; e.Owner != "Example CDN" || e.OwnerBasis != scan.BasisWHOIS {
		t.Errorf("after the answer: %+v", e.Facts)
	}
	if n := value(t, reg, "whoknocks_enrich_whois_questions_total", "registry=arin", "outcome=answer"); n != 1 {
		t.Errorf("questions answered = %v, want 1", n)
	}

	// The answer outlives the service, and others have it too.
	kv, err := b.KeyValue(t.Context(), Bucket, bus.KVConfig{TTL: s.cfg.WHOIS.Keep})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the answer is kept", func() bool { _, err := kv.Get(t.Context(), "answers.192.0.2.0-192.0.2.15"); return err == nil })
	stop()
	b2 := natstest.Connect(t, srv)
	s2, _ := newService(t, asking(t, server.Addr), b2)
	run(t, s2)
	publish(t, b2, batchOf(event("192.0.2.4", "2026-07-03")))
	if e := out.enriched(t, 7)["192.0.2.4"]; e.OwnerBasis != scan.BasisWHOIS {
		t.Errorf("after a restart: %+v", e.Facts)
	}
	// What another enrich learns corrects what this one published without it.
	publish(t, b2, batchOf(event("203.0.113.220", "2026-07-03")))
	if e := out.enriched(t, 8)["203.0.113.220"]; e.OwnerBasis != scan.BasisNone {
		t.Errorf("of nobody known: %+v", e.Facts)
	}
	lines := answers.wait(t, 2) // its own question
	if !strings.Contains(lines[1], `"first":"203.0.113.208"`) {
		t.Errorf("second attribution %s", lines[1])
	}
	other := whois.Answer{First: netip.MustParseAddr("192.0.2.128"), Last: netip.MustParseAddr("192.0.2.159"), Network: "192.0.2.128/27", Registrant: "Learnt Elsewhere Ltd", Asked: time.Now().UTC()}
	data, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "answers.192.0.2.128-192.0.2.159", data); err != nil {
		t.Fatal(err)
	}
	if lines := answers.wait(t, 3); !strings.Contains(lines[2], `"owner":"Learnt Elsewhere"`) {
		t.Errorf("third attribution %s", lines[2])
	}
}

// TestWHOISAway: without a network events pass, at once.
func TestWHOISAway(t *testing.T) {
	b := natstest.Bus(t)
	cfg := asking(t, "127.0.0.1:1")
	cfg.WHOIS.Interval = time.Second
	cfg.WHOIS.Queue = 10
	s, reg := newService(t, cfg, b)
	stop := run(t, s)
	out := read(t, b, bus.StreamEnriched)
	var many []scan.Event
	for i := range 200 {
		many = append(many, event(fmt.Sprintf("192.0.2.%d", i), "2026-07-01"))
	}
	start := time.Now()
	publish(t, b, batchOf(many...))
	out.enriched(t, 200)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("events took %v", took)
	}
	eventually(t, "the queue is bounded", func() bool { return value(t, reg, "whoknocks_enrich_unqueued_addresses_total") >= 180 })
	start = time.Now()
	stop()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

func TestMissingData(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("WHOKNOCKS_ASSETS", t.TempDir())
	var logged strings.Builder
	s, err := New(DefaultConfig(), nil, slog.New(slog.NewTextHandler(&logged, nil)), nil)
	if err != nil {
		t.Fatalf("New() without data = %v", err)
	}
	if len(s.known.Load().local) == 0 { // the machine may have it installed
		if !strings.Contains(logged.String(), "level=WARN") || !strings.Contains(logged.String(), "make deps") {
			t.Errorf("logged %q, want a warning that says what to do", logged.String())
		}
		e := event("192.0.2.1", "2026-07-01")
		if f := s.Explain(t.Context(), &e); f.OwnerBasis != scan.BasisNone || f.Cause != scan.CauseScan {
			t.Errorf("Explain() = %+v", f)
		}
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("Run() without a bus = nil")
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Rules = []string{"none.yaml"} },
		func(c *Config) { c.ASN = []string{"none.csv"} },
		func(c *Config) { c.Country = []string{filepath.Join(t.TempDir(), "none.csv")} },
		func(c *Config) { c.MMDB = []string{"none.mmdb"} },
	} {
		cfg := testConfig(t)
		change(&cfg)
		if _, err := New(cfg, nil, nil, nil); err == nil || !strings.Contains(err.Error(), "none.") {
			t.Errorf("New() with a file that is missing = %v, want its name", err)
		}
	}
}

// TestMemoryIsBounded: however many sources there are, a worker remembers no
// more than its bound.
func TestMemoryIsBounded(t *testing.T) {
	s, _ := newService(t, testConfig(t), nil)
	w := s.newWorker()
	w.begin(time.Now())
	e := scan.Enriched{Event: event("192.0.2.1", "2026-07-01")}
	for i := range 3 * maxMemo {
		e.SrcIP = netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)})
		w.enrich(&e)
		if len(w.memo) > maxMemo || len(w.who.names) > maxNames || len(w.who.systems) > maxNames {
			t.Fatalf("%d addresses remembered after %d", len(w.memo), i)
		}
	}
}

// TestOutbox cuts messages by sensor, events and bytes.
func TestOutbox(t *testing.T) {
	var o outbox
	for round := range 3 {
		o.reset()
		e := event("192.0.2.1", "2026-07-01")
		for range maxEvents + 1 {
			o.add("one", &e)
			o.add("two", &e)
		}
		e.Line = strings.Repeat("x", scan.MaxLine)
		for range 200 {
			o.add("long", &e)
		}
		got := map[string][]int{}
		for _, b := range o.batches {
			got[b.sensor] = append(got[b.sensor], b.events)
			if n := strings.Count(string(b.data), "\n"); n != b.events || len(b.data) > maxBytes+8<<10 {
				t.Errorf("a message of %d events has %d lines, %d bytes", b.events, n, len(b.data))
			}
		}
		long := got["long"]
		delete(got, "long")
		if diff := cmp.Diff(map[string][]int{"one": {maxEvents, 1}, "two": {maxEvents, 1}}, got); diff != "" || len(long) < 2 {
			t.Errorf("round %d: messages (-want +got)\n%s and %v", round, diff, long)
		}
	}
}

func TestFence(t *testing.T) {
	var f fence
	first := f.enter()
	waited := make(chan error, 1)
	go func() { waited <- f.wait(t.Context()) }()
	for {
		f.mu.Lock()
		n := len(f.inside)
		f.mu.Unlock()
		if n == 1 {
			break
		}
	}
	select {
	case err := <-waited:
		t.Fatalf("wait() did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	later := f.enter() // begins meanwhile: not waited for
	first()
	if err := <-waited; err != nil {
		t.Errorf("wait() = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.wait(ctx); err == nil {
		t.Error("wait() with a context that ended = nil though work goes on")
	}
	later()
	if err := f.wait(t.Context()); err != nil || len(f.inside) != 0 {
		t.Errorf("wait() of nothing = %v", err)
	}
}

func TestConfig(t *testing.T) {
	f := func(want string, change func(*Config)) {
		t.Helper()
		cfg := DefaultConfig()
		change(&cfg)
		err := cfg.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("Validate() = %v, want %q", err, want)
		}
	}
	f("", func(*Config) {})
	f("", func(c *Config) {
		c.WHOIS.Servers = map[string]string{"arin": "", "ripe": "127.0.0.1:4343", "apnic": "whois.example.net", "afrinic": "::1"}
	})
	f("workers", func(c *Config) { c.Workers = 0 })
	f("cache_size", func(c *Config) { c.CacheSize = 0 })
	f("drain", func(c *Config) { c.Drain = 0 })
	f("whois.timeout", func(c *Config) { c.WHOIS.Timeout = 0 })
	f("whois.interval", func(c *Config) { c.WHOIS.Interval = 0 })
	f("whois.per_day", func(c *Config) { c.WHOIS.PerDay = 0 })
	f("whois.pause", func(c *Config) { c.WHOIS.Pause = 0 })
	f("whois.queue", func(c *Config) { c.WHOIS.Queue = 0 })
	f("whois.keep ", func(c *Config) { c.WHOIS.Keep = 0 })
	f("whois.keep_none", func(c *Config) { c.WHOIS.KeepNone = 0 })
	f(`registry "martian" is not one of afrinic, apnic, arin, iana, jpnic, krnic, lacnic, nicbr, ripe, rwhois`, func(c *Config) { c.WHOIS.Servers = map[string]string{"martian": "x"} })
	f("whois.servers.arin", func(c *Config) { c.WHOIS.Servers = map[string]string{"arin": "http://x/"} })

	file := filepath.Join(t.TempDir(), "c.yaml")
	body := "enrich:\n  rules: [a.yaml, b.yaml]\n  whois:\n    enabled: false\n    interval: 5s\n    servers: {arin: \"127.0.0.1:43\", ripe: \"\"}\n"
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	all := struct {
		Enrich Config `koanf:"enrich"`
	}{DefaultConfig()}
	if err := config.Load(&all, file, []string{"WHOKNOCKS_ENRICH_WHOIS_PER_DAY=9"}, []string{"enrich.whois.servers.apnic=127.0.0.1:44"}); err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	want.Rules = []string{"a.yaml", "b.yaml"}
	want.WHOIS.Enabled, want.WHOIS.Interval, want.WHOIS.PerDay = false, 5*time.Second, 9
	want.WHOIS.Servers = map[string]string{"arin": "127.0.0.1:43", "ripe": "", "apnic": "127.0.0.1:44"}
	if diff := cmp.Diff(want, all.Enrich); diff != "" {
		t.Errorf("configuration mismatch (-want +got)\n%s", diff)
	}
}

// small is a bus that takes messages up to a size.
type small struct {
	max  int
	sent []string
}

func (s *small) Publish(_ context.Context, _ string, data []byte) (uint64, error) {
	if len(data) > s.max {
		return 0, fmt.Errorf("no: %w", bus.ErrTooLarge)
	}
	s.sent = append(s.sent, string(data))
	return 1, nil
}

func TestSendSplitsForASmallServer(t *testing.T) {
	f := func(max int, data string, want ...string) {
		t.Helper()
		b := &small{max: max}
		if err := send(t.Context(), b, "x", []byte(data)); (err != nil) != (want == nil) {
			t.Errorf("send(%q) to a bus of %d = %v", data, max, err)
		}
		if want != nil && strings.Join(b.sent, "|") != strings.Join(want, "|") {
			t.Errorf("send(%q) to a bus of %d sent %q, want %q", data, max, b.sent, want)
		}
	}
	f(100, "a\nb\nc\n", "a\nb\nc\n")
	f(4, "a\nb\nc\n", "a\nb\n", "c\n")
	f(2, "a\nb\nc\nd\n", "a\n", "b\n", "c\n", "d\n")
	f(10, "a\nlonglong\n", "a\n", "longlong\n")
	f(10, "longlong\na\n", "longlong\n", "a\n")
	f(3, "longlong\n")
	f(3, "a\nlonglong\n")
}

package whois

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/whoistest"
)

// quick asks only the servers given, without waiting.
func quick(own map[string]*whoistest.Server) Config {
	cfg := Config{Servers: map[string]string{}, Timeout: 2 * time.Second, Interval: time.Millisecond, PerDay: 100, Pause: time.Hour}
	for r := range servers {
		cfg.Servers[string(r)] = ""
	}
	for r, f := range own {
		cfg.Servers[r] = f.Addr
	}
	return cfg
}

// askOnce waits for a turn and takes it.
func askOnce(ctx context.Context, c *Client, r reply.Registry) (reply.Reply, error) {
	turn, err := c.Turn(ctx, r, "", true)
	if err != nil {
		return reply.Reply{}, err
	}
	defer turn.End(ctx, 0)
	return turn.Ask(ctx, addr)
}

// outcomes counts what the client tells.
type outcomes struct {
	mu sync.Mutex
	n  map[string]int
}

func (o *outcomes) count(registry, outcome string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.n == nil {
		o.n = map[string]int{}
	}
	o.n[registry+" "+outcome]++
}

func (o *outcomes) want(t *testing.T, want map[string]int) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if diff := cmp.Diff(want, o.n); diff != "" {
		t.Errorf("outcomes (-want +got)\n%s", diff)
	}
}

func TestClientOneAtATimeAndSlowly(t *testing.T) {
	srv := whoistest.Serve(t, func(c net.Conn, _ string) {
		time.Sleep(30 * time.Millisecond)
		_, _ = c.Write([]byte("%ERROR:101: no entries found\n"))
	})
	cfg := quick(map[string]*whoistest.Server{"ripe": srv})
	cfg.Interval = 50 * time.Millisecond
	var got outcomes
	c := NewClient(cfg, nil, got.count)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if rep, err := askOnce(t.Context(), c, reply.RIPE); err != nil || rep.Kind != reply.None {
				t.Errorf("Ask() = %v, %v", rep.Kind, err)
			}
		})
	}
	wg.Wait()
	if n := srv.Most.Load(); n != 1 {
		t.Errorf("the server was asked %d questions at a time", n)
	}
	for i := 1; i < len(srv.Times()); i++ {
		if gap := srv.Times()[i].Sub(srv.Times()[i-1]); gap < 45*time.Millisecond {
			t.Errorf("question %d came %v after the one before", i, gap)
		}
	}
	got.want(t, map[string]int{"ripe none": 4})
}

func TestClientPausesWhenRefused(t *testing.T) {
	srv := whoistest.Text(t, fixture(t, "ripe-blocked.txt"))
	var got outcomes
	ledger := &Memory{}
	c := NewClient(quick(map[string]*whoistest.Server{"ripe": srv}), ledger, got.count)
	if rep, err := askOnce(t.Context(), c, reply.RIPE); err != nil || rep.Kind != reply.Blocked {
		t.Fatalf("Ask() = %v, %v, want blocked", rep.Kind, err)
	}
	until := time.Until(c.PausedUntil(reply.RIPE))
	if until < 59*time.Minute || until > 61*time.Minute {
		t.Errorf("the server is left alone for %v, want an hour", until)
	}
	// Another process that shares the ledger keeps the pause.
	other := NewClient(quick(map[string]*whoistest.Server{"ripe": srv}), ledger, nil)
	for _, c := range []*Client{c, other} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := askOnce(ctx, c, reply.RIPE); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ask() during the pause = %v", err)
		}
		cancel()
	}
	if n := len(srv.Questions()); n != 1 {
		t.Errorf("the server was asked %d times, want once", n)
	}
	got.want(t, map[string]int{"ripe blocked": 1})
}

func TestClientKeepsTheDaysLimit(t *testing.T) {
	srv := whoistest.Text(t, "%ERROR:101: no entries found\n")
	cfg := quick(map[string]*whoistest.Server{"ripe": srv})
	cfg.PerDay = 3
	c := NewClient(cfg, nil, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	for i := range 5 {
		_, err := askOnce(ctx, c, reply.RIPE)
		if (err == nil) != (i < 3) {
			t.Errorf("question %d: %v", i+1, err)
		}
	}
	if n := len(srv.Questions()); n != 3 {
		t.Errorf("the server was asked %d times, want 3", n)
	}
	if until := time.Until(c.PausedUntil(reply.RIPE)); until < 23*time.Hour {
		t.Errorf("the server is left alone for %v, want the rest of the day", until)
	}
}

func TestClientFailures(t *testing.T) {
	hangUp := whoistest.Serve(t, func(net.Conn, string) {})
	huge := whoistest.Serve(t, func(c net.Conn, _ string) { _, _ = c.Write(make([]byte, 2*maxReply)) })
	var got outcomes
	cfg := quick(map[string]*whoistest.Server{"ripe": hangUp, "apnic": huge})
	c := NewClient(cfg, nil, got.count)
	if _, err := askOnce(t.Context(), c, reply.RIPE); !errors.Is(err, ErrEmpty) {
		t.Errorf("Ask() of a server that hangs up = %v, want ErrEmpty", err)
	}
	if _, err := askOnce(t.Context(), c, reply.APNIC); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Ask() of a server without end = %v, want ErrTooLarge", err)
	}
	if _, err := askOnce(t.Context(), c, reply.ARIN); !errors.Is(err, ErrNoServer) {
		t.Errorf("Ask() of a registry that is off = %v, want ErrNoServer", err)
	}
	if c.Asks(reply.ARIN) || !c.Asks(reply.RIPE) || c.Asks(reply.LACNIC) {
		t.Error("Asks() does not follow the configuration")
	}
	got.want(t, map[string]int{"ripe failed": 1, "apnic too_large": 1})
	if a, b := c.retry(1), c.retry(3); b != 4*a || c.retry(100) > time.Hour {
		t.Errorf("retry(1, 3, 100) = %v, %v, %v", a, b, c.retry(100))
	}
}

func TestUsage(t *testing.T) {
	cfg := Config{PerDay: 2}.withDefaults()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var u Usage
	step := func(at time.Duration, want time.Duration) {
		t.Helper()
		var wait time.Duration
		if u, wait = u.claim(now.Add(at), cfg); wait != want {
			t.Errorf("claim after %v waits %v, want %v", at, wait, want)
		}
	}
	step(0, 0)
	step(time.Second, 16*time.Second) // the first question is running
	u = u.release(now.Add(time.Second), ending{asked: true, wait: cfg.Interval})
	step(time.Second, 2*time.Second)
	step(3*time.Second, 0)
	u = u.release(now.Add(4*time.Second), ending{asked: true, wait: cfg.Interval})
	step(time.Minute, 24*time.Hour-time.Minute) // two a day
	step(24*time.Hour, 0)
	// A clock that once stood far ahead does not stop us for longer than a pause.
	u = Usage{Day: now.Add(900 * time.Hour), Next: now.Add(900 * time.Hour)}
	step(0, 24*time.Hour)
}

func TestEndpoint(t *testing.T) {
	f := func(servers map[string]string, r reply.Registry, want endpoint, ok bool) {
		t.Helper()
		got, gotOK := Config{Servers: servers}.endpoint(r)
		if got != want || gotOK != ok {
			t.Errorf("endpoint(%s) with %v = %+v, %v", r, servers, got, gotOK)
		}
	}
	f(nil, reply.ARIN, endpoint{address: "whois.arin.net:43"}, true)
	f(map[string]string{"arin": "whois.example.net"}, reply.ARIN, endpoint{address: "whois.example.net:43", trusted: true}, true)
	f(map[string]string{"arin": "127.0.0.1:4343"}, reply.ARIN, endpoint{address: "127.0.0.1:4343", trusted: true}, true)
	f(map[string]string{"arin": ""}, reply.ARIN, endpoint{}, false)
	f(nil, "martian", endpoint{}, false)
}

// LACNIC counts by minutes: its refusal costs minutes, not the day.
func TestPauseOfEachRegistry(t *testing.T) {
	cfg := Config{}.withDefaults()
	for reg, want := range map[reply.Registry]time.Duration{reply.LACNIC: 10 * time.Minute, reply.NICBR: 10 * time.Minute, reply.RIPE: 24 * time.Hour} {
		if got := cfg.pause(reg); got != want {
			t.Errorf("%s: paused for %v, want %v", reg, got, want)
		}
	}
	if got := (Config{Pause: time.Minute}).pause(reply.LACNIC); got != time.Minute {
		t.Errorf("a pause of the user's own is %v", got)
	}
}

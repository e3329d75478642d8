package natsd_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

func TestStreamsAreKeptAsAgreed(t *testing.T) {
	ctx := within(t, 20*time.Second)
	srv := natstest.Start(t)
	natstest.Connect(t, srv)
	f := func(name, subject string, retention jetstream.RetentionPolicy, bytes int64) {
		t.Helper()
		c := info(ctx, t, srv, name).Config
		if len(c.Subjects) != 1 || c.Subjects[0] != subject || c.Retention != retention || c.MaxBytes != bytes ||
			c.Storage != jetstream.FileStorage || c.Discard != jetstream.DiscardNew ||
			c.Compression != jetstream.S2Compression || c.Duplicates > time.Second {
			t.Errorf("stream %s is %+v", name, c)
		}
	}
	f(bus.StreamObserved, "scans.observed.>", jetstream.WorkQueuePolicy, bus.DefaultObservedBytes)
	f(bus.StreamEnriched, "scans.enriched.>", jetstream.LimitsPolicy, bus.DefaultEnrichedBytes)
	f(bus.StreamRejected, "scans.rejected.>", jetstream.LimitsPolicy, bus.DefaultRejectedBytes)
	f(bus.StreamAttributed, "owners.attributed", jetstream.LimitsPolicy, bus.DefaultAttributedBytes)
	f(bus.StreamDead, "dead.>", jetstream.LimitsPolicy, bus.DefaultDeadBytes)
}

// Everybody who starts makes the streams, at the same time and with other sizes.
func TestStreamsAreMadeByManyAtOnce(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := natstest.Start(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			cfg := bus.DefaultConfig()
			cfg.URL = srv.URL()
			cfg.ObservedBytes = int64(i+1) << 20
			b, err := bus.Connect(ctx, cfg)
			if err != nil {
				t.Error(err)
				return
			}
			defer b.Close()
			if _, err := b.Publish(ctx, bus.Observed("home"), []byte("{}\n")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := info(ctx, t, srv, bus.StreamObserved).State.Msgs; got != 8 {
		t.Errorf("%d messages are stored, want 8", got)
	}
}

func TestStreamsFollowTheConfig(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := natstest.Start(t)
	size := func() int64 { t.Helper(); return info(ctx, t, srv, bus.StreamEnriched).Config.MaxBytes }
	b := natstest.Connect(t, srv, func(c *bus.Config) { c.EnrichedBytes = 10 << 20 })
	for range 20 {
		publish(ctx, t, b, bus.Enriched("home"), strings.Repeat("x", 100<<10))
	}
	natstest.Connect(t, srv)
	if got := size(); got != 10<<20 {
		t.Errorf("a client without a size changed the stream to %d bytes", got)
	}
	natstest.Connect(t, srv, func(c *bus.Config) { c.EnrichedBytes = 20 << 20 })
	if got := size(); got != 20<<20 {
		t.Errorf("a client with a size left the stream at %d bytes", got)
	}
	natstest.Connect(t, srv, func(c *bus.Config) { c.EnrichedBytes = 1 << 20 })
	if s := info(ctx, t, srv, bus.StreamEnriched); s.Config.MaxBytes != 1<<20 || s.State.Msgs != 20 {
		t.Errorf("the stream was made smaller than what it holds: %d bytes with %d messages, want all 20 kept",
			s.Config.MaxBytes, s.State.Msgs)
	}

	// What the operator added stays.
	js := raw(t, srv)
	cfg := info(ctx, t, srv, bus.StreamEnriched).Config
	cfg.Subjects = append(cfg.Subjects, "mine.>")
	cfg.MaxAge = time.Hour
	cfg.Discard = jetstream.DiscardOld
	cfg.Discard = jetstream.DiscardNew
	cfg.Compression = jetstream.NoCompression
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	natstest.Connect(t, srv)
	got := info(ctx, t, srv, bus.StreamEnriched).Config
	if len(got.Subjects) != 2 || got.MaxAge != time.Hour || got.Compression != jetstream.S2Compression {
		t.Errorf("after connecting again the stream is %+v", got)
	}
}

func TestConnectSaysWhatIsWrong(t *testing.T) {
	ctx := within(t, 30*time.Second)
	small := natstest.Config(t)
	small.MaxStoreBytes = 10 << 20
	tight := natstest.StartWith(t, small)
	secret := natstest.Config(t)
	secret.User, secret.Password = "whoknocks", "right"
	closed := natstest.StartWith(t, secret)
	f := func(name, want string, change func(*bus.Config)) {
		t.Helper()
		cfg := bus.DefaultConfig()
		change(&cfg)
		b, err := bus.Connect(ctx, cfg)
		if err == nil {
			b.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Connect() %s = %v, want an error with %q", name, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "wrong") {
			t.Errorf("Connect() %s shows the password: %v", name, err)
		}
	}
	f("without room", "no room for 1073741824 bytes", func(c *bus.Config) { c.URL = tight.URL() })
	f("with a wrong password", "Authorization Violation", func(c *bus.Config) {
		c.URL, c.User, c.Password = closed.URL(), "whoknocks", "wrong"
	})
	f("with a wrong password in the address", "Authorization Violation", func(c *bus.Config) {
		c.URL = strings.Replace(closed.URL(), "//", "//whoknocks:wrong@", 1)
	})
	f("to nobody", "last cause", func(c *bus.Config) { c.URL, c.ConnectWait = "nats://127.0.0.1:1", 200*time.Millisecond })
	f("without address", "bus url is empty", func(c *bus.Config) { c.URL = "" })
	f("with a strange address", "is not like nats://host:port", func(c *bus.Config) { c.URL = "localhost" })
	f("with a negative size", "size of stream DEAD is -1", func(c *bus.Config) { c.DeadBytes = -1 })
	f("with many replicas", "replicas is 9", func(c *bus.Config) { c.Replicas = 9 })
	f("with replicas of one server", "replicas > 1", func(c *bus.Config) { c.URL, c.User, c.Password, c.Replicas = closed.URL(), "whoknocks", "right", 3 })
}

// Whoever starts first waits for the server.
func TestConnectWaitsForTheServer(t *testing.T) {
	noLeak(t)
	ctx := within(t, 30*time.Second)
	cfg := fixedPort(t)
	started := make(chan *natsd.Server, 1)
	time.AfterFunc(300*time.Millisecond, func() {
		srv, err := natsd.Start(cfg)
		if err != nil {
			t.Error(err)
		}
		started <- srv
	})
	busCfg := bus.DefaultConfig()
	busCfg.URL = "nats://" + natsAddr(cfg)
	b, err := bus.Connect(ctx, busCfg)
	srv := <-started
	if srv != nil {
		defer srv.Shutdown()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Healthy(); err != nil {
		t.Errorf("Healthy() = %v", err)
	}
	srv.Shutdown()
	eventually(t, "the loss is noticed", func() bool { return b.Healthy() != nil })
}

func TestKeyValue(t *testing.T) {
	ctx := within(t, 20*time.Second)
	cfg := fixedPort(t)
	srv := natstest.StartWith(t, cfg)
	b := natstest.Connect(t, srv)
	kv, err := b.KeyValue(ctx, "files", bus.KVConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(ctx, "a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if c := info(ctx, t, srv, "KV_files").Config; c.Storage != jetstream.FileStorage || c.MaxBytes != 128<<20 {
		t.Errorf("bucket is %+v", c)
	}
	srv.Shutdown()
	srv = natstest.StartWith(t, cfg)
	// Other settings change the bucket and keep what is in it.
	kv, err = b.KeyValue(ctx, "files", bus.KVConfig{MaxBytes: 1 << 20, History: 5, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := kv.Get(ctx, "a"); err != nil || string(v.Value()) != "1" {
		t.Errorf("Get() = %v, %v, want what was put before the restart", v, err)
	}
	if c := info(ctx, t, srv, "KV_files").Config; c.MaxBytes != 1<<20 || c.MaxMsgsPerSubject != 5 || c.MaxAge != time.Hour {
		t.Errorf("bucket is %+v", c)
	}
	if _, err := b.KeyValue(ctx, "not a name", bus.KVConfig{}); !errors.Is(err, jetstream.ErrInvalidBucketName) {
		t.Errorf("KeyValue() of a bad name = %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := b.KeyValue(ended, "files", bus.KVConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("KeyValue() = %v, want the end of the context", err)
	}
}

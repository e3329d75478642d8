package standalone_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich"
	"github.com/whoknocks/whoknocks/services/ingest"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
	"github.com/whoknocks/whoknocks/services/internal/config"
	"github.com/whoknocks/whoknocks/services/store"
)

// natsUsers are the users of deploy/nats/nats.conf, and the inbox of each.
var natsUsers = map[string]string{
	"admin": "_INBOX_admin", "ingest": "_INBOX_ingest", "enrich": "_INBOX_enrich", "store": "_INBOX_store", "subscriber": "",
}

// deployedBus is a NATS server that runs the stack's own configuration, in a folder of the test's.
type deployedBus struct {
	t   *testing.T
	url string

	mu         sync.Mutex
	violations []string
}

func startDeployedBus(t *testing.T) *deployedBus {
	t.Helper()
	for user := range natsUsers {
		t.Setenv("NATS_"+strings.ToUpper(user)+"_PASSWORD", "k"+user)
	}
	options, err := natsserver.ProcessConfigFile(filepath.Join(repository(t), "deploy", "nats", "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	options.Host, options.Port, options.HTTPPort, options.StoreDir = "127.0.0.1", -1, 0, t.TempDir()
	options.SyncAlways, options.NoSigs = false, true
	server, err := natsserver.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	b := &deployedBus{t: t}
	server.SetLoggerV2(b, false, false, false)
	go server.Start()
	if !server.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(func() {
		server.Shutdown()
		server.WaitForShutdown()
	})
	b.url = server.ClientURL()
	return b
}

// Errorf is where the server tells of what a user may not.
func (b *deployedBus) Errorf(format string, v ...any) {
	if text := fmt.Sprintf(format, v...); strings.Contains(text, "Violation") {
		b.mu.Lock()
		b.violations = append(b.violations, text)
		b.mu.Unlock()
	}
}
func (b *deployedBus) Noticef(string, ...any) {}
func (b *deployedBus) Warnf(string, ...any)   {}
func (b *deployedBus) Fatalf(format string, v ...any) {
	b.t.Errorf(format, v...)
}
func (b *deployedBus) Debugf(string, ...any) {}
func (b *deployedBus) Tracef(string, ...any) {}

func (b *deployedBus) said() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	said := b.violations
	b.violations = nil
	return said
}

func (b *deployedBus) config(user string) bus.Config {
	return bus.Config{URL: b.url, Name: user, User: user, Password: "k" + user, Inbox: natsUsers[user]}
}

func (b *deployedBus) connect(user string) *bus.Bus {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	c, err := bus.Connect(ctx, b.config(user))
	if err != nil {
		b.t.Fatalf("connect as %s: %v", user, err)
	}
	b.t.Cleanup(c.Close)
	return c
}

// TestBusUsers runs the services under their users of the stack's NATS configuration, from a file in
// a folder to the rows in ClickHouse and a subscriber, and sees that the server never refuses what
// they do.
func TestBusUsers(t *testing.T) {
	server := startDeployedBus(t)
	admin := server.connect("admin")
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: clickhousetest.DSN(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	enrichConfig := enrich.DefaultConfig()
	enrichConfig.WHOIS.Enabled = false
	enrichConfig.ASN, enrichConfig.Country = []string{enrich.None}, []string{enrich.None}
	for _, err := range []error{
		ingest.Prepare(t.Context(), admin), enrich.Prepare(t.Context(), admin, enrichConfig), store.Prepare(t.Context(), admin),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}

	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	ingestConfig := ingest.DefaultConfig()
	ingestConfig.Drop, ingestConfig.Quiet, ingestConfig.Poll, ingestConfig.Timezone = t.TempDir(), 50*time.Millisecond, 20*time.Millisecond, "UTC"
	storeConfig := store.DefaultConfig()
	storeConfig.RollupEvery, storeConfig.TrimEvery, storeConfig.ReplayEnriched = 100*time.Millisecond, 100*time.Millisecond, 0
	ingests, err := ingest.New(ingestConfig, server.connect("ingest"), log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	enriches, err := enrich.New(enrichConfig, server.connect("enrich"), log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	stores, err := store.New(storeConfig, server.connect("store"), db, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	subscriber := server.connect("subscriber")
	var seen sync.Map
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{
		ingests.Run, enriches.Run, stores.Run,
		func(ctx context.Context) error {
			return subscriber.Subscribe(ctx, bus.Subscription{Stream: bus.StreamEnriched, Durable: "mine"}, func(_ context.Context, m *bus.Message) error {
				for line := range scan.Lines(m.Data) {
					seen.Store(string(line), true)
				}
				return nil
			})
		},
	} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}

	text, err := os.ReadFile(sampleLog)
	if err != nil {
		t.Fatal(err)
	}
	// Not alone events: a damaged message for the stream DEAD, and what store refuses.
	if err := os.WriteFile(filepath.Join(ingestConfig.Drop, "adsl.log"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{bus.Observed("home"), bus.Enriched("home"), bus.Rejected("home"), bus.SubjectAttributed} {
		if _, err := admin.Publish(ctx, subject, []byte("no JSON\n")); err != nil {
			t.Fatal(err)
		}
	}
	within(t, func() error {
		var rows, rollups uint64
		if err := db.Conn().QueryRow(ctx, "SELECT (SELECT count() FROM events), (SELECT sum(events) FROM owners_by_month)").Scan(&rows, &rollups); err != nil || rows != 100 || rollups != 100 {
			return fmt.Errorf("%d events are stored, %d in roll-ups, %w", rows, rollups, err)
		}
		n := 0
		seen.Range(func(any, any) bool { n++; return true })
		if n < 100 {
			return fmt.Errorf("the subscriber has seen %d events", n)
		}
		return nil
	})
	if files, err := ingests.Files(ctx); err != nil || len(files) != 1 { // lists its bucket
		t.Errorf("Files() = %v, %v", files, err)
	}
	// The store removes what is stored.
	within(t, func() error {
		seq, err := admin.LastSeq(ctx, bus.StreamEnriched)
		if err != nil {
			return err
		}
		floor, err := admin.AckFloor(ctx, bus.StreamEnriched, store.DurableEvents)
		if err != nil || floor < seq {
			return fmt.Errorf("store stands at %d of %d: %w", floor, seq, err)
		}
		return nil
	})
	cancel()
	wg.Wait()
	for _, v := range server.said() {
		t.Errorf("a service was refused: %s", v)
	}
}

func within(t *testing.T, check func() error) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// TestBusDenies tries, as each user, what is none of the user's business.
func TestBusDenies(t *testing.T) {
	server := startDeployedBus(t)
	admin := server.connect("admin")
	ctx := t.Context()
	for _, bucket := range []string{"files", "times", enrich.Bucket, "leases"} {
		if _, err := admin.KeyValue(ctx, bucket, bus.KVConfig{}); err != nil {
			t.Fatal(err)
		}
	}
	streams := []string{bus.StreamObserved, bus.StreamEnriched, bus.StreamRejected, bus.StreamAttributed, bus.StreamDead, "KV_files", "KV_times", "KV_" + enrich.Bucket, "KV_leases"}
	writes := []string{"scans.observed.home", "scans.enriched.home", "scans.rejected.home", bus.SubjectAttributed, "dead.scans.observed.home", "dead.scans.enriched.home",
		"$KV.files.a", "$KV.times.a", "$KV." + enrich.Bucket + ".a", "$KV.leases.a", "anything", "_INBOX_admin.a", "_INBOX_store.a", "$JS.API.STREAM.CREATE.OTHER", "$JS.API.ACCOUNT.PURGE.$G", "$SYS.REQ.SERVER.PING"}
	for _, stream := range streams {
		for _, act := range []string{"CREATE", "UPDATE", "DELETE", "PURGE", "SNAPSHOT", "RESTORE", "MSG.DELETE", "MSG.GET"} {
			writes = append(writes, "$JS.API.STREAM."+act+"."+stream)
		}
		for _, durable := range []string{"store", "store-rejected", "store-attributed", "enrich", "other"} {
			writes = append(writes, "$JS.API.CONSUMER.CREATE."+stream+"."+durable, "$JS.API.CONSUMER.CREATE."+stream+"."+durable+".scans.>", "$JS.API.CONSUMER.DURABLE.CREATE."+stream+"."+durable,
				"$JS.API.CONSUMER.MSG.NEXT."+stream+"."+durable, "$JS.API.CONSUMER.DELETE."+stream+"."+durable, "$JS.API.CONSUMER.PAUSE."+stream+"."+durable, "$JS.ACK."+stream+"."+durable+".1.1.1.1.0")
		}
		writes = append(writes, "$JS.API.CONSUMER.CREATE."+stream, "$JS.API.DIRECT.GET."+stream, "$JS.API.DIRECT.GET."+stream+".$KV.a")
	}
	reads := []string{">", "scans.>", "scans.observed.>", "scans.enriched.>", "scans.rejected.>", "owners.attributed", "dead.>", "$KV.>", "$JS.>", "$SYS.>",
		"_INBOX.>", "_INBOX_admin.>", "_INBOX_ingest.>", "_INBOX_enrich.>", "_INBOX_store.>"}

	// What each may, by prefix; everything else above must be refused.
	own := func(stream, durable string) []string {
		return []string{"$JS.API.CONSUMER.CREATE." + stream + "." + durable, "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + durable, "$JS.ACK." + stream + "." + durable + "."}
	}
	bucket := func(name string) []string {
		return []string{"$KV." + name + ".", "$JS.API.DIRECT.GET.KV_" + name + ".", "$JS.API.CONSUMER.CREATE.KV_" + name + ".", "$JS.API.CONSUMER.DELETE.KV_" + name + "."}
	}
	may := map[string][][]string{
		"ingest": {{"scans.observed.", "scans.rejected.", "$KV.times.", "$JS.API.DIRECT.GET.KV_times."}, bucket("files")},
		"enrich": {{"scans.enriched.", "scans.rejected.", "owners.attributed", "dead.scans.observed.", "$JS.API.STREAM.PURGE.KV_attributions"}, bucket(enrich.Bucket), own("OBSERVED", "enrich")},
		"store": {{"scans.rejected.", "dead.scans.enriched.", "$KV.leases.", "$JS.API.DIRECT.GET.KV_leases.",
			"$JS.API.STREAM.PURGE.ENRICHED", "$JS.API.STREAM.PURGE.REJECTED", "$JS.API.STREAM.PURGE.ATTRIBUTED",
			"$JS.API.STREAM.MSG.GET.ENRICHED", "$JS.API.STREAM.MSG.GET.REJECTED", "$JS.API.STREAM.MSG.GET.ATTRIBUTED"},
			own("ENRICHED", "store"), own("REJECTED", "store-rejected"), own("ATTRIBUTED", "store-attributed")},
		"subscriber": {{"$JS.API.STREAM.MSG.GET.ENRICHED"}},
	}
	for _, durable := range []string{"store-rejected", "store-attributed", "enrich", "other"} { // names like any other, in that stream
		may["subscriber"] = append(may["subscriber"], own("ENRICHED", durable), []string{"$JS.API.CONSUMER.DURABLE.CREATE.ENRICHED." + durable, "$JS.API.CONSUMER.DELETE.ENRICHED." + durable})
	}
	listens := map[string][]string{"ingest": {"_INBOX_ingest.>"}, "enrich": {"_INBOX_enrich.>"}, "store": {"_INBOX_store.>"}, "subscriber": {"scans.enriched.>", "_INBOX.>"}}

	for user, allowed := range may {
		cfg := server.config(user)
		refused := map[string]bool{}
		var mu sync.Mutex
		nc, err := nats.Connect(cfg.URL, nats.UserInfo(cfg.User, cfg.Password), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				_, subject, _ := strings.Cut(err.Error(), `"`)
				subject, _, _ = strings.Cut(subject, `"`)
				mu.Lock()
				refused[subject] = true
				mu.Unlock()
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		tries := func(verb string, subjects []string, try func(string) error, ok func(string) bool) {
			clear(refused)
			for _, s := range subjects {
				if err := try(s); err != nil {
					t.Fatal(err)
				}
			}
			if err := nc.Flush(); err != nil {
				t.Fatal(err)
			}
			// The handler is called in its own time, for each in turn.
			for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				mu.Lock()
				missing := 0
				for _, s := range subjects {
					if !ok(s) && !refused[s] {
						missing++
					}
				}
				mu.Unlock()
				if missing == 0 {
					break
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for _, s := range subjects {
				if refused[s] == ok(s) {
					t.Errorf("%s may %s %q: %v, want %v", user, verb, s, !refused[s], ok(s))
				}
			}
		}
		tries("publish to", writes, func(s string) error { return nc.Publish(s, nil) }, func(subject string) bool {
			for _, list := range allowed {
				for _, prefix := range list {
					if subject == prefix || strings.HasSuffix(prefix, ".") && strings.HasPrefix(subject, prefix) {
						return true
					}
					// A filter behind the name of a durable.
					if user == "subscriber" && strings.HasPrefix(prefix, "$JS.API.CONSUMER.CREATE.ENRICHED.") && strings.HasPrefix(subject, prefix+".") {
						return true
					}
				}
			}
			return user == "subscriber" && subject == "$JS.API.CONSUMER.CREATE.ENRICHED.>"
		})
		tries("listen on", reads, func(s string) error { _, err := nc.Subscribe(s, func(*nats.Msg) {}); return err }, func(subject string) bool {
			for _, s := range listens[user] {
				if s == subject {
					return true
				}
			}
			return false
		})
		nc.Close()
	}
	for _, login := range []nats.Option{nats.UserInfo("ingest", "kstore"), nats.UserInfo("", ""), nats.UserInfo("nobody", "k")} {
		if nc, err := nats.Connect(server.url, login); err == nil {
			nc.Close()
			t.Error("a wrong password is let in")
		}
	}
}

// TestBusKeepsOthersSettings checks that a service whose user may not change a bucket or a stream
// works with what is there.
func TestBusKeepsOthersSettings(t *testing.T) {
	server := startDeployedBus(t)
	admin := server.connect("admin")
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	if _, err := admin.KeyValue(ctx, "files", bus.KVConfig{MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	cfg := server.config("ingest")
	cfg.ObservedBytes = 2 << 30
	b, err := bus.Connect(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	kv, err := b.KeyValue(ctx, "files", bus.KVConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(ctx, "a", []byte("b")); err != nil {
		t.Error(err)
	}
	status, err := kv.Status(ctx)
	if err != nil || status.(*jetstream.KeyValueBucketStatus).StreamInfo().Config.MaxBytes != 1<<20 {
		t.Errorf("the bucket is %v, %v; want it as it was", status, err)
	}
}

// TestDeployedUsers checks that each service names its own user and inbox.
func TestDeployedUsers(t *testing.T) {
	for user, inbox := range natsUsers {
		if user == "admin" || user == "subscriber" {
			continue
		}
		var cfg struct {
			Ops    any        `koanf:"-"`
			Bus    bus.Config `koanf:"bus"`
			Ingest any        `koanf:"ingest"`
			Enrich any        `koanf:"enrich"`
		}
		cfg.Bus = bus.DefaultConfig()
		text, err := os.ReadFile(filepath.Join(repository(t), "deploy", "config", user+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		only := filepath.Join(t.TempDir(), "bus.yaml")
		_, section, _ := strings.Cut(string(text), "\nbus:\n")
		section, _, _ = strings.Cut("bus:\n"+section, "\n"+user+":\n")
		if err := os.WriteFile(only, []byte(section), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := config.Load(&cfg, only, nil, nil); err != nil {
			t.Fatal(err)
		}
		if cfg.Bus.User != user || cfg.Bus.Inbox != inbox {
			t.Errorf("%s is user %q with inbox %q, want %q and %q", user, cfg.Bus.User, cfg.Bus.Inbox, user, inbox)
		}
	}
}

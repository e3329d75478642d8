package config_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/internal/config"
)

type bus struct {
	URL       string        `koanf:"url" help:"where the bus is"`
	Password  string        `koanf:"password"`
	Linger    time.Duration `koanf:"linger"`
	MaxEvents int           // no tag: max_events
	Port      uint16        `koanf:"port"`
	Stream    config.Bytes  `koanf:"stream_bytes"`
}

func (b bus) Validate() error {
	if b.MaxEvents < 1 {
		return errors.New("max_events must be at least 1")
	}
	return nil
}

type store struct {
	Token    string            `koanf:"token" secret:"true"`
	Listen   netip.AddrPort    `koanf:"listen"`
	Own      []netip.Prefix    `koanf:"own"`
	Formats  []string          `koanf:"formats"`
	Zones    map[string]string `koanf:"zones"`
	Sources  []source          `koanf:"sources"`
	Fsync    bool              `koanf:"fsync"`
	Internal int               `koanf:"-"`
}

type source struct {
	Kind string `koanf:"kind"`
}

type program struct {
	Bus   bus   `koanf:"bus"`
	Store store `koanf:"store"`
}

func defaults() program {
	return program{
		Bus:   bus{URL: "nats://127.0.0.1:4222", Linger: 50 * time.Millisecond, MaxEvents: 1000, Port: 1},
		Store: store{Formats: []string{"a", "b", "c"}, Zones: map[string]string{"x": "UTC"}, Fsync: true},
	}
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLoadPrecedence(t *testing.T) {
	f := func(want int, yaml string, env, sets []string) {
		t.Helper()
		name := ""
		if yaml != "" {
			name = file(t, yaml)
		}
		got := defaults()
		if err := config.Load(&got, name, env, sets); err != nil {
			t.Fatalf("Load() = %v", err)
		}
		wanted := defaults()
		wanted.Bus.MaxEvents = want
		if diff := cmp.Diff(wanted, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("Load() mismatch (-want +got)\n%s", diff)
		}
	}
	env := []string{"HOME=/", "WHOKNOCKS_BUS_MAX_EVENTS=3"}
	f(1000, "", nil, nil)
	f(2, "bus: {max_events: 2}", nil, nil)
	f(3, "bus: {max_events: 2}", env, nil)
	f(4, "bus: {max_events: 2}", env, []string{"bus.max_events=4"})
	f(5, "", nil, []string{"bus.max_events=4", "bus.max_events=5"})
	f(1000, "bus:\n  # max_events: 2\n", []string{"WHOKNOCKS_BUS_MAX_EVENTS="}, nil) // nothing said
	f(1000, "", []string{"WHOKNOCKS_ELSE_MAX_EVENTS=3", "WHOKNOCKS_DATA=x"}, nil)    // somebody else's
}

func TestLoadValues(t *testing.T) {
	got := defaults()
	yaml := `
bus: {url: "nats://bus:4222", linger: 2s, port: 4222, stream_bytes: 64MiB}
store:
  listen: 127.0.0.1:5514
  own: [192.0.2.0/24, "2001:db8::/32"]
  formats: [d]
  zones: {router.home: Europe/Paris}
  sources: [{kind: asn}]
`
	err := config.Load(&got, file(t, yaml), []string{"WHOKNOCKS_BUS_STREAM_BYTES=1 gib"}, []string{"store.fsync=false"})
	if err != nil {
		t.Fatal(err)
	}
	want := program{
		Bus: bus{URL: "nats://bus:4222", Linger: 2 * time.Second, MaxEvents: 1000, Port: 4222, Stream: 1 << 30},
		Store: store{
			Listen:  netip.MustParseAddrPort("127.0.0.1:5514"),
			Own:     []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
			Formats: []string{"d"}, // replaced, not mixed with the default
			Zones:   map[string]string{"router.home": "Europe/Paris"},
			Sources: []source{{Kind: "asn"}},
		},
	}
	compare := cmp.Options{
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("Load() mismatch (-want +got)\n%s", diff)
	}

	got = defaults()
	if err := config.Load(&got, "", nil, []string{"store.own=192.0.2.0/24, 198.51.100.0/24", "store.formats="}); err != nil {
		t.Fatal(err)
	}
	if len(got.Store.Own) != 2 || len(got.Store.Formats) != 0 {
		t.Errorf("lists as text: own %v, formats %q", got.Store.Own, got.Store.Formats)
	}
}

func TestLoadErrors(t *testing.T) {
	f := func(yaml string, env, sets []string, wants ...string) {
		t.Helper()
		name := ""
		if yaml != "" {
			name = file(t, yaml)
		}
		cfg := defaults()
		err := config.Load(&cfg, name, env, sets)
		if err == nil {
			t.Errorf("Load(%q, %q, %q) = nil, want an error with %q", yaml, env, sets, wants)
			return
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Load(%q, %q, %q) = %q, want it to contain %q", yaml, env, sets, err, want)
			}
		}
	}
	f("bus:\n  url: x\n  ulr: y\n", nil, nil, `unknown key "bus.ulr" in line 3`)
	f("buss:\n  url: x\nstore: {fsink: true}\n", nil, nil, `unknown key "buss" in line 1`, `"store.fsink" in line 3`)
	f("bus: 3\n", nil, nil, `unknown key "bus"`)
	f("store: {sources: [{knid: asn}]}\n", nil, nil, "sources[0]", "knid")
	f("bus: [", nil, nil, "config.yaml", "yaml")
	f("bus: {max_events: 1}\nbus: {max_events: 2}\n", nil, nil, "already defined")
	f("", []string{"WHOKNOCKS_STORE_FSINK=1"}, nil, "WHOKNOCKS_STORE_FSINK")
	f("", nil, []string{"bus.max_evens=1"}, `"bus.max_evens"`)
	f("", nil, []string{"bus=1"}, `unknown key "bus"`)
	f("", nil, []string{"bus.max_events"}, "section.key=value")
	f("", nil, []string{"bus.max_events=many"}, "bus.max_events", `"many"`)
	f("", nil, []string{"bus.port=70000"}, "bus.port", "out of range")
	f("", nil, []string{"bus.port=-1"}, "bus.port", "out of range")
	f("", nil, []string{"bus.stream_bytes=9999999999GiB"}, "bus.stream_bytes", "out of range")
	f("bus: {linger: 50}", nil, nil, "bus.linger", "unit")
	f("bus: {password: 0123}", nil, nil, "bus.password", "quotes")
	f("", nil, []string{"store.own=192.0.2.0"}, "store.own[0]")
	f("", nil, []string{"bus.max_events=0"}, "configuration of bus", "at least 1")

	f("store: {own: [a, b]}\nbus: {port: 99999, linger: 3}\n", nil, nil, // every mistake, not the first
		"bus.port", "bus.linger", "store.own[0]", "store.own[1]")

	cfg := defaults()
	if err := config.Load(&cfg, "/no/such/file.yaml", nil, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load of a missing file = %v, want os.ErrNotExist", err)
	}
	if err := config.Load(cfg.Bus.URL, "", nil, nil); err == nil {
		t.Error("Load into a string = nil, want an error")
	}
}

func TestDumpReadsBack(t *testing.T) {
	cfg := defaults()
	cfg.Store.Own = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	cfg.Store.Listen = netip.MustParseAddrPort("127.0.0.1:5514")
	cfg.Store.Sources = []source{{Kind: "yes"}}
	cfg.Bus.Stream = 3 << 20
	var b strings.Builder
	if err := config.Dump(&b, cfg); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# where the bus is\n", "stream_bytes: 3MiB\n", "linger: 50ms\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("Dump() lacks %q:\n%s", want, b.String())
		}
	}
	var got program
	if err := config.Load(&got, file(t, b.String()), nil, nil); err != nil {
		t.Fatalf("Load of the dump: %v\n%s", err, b.String())
	}
	compare := cmp.Options{
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	}
	if diff := cmp.Diff(cfg, got, compare); diff != "" {
		t.Errorf("Load(Dump()) mismatch (-want +got)\n%s\n%s", diff, b.String())
	}
}

func TestDumpHidesSecrets(t *testing.T) {
	cfg := defaults()
	cfg.Bus.Password, cfg.Store.Token = "hunter2", "hunter2"
	cfg.Bus.URL = "http://user:hunter2@127.0.0.1:8123/db?password=hunter2&x=1"
	var b strings.Builder
	if err := config.Dump(&b, &cfg); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), "user:xxxxx@127.0.0.1") {
		t.Errorf("Dump() shows a secret or hides too much:\n%s", b.String())
	}
}

func TestKeys(t *testing.T) {
	keys := config.Keys(program{})
	if len(keys) != 13 || keys[0] != "bus.linger" {
		t.Errorf("Keys() = %q", keys)
	}
	if got, want := config.EnvName("bus.max_events"), "WHOKNOCKS_BUS_MAX_EVENTS"; got != want {
		t.Errorf("EnvName() = %q, want %q", got, want)
	}
}

func TestBytes(t *testing.T) {
	f := func(in string, want config.Bytes, text string) {
		t.Helper()
		var b config.Bytes
		if err := b.UnmarshalText([]byte(in)); err != nil || b != want || b.String() != text {
			t.Errorf("Bytes(%q) = %d %q, %v; want %d %q", in, b, b, err, want, text)
		}
	}
	f("0", 0, "0")
	f("1000", 1000, "1000")
	f("1_000", 1000, "1000")
	f("1KB", 1000, "1000")
	f("64 kib", 64<<10, "64KiB")
	f("1536MiB", 1536<<20, "1536MiB")
	f("2TiB", 2<<40, "2TiB")
	f("12B", 12, "12")
	f("-1", -1, "-1")
	for _, bad := range []string{"", "KiB", "1.5GiB", "one", "1GiBB", "9223372036854775808", "9000000TiB"} {
		var b config.Bytes
		if err := b.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("Bytes(%q) = %d, want an error", bad, b)
		}
	}
}

func FuzzBytes(f *testing.F) {
	for _, seed := range []string{"0", "64 kib", "1_000", "2TiB", "9223372036854775807", "-9000000TiB", "1.5GB", "B", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b, again config.Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil {
			return
		}
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("Bytes(%q) = %d, prints as %q, which reads as %d, %v", text, int64(b), b, int64(again), err)
		}
	})
}

func TestLoadFromFiles(t *testing.T) {
	type section struct {
		Password string `koanf:"password"`
		CAFile   string `koanf:"ca_file"`
		CA       string `koanf:"ca"`
		Limit    int    `koanf:"limit"`
	}
	file := filepath.Join(t.TempDir(), "secret")
	f := func(text string, want section, wantErr string, env ...string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Bus section `koanf:"bus"`
		}
		err := config.Load(&got, "", env, nil)
		if wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), wantErr) {
				t.Errorf("Load(%q) = %v, want an error with %q", env, err, wantErr)
			}
			return
		}
		if err != nil || got.Bus != want {
			t.Errorf("Load(%q) = %+v, %v; want %+v", env, got.Bus, err, want)
		}
	}
	f("hush\n", section{Password: "hush"}, "", "WHOKNOCKS_BUS_PASSWORD_FILE="+file)
	f(" two words \r\n\n", section{Password: " two words "}, "", "WHOKNOCKS_BUS_PASSWORD_FILE="+file)
	f("12", section{Limit: 12}, "", "WHOKNOCKS_BUS_LIMIT_FILE="+file)
	f("x", section{CAFile: file}, "", "WHOKNOCKS_BUS_CA_FILE="+file) // a key of that name is that key
	f("x", section{}, "", "WHOKNOCKS_BUS_PASSWORD_FILE=")
	f("x", section{}, "WHOKNOCKS_BUS_PASSWORD_FILE", "WHOKNOCKS_BUS_PASSWORD=y", "WHOKNOCKS_BUS_PASSWORD_FILE="+file)
	f("x", section{}, "no such file", "WHOKNOCKS_BUS_PASSWORD_FILE="+file+".gone")
	f("x", section{}, "no such key", "WHOKNOCKS_BUS_PASWORD_FILE="+file)
}

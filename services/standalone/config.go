package standalone

import (
	"errors"
	"fmt"
	"net"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/enrich"
	"github.com/whoknocks/whoknocks/services/ingest"
	"github.com/whoknocks/whoknocks/services/internal/cli"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/ops"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/store"
)

// Config is the configuration of the whole process tree. The sections of the
// services are those that the services have when they run alone.
type Config struct {
	Bus        BusConfig        `koanf:"bus"`
	ClickHouse ClickHouseConfig `koanf:"clickhouse"`
	Ingest     ingest.Config    `koanf:"ingest"`
	Enrich     enrich.Config    `koanf:"enrich"`
	Store      store.Config     `koanf:"store"`
	Report     report.Config    `koanf:"report"`
	Ops        ops.Config       `koanf:"ops"`
	Log        cli.LogConfig    `koanf:"log"`
}

// BusConfig is which bus to use.
type BusConfig struct {
	// URL of a NATS server, beside which ingest, enrich and store run as services
	// of their own; commands then work with these. It wants a DSN of ClickHouse,
	// too. Empty runs the embedded server, and the services with it.
	URL string `koanf:"url" help:"NATS server of the separate services, nats://host:port; empty runs the embedded one"`
	// User and Password, and what opens the subjects of answers, on that server.
	User     string `koanf:"user" help:"user on that server"`
	Password string `koanf:"password" help:"password of the user"`
	Inbox    string `koanf:"inbox" help:"beginning of the subjects of answers on that server; empty for _INBOX"`
	// Listen is the address of the bus under serve. Whoever can reach it may
	// read and write events, so it is loopback unless you mean it.
	Listen string `koanf:"listen" help:"address of the bus under serve, host:port; loopback unless you mean it"`
}

// Validate checks the form of the addresses.
func (c BusConfig) Validate() error {
	if c.URL != "" {
		return c.client().Validate()
	}
	return hostPort(c.Listen)
}

// client is how a bus that runs elsewhere is reached.
func (c BusConfig) client() bus.Config {
	return bus.Config{URL: c.URL, Name: "whoknocks", User: c.User, Password: c.Password, Inbox: c.Inbox}
}

// ClickHouseConfig is which database to use.
type ClickHouseConfig struct {
	// DSN of a ClickHouse server. Empty runs the embedded engine.
	DSN string `koanf:"dsn" secret:"true" help:"a ClickHouse server of yours, http://user:password@host:8123/whoknocks; empty runs the embedded engine"`
	// Cluster is the name of a cluster of which that server is one.
	Cluster string `koanf:"cluster" help:"name of a cluster of such servers over whose shards the events are spread; empty for one server"`
	// Listen is the address of the embedded engine's HTTP interface under serve.
	Listen string `koanf:"listen" help:"address of the embedded engine under serve, host:port; loopback only"`
	// Lib is the engine's library. Empty takes the one that make deps fetched.
	Lib string `koanf:"lib" help:"path of libchdb; empty takes the one that make deps fetched"`
}

// Validate checks the DSN or the address.
func (c ClickHouseConfig) Validate() error {
	if c.DSN != "" {
		return clickhouse.Config{DSN: c.DSN, Cluster: c.Cluster}.Validate()
	}
	if c.Cluster != "" {
		return errors.New("cluster wants clickhouse.dsn: the embedded engine is one server")
	}
	if err := hostPort(c.Listen); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("listen %q: the embedded engine listens on loopback only", c.Listen)
	}
	return nil
}

func hostPort(text string) error {
	if _, _, err := net.SplitHostPort(text); err != nil {
		return fmt.Errorf("listen %q: want host:port", text)
	}
	return nil
}

// Apart tells whether the services run elsewhere, so that commands have nothing to
// start.
func (c Config) Apart() bool { return c.Bus.URL != "" }

// Database is how the database behind a DSN is reached, that of the configuration or
// of a process that runs.
func (c Config) Database(dsn string) clickhouse.Config {
	return clickhouse.Config{DSN: dsn, Cluster: c.ClickHouse.Cluster}
}

// Services says where the services that run elsewhere meet.
func (c Config) Services() bus.Config { return c.Bus.client() }

// Validate checks what concerns several sections.
func (c Config) Validate() error {
	if c.Apart() && c.ClickHouse.DSN == "" {
		return errors.New("bus.url wants clickhouse.dsn: whoever has a bus of his own has a ClickHouse of his own")
	}
	return nil
}

// DefaultConfig is everything embedded and on loopback.
func DefaultConfig() Config {
	cfg := Config{
		Bus:        BusConfig{Listen: "127.0.0.1:4222"},
		ClickHouse: ClickHouseConfig{Listen: "127.0.0.1:8123"},
		Ingest:     ingest.DefaultConfig(),
		Enrich:     enrich.DefaultConfig(),
		Store:      store.DefaultConfig(),
		Report:     report.DefaultConfig(),
		Ops:        ops.DefaultConfig(),
		Log:        cli.DefaultLogConfig(),
	}
	cfg.Ingest.SyslogUDP, cfg.Ingest.SyslogTCP = "127.0.0.1:5514", "127.0.0.1:5514"
	return cfg
}

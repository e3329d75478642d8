package report

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Config is how the page is served.
type Config struct {
	// Listen is where the page is: host:port. The page shows full addresses of
	// sources and is not meant for others, so it listens on loopback.
	Listen string `koanf:"listen" help:"address of the page, host:port; loopback unless you mean it"`
	// Hosts are further names the page may be asked for by, without port, such
	// as the name of the machine or of a proxy in front. The names of loopback
	// and the address of Listen always count. Any other Host header is refused,
	// so that a foreign web page cannot read this one by pointing its own name
	// here (DNS rebinding).
	Hosts []string `koanf:"hosts" help:"further host names the page answers to, without port"`
	// QueryTimeout is how long the queries of one page may take together.
	QueryTimeout time.Duration `koanf:"query_timeout" help:"how long the queries of one page may take"`
	// Queries is how many pages may ask ClickHouse at the same time; the others
	// wait their turn.
	Queries int `koanf:"queries" help:"pages that may ask ClickHouse at the same time"`
	// Connections is how many browsers may be connected at the same time.
	Connections int `koanf:"connections" help:"connections open at the same time"`
	// OwnerRows and SourceRows are the most rows of the page's two tables. What
	// is left out is in the downloads and in the totals.
	OwnerRows  int `koanf:"owner_rows" help:"most owners on the page"`
	SourceRows int `koanf:"source_rows" help:"most sources on the page"`
	// Drain is how long requests in flight may take to finish after a stop.
	Drain time.Duration `koanf:"drain" help:"how long requests may finish after a stop"`
}

// DefaultConfig serves the page to this machine.
func DefaultConfig() Config {
	return Config{
		Listen:       "127.0.0.1:8080",
		QueryTimeout: 30 * time.Second,
		Queries:      4,
		Connections:  256,
		OwnerRows:    100,
		SourceRows:   200,
		Drain:        5 * time.Second,
	}
}

// Validate reports every mistake, not only the first.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, fmt.Errorf("listen: want host:port: %w", err))
	}
	for _, host := range c.Hosts {
		if host == "" || strings.ContainsAny(host, "/ ,") || net.ParseIP(host) == nil && strings.Contains(host, ":") {
			errs = append(errs, fmt.Errorf("hosts: %q: want a name or an address without scheme and port", host))
		}
	}
	if c.QueryTimeout <= 0 {
		errs = append(errs, errors.New("query_timeout: must be more than 0"))
	}
	if c.Drain <= 0 {
		errs = append(errs, errors.New("drain: must be more than 0"))
	}
	positive := func(key string, n, most int) {
		if n < 1 || n > most {
			errs = append(errs, fmt.Errorf("%s: %d: want 1 to %d", key, n, most))
		}
	}
	positive("queries", c.Queries, 64)
	positive("connections", c.Connections, 10_000)
	positive("owner_rows", c.OwnerRows, 10_000)
	positive("source_rows", c.SourceRows, 10_000)
	return errors.Join(errs...)
}

package enrich

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/rdap"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
)

// Config is enrich's section of a configuration.
type Config struct {
	// Rules are files of owner rules; the first has the last word. The one that
	// ships with the program, owners.yaml, comes after them, unless "none" is
	// among them. A file that is missing or malformed is an error.
	Rules []string `koanf:"rules" help:"files of owner rules, the most important first; none leaves out those that ship"`
	// Research are files of the same form that say which projects scan for
	// research and from where; the one that ships, research.yaml, comes after
	// them, unless "none" is among them.
	Research []string `koanf:"research" help:"files of projects that scan for research; none leaves out those that ship"`
	// ASN and Country are CSV files with rows first,last,asn,name and
	// first,last,country. Empty takes those that were fetched with the
	// program, if they are there; "none" takes none.
	ASN     []string `koanf:"asn" help:"CSV files of IP to AS; empty for those that were fetched, none for none"`
	Country []string `koanf:"country" help:"CSV files of IP to country; empty for those that were fetched, none for none"`
	// MMDB are files in MaxMind's format, which go before the CSV files: what
	// the first file knows is taken. Default none.
	MMDB []string `koanf:"mmdb" help:"files in MaxMind's format, which go before the CSV files"`
	// Reload is how often the files above are looked at, and those read again
	// that have changed; what cannot be read leaves in force what was. 0 never
	// looks. Default 10 s.
	Reload time.Duration `koanf:"reload" help:"how often changed files are looked for and read again; 0 never"`
	// StaleAfter is the age at which IP data is warned of; 0 never. Default 180
	// days.
	StaleAfter time.Duration `koanf:"stale_after" help:"age at which IP data is warned of; 0 never"`
	// Workers is how many groups of messages are worked on at a time: while one
	// waits for the bus the next is enriched. Default 2.
	Workers int `koanf:"workers" help:"groups of messages worked on at the same time"`
	// CacheSize is the most blocks whose WHOIS answers are kept in memory, about
	// half a kilobyte each. Default 65536.
	CacheSize int `koanf:"cache_size" help:"blocks whose WHOIS answers are kept in memory"`
	// Drain is how long work on messages may go on when the service stops; what
	// is not done by then comes again. Default 10 s.
	Drain time.Duration `koanf:"drain" help:"how long work on messages may go on when the service stops"`
	// Ask is by which ways the registries are asked, in this order: the next where
	// one has no server for a registry, or its server is left alone or fails.
	// Default whois, rdap.
	Ask []string `koanf:"ask" help:"ways to ask the registries, in this order: whois, rdap"`
	// WHOIS asks the registries about every block that no rule settles.
	WHOIS WHOISConfig `koanf:"whois"`
	// RDAP is the other way to ask them. The limits of WHOIS hold for it, too, each
	// server counted by itself.
	RDAP RDAPConfig `koanf:"rdap"`
	// ReverseDNS asks the DNS for the names of addresses.
	ReverseDNS ReverseDNSConfig `koanf:"reverse_dns"`
}

// RDAPConfig says where registries are asked by RDAP.
type RDAPConfig struct {
	// Servers overrides where a registry (afrinic, apnic, arin, lacnic, nicbr, ripe)
	// is asked: a URL, to which ip/ and the address are added; empty text switches
	// one off. Only servers named here may be http or on private addresses.
	Servers map[string]string `koanf:"servers" help:"registry to URL, instead of the registry's own server"`
}

// ReverseDNSConfig says whether the names of addresses are looked up. Only names
// that lead back to the address count, and they are evidence of research only.
// Whoever runs the address's DNS sees who asks and when, so it is off by default.
type ReverseDNSConfig struct {
	// Enabled is the switch. Events never wait for names. Default false.
	Enabled bool `koanf:"enabled" help:"look up the names of addresses; the owner of an address sees that you ask"`
	// Server is the resolver, host:port. Empty takes the system's.
	Server string `koanf:"server" help:"resolver, host:port; empty for the system's"`
	// Timeout bounds one address. Default 5 s.
	Timeout time.Duration `koanf:"timeout" help:"bound of one address"`
	// PerSecond is the most addresses a second. Default 10.
	PerSecond float64 `koanf:"per_second" help:"most addresses a second"`
	// Queue is the most addresses that wait. Default 4096.
	Queue int `koanf:"queue" help:"addresses that may wait"`
	// Keep is how long a name counts, KeepNone how long that there is none.
	// Defaults 7 days and 1 day.
	Keep     time.Duration `koanf:"keep" help:"how long a name counts"`
	KeepNone time.Duration `koanf:"keep_none" help:"how long counts that there is no name"`
}

// WHOISConfig says whether and how the registries are asked. The limits are
// meant for one address that asks: raise them only with a registry's leave.
type WHOISConfig struct {
	// Enabled is the switch, of RDAP as well. Events never wait for answers.
	// Default true.
	Enabled bool `koanf:"enabled" help:"ask the registries, by whichever way; false for networks that must not"`
	// Servers overrides where a registry (arin, ripe, apnic, afrinic, lacnic,
	// nicbr, jpnic, krnic, iana) is asked: host or host:port; empty text switches
	// one off. rwhois stands for the servers of all carriers. Only servers named
	// here may be on private or loopback addresses.
	Servers map[string]string `koanf:"servers" help:"registry to host:port, instead of the registry's own server"`
	// Timeout bounds one question from connecting to the last byte. Default 15 s.
	Timeout time.Duration `koanf:"timeout" help:"bound of one question"`
	// Interval is the least time between two questions to one server. Default 2 s.
	Interval time.Duration `koanf:"interval" help:"least time between two questions to one server"`
	// PerDay is the most questions to one server in 24 hours. Default 500.
	PerDay int `koanf:"per_day" help:"most questions to one server in 24 hours"`
	// Pause is how long a server that refuses is left alone. Default 24 h.
	Pause time.Duration `koanf:"pause" help:"how long a server that refuses is left alone"`
	// Queue is the most addresses that wait for one server. Default 4096.
	Queue int `koanf:"queue" help:"addresses that may wait for one server"`
	// Keep is how long an answer is used before it is asked for again, KeepNone
	// how long "nothing is known" is, and KeepFailed how long an address is left
	// alone that could not be asked about. Defaults 30 days, 1 day and 1 hour.
	Keep       time.Duration `koanf:"keep" help:"how long an answer counts"`
	KeepNone   time.Duration `koanf:"keep_none" help:"how long counts that nothing is known"`
	KeepFailed time.Duration `koanf:"keep_failed" help:"how long an address is left alone that could not be asked about"`
}

// None as the only file of a list means that no file is wanted; among Rules, that
// the shipped one is not.
const None = "none"

// The ways to ask registries.
const (
	wayWHOIS = "whois"
	wayRDAP  = "rdap"
)

// DefaultConfig asks the registries gently and uses the data that was fetched.
func DefaultConfig() Config {
	return Config{
		Reload:     10 * time.Second,
		StaleAfter: 180 * 24 * time.Hour,
		Workers:    min(2, runtime.GOMAXPROCS(0)),
		CacheSize:  1 << 16,
		Drain:      10 * time.Second,
		Ask:        []string{wayWHOIS, wayRDAP},
		WHOIS: WHOISConfig{
			Enabled:  true,
			Timeout:  15 * time.Second,
			Interval: 2 * time.Second,
			PerDay:   500,
			Pause:    24 * time.Hour,
			Queue:    4096,
			Keep:     30 * 24 * time.Hour,
			KeepNone: 24 * time.Hour, KeepFailed: time.Hour,
		},
		ReverseDNS: ReverseDNSConfig{Timeout: 5 * time.Second, PerSecond: 10, Queue: 4096, Keep: 7 * 24 * time.Hour, KeepNone: 24 * time.Hour},
	}
}

// Validate reports every field that cannot be used.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Reload >= 0, "reload is %v, want 0 or more", c.Reload)
	check(c.StaleAfter >= 0, "stale_after is %v, want 0 or more", c.StaleAfter)
	check(c.Workers >= 1 && c.Workers <= 64, "workers is %d, want 1 to 64", c.Workers)
	check(c.CacheSize >= 1, "cache_size is %d, want 1 or more", c.CacheSize)
	check(c.Drain > 0, "drain is %v, want more than 0", c.Drain)
	w := c.WHOIS
	check(w.Timeout > 0, "whois.timeout is %v, want more than 0", w.Timeout)
	check(w.Interval > 0, "whois.interval is %v, want more than 0", w.Interval)
	check(w.PerDay >= 1, "whois.per_day is %d, want 1 or more", w.PerDay)
	check(w.Pause > 0, "whois.pause is %v, want more than 0", w.Pause)
	check(w.Queue >= 1, "whois.queue is %d, want 1 or more", w.Queue)
	check(w.Keep > 0, "whois.keep is %v, want more than 0", w.Keep)
	check(w.KeepNone > 0, "whois.keep_none is %v, want more than 0", w.KeepNone)
	check(w.KeepFailed > 0, "whois.keep_failed is %v, want more than 0", w.KeepFailed)
	known := whois.Registries()
	for name, server := range w.Servers {
		check(slices.Contains(known, name), "whois.servers: registry %q is not one of %s", name, strings.Join(known, ", "))
		check(validServer(server), "whois.servers.%s: %q is not host or host:port", name, server)
	}
	for i, way := range c.Ask {
		check(way == wayWHOIS || way == wayRDAP, "ask: %q is neither whois nor rdap", way)
		check(!slices.Contains(c.Ask[:i], way), "ask: %s stands there twice", way)
	}
	if err := (rdap.Config{Servers: c.RDAP.Servers}).Validate(); err != nil {
		errs = append(errs, fmt.Errorf("rdap.servers: %w", err))
	}
	r := c.ReverseDNS
	check(r.Server == "" || validServer(r.Server) && strings.Contains(r.Server, ":"), "reverse_dns.server: %q is not host:port", r.Server)
	check(r.Timeout > 0, "reverse_dns.timeout is %v, want more than 0", r.Timeout)
	check(r.PerSecond > 0, "reverse_dns.per_second is %v, want more than 0", r.PerSecond)
	check(r.Queue >= 1, "reverse_dns.queue is %d, want 1 or more", r.Queue)
	check(r.Keep > 0, "reverse_dns.keep is %v, want more than 0", r.Keep)
	check(r.KeepNone > 0, "reverse_dns.keep_none is %v, want more than 0", r.KeepNone)
	return errors.Join(errs...)
}

func validServer(s string) bool {
	host := s
	if h, port, err := net.SplitHostPort(s); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || h == "" {
			return false
		}
		host = h
	}
	return !strings.ContainsAny(host, " /:@") || net.ParseIP(host) != nil
}

package whois

import (
	"maps"
	"net"
	"slices"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// server is how one registry is asked.
type server struct {
	host string
	// prefix and suffix stand around the address: nothing else ever does.
	prefix, suffix string
	// pause is how long it is left alone after a refusal, if not as long as others.
	pause time.Duration
}

// servers are the registries that are asked.
//
// ARIN: "n" asks for networks only, "+" for full objects. RIPE NCC and its
// family: "-r" leaves people out, and replies without people do not count
// against the daily limit. LACNIC's limit is one of minutes. JPNIC: "/e" is for
// English. RWHOIS has no server of its own: the registries' replies name them.
var servers = map[reply.Registry]server{
	reply.ARIN:    {host: "whois.arin.net:43", prefix: "n + "},
	reply.RIPE:    {host: "whois.ripe.net:43", prefix: "-r "},
	reply.APNIC:   {host: "whois.apnic.net:43", prefix: "-r "},
	reply.AFRINIC: {host: "whois.afrinic.net:43", prefix: "-r "},
	reply.LACNIC:  {host: "whois.lacnic.net:43", pause: 10 * time.Minute},
	reply.NICBR:   {host: "whois.registro.br:43", pause: 10 * time.Minute},
	reply.JPNIC:   {host: "whois.nic.ad.jp:43", suffix: "/e"},
	reply.KRNIC:   {host: "whois.kisa.or.kr:43"},
	reply.IANA:    {host: "whois.iana.org:43"},
	reply.RWHOIS:  {},
}

// Registries lists the registries that are asked, in alphabetical order.
func Registries() []string {
	var names []string
	for r := range maps.Keys(servers) {
		names = append(names, string(r))
	}
	slices.Sort(names)
	return names
}

// Config says how to ask. Zero fields take the default.
type Config struct {
	// Servers overrides where a registry is asked: its name, as Registries
	// lists it, to host or host:port. Only servers named here may have private
	// or loopback addresses. Empty text switches the registry off. For rwhois it
	// stands for the servers of all carriers.
	Servers map[string]string
	// Timeout bounds one question from connecting to the last byte. Default 15 s.
	Timeout time.Duration
	// Interval is the least time between two questions to one server. Default 2 s.
	Interval time.Duration
	// PerDay is the most questions to one server in 24 hours. Default 500.
	PerDay int
	// Pause is how long a server that refuses to answer is left alone. Default 24 h.
	Pause time.Duration
}

func (c Config) withDefaults() Config {
	if c.Timeout <= 0 {
		c.Timeout = 15 * time.Second
	}
	if c.Interval <= 0 {
		c.Interval = 2 * time.Second
	}
	if c.PerDay <= 0 {
		c.PerDay = 500
	}
	if c.Pause <= 0 {
		c.Pause = 24 * time.Hour
	}
	return c
}

// endpoint is where a registry is asked and whether the user chose it.
type endpoint struct {
	address string // host:port
	trusted bool   // named by the configuration: may be anywhere
}

func (c Config) endpoint(r reply.Registry) (endpoint, bool) {
	if own, ok := c.Servers[string(r)]; ok {
		if own == "" {
			return endpoint{}, false
		}
		if _, _, err := net.SplitHostPort(own); err != nil {
			own = net.JoinHostPort(own, "43")
		}
		return endpoint{address: own, trusted: true}, true
	}
	s, ok := servers[r]
	return endpoint{address: s.host}, ok
}

// pause is how long a registry is left alone after a refusal.
func (c Config) pause(r reply.Registry) time.Duration {
	if p := servers[r].pause; p > 0 {
		return min(p, c.Pause)
	}
	return c.Pause
}

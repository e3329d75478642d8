package ingest

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format"
	"github.com/whoknocks/whoknocks/services/internal/config"
)

// Config is ingest's section of a configuration.
type Config struct {
	// Sensor names the device whose lines have no other name. Default "home".
	Sensor string `koanf:"sensor" help:"name of the device whose lines are read"`
	// Format is the log format, or "auto" to find that of each line. Default auto.
	Format string `koanf:"format" help:"log format, or auto to find that of each line"`
	// Formats are files that describe log formats of the user's own, see package
	// custom; patterns such as formats/*.yaml are read, too. Default none.
	Formats []string `koanf:"formats" help:"files that describe log formats of your own"`
	// Timezone is that of devices which write none: an IANA name, an offset such
	// as +02:00, or "local". Default local.
	Timezone string `koanf:"timezone" help:"time zone of devices that write none, such as Europe/London or +02:00"`

	// SyslogUDP and SyslogTCP are the addresses that syslog is taken on; empty
	// for none. Default none.
	SyslogUDP string `koanf:"syslog_udp" help:"address that syslog over UDP is taken on; empty for none"`
	SyslogTCP string `koanf:"syslog_tcp" help:"address that syslog over TCP is taken on; empty for none"`
	// SyslogTLS is the address that syslog over TLS (RFC 5425) is taken on, with
	// the certificate chain and the key in PEM files, which are read again when
	// they change. With SyslogTLSClientCA, PEM certificates of authorities, only
	// peers with a certificate of one of them are served. Default none.
	SyslogTLS         string `koanf:"syslog_tls" help:"address that syslog over TLS is taken on; empty for none"`
	SyslogTLSCert     string `koanf:"syslog_tls_cert" help:"file with the certificate chain of the TLS listener, PEM"`
	SyslogTLSKey      string `koanf:"syslog_tls_key" help:"file with the key of the TLS listener, PEM"`
	SyslogTLSClientCA string `koanf:"syslog_tls_client_ca" help:"file with the authorities that sign peers' certificates; empty asks for none"`
	// SyslogAllow are the addresses and prefixes that may send, over whatever;
	// empty is everybody. Default everybody.
	SyslogAllow []string `koanf:"syslog_allow" help:"addresses and prefixes that may send syslog; empty for everybody"`
	// SyslogRate is how many messages a second one sender may send over time, and
	// SyslogBurst how many at once. What exceeds that over UDP is not taken,
	// counted, and told as a gap; over TCP and TLS the sender waits. 0 is no
	// limit. Defaults 0 and 10,000.
	SyslogRate  int `koanf:"syslog_rate" help:"messages a second taken from one sender; 0 for no limit"`
	SyslogBurst int `koanf:"syslog_burst" help:"messages taken from one sender at once before syslog_rate counts"`
	// MaxConnections bounds the TCP and TLS connections at one time. Default 256.
	MaxConnections int `koanf:"max_connections" help:"most syslog connections over TCP and TLS at one time"`
	// ReadBuffer is the kernel's buffer for UDP, which rides out a pause of the
	// bus; the kernel may grant less. Default 4 MiB.
	ReadBuffer config.Bytes `koanf:"read_buffer" help:"kernel buffer of the UDP listener"`

	// Follow are files and patterns that are read while they grow, across their
	// rotation; Drop is a folder whose files are imported when they have not
	// changed for Quiet. Poll is how often they are looked at, notifications of the
	// system apart. Defaults none, none, 2 s, 1 s.
	Follow []string      `koanf:"follow" help:"files and patterns that are read while they grow"`
	Drop   string        `koanf:"drop" help:"folder whose files are imported as they appear; empty for none"`
	Quiet  time.Duration `koanf:"quiet" help:"how long a file in the drop folder must not have changed"`
	Poll   time.Duration `koanf:"poll" help:"how often followed files and the drop folder are looked at"`

	// BatchEvents, BatchBytes and Linger close a batch: by count, by size, by
	// age. Defaults 1000, 512 KiB, 50 ms.
	BatchEvents int           `koanf:"batch_events" help:"most events of a message on the bus"`
	BatchBytes  config.Bytes  `koanf:"batch_bytes" help:"most bytes of a message on the bus"`
	Linger      time.Duration `koanf:"linger" help:"longest time an event waits for others to share its message"`
	// InFlight is how many batches wait for the bus at a time. Default 8.
	InFlight int `koanf:"in_flight" help:"messages that wait for the bus at the same time"`

	// Stall is how long an import waits without any progress before it gives up
	// with an error. Default 60 s.
	Stall time.Duration `koanf:"stall" help:"how long an import waits without progress before it fails"`
	// Drain is how long the listeners may take to get what they have onto the bus
	// when the service stops. Default 5 s.
	Drain time.Duration `koanf:"drain" help:"how long what was received may take to get onto the bus when the service stops"`
	// Samples is how many unrecognised lines of each file, or of each listener an
	// hour, are kept. Default 100.
	Samples int `koanf:"samples" help:"unrecognised lines kept of each file, or of each listener an hour"`
}

// DefaultConfig listens nowhere.
func DefaultConfig() Config {
	return Config{
		Sensor: "home", Format: format.Auto, Timezone: clock.Local,
		SyslogBurst: 10_000, MaxConnections: 256, ReadBuffer: 4 << 20,
		Quiet: 2 * time.Second, Poll: time.Second,
		BatchEvents: 1000, BatchBytes: 512 << 10, Linger: 50 * time.Millisecond, InFlight: 8,
		Stall: time.Minute, Drain: 5 * time.Second, Samples: 100,
	}
}

// Validate reports every field that cannot be used.
func (c Config) Validate() error {
	var errs []error
	bad := func(form string, args ...any) { errs = append(errs, fmt.Errorf("ingest "+form, args...)) }
	if err := scan.ValidSensor(c.Sensor); err != nil {
		bad("%w", err)
	}
	if custom, err := format.Custom(c.Formats...); err != nil {
		bad("formats: %w", err)
	} else if _, err := format.New(c.Format, custom...); err != nil {
		bad("format: %w", err)
	}
	if _, _, err := clock.Zone(c.Timezone); err != nil {
		bad("timezone: %w", err)
	}
	for key, addr := range map[string]string{"syslog_udp": c.SyslogUDP, "syslog_tcp": c.SyslogTCP, "syslog_tls": c.SyslogTLS} {
		if addr == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			bad("%s %q is not like 127.0.0.1:5514", key, addr)
		}
	}
	if c.SyslogTLS != "" && (c.SyslogTLSCert == "" || c.SyslogTLSKey == "") {
		bad("syslog_tls wants syslog_tls_cert and syslog_tls_key")
	}
	if _, err := senders(c.SyslogAllow); err != nil {
		bad("syslog_allow: %w", err)
	}
	if c.SyslogRate < 0 || c.SyslogRate > 1_000_000 {
		bad("syslog_rate is %d, want 0 to 1000000", c.SyslogRate)
	}
	for _, n := range []struct {
		key   string
		value int64
		most  int64
	}{
		{"syslog_burst", int64(c.SyslogBurst), 10_000_000},
		{"max_connections", int64(c.MaxConnections), 1 << 16},
		{"read_buffer", int64(c.ReadBuffer), 1 << 30},
		{"batch_events", int64(c.BatchEvents), 1000},
		{"batch_bytes", int64(c.BatchBytes), 1 << 20},
		{"in_flight", int64(c.InFlight), 1024},
	} {
		if n.value < 1 || n.value > n.most {
			bad("%s is %d, want 1 to %d", n.key, n.value, n.most)
		}
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"linger", c.Linger}, {"quiet", c.Quiet}, {"poll", c.Poll}, {"stall", c.Stall}, {"drain", c.Drain}} {
		if d.value <= 0 {
			bad("%s is %s, want more than 0", d.key, d.value)
		}
	}
	if c.Samples < 0 {
		bad("samples is %d, want 0 or more", c.Samples)
	}
	return errors.Join(errs...)
}

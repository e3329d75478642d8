package bus

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Sizes of streams that are created when Config leaves them 0. They count
// bytes before compression; on disk a stream takes about an eighth.
const (
	DefaultObservedBytes   = 1 << 30
	DefaultEnrichedBytes   = 4 << 30
	DefaultRejectedBytes   = 256 << 20
	DefaultAttributedBytes = 256 << 20
	DefaultDeadBytes       = 256 << 20
)

// Config says where the server is and how large the streams are.
type Config struct {
	// URL of the server, several separated by commas: nats://host:port or
	// tls://host:port. Default nats://127.0.0.1:4222.
	URL string `koanf:"url"`
	// Name of this client as the server shows it. Default "whoknocks".
	Name string `koanf:"name"`
	// CredsFile is a NATS credentials file; empty for none.
	CredsFile string `koanf:"creds_file"`
	// User and Password, where the server asks for them.
	User     string `koanf:"user"`
	Password string `koanf:"password"`
	// Inbox opens the subjects on which the server answers this client, where
	// its user may listen on no others. Default "_INBOX".
	Inbox string `koanf:"inbox"`
	// CAFile holds the certificates that a tls:// server is checked with;
	// empty for those of the system.
	CAFile string `koanf:"ca_file"`
	// ConnectWait is how long Connect waits for the server; 0 is as long as
	// its context lasts. Default 0.
	ConnectWait time.Duration `koanf:"connect_wait"`

	// Replicas is how many servers of a cluster keep each message. 0 leaves
	// existing streams as they are and creates missing ones with 1.
	Replicas int `koanf:"replicas"`

	// The most bytes a stream holds, before compression. 0 leaves an existing
	// stream as it is and creates a missing one with the default of its name
	// (DefaultObservedBytes, …), so that a client which only reads never
	// changes what the operator chose.
	ObservedBytes   int64 `koanf:"observed_bytes"`
	EnrichedBytes   int64 `koanf:"enriched_bytes"`
	RejectedBytes   int64 `koanf:"rejected_bytes"`
	AttributedBytes int64 `koanf:"attributed_bytes"`
	DeadBytes       int64 `koanf:"dead_bytes"`
}

// DefaultConfig is a server on this machine.
func DefaultConfig() Config {
	return Config{URL: "nats://127.0.0.1:4222", Name: "whoknocks"}
}

// Validate reports every field that cannot be used.
func (c Config) Validate() error {
	var errs []error
	if c.URL == "" {
		errs = append(errs, errors.New("bus url is empty"))
	}
	for _, s := range strings.Split(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(s))
		if c.URL != "" && (err != nil || u.Host == "") {
			errs = append(errs, fmt.Errorf("bus url %q is not like nats://host:port", redact(s)))
		}
	}
	if c.Replicas < 0 || c.Replicas > 5 {
		errs = append(errs, fmt.Errorf("bus replicas is %d, want 0 to 5", c.Replicas))
	}
	if strings.ContainsAny(c.Inbox, "*> \t\r\n") || strings.HasSuffix(c.Inbox, ".") {
		errs = append(errs, fmt.Errorf("bus inbox %q is not the beginning of a subject, like _INBOX", c.Inbox))
	}
	if c.ConnectWait < 0 {
		errs = append(errs, fmt.Errorf("bus connect_wait is %s, want 0 or more", c.ConnectWait))
	}
	for _, s := range c.streams() {
		if s.bytes < 0 {
			errs = append(errs, fmt.Errorf("bus size of stream %s is %d bytes, want 0 or more", s.name, s.bytes))
		}
	}
	return errors.Join(errs...)
}

// redact hides the password of a URL, which goes into errors and logs.
func redact(rawURL string) string {
	var out []string
	for _, s := range strings.Split(rawURL, ",") {
		if u, err := url.Parse(strings.TrimSpace(s)); err == nil {
			s = u.Redacted()
		} else if _, after, ok := strings.Cut(s, "@"); ok {
			s = "xxxxx@" + after
		}
		out = append(out, s)
	}
	return strings.Join(out, ",")
}

// Package bus says how events travel between the parts of whoknocks: the names
// of subjects and streams, how the streams are kept, one way to publish and one
// way to subscribe.
//
// A message is a batch: one event or many of one sensor, each a JSON object on
// a line of its own. What the lines hold is said by package scan; this package
// never looks inside.
//
// Delivery is at least once. Publish and Batcher report success only after the
// server has the message on disk; Subscribe and SubscribeBatch take a message
// off only after the handler returned nil, and hand it out again otherwise. So
// whatever a handler does must be harmless when it is done twice.
//
// Servers may come and go at any time: a Bus reconnects for ever, and calls
// wait for the server until their context ends. Streams that are missing are
// created, so it does not matter who starts first.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// ackTimeout is how long one attempt to publish waits for the server's
	// answer. It is long because the server syncs to disk before it answers.
	ackTimeout = 10 * time.Second
	// apiTimeout bounds one question to the server about streams and consumers.
	apiTimeout = 5 * time.Second
	// healthWait bounds the question of Healthy.
	healthWait = 2 * time.Second
	// closeWait bounds how long Close waits for acknowledgements to leave.
	closeWait = 2 * time.Second
)

// Bus is a connection to the NATS server and its streams. It is safe for
// concurrent use; one Bus a process is enough.
type Bus struct {
	cfg       Config
	log       *slog.Logger
	nc        *nats.Conn
	js        jetstream.JetStream
	closed    chan struct{} // closed once the connection is gone for good
	stats     counters
	link      link
	ensure    ensurer
	inProcess nats.InProcessConnProvider // nil dials the URL
	refused   sync.Map                   // what the server said of streams that this user may not change
}

// Option changes how Connect makes a Bus.
type Option func(*Bus)

// WithLogger makes the Bus log lost and regained connections, handlers that
// fail and messages that are given up. Without it nothing is logged.
func WithLogger(log *slog.Logger) Option {
	return func(b *Bus) { b.log = log }
}

// WithInProcess connects to a server in the same process without a socket; see
// natsd.Server.InProcess. The URL of the Config then only names it.
func WithInProcess(server nats.InProcessConnProvider) Option {
	return func(b *Bus) { b.inProcess = server }
}

// Connect waits until the server answers and its streams exist, trying again
// until ctx ends or cfg.ConnectWait has passed; the error then holds the last
// cause. Wrong credentials and streams that cannot be made as cfg asks are
// reported at once.
//
// The caller must Close the Bus.
func Connect(ctx context.Context, cfg Config, opts ...Option) (*Bus, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.ConnectWait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cfg.ConnectWait)
		defer cancel()
	}
	b := &Bus{cfg: cfg, log: slog.New(slog.DiscardHandler), closed: make(chan struct{})}
	for _, opt := range opts {
		opt(b)
	}
	if err := b.dial(ctx); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", redact(cfg.URL), err)
	}
	if err := b.EnsureStreams(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// dial connects for the first time. Later losses are mended by nats.go.
func (b *Bus) dial(ctx context.Context) error {
	opts := b.natsOptions()
	wait := backoff{min: 50 * time.Millisecond, max: time.Second}
	for tries := 1; ; tries++ {
		nc, err := nats.Connect(b.cfg.URL, opts...)
		if err == nil {
			b.nc = nc
			b.js, err = jetstream.New(nc,
				jetstream.WithPublishAsyncTimeout(ackTimeout), jetstream.WithDefaultTimeout(apiTimeout))
			return err
		}
		if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) {
			return err
		}
		if tries == 5 {
			b.log.Warn("bus does not answer, still trying", "url", redact(b.cfg.URL), "error", err)
		}
		if !wait.sleep(ctx) {
			return ended(ctx, err)
		}
	}
}

func (b *Bus) natsOptions() []nats.Option {
	opts := []nats.Option{
		nats.Name(b.cfg.Name),
		nats.Timeout(5 * time.Second),
		// A connection that went dead without a word is noticed after 20 to 30 s.
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(reconnectDelay),
		// Nothing is buffered while the server is away: a buffered message could
		// not be acknowledged any more, and Publish sends it again anyway.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			b.stats.disconnects.Add(1)
			b.link.changed()
			if err != nil {
				b.log.Warn("bus connection lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			b.stats.reconnects.Add(1)
			b.link.changed()
			b.log.Info("bus connection regained", "server", nc.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			if errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), apiUpdate) {
				b.refused.Store(err.Error(), true)
			}
			b.log.Warn("bus error", "subject", subject, "error", err)
		}),
		nats.ClosedHandler(func(*nats.Conn) {
			close(b.closed)
			b.link.changed()
		}),
	}
	if b.inProcess != nil {
		opts = append(opts, nats.InProcessServer(b.inProcess))
	}
	if b.cfg.CredsFile != "" {
		opts = append(opts, nats.UserCredentials(b.cfg.CredsFile))
	}
	if b.cfg.User != "" {
		opts = append(opts, nats.UserInfo(b.cfg.User, b.cfg.Password))
	}
	if b.cfg.Inbox != "" {
		opts = append(opts, nats.CustomInboxPrefix(b.cfg.Inbox))
	}
	if b.cfg.CAFile != "" {
		opts = append(opts, nats.RootCAs(b.cfg.CAFile))
	}
	return opts
}

// Close gives up the connection, after waiting at most two seconds for what
// was acknowledged to reach the server. Calls that still wait return ErrClosed.
// Subscriptions should have returned and batchers be closed before. A second
// Close does nothing.
func (b *Bus) Close() {
	if b.nc.IsConnected() {
		_ = b.nc.FlushTimeout(closeWait) // what is lost here is delivered again
	}
	b.nc.Close()
	<-b.closed
}

// Healthy says whether the server is reached and stores messages. It asks the
// server and waits for the answer at most two seconds.
func (b *Bus) Healthy() error {
	switch status := b.nc.Status(); status {
	case nats.CONNECTED:
	case nats.CLOSED:
		return ErrClosed
	default:
		if err := b.nc.LastError(); err != nil {
			return fmt.Errorf("bus is %s: %w", status, err)
		}
		return fmt.Errorf("bus is %s", status)
	}
	brief, cancel := context.WithTimeout(context.Background(), healthWait)
	defer cancel()
	ctx, cancelOnce := b.attempt(brief)
	defer cancelOnce()
	if _, err := b.js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("ask the bus for its storage: %w", err)
	}
	return nil
}

// attempt is the context of one question to the server. It ends when the
// connection changes, because the answer will not come over another one.
func (b *Bus) attempt(ctx context.Context) (context.Context, context.CancelFunc) {
	changed := b.link.wait()
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	go func() {
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// apiUpdate and a stream's name are the subject on which it is changed.
const apiUpdate = "$JS.API.STREAM.UPDATE."

// denied tells whether the server has refused this user to change stream. It does
// not answer such a request, but says so beside it.
func (b *Bus) denied(stream string) bool {
	found := false
	b.refused.Range(func(text, _ any) bool {
		found = strings.Contains(text.(string), `"`+apiUpdate+stream+`"`)
		return !found
	})
	return found
}

// link tells waiting goroutines that the connection was lost or regained.
type link struct{ ch atomic.Pointer[chan struct{}] }

// wait returns a channel that is closed at the next change.
func (l *link) wait() <-chan struct{} {
	for {
		if p := l.ch.Load(); p != nil {
			return *p
		}
		ch := make(chan struct{})
		l.ch.CompareAndSwap(nil, &ch)
	}
}

func (l *link) changed() {
	if p := l.ch.Swap(nil); p != nil {
		close(*p)
	}
}

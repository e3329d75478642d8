package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// spec is what one stream must be. A size of 0 is the operator's choice.
type spec struct {
	name, about string
	subject     string
	retention   jetstream.RetentionPolicy
	bytes       int64 // as configured, 0 leaves it
	standard    int64 // when created and bytes is 0
}

func (c Config) streams() []spec {
	return []spec{
		{StreamObserved, "events as read, until they are enriched", SubjectObserved, jetstream.WorkQueuePolicy, c.ObservedBytes, DefaultObservedBytes},
		{StreamEnriched, "events with what is known of their sources", SubjectEnriched, jetstream.LimitsPolicy, c.EnrichedBytes, DefaultEnrichedBytes},
		{StreamRejected, "lines and events that were refused", SubjectRejected, jetstream.LimitsPolicy, c.RejectedBytes, DefaultRejectedBytes},
		{StreamAttributed, "later attributions of sources", SubjectAttributed, jetstream.LimitsPolicy, c.AttributedBytes, DefaultAttributedBytes},
		{StreamDead, "messages that no handler could take", SubjectDead, jetstream.LimitsPolicy, c.DeadBytes, DefaultDeadBytes},
	}
}

// ours tells the streams that this package makes from others.
func ours(stream string) bool {
	return slices.ContainsFunc(Config{}.streams(), func(s spec) bool { return s.name == stream })
}

// size is how many bytes the stream gets when it is created.
func (s spec) size() int64 {
	if s.bytes > 0 {
		return s.bytes
	}
	return s.standard
}

// over lays the spec over a stream as it is, or over nothing, and leaves alone
// what it has no opinion on.
func (s spec) over(cfg jetstream.StreamConfig, replicas int) jetstream.StreamConfig {
	cfg.Name = s.name
	cfg.Description = s.about
	if !slices.Contains(cfg.Subjects, s.subject) {
		cfg.Subjects = append(slices.Clone(cfg.Subjects), s.subject)
	}
	cfg.Retention = s.retention
	// A full stream refuses, it never drops: the pressure goes back to whoever
	// reads the file.
	cfg.Discard = jetstream.DiscardNew
	cfg.Storage = jetstream.FileStorage
	// On disk an eighth, measured with batches of events; readers do not notice.
	cfg.Compression = jetstream.S2Compression
	// Events carry their identity and no message has an id, so the server need
	// not remember any. 100 ms is the least it accepts.
	cfg.Duplicates = 100 * time.Millisecond
	if s.bytes > 0 || cfg.MaxBytes <= 0 {
		cfg.MaxBytes = s.size()
	}
	if replicas > 0 {
		cfg.Replicas = replicas
	}
	return cfg
}

// same tells whether over changed nothing that matters.
func same(a, b jetstream.StreamConfig) bool {
	return slices.Equal(a.Subjects, b.Subjects) && a.Retention == b.Retention && a.Discard == b.Discard &&
		a.Storage == b.Storage && a.Compression == b.Compression && a.Duplicates == b.Duplicates &&
		a.MaxBytes == b.MaxBytes && a.Replicas == b.Replicas
}

// EnsureStreams creates the streams that are missing and changes those whose
// settings differ from the Config. A client whose user may not create streams
// waits for somebody who does; one that may not change them takes them as they
// are. Any number of processes may do so at the
// same time. It waits for the server until ctx ends. Connect has called it;
// the Bus calls it again when it finds a stream gone.
func (b *Bus) EnsureStreams(ctx context.Context) error {
	for _, s := range b.cfg.streams() {
		if err := b.retry(ctx, func(ctx context.Context) error { return b.ensureStream(ctx, s) }); err != nil {
			return fmt.Errorf("prepare stream %s: %w", s.name, err)
		}
	}
	return nil
}

func (b *Bus) ensureStream(ctx context.Context, s spec) error {
	old, err := b.js.Stream(ctx, s.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = b.js.CreateStream(ctx, s.over(jetstream.StreamConfig{}, b.cfg.Replicas))
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return explain(s, err)
		}
		// Somebody with other settings was faster: change what they made.
		old, err = b.js.Stream(ctx, s.name)
	}
	if err != nil {
		return err
	}
	have := old.CachedInfo().Config
	want := s.over(have, b.cfg.Replicas)
	if same(have, want) {
		return nil
	}
	_, err = b.js.UpdateStream(ctx, want)
	if err != nil && b.denied(s.name) {
		b.log.Warn("stream has other settings, and this user may not change them", "stream", s.name)
		return nil
	}
	return explain(s, err)
}

// explain turns what no waiting mends into an error that retry returns.
func explain(s spec, err error) error {
	switch api := apiError(err); {
	case api == nil || api.ErrorCode == jetstream.JSErrCodeStreamNotFound || api.ErrorCode == codeNoPeers:
		return err
	case api.ErrorCode == codeStorageExceeded, api.ErrorCode == codeAccountExceeded, api.ErrorCode == codeStreamMaxBytes:
		return permanent{fmt.Errorf("the server has no room for %d bytes, make the stream smaller or give the server more: %w", s.size(), err)}
	case api.ErrorCode == codeStreamUpdate, api.ErrorCode == codeReplicasNoCluster, api.Code == 400:
		return permanent{err}
	}
	return err
}

// permanent marks an error that retry gives up on.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// retry repeats do until it succeeds, fails for good or ctx ends. Each attempt
// has its own time limit.
func (b *Bus) retry(ctx context.Context, do func(context.Context) error) error {
	wait := backoff{min: 20 * time.Millisecond, max: time.Second}
	var last error
	for tries := 1; ; tries++ {
		if ctx.Err() != nil {
			return ended(ctx, last)
		}
		changed := b.link.wait()
		once, cancel := b.attempt(ctx)
		err := do(once)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ended(ctx, last)
		}
		var final permanent
		if errors.As(err, &final) {
			return final.error
		}
		again, cause := classify(err)
		if !again {
			return cause
		}
		last = cause
		if tries == 5 {
			b.log.Warn("bus does not answer, still trying", "error", cause)
		}
		if !wait.sleepOr(ctx, changed) {
			return ended(ctx, last)
		}
	}
}

// ensurer keeps many goroutines that find their stream gone from all asking
// for it at once.
type ensurer struct {
	mu   sync.Mutex
	last time.Time
}

// repair makes the streams again where the server lost them, at most once a
// second. What goes wrong shows in whatever the caller tries next.
func (b *Bus) repair(ctx context.Context) {
	if !b.ensure.mu.TryLock() {
		return
	}
	defer b.ensure.mu.Unlock()
	if time.Since(b.ensure.last) < time.Second || !b.nc.IsConnected() {
		return
	}
	b.ensure.last = time.Now()
	once, cancel := b.attempt(ctx)
	defer cancel()
	for _, s := range b.cfg.streams() {
		if err := b.ensureStream(once, s); err != nil {
			if once.Err() == nil {
				b.log.Warn("stream is missing and cannot be made", "stream", s.name, "error", err)
			}
			return
		}
	}
}

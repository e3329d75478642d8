package enrich

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
)

// Bucket is the key-value bucket in which all enrich services keep what the
// registries answered, a key a block, how much each server has been asked, and
// how each of them does.
const Bucket = "attributions"

const (
	answersPrefix = "answers."
	limitsPrefix  = "limits."
	sharedTimeout = 5 * time.Second
)

var errNotShared = errors.New("bucket is not open")

// shared is the bucket; until it is open nothing is shared. It implements
// whois.Ledger, because the limits of a registry are those of the address that
// asks, whichever process does.
type shared struct {
	mu    sync.Mutex
	kv    jetstream.KeyValue
	place uint64        // up to which watch has handed out what there is
	moved chan struct{} // closed when place grows
}

func newShared() *shared { return &shared{moved: make(chan struct{})} }

func (s *shared) open(ctx context.Context, b *bus.Bus, keep time.Duration) error {
	kv, err := b.KeyValue(ctx, Bucket, bus.KVConfig{TTL: keep})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kv = kv
	return nil
}

func (s *shared) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kv = nil
}

func (s *shared) bucket() (jetstream.KeyValue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kv == nil {
		return nil, errNotShared
	}
	return s.kv, nil
}

// put keeps an answer and returns its place in the bucket.
func (s *shared) put(ctx context.Context, a *whois.Answer) (uint64, error) {
	kv, err := s.bucket()
	if err != nil {
		return 0, err
	}
	data, err := json.Marshal(a)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	return kv.Put(ctx, answerKey(a), data)
}

// set sets a key, remove takes one out.
func (s *shared) set(ctx context.Context, key string, value []byte) error {
	kv, err := s.bucket()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	_, err = kv.Put(ctx, key, value)
	return err
}

func (s *shared) remove(ctx context.Context, key string) error {
	kv, err := s.bucket()
	if err != nil {
		return err
	}
	return kv.Purge(ctx, key)
}

// caughtUp blocks until watch has handed out what was put at a place of the
// bucket, for sharedTimeout at most: whoever put it may have lost it since.
func (s *shared) caughtUp(ctx context.Context, place uint64) {
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	for {
		s.mu.Lock()
		there := s.kv == nil || s.place >= place
		moved := s.moved
		s.mu.Unlock()
		if there {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-moved:
		}
	}
}

// reached says that watch has handed out everything up to a place.
func (s *shared) reached(place uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.place = max(s.place, place)
	close(s.moved)
	s.moved = make(chan struct{})
}

// answerKey names a block in the letters that keys may have.
func answerKey(a *whois.Answer) string {
	return answersPrefix + strings.ReplaceAll(a.First.String()+"-"+a.Last.String(), ":", "_")
}

// watch calls got for every answer that is kept and then for every new one, and
// loaded once between the two. It blocks until ctx ends, and returns an error if
// it cannot go on.
func (s *shared) watch(ctx context.Context, got func(*whois.Answer), loaded func()) error {
	kv, err := s.bucket()
	if err != nil {
		return err
	}
	w, err := kv.Watch(ctx, answersPrefix+">", jetstream.IgnoreDeletes())
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case entry, ok := <-w.Updates():
			switch {
			case !ok:
				return errors.New("updates ended")
			case entry == nil:
				loaded()
			default:
				// What another version wrote and this one cannot read is passed over.
				a := new(whois.Answer)
				if json.Unmarshal(entry.Value(), a) == nil && a.Block().Valid() && !a.Last.Less(a.First) && a.First.BitLen() == a.Last.BitLen() {
					got(a)
				}
				s.reached(entry.Revision())
			}
		}
	}
}

// Update implements whois.Ledger.
func (s *shared) Update(ctx context.Context, server string, change func(whois.Usage) whois.Usage) error {
	kv, err := s.bucket()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	key := limitsPrefix + server
	for range 10 {
		var u whois.Usage
		var revision uint64
		entry, err := kv.Get(ctx, key)
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound):
		case err != nil:
			return err
		default:
			revision = entry.Revision()
			_ = json.Unmarshal(entry.Value(), &u) // damaged: as if nothing had been asked
		}
		now := change(u)
		if now == u {
			return nil
		}
		data, err := json.Marshal(now)
		if err != nil {
			return err
		}
		if revision == 0 {
			_, err = kv.Create(ctx, key, data)
		} else {
			_, err = kv.Update(ctx, key, data, revision)
		}
		if err == nil || !errors.Is(err, jetstream.ErrKeyExists) && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return err
		}
		// Somebody else was faster: once more on what is there now.
	}
	return fmt.Errorf("key %s changes too fast", key)
}

// Forget removes the answer about addr alone from what all services keep. Services
// that run know it until they end.
func Forget(ctx context.Context, b *bus.Bus, cfg Config, addr netip.Addr) error {
	s := newShared()
	if err := s.open(ctx, b, max(cfg.WHOIS.Keep, cfg.WHOIS.KeepNone)); err != nil {
		return fmt.Errorf("enrich: forget an answer: %w", err)
	}
	kv, err := s.bucket()
	if err != nil {
		return err
	}
	key := answerKey(&whois.Answer{First: addr, Last: addr})
	if _, err = kv.Get(ctx, key); errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil // what marks a key as gone would name it
	}
	if err == nil {
		err = errors.Join(kv.Purge(ctx, key), kv.PurgeDeletes(ctx, jetstream.DeleteMarkersOlderThan(-1)))
	}
	if err != nil {
		return fmt.Errorf("enrich: forget an answer: %w", err)
	}
	return nil
}

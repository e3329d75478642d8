package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
)

// timesBucket is where the bus keeps the times of events whose own were no good:
// lines of a clock that was not set, or without any time. They got the date of
// the first document that they were found in. A copy in another document, such
// as the next mail of a router whose mails overlap, has another date, and must
// get the same time: stored events are told apart by time as well.
const timesBucket = "times"

// Pages of the bucket hold up to so many events, 16 bytes each.
const timesPage = 8 << 10

// times is what the bucket says of one sensor. It is used by one goroutine; that
// others add to the bucket at the same time does no harm: whoever is first
// decides.
type times struct {
	kv     jetstream.KeyValue
	sensor string
	known  map[scan.ID]int64 // in milliseconds since 1970
	pages  int               // that were read
}

func (s *Service) openTimes(ctx context.Context, sensor string) (*times, error) {
	kv, err := s.bus.KeyValue(ctx, timesBucket, bus.KVConfig{})
	if err != nil {
		return nil, err
	}
	return &times{kv: kv, sensor: sensor, known: make(map[scan.ID]int64)}, nil
}

// settle sets the time of each event to what is known of it, and makes what is
// not known known, for ever.
func (t *times) settle(ctx context.Context, events []scan.Event) error {
	for len(events) > 0 {
		n := min(len(events), timesPage)
		if err := t.page(ctx, events[:n]); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// page settles events of one page. Reading what others have added and adding to
// it alternate until nobody was faster.
func (t *times) page(ctx context.Context, events []scan.Event) error {
	for {
		if err := t.load(ctx); err != nil {
			return err
		}
		var fresh []byte
		for i := range events {
			if _, ok := t.known[events[i].ID]; !ok {
				fresh = binary.BigEndian.AppendUint64(fresh, uint64(events[i].ID))
				fresh = binary.BigEndian.AppendUint64(fresh, uint64(events[i].Time.UnixMilli()))
			}
		}
		if len(fresh) > 0 {
			err := retry(ctx, func(ctx context.Context) error {
				_, err := t.kv.Create(ctx, t.key(t.pages), fresh)
				return err
			})
			if errors.Is(err, jetstream.ErrKeyExists) {
				continue
			}
			if err != nil {
				return fmt.Errorf("keep the times of lines without one: %w", err)
			}
			t.take(fresh)
		}
		t.set(events)
		return nil
	}
}

// load reads the pages that were added since.
func (t *times) load(ctx context.Context) error {
	for {
		var value []byte
		err := retry(ctx, func(ctx context.Context) error {
			entry, err := t.kv.Get(ctx, t.key(t.pages))
			if err == nil {
				value = entry.Value()
			}
			return err
		})
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the times of lines without one: %w", err)
		}
		t.take(value)
	}
}

// take adds a page that was read or written. The first time of an event stands.
func (t *times) take(page []byte) {
	for ; len(page) >= 16; page = page[16:] {
		id := scan.ID(binary.BigEndian.Uint64(page))
		if _, ok := t.known[id]; !ok {
			t.known[id] = int64(binary.BigEndian.Uint64(page[8:]))
		}
	}
	t.pages++
}

// set gives events the times that are known.
func (t *times) set(events []scan.Event) {
	for i := range events {
		if ms, ok := t.known[events[i].ID]; ok {
			events[i].Time = time.UnixMilli(ms).UTC()
		}
	}
}

func (t *times) key(page int) string { return fmt.Sprintf("%s.%08d", t.sensor, page) }

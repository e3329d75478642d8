package store

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// maxRefused is how many events of a group ClickHouse may refuse before the
// messages are looked at one by one.
const maxRefused = 20

// refusal is an event that ClickHouse refused.
type refusal struct {
	row    int
	reason error
}

// storeEvents inserts the events of a group of messages.
func (s *Service) storeEvents(ctx, stop context.Context, msgs []*bus.Message) error {
	b := <-s.batches
	defer func() {
		b.clear()
		s.batches <- b
	}()
	for _, m := range msgs {
		if m.Delivered > 1 {
			s.metrics.repeated.Inc()
		}
	}
	if err := b.fill(msgs, s.cfg.KeepLines); err != nil {
		return err
	}
	refused, err := s.insert(ctx, stop, b, msgs)
	if err != nil {
		return err
	}
	if err := s.reject(ctx, b, refused); err != nil {
		return err
	}
	s.metrics.events.Add(float64(b.rows.Len() - len(refused)))
	s.metrics.refused.Add(float64(len(refused)))
	s.metrics.unreadable.Add(float64(len(b.bad)))
	return nil
}

func (s *Service) insert(ctx, stop context.Context, b *batch, msgs []*bus.Message) ([]refusal, error) {
	limit := maxRefused
	if len(msgs) == 1 {
		limit = math.MaxInt
	}
	var refused []refusal
	start := time.Now()
	err := s.persist(ctx, stop, func(ctx context.Context) error {
		refused = refused[:0]
		return s.db.InsertEach(ctx, b.rows, limit, func(row int, reason error) error {
			refused = append(refused, refusal{row, reason})
			return nil
		})
	})
	switch {
	case clickhouse.Refused(err):
		// Too many for one group: the bus then hands each message in alone.
		return nil, fmt.Errorf("%w: %w", bus.ErrDead, err)
	case err != nil:
		return nil, err
	}
	s.metrics.batchEvents.Observe(float64(b.rows.Len()))
	s.metrics.insertTime.Observe(time.Since(start).Seconds())
	return refused, nil
}

// reject publishes what is no event and what ClickHouse refused.
func (s *Service) reject(ctx context.Context, b *batch, refused []refusal) error {
	if len(b.bad)+len(refused) == 0 {
		return nil
	}
	var out rejects
	for i, l := range b.bad {
		out.add(b.rejected(l, b.reasons[i].Error()))
	}
	for _, r := range refused {
		out.add(b.rejected(b.lines[r.row], "clickhouse refused it: "+r.reason.Error()))
	}
	s.log.Warn("events rejected", "unreadable", len(b.bad), "refused", len(refused), "first", cut(out.first, 200))
	for sensor, batches := range out.bySensor {
		for _, data := range batches {
			if _, err := s.bus.Publish(ctx, bus.Rejected(sensor), data); err != nil {
				return err
			}
		}
	}
	return nil
}

// rejects gathers rejected lines into messages of one sensor.
type rejects struct {
	bySensor map[string][][]byte
	first    string // the first reason
}

// rejectedBytes closes a message of rejected lines.
const rejectedBytes = 256 << 10

func (r *rejects) add(line scan.Rejected) {
	if r.bySensor == nil {
		r.bySensor, r.first = map[string][][]byte{}, line.Reason
	}
	list := r.bySensor[line.Sensor]
	if n := len(list); n == 0 || len(list[n-1]) > rejectedBytes {
		list = append(list, nil)
	}
	last := &list[len(list)-1]
	*last = append(line.AppendJSON(*last), '\n')
	r.bySensor[line.Sensor] = list
}

// storeRejected inserts rejected lines.
func (s *Service) storeRejected(ctx, stop context.Context, msgs []*bus.Message) error {
	var (
		decoder scan.Decoder
		lines   []scan.Rejected
		bad     []error
	)
	for _, m := range msgs {
		for text := range scan.Lines(m.Data) {
			var r scan.Rejected
			if err := decoder.Rejected(text, &r); err != nil {
				bad = append(bad, fmt.Errorf("%q: %w", cut(string(text), 100), err))
				continue
			}
			lines = append(lines, r)
		}
	}
	// Nothing refused may go to where it came from: it goes to the dead.
	err := s.persist(ctx, stop, func(ctx context.Context) error {
		return s.db.InsertRejected(ctx, lines)
	})
	switch {
	case clickhouse.Refused(err):
		return fmt.Errorf("%w: %w", bus.ErrDead, err)
	case err != nil:
		return err
	}
	if bad != nil {
		return fmt.Errorf("%w: %d lines, the first: %w", bus.ErrDead, len(bad), bad[0])
	}
	s.metrics.rejected.Add(float64(len(lines)))
	return nil
}

// cut shortens s to n bytes at most and keeps it valid UTF-8.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

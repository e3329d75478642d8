package store

import (
	"context"
	"fmt"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// attributedMessages is how many messages of attributions are taken at a time.
// They share the wait for the events before them.
const attributedMessages = 200

// attribution is an answer about a block and when it was published.
type attribution struct {
	scan.Attributed
	learnt time.Time
}

// storeAttributed adds answers to the history and gives them to the events that
// are stored already.
//
// Events that were enriched before the answer was known may still be on their
// way. So it first waits until everything is stored that was published until
// now; what is published later knows the answer, as enrich publishes it only
// when no batch that was enriched without it is still in its hands.
func (s *Service) storeAttributed(ctx, stop context.Context, msgs []*bus.Message) error {
	answers, err := decodeAttributed(msgs)
	if err != nil {
		return err
	}
	seq, err := s.bus.LastSeq(stop, bus.StreamEnriched)
	if err != nil {
		return err
	}
	if err := s.bus.Await(stop, bus.StreamEnriched, DurableEvents, seq); err != nil {
		return err
	}
	for _, a := range answers {
		var rows uint64
		err := s.persist(ctx, stop, func(ctx context.Context) error {
			if err := s.db.InsertAttributed(ctx, a.Attributed, a.learnt); err != nil {
				return err
			}
			n, err := s.db.Reattribute(ctx, a.Attributed)
			rows += n
			return err
		})
		switch {
		case clickhouse.Refused(err):
			return fmt.Errorf("%w: %w", bus.ErrDead, err)
		case err != nil:
			return err
		}
		s.metrics.attributions.Inc()
		s.metrics.reattributed.Add(float64(rows))
		s.log.Debug("attribution applied", "network", a.Network, "owner", a.Owner, "events", rows)
	}
	return nil
}

func decodeAttributed(msgs []*bus.Message) ([]attribution, error) {
	var (
		decoder scan.Decoder
		answers []attribution
	)
	for _, m := range msgs {
		for text := range scan.Lines(m.Data) {
			a := attribution{learnt: m.Time}
			if err := decoder.Attributed(text, &a.Attributed); err != nil {
				return nil, fmt.Errorf("%w: %w", bus.ErrDead, err)
			}
			if !a.First.IsValid() || a.First.BitLen() != a.Last.BitLen() || a.Last.Less(a.First) {
				return nil, fmt.Errorf("%w: %s to %s is not a block", bus.ErrDead, a.First, a.Last)
			}
			answers = append(answers, a)
		}
	}
	return answers, nil
}

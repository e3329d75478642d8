package store

import (
	"context"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/internal/config"
)

// trim cuts the streams back to their replay windows until ctx ends, but never
// beyond what the store itself has made durable: a full stream holds its
// publishers up, and nobody else makes room.
func (s *Service) trim(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.TrimEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, t := range []struct {
			stream, durable string
			keep            config.Bytes
		}{
			{bus.StreamEnriched, DurableEvents, s.cfg.ReplayEnriched},
			{bus.StreamRejected, DurableRejected, s.cfg.ReplayRejected},
			{bus.StreamAttributed, DurableAttributed, s.cfg.ReplayAttributed},
		} {
			if err := s.trimStream(ctx, t.stream, t.durable, int64(t.keep)); err != nil && ctx.Err() == nil {
				s.metrics.trimErrors.Inc()
				s.log.Warn("stream not cut back", "stream", t.stream, "error", err)
			}
		}
	}
}

func (s *Service) trimStream(ctx context.Context, stream, durable string, keep int64) error {
	floor, err := s.bus.AckFloor(ctx, stream, durable)
	if err != nil || floor == 0 {
		return err
	}
	return s.bus.Trim(ctx, stream, keep, floor)
}

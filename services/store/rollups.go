package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// How roll-ups are built. A month that changes is built when it has been still for
// a look, or when it has waited patience for that and the last build took no more
// than a share of the time since: an import must not build its months again and
// again.
const (
	rollupPatience = 30 * time.Second
	rollupShare    = 20
)

// rollups keeps the roll-ups up to date until ctx ends, and drops what has outlived
// its time. Of all stores one does so: that which has the lease.
func (s *Service) rollups(ctx context.Context) error {
	if s.cfg.RollupEvery <= 0 {
		return nil
	}
	l := lease{id: nuid.Next()}
	defer l.leave(ctx)
	b := builder{s: s, seen: map[time.Time]watched{}}
	var kept, tidied time.Time
	tick := time.NewTicker(s.cfg.RollupEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		mine, err := l.hold(ctx, s.bus)
		if err == nil && mine && time.Since(kept) > retainEvery {
			if err = s.retain(ctx, time.Now()); err == nil {
				kept = time.Now()
			}
		}
		if err == nil && mine {
			err = b.look(ctx)
		}
		if err == nil && mine && time.Since(tidied) > tidyAfter {
			err, tidied = s.db.Tidy(ctx, tidyAfter), time.Now()
		}
		if err != nil && ctx.Err() == nil {
			s.metrics.rollupErrors.Inc()
			s.log.Warn("roll-ups not brought up to date", "error", err)
		}
	}
}

// tidyAfter is how long roll-ups of an older state stay: longer than it takes from
// finding out which is right to reading it.
const tidyAfter = time.Minute

// retainEvery is how often is dropped what has outlived its time.
const retainEvery = time.Hour

// retain drops what has outlived its time.
func (s *Service) retain(ctx context.Context, now time.Time) error {
	day := 24 * time.Hour
	if err := s.db.KeepLines(ctx, time.Duration(s.cfg.KeepLineDays)*day); err != nil {
		return err
	}
	if s.cfg.KeepEventsDays == 0 {
		return nil
	}
	months, err := s.db.DropEvents(ctx, now.AddDate(0, 0, -s.cfg.KeepEventsDays))
	if len(months) > 0 {
		s.log.Info("events have outlived their time, their roll-ups stay", "months", len(months), "from", months[0].Format("2006-01"), "to", months[len(months)-1].Format("2006-01"))
	}
	if err != nil || s.cfg.KeepRollupsDays == 0 {
		return err
	}
	return s.db.DropRollups(ctx, now.AddDate(0, 0, -s.cfg.KeepRollupsDays))
}

// builder decides when which month is built.
type builder struct {
	s     *Service
	seen  map[time.Time]watched
	swept bool
}

// watched is a stale month.
type watched struct {
	version uint64
	since   time.Time // first seen stale
	built   time.Time // last time
	took    time.Duration
}

func (b *builder) look(ctx context.Context) error {
	if !b.swept {
		if err := b.s.db.Sweep(ctx, time.Hour); err != nil {
			return err
		}
		b.swept = true
	}
	stale, err := b.s.db.Stale(ctx)
	if err != nil {
		return err
	}
	b.s.metrics.staleMonths.Set(float64(len(stale)))
	maps.DeleteFunc(b.seen, func(m time.Time, w watched) bool {
		return !slices.ContainsFunc(stale, func(st clickhouse.Stale) bool { return st.Month.Equal(m) }) && time.Since(w.built) > time.Hour
	})
	for _, m := range stale {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w, known := b.seen[m.Month]
		still := known && w.version == m.Version
		w.version = m.Version
		if !known || w.since.IsZero() {
			w.since = time.Now()
		}
		b.seen[m.Month] = w
		if !still && (time.Since(w.since) < rollupPatience || time.Since(w.built) < rollupShare*w.took) {
			continue
		}
		begin := time.Now()
		if err := b.s.db.Build(ctx, m.Month); err != nil {
			return err
		}
		b.seen[m.Month] = watched{built: time.Now(), took: time.Since(begin)}
		b.s.metrics.rollupTime.Observe(time.Since(begin).Seconds())
		b.s.log.Debug("roll-ups built", "month", m.Month.Format("2006-01"), "took", time.Since(begin).Round(time.Millisecond))
	}
	return nil
}

// lease is the right to build, for one process at a time. It ends by itself when
// its holder is gone.
type lease struct {
	id       string
	kv       jetstream.KeyValue
	revision uint64
	renewed  time.Time
}

const (
	leases    = "leases"
	leaseKey  = "rollups"
	leaseLife = 30 * time.Second
)

// leaseBucket is how the bucket of leases is kept.
var leaseBucket = bus.KVConfig{TTL: leaseLife, MaxBytes: 1 << 20}

// hold takes the lease or keeps it, and says whether it is ours.
func (l *lease) hold(ctx context.Context, b *bus.Bus) (mine bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, leaseLife/6)
	defer cancel()
	if l.kv == nil {
		if l.kv, err = b.KeyValue(ctx, leases, leaseBucket); err != nil {
			return false, err
		}
	}
	switch {
	case l.revision == 0:
		l.revision, err = l.kv.Create(ctx, leaseKey, []byte(l.id))
	case time.Since(l.renewed) < leaseLife/3:
		return true, nil
	default:
		l.revision, err = l.kv.Update(ctx, leaseKey, []byte(l.id), l.revision)
	}
	if err != nil {
		l.revision = 0
		if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return false, nil // another has it
		}
		return false, err
	}
	l.renewed = time.Now()
	return true, nil
}

// leave gives the lease to the next.
func (l *lease) leave(ctx context.Context) {
	if l.revision == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = l.kv.Delete(ctx, leaseKey, jetstream.LastRevision(l.revision))
}

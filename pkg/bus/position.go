package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// LastSeq is the sequence of the newest message that was ever stored in stream,
// 0 for none. It waits for the server until ctx ends.
func (b *Bus) LastSeq(ctx context.Context, stream string) (uint64, error) {
	var seq uint64
	err := b.retry(ctx, func(ctx context.Context) error {
		s, err := b.stream(ctx, stream)
		if err != nil {
			return err
		}
		seq = s.CachedInfo().State.LastSeq
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("last sequence of stream %s: %w", stream, err)
	}
	return seq, nil
}

// stream asks for a stream as it is now. One of ours that is missing is made
// again, and found at the next attempt.
func (b *Bus) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	s, err := b.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if !ours(name) {
			return nil, permanent{err}
		}
		b.repair(ctx)
	}
	return s, err
}

// AckFloor is the sequence up to which durable has taken everything of stream
// off, for messages outside its filter and such that no longer exist as well:
// a durable with nothing left to do stands at the last sequence of the stream.
// It is 0 while the durable does not exist. It waits for the server until ctx
// ends.
func (b *Bus) AckFloor(ctx context.Context, stream, durable string) (uint64, error) {
	var floor uint64
	err := b.retry(ctx, func(ctx context.Context) (err error) {
		floor, err = b.ackFloor(ctx, stream, durable)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("acknowledged position of %s in stream %s: %w", durable, stream, err)
	}
	return floor, nil
}

func (b *Bus) ackFloor(ctx context.Context, stream, durable string) (uint64, error) {
	// The stream first: whatever the consumer says afterwards is at least as new.
	s, err := b.stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	last := s.CachedInfo().State.LastSeq
	cons, err := s.Consumer(ctx, durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	info := cons.CachedInfo()
	if info.NumAckPending > 0 {
		return info.AckFloor.Stream, nil
	}
	// All that was delivered is acknowledged.
	floor := max(info.AckFloor.Stream, info.Delivered.Stream)
	if info.NumPending > 0 || floor >= last {
		return floor, nil
	}
	// Nothing pending, yet not everything was delivered. Either what is missing
	// was purged or filtered out, or the replica that keeps the consumer lags
	// behind the one that keeps the stream. The stream knows.
	filter := cmp.Or(info.Config.FilterSubject, ">")
	next, err := s.GetMsg(ctx, floor+1, jetstream.WithGetMsgSubject(filter))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return last, nil
	case err != nil:
		return 0, err
	case next.Sequence > last:
		return last, nil
	}
	return floor, nil
}

// Await blocks until durable has taken off everything of stream up to seq, see
// AckFloor, or ctx ends. A durable that does not exist yet is waited for.
func (b *Bus) Await(ctx context.Context, stream, durable string, seq uint64) error {
	if seq == 0 {
		return nil
	}
	var stands uint64
	for pause := 5 * time.Millisecond; ; pause = min(pause*3/2, 100*time.Millisecond) {
		floor, err := b.AckFloor(ctx, stream, durable)
		if err == nil {
			if stands = floor; stands >= seq {
				return nil
			}
			select {
			case <-ctx.Done():
				err = context.Cause(ctx)
			case <-time.After(pause):
				continue
			}
		}
		return fmt.Errorf("await %s at message %d of stream %s, it stands at %d: %w", durable, seq, stream, stands, err)
	}
}

// standstill is how long the readers of a stream may take nothing off before
// giveWay no longer waits for them.
const standstill = 200 * time.Millisecond

// giveWay waits while StreamObserved holds more than most bytes and its readers
// take some off. It is no guarantee, whatever goes wrong ends it.
func (b *Bus) giveWay(ctx context.Context, most int64) {
	var taken uint64
	at := time.Now()
	for {
		s, err := b.stream(ctx, StreamObserved)
		if err != nil {
			return
		}
		state := s.CachedInfo().State
		if state.Bytes <= uint64(most) {
			return
		}
		switch now := time.Now(); {
		case state.LastSeq-state.Msgs != taken:
			taken, at = state.LastSeq-state.Msgs, now
		case now.Sub(at) > standstill:
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// Trim removes the oldest messages of stream while it holds more than keepBytes
// (counted before compression, as the server's limits are), but never a message
// above floor. A stream that may not hold much more than keepBytes is cut back
// to three quarters of its limit, since a full one holds its publishers up. Sizes
// of single messages are not known, so it works with their mean and may leave
// the stream up to an eighth smaller. Readers that have not come past floor
// lose what is removed.
func (b *Bus) Trim(ctx context.Context, stream string, keepBytes int64, floor uint64) error {
	err := b.retry(ctx, func(ctx context.Context) error { return b.trim(ctx, stream, uint64(max(keepBytes, 0)), floor) })
	if err != nil {
		return fmt.Errorf("trim stream %s: %w", stream, err)
	}
	return nil
}

func (b *Bus) trim(ctx context.Context, stream string, keep, floor uint64) error {
	s, err := b.stream(ctx, stream)
	if err != nil {
		return err
	}
	if limit := s.CachedInfo().Config.MaxBytes; limit > 0 {
		keep = min(keep, uint64(limit-limit/4))
	}
	state := s.CachedInfo().State
	if state.Bytes <= keep {
		return nil
	}
	// Down to a little less than asked, so that not every message that comes
	// in afterwards makes the server rewrite the head of the stream.
	goal := keep - keep/16
	for range 5 {
		if state.Msgs == 0 || state.Bytes <= keep {
			return nil
		}
		upto := floor + 1 // the first to stay
		if goal > 0 {
			mean := max(state.Bytes/state.Msgs, 1)
			// Half of what the mean says, as the oldest may be larger.
			upto = min(upto, state.FirstSeq+(state.Bytes-goal)/mean/2+1)
		}
		if upto <= state.FirstSeq {
			return nil
		}
		if err := s.Purge(ctx, jetstream.WithPurgeSequence(upto)); err != nil {
			return err
		}
		info, err := s.Info(ctx)
		if err != nil {
			return err
		}
		state = info.State
	}
	return nil
}

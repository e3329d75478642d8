package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ContentType is the header Content-Type of every batch: one JSON object a line.
const ContentType = "application/x-ndjson"

const headerContentType = "Content-Type"

// headroom is what Publish keeps free below the server's max_payload, so that
// a message still fits when it moves to stream DEAD with its reason.
const headroom = 4 << 10

// Publish sends data, a batch of lines, to subject and returns its sequence in
// the stream once the server has it on disk. While the server is away, does not
// answer or the stream is full it tries again, until ctx ends; the error then
// holds both why ctx ended and the last cause, for instance ErrFull. It returns
// ErrTooLarge at once for what the server will never take.
//
// After an attempt whose answer was lost the message may be stored twice.
func (b *Bus) Publish(ctx context.Context, subject string, data []byte) (seq uint64, err error) {
	seq, err = b.publish(ctx, newMsg(subject, data))
	if err != nil {
		return 0, fmt.Errorf("publish to %q: %w", subject, err)
	}
	return seq, nil
}

func newMsg(subject string, data []byte) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: data, Header: nats.Header{headerContentType: {ContentType}}}
}

// maxData is the most bytes of one message.
func (b *Bus) maxData() int { return max(int(b.nc.MaxPayload())-headroom, 0) }

func (b *Bus) publish(ctx context.Context, msg *nats.Msg) (uint64, error) {
	if err := b.fits(len(msg.Data)); err != nil {
		return 0, err
	}
	return b.finish(ctx, msg, b.send(msg))
}

func (b *Bus) fits(size int) error {
	// The limit is 0 before the server said it and after Close.
	if limit := b.maxData(); limit > 0 && size > limit {
		return fmt.Errorf("%w: %d bytes, at most %d (max_payload of the server less %d for headers)",
			ErrTooLarge, size, limit, headroom)
	}
	return nil
}

// sent is one attempt to publish that waits for its answer.
type sent struct {
	future jetstream.PubAckFuture
	err    error // of sending itself
}

// send starts an attempt. Messages sent one after the other reach the server
// in that order.
func (b *Bus) send(msg *nats.Msg) sent {
	if b.nc.IsClosed() {
		return sent{err: nats.ErrConnectionClosed}
	}
	// nats.go must not retry by itself: it would hide what is wrong.
	future, err := b.js.PublishMsgAsync(msg, jetstream.WithRetryAttempts(0))
	return sent{future, err}
}

// answer waits for the outcome of an attempt.
func (b *Bus) answer(ctx context.Context, s sent) (uint64, error) {
	if s.err != nil {
		return 0, s.err
	}
	select {
	case ack := <-s.future.Ok():
		return ack.Sequence, nil
	case err := <-s.future.Err():
		return 0, err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-b.closed:
		return 0, nats.ErrConnectionClosed
	}
}

// finish sees an attempt through: it waits for the answer and tries again.
func (b *Bus) finish(ctx context.Context, msg *nats.Msg, s sent) (uint64, error) {
	away := backoff{min: 10 * time.Millisecond, max: time.Second}
	full := backoff{min: 10 * time.Millisecond, max: 250 * time.Millisecond}
	var last error
	for {
		changed := b.link.wait()
		seq, err := b.answer(ctx, s)
		if err == nil {
			b.stats.published.Add(1)
			b.stats.publishedBytes.Add(uint64(len(msg.Data)))
			return seq, nil
		}
		if ctx.Err() != nil {
			return 0, ended(ctx, last)
		}
		again, cause := classify(err)
		if !again {
			return 0, cause
		}
		last = cause
		b.stats.publishRetries.Add(1)
		if errors.Is(cause, ErrFull) {
			b.stats.publishFull.Add(1)
			away.reset()
			if !full.sleep(ctx) {
				return 0, ended(ctx, last)
			}
		} else {
			full.reset()
			if !b.nc.IsConnected() {
				// Come back as soon as the connection does.
				if !away.sleepOr(ctx, changed) {
					return 0, ended(ctx, last)
				}
			} else if !away.sleep(ctx) {
				return 0, ended(ctx, last)
			}
			if errors.Is(cause, ErrNoStream) {
				b.repair(ctx)
			}
		}
		s = b.send(msg)
	}
}

package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// idleBeat is how often the server says that it still has no messages. One
	// that is silent twice as long is asked anew.
	idleBeat = 5 * time.Second
	// moreWait is how long a request waits for more messages after some came.
	// It cannot be broken off without leaving messages in the air, so it also
	// delays the end of a subscription.
	moreWait = 200 * time.Millisecond
	// maxPending is how many messages of one durable all its readers may hold
	// together, those waiting for their next attempt included.
	maxPending = 10_000
	// tempLife is how long the server remembers a reader without a durable
	// name while it is away.
	tempLife = 5 * time.Minute
)

// pull asks the server for messages as long as there is room and queues them,
// until ctx ends. It returns what no waiting mends.
func (r *reader) pull(ctx context.Context) error {
	src := source{reader: r, name: r.sub.Durable}
	if src.name == "" {
		src.name = "temp-" + rand.Text()
	}
	wait := backoff{min: 50 * time.Millisecond, max: 2 * time.Second}
	var told time.Time
	for {
		changed := r.bus.link.wait()
		err := src.run(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end was asked for
		}
		var final permanent
		if errors.As(err, &final) {
			return final.error
		}
		again, cause := classify(err)
		if !again {
			return cause
		}
		if src.worked {
			wait.reset()
		}
		// The loss of the connection has been logged, and this may last long.
		if (src.worked || time.Since(told) > time.Minute) && !errors.Is(cause, nats.ErrDisconnected) {
			told = time.Now()
			r.bus.log.Warn("subscription interrupted, trying again", "subscription", r.sub.label(), "error", cause)
		}
		src.worked = false
		wait.sleepOr(ctx, changed)
		if errors.Is(cause, ErrNoStream) || errors.Is(cause, jetstream.ErrStreamNotFound) || errors.Is(cause, jetstream.ErrConsumerDeleted) {
			r.bus.repair(ctx)
		}
	}
}

// source is the server's side of a subscription: a pull consumer.
type source struct {
	*reader
	name   string
	made   bool   // the consumer existed at some time
	last   uint64 // where a reader without a durable name goes on
	worked bool   // run got an answer since this was last cleared
}

// run makes the consumer and pulls from it until something goes wrong, which
// it returns. It returns nil when ctx ends.
func (s *source) run(ctx context.Context) error {
	cons, err := s.consumer(ctx)
	if err != nil {
		return err
	}
	idle := true
	for ctx.Err() == nil {
		msgs, bytes := s.held.room()
		if msgs <= 0 || bytes <= 0 {
			select {
			case <-s.held.freed:
			case <-ctx.Done():
			}
			continue
		}
		var n int
		if idle {
			// Without a limit of bytes, so that a message of any size comes.
			n, err = s.wait(ctx, cons)
		} else {
			n, err = s.more(cons, min(msgs, 256), bytes)
		}
		if err != nil {
			return err
		}
		s.worked = true
		idle = n == 0
	}
	return nil
}

// wait waits for one message until there is one, breaking off when ctx ends or
// the connection changes.
func (s *source) wait(ctx context.Context, cons jetstream.Consumer) (int, error) {
	changed := s.bus.link.wait()
	if !s.bus.nc.IsConnected() {
		return 0, nats.ErrDisconnected
	}
	// Without the deadline of ctx, from which Fetch would make its own limit.
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	go func() {
		select {
		case <-changed:
			stop()
		case <-asking.Done():
		}
	}()
	// It waits for 30 s, the default of Fetch without a deadline.
	batch, err := cons.Fetch(1, jetstream.FetchContext(asking), jetstream.FetchHeartbeat(idleBeat))
	if err != nil {
		return 0, err
	}
	n, err := s.drain(batch)
	if n > 0 || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return n, nil
	}
	if errors.Is(err, context.Canceled) {
		return 0, nats.ErrDisconnected
	}
	return 0, err
}

// more takes up to msgs messages that are there or come within moreWait.
func (s *source) more(cons jetstream.Consumer, msgs, bytes int) (int, error) {
	batch, err := cons.Fetch(msgs, jetstream.FetchMaxBytes(bytes), jetstream.FetchMaxWait(moreWait))
	if err != nil {
		return 0, err
	}
	return s.drain(batch)
}

// drain queues what a request brings.
func (s *source) drain(batch jetstream.MessageBatch) (n int, err error) {
	for msg := range batch.Messages() {
		n++
		if m := s.held.take(msg); m != nil {
			s.last = max(s.last, m.Seq)
			s.queue <- m
		}
	}
	return n, batch.Error()
}

// consumer makes the consumer or brings it up to date. Replicas do so with
// equal settings, so the order does not matter.
func (s *source) consumer(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := s.bus.attempt(ctx)
	defer cancel()
	cfg := jetstream.ConsumerConfig{
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       s.sub.AckWait,
		MaxDeliver:    -1,
		MaxAckPending: maxPending,
		FilterSubject: s.sub.Filter,
		DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	switch {
	case s.sub.Durable != "":
		cfg.Durable = s.sub.Durable
	case s.made:
		stream, err := s.bus.stream(ctx, s.sub.Stream)
		if err != nil {
			return nil, err
		}
		cons, err := stream.Consumer(ctx, s.name)
		if !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return cons, err
		}
		// Away for so long that the server forgot it, or the stream is new.
		if stream.CachedInfo().State.LastSeq < s.last {
			s.last = 0
		}
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, s.last+1
	default:
		cfg.DeliverPolicy = jetstream.DeliverNewPolicy
	}
	if s.sub.Durable == "" {
		cfg.Name = s.name
		cfg.InactiveThreshold = tempLife
	}
	if s.sub.Filter != "" && !s.made {
		if err := s.checkFilter(ctx); err != nil {
			return nil, err
		}
	}
	cons, err := s.bus.js.CreateOrUpdateConsumer(ctx, s.sub.Stream, cfg)
	switch api := apiError(err); {
	case err == nil:
		s.made = true
		s.last = max(s.last, cons.CachedInfo().Delivered.Stream)
		return cons, nil
	case api == nil:
	case api.ErrorCode == codeQueueNotUnique, api.ErrorCode == codeQueueUnfiltered:
		return nil, permanent{fmt.Errorf("stream %s gives each message to one durable only, and has another one: %w", s.sub.Stream, err)}
	case api.Code == 400, api.ErrorCode == jetstream.JSErrCodeStreamNotFound && !ours(s.sub.Stream):
		return nil, permanent{err}
	}
	return nil, err
}

// checkFilter reports a filter that no message can pass, which the server
// takes without a word.
func (s *source) checkFilter(ctx context.Context) error {
	stream, err := s.bus.stream(ctx, s.sub.Stream)
	if err != nil {
		return err
	}
	subjects := stream.CachedInfo().Config.Subjects
	for _, subject := range subjects {
		if overlap(subject, s.sub.Filter) {
			return nil
		}
	}
	return permanent{fmt.Errorf("filter %q is outside the subjects of the stream, %q", s.sub.Filter, subjects)}
}

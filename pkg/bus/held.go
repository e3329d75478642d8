package bus

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// held is what a reader has been handed and not yet settled with the server. It
// bounds how much that is, keeps the server from handing it to somebody else
// while it is worked on, and sends acknowledgements again that a lost
// connection swallowed.
type held struct {
	bus      *Bus
	ackWait  time.Duration
	maxMsgs  int
	maxBytes int

	mu    sync.Mutex
	msgs  map[key]*holding
	bytes int
	freed chan struct{} // one token when there may be room again
}

// key tells messages apart. The sequence alone does not: a stream that was lost
// and made again counts from 1.
type key struct {
	seq  uint64
	time int64 // when the server stored it, in nanoseconds
}

func (m *Message) key() key { return key{m.Seq, m.Time.UnixNano()} }

// holding is one message. Once it is done only the server's word is missing.
type holding struct {
	msg  jetstream.Msg
	size int
	done bool
}

func newHeld(b *Bus, sub Subscription) *held {
	h := &held{
		bus:     b,
		ackWait: sub.AckWait,
		// One group more than handlers take, gathered while they work.
		maxMsgs:  (sub.InFlight + 1) * sub.MaxMsgs,
		maxBytes: (sub.InFlight + 1) * sub.MaxBytes,
		msgs:     make(map[key]*holding),
		freed:    make(chan struct{}, 1),
	}
	if sub.MaxMsgs == 1 {
		// Reading ahead spares single messages a round trip each.
		h.maxMsgs, h.maxBytes = sub.InFlight+16, max(sub.MaxBytes, 1)
	}
	return h
}

// room is how many messages and bytes may come in.
func (h *held) room() (msgs, bytes int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.maxMsgs - len(h.msgs), h.maxBytes - h.bytes
}

// take holds a message that came in. It returns nil for one that is held
// already, which the server handed out again because it heard nothing for too
// long: that one must not be handled twice.
func (h *held) take(msg jetstream.Msg) *Message {
	meta, err := msg.Metadata()
	if err != nil {
		return nil // not from a stream; there is nobody to tell
	}
	stats := &h.bus.stats
	stats.received.Add(1)
	stats.receivedBytes.Add(uint64(len(msg.Data())))
	if meta.NumDelivered > 1 {
		stats.redelivered.Add(1)
	}
	m := &Message{
		Subject:   msg.Subject(),
		Sensor:    sensorOf(msg.Subject()),
		Stream:    meta.Stream,
		Seq:       meta.Sequence.Stream,
		Delivered: int(meta.NumDelivered),
		Data:      msg.Data(),
		Time:      meta.Timestamp,
		Header:    msg.Headers(),
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.msgs[m.key()]; old != nil {
		old.msg = msg
		if old.done {
			h.tryAck(m.key(), old)
		}
		return nil
	}
	h.msgs[m.key()] = &holding{msg: msg, size: len(m.Data)}
	h.bytes += len(m.Data)
	return m
}

// ack takes messages off.
func (h *held) ack(msgs ...*Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range msgs {
		if held := h.msgs[m.key()]; held != nil {
			held.done = true
			h.bytes -= held.size
			h.tryAck(m.key(), held)
			h.bus.stats.acked.Add(1)
		}
	}
	h.free()
}

// tryAck tells the server that a message is done. Where the connection is lost
// the message stays held, for beat to try again. h.mu is held.
func (h *held) tryAck(k key, held *holding) {
	if err := held.msg.Ack(); err == nil || h.bus.nc.IsClosed() {
		delete(h.msgs, k)
	}
}

// giveBack lets the server hand messages out again after delay. Where the
// server does not hear it, it does so after AckWait.
func (h *held) giveBack(delay time.Duration, msgs ...*Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range msgs {
		held := h.msgs[m.key()]
		if held == nil {
			continue
		}
		delete(h.msgs, m.key())
		h.bytes -= held.size
		if delay > 0 {
			_ = held.msg.NakWithDelay(delay)
		} else {
			_ = held.msg.Nak()
		}
		h.bus.stats.nacked.Add(1)
	}
	h.free()
}

func (h *held) free() {
	select {
	case h.freed <- struct{}{}:
	default:
	}
}

// beat tells the server three times in AckWait that the messages are worked
// on, until ctx ends.
func (h *held) beat(ctx context.Context) {
	tick := time.NewTicker(h.ackWait / 3)
	defer tick.Stop()
	for {
		changed := h.bus.link.wait()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-changed:
			// Right after a reconnect the server may be about to hand out again
			// what is held here.
		}
		if !h.bus.nc.IsConnected() {
			continue
		}
		h.mu.Lock()
		for k, held := range h.msgs {
			if held.done {
				h.tryAck(k, held)
				continue
			}
			_ = held.msg.InProgress()
		}
		h.mu.Unlock()
		h.free()
	}
}

// settle makes sure that the server has heard everything, before the reader
// ends.
func (h *held) settle() {
	h.mu.Lock()
	for k, held := range h.msgs {
		if held.done {
			h.tryAck(k, held)
		}
	}
	h.mu.Unlock()
	if h.bus.nc.Status() == nats.CONNECTED {
		_ = h.bus.nc.FlushTimeout(closeWait)
	}
}

package enrich

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/whoknocks/whoknocks/pkg/bus"
)

// outbox forms messages: the events of one sensor, up to the bounds. Its buffers
// are used again after reset, when what was formed has been published.
type outbox struct {
	batches []*batch
	free    []*batch
}

type batch struct {
	sensor string
	events int
	data   []byte
}

type appender interface{ AppendJSON([]byte) []byte }

func (o *outbox) add(sensor string, a appender) {
	var b *batch
	for _, have := range slices.Backward(o.batches) {
		if have.sensor == sensor {
			b = have
			break
		}
	}
	if b == nil || b.events >= maxEvents || len(b.data) >= maxBytes {
		b = o.next(sensor)
	}
	b.data = append(a.AppendJSON(b.data), '\n')
	b.events++
}

func (o *outbox) next(sensor string) *batch {
	var b *batch
	if n := len(o.free); n > 0 {
		b, o.free = o.free[n-1], o.free[:n-1]
		b.sensor = sensor
	} else {
		b = &batch{sensor: sensor, data: make([]byte, 0, maxBytes/4)}
	}
	o.batches = append(o.batches, b)
	return b
}

func (o *outbox) reset() {
	for _, b := range o.batches {
		b.events, b.data = 0, b.data[:0]
		o.free = append(o.free, b)
	}
	o.batches = o.batches[:0]
}

// publisher is the part of the bus that send needs.
type publisher interface {
	Publish(ctx context.Context, subject string, data []byte) (seq uint64, err error)
}

// send publishes lines as one message, or as several where the server takes no
// message of that size.
func send(ctx context.Context, b publisher, subject string, data []byte) error {
	_, err := b.Publish(ctx, subject, data)
	if !errors.Is(err, bus.ErrTooLarge) {
		return err
	}
	half := bytes.IndexByte(data[len(data)/2:], '\n') + len(data)/2 + 1
	if half >= len(data) { // the last line is the longer half, or the only one
		half = bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	}
	if half <= 0 {
		return err
	}
	if err := send(ctx, b, subject, data[:half]); err != nil {
		return err
	}
	return send(ctx, b, subject, data[half:])
}

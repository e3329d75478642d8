package store

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// batch turns messages into the rows of one INSERT. It is used again and again
// and keeps its buffers; what it held of the messages is let go by clear.
type batch struct {
	decoder scan.Decoder
	event   scan.Enriched
	rows    *clickhouse.Events
	lines   []line  // where each row came from
	bad     []line  // lines that are no event
	reasons []error // for each bad line
}

// line is one line of a message.
type line struct {
	msg  *bus.Message
	text []byte // part of msg.Data
}

func newBatch() *batch {
	return &batch{rows: clickhouse.NewEvents()}
}

func (b *batch) clear() {
	b.rows.Reset()
	clear(b.lines)
	clear(b.bad)
	clear(b.reasons)
	b.lines, b.bad, b.reasons = b.lines[:0], b.bad[:0], b.reasons[:0]
	b.event = scan.Enriched{}
}

// fill decodes the messages. A message without a single good line is no batch of
// events at all: that is an error, which holds bus.ErrDead.
func (b *batch) fill(msgs []*bus.Message, keepLines bool) error {
	b.clear()
	for _, m := range msgs {
		good := b.rows.Len()
		var last error
		for text := range scan.Lines(m.Data) {
			err := b.decoder.Enriched(text, &b.event)
			if err == nil {
				err = storable(&b.event.Event)
			}
			if err != nil {
				last = err
				b.bad, b.reasons = append(b.bad, line{m, text}), append(b.reasons, err)
				continue
			}
			if !keepLines {
				b.event.Line = ""
			}
			b.rows.Add(&b.event, m.Time)
			b.lines = append(b.lines, line{m, text})
		}
		if last != nil && b.rows.Len() == good {
			return fmt.Errorf("%w: no line of it is an event, the last: %w", bus.ErrDead, last)
		}
	}
	return nil
}

// storable reports what the table would refuse for certain, so that a publisher
// gone wrong does not cost ClickHouse a search for each of its lines. Words that
// this version does not know are no reason: the next one may.
func storable(e *scan.Event) error {
	switch year := e.Time.Year(); {
	case e.ID == 0:
		return errors.New("id: absent")
	case e.Time.IsZero():
		return errors.New("time: absent")
	case year < 1970 || year > 2105:
		return fmt.Errorf("time: year %d is not from 1970 to 2105", year)
	case !e.SrcIP.IsValid():
		return errors.New("src_ip: absent")
	case e.Packets == 0:
		return errors.New("packets: 0, an event has at least one")
	}
	return nil
}

// rejected makes a rejected line of l. Its id is the event's, or of the text
// where there is no event, so that it is the same when the message comes again.
func (b *batch) rejected(l line, reason string) scan.Rejected {
	r := scan.Rejected{
		Kind: scan.KindRejected, Stage: "store", Reason: cut(reason, maxReason),
		Received: l.msg.Time, Sensor: l.msg.Sensor,
	}
	if b.decoder.Enriched(l.text, &b.event) == nil {
		e := &b.event
		r.ID, r.Format, r.Line, r.Origin = e.ID, e.Format, e.Line, e.Origin
		if !e.Received.IsZero() {
			r.Received = e.Received
		}
		if scan.ValidSensor(e.Sensor) == nil {
			r.Sensor = e.Sensor
		}
	}
	if r.Line == "" {
		r.Line = cut(string(l.text), scan.MaxLine)
	}
	if r.Origin == "" {
		r.Origin = l.msg.Stream + ":" + strconv.FormatUint(l.msg.Seq, 10)
	}
	if r.ID == 0 {
		r.ID = scan.ID(xxhash.Sum64(l.text))
	}
	r.Received = r.Received.Truncate(time.Millisecond)
	return r
}

// maxReason is the most bytes of a reason: ClickHouse quotes values in its own.
const maxReason = 1024

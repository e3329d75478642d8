package bus

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

// Headers of a message in stream DEAD, where its subject is "dead." and the
// subject it had.
const (
	HeaderReason  = "Whoknocks-Reason"  // text of the error
	HeaderStream  = "Whoknocks-Stream"  // stream it was in
	HeaderSeq     = "Whoknocks-Seq"     // its sequence there
	HeaderDurable = "Whoknocks-Durable" // reader that gave it up
)

// maxReason bounds the reason, which may quote what an attacker wrote. All
// headers together stay below headroom.
const maxReason = 1 << 10

// bury moves a message to stream DEAD and returns once it is on disk there.
func (r *reader) bury(ctx context.Context, m *Message, reason error) error {
	header := nats.Header(maps.Clone(m.Header))
	if header == nil {
		header = nats.Header{}
	}
	header.Set(HeaderReason, oneLine(reason.Error()))
	header.Set(HeaderStream, m.Stream)
	header.Set(HeaderSeq, strconv.FormatUint(m.Seq, 10))
	header.Set(HeaderDurable, r.sub.Durable)
	msg := &nats.Msg{Subject: deadPrefix + m.Subject, Header: header, Data: m.Data}
	if _, err := r.bus.finish(ctx, msg, r.bus.send(msg)); err != nil {
		return fmt.Errorf("move message %d of stream %s to stream %s: %w", m.Seq, m.Stream, StreamDead, err)
	}
	r.bus.stats.dead.Add(1)
	r.bus.log.Warn("message moved to stream DEAD", "subscription", r.sub.label(), "stream", m.Stream, "seq", m.Seq, "error", reason)
	return nil
}

// oneLine makes text fit for a header: no control characters, not too long.
func oneLine(text string) string {
	if len(text) > maxReason {
		text = text[:maxReason]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

package bus

import "sync/atomic"

// Stats counts what a Bus did since Connect. All values only grow.
type Stats struct {
	Published      uint64 // messages the server has on disk
	PublishedBytes uint64 // their payload, before compression
	PublishRetries uint64 // attempts to publish that had to be repeated
	PublishFull    uint64 // those of them because the stream was full
	Received       uint64 // messages handed out by the server
	ReceivedBytes  uint64 // their payload
	Redelivered    uint64 // those of Received that had been handed out before
	Acked          uint64 // messages taken off after a handler returned nil
	Nacked         uint64 // messages given back, to be handed out again
	Dead           uint64 // messages moved to stream DEAD
	HandlerErrors  uint64 // calls of handlers that returned an error, panics included
	HandlerPanics  uint64 // calls of handlers that panicked
	Disconnects    uint64 // times the connection was lost
	Reconnects     uint64 // times it was regained
}

type counters struct {
	published, publishedBytes, publishRetries, publishFull atomic.Uint64
	received, receivedBytes, redelivered                   atomic.Uint64
	acked, nacked, dead, handlerErrors, handlerPanics      atomic.Uint64
	disconnects, reconnects                                atomic.Uint64
}

// Stats reads the counters; it does not block. Services turn them into metrics.
func (b *Bus) Stats() Stats {
	c := &b.stats
	return Stats{
		Published:      c.published.Load(),
		PublishedBytes: c.publishedBytes.Load(),
		PublishRetries: c.publishRetries.Load(),
		PublishFull:    c.publishFull.Load(),
		Received:       c.received.Load(),
		ReceivedBytes:  c.receivedBytes.Load(),
		Redelivered:    c.redelivered.Load(),
		Acked:          c.acked.Load(),
		Nacked:         c.nacked.Load(),
		Dead:           c.dead.Load(),
		HandlerErrors:  c.handlerErrors.Load(),
		HandlerPanics:  c.handlerPanics.Load(),
		Disconnects:    c.disconnects.Load(),
		Reconnects:     c.reconnects.Load(),
	}
}

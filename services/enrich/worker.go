package enrich

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/cause"
)

// Bounds of what a worker holds.
const (
	maxMemo = 1 << 16          // addresses remembered, some 20 MB
	memoAge = 10 * time.Minute // answers grow old meanwhile
	// Bounds of one message that is published. Facts make events half as large
	// again; the fewer messages, the fewer times the bus syncs to disk.
	maxEvents = 1000
	maxBytes  = 768 << 10
	// Messages of one group that are published at the same time.
	publishers = 8
)

// worker decodes, enriches and encodes. It is used by one goroutine at a time
// and keeps its buffers and what it has worked out from group to group.
type worker struct {
	s     *Service
	dec   scan.Decoder
	event scan.Enriched
	who   *attributor

	memo   map[netip.Addr]*remembered
	last   netip.Addr  // the source of the event before,
	recent *remembered // and its entry in memo, or nil: events come in bursts
	learnt uint64      // the service's when memo was begun
	since  time.Time   // when memo was begun

	enriched, rejected outbox
	counts             counts
}

type remembered struct {
	attribution
	epoch int
	seen  uint32 // events since, of what is to be asked about
}

func (s *Service) newWorker() *worker {
	return &worker{
		s:    s,
		who:  newAttributor(s.known.Load(), &s.kin),
		memo: map[netip.Addr]*remembered{},
	}
}

// handle works on one group of messages: what they hold is published, and then
// the bus takes them off.
func (s *Service) handle(ctx context.Context, msgs []*bus.Message) error {
	w := <-s.workers // never waits: there are as many as handlers
	defer func() { s.workers <- w }()
	leave := s.fence.enter()
	defer leave()
	w.begin(time.Now())
	for _, m := range msgs {
		if m.Delivered > 1 {
			s.metrics.redelivered.Inc()
		}
		w.message(m)
	}
	if err := w.publish(ctx); err != nil {
		return err
	}
	w.count()
	return nil
}

// begin empties the worker for a new group.
func (w *worker) begin(now time.Time) {
	w.enriched.reset()
	w.rejected.reset()
	w.counts.lookups, w.counts.rejected, w.counts.unqueued = 0, 0, 0
	w.counts.basis.reset()
	w.counts.cause.reset()
	if known := w.s.known.Load(); known != w.who.knowledge {
		w.who = newAttributor(known, &w.s.kin)
		w.forget()
	}
	if learnt := w.s.learnt.Load(); learnt != w.learnt || now.Sub(w.since) > memoAge {
		w.forget()
		w.learnt, w.since = learnt, now
	}
}

// message enriches the events of one message. A line that is no event holds up
// no other: it becomes a rejected line.
func (w *worker) message(m *bus.Message) {
	for line := range scan.Lines(m.Data) {
		e := &w.event
		err := w.dec.Event(line, &e.Event)
		if err == nil {
			err = e.Validate()
		}
		if err != nil {
			w.reject(m, line, err)
			continue
		}
		w.enrich(e)
		w.enriched.add(m.Sensor, e)
	}
}

// enrich sets the facts of e.
func (w *worker) enrich(e *scan.Enriched) {
	e.Facts = scan.Facts{OwnerBasis: scan.BasisNone}
	basis, project := scan.Basis(""), ""
	if e.Knock() {
		a := w.attribution(e)
		project = a.project
		if e.Facts = a.facts; a.dated {
			e.OwnerAsOf = asOf(&e.Event)
		}
		basis = e.OwnerBasis
	}
	e.Cause, e.CauseWhy = cause.Of(&e.Event, project)
	w.counts.basis.add(basis)
	w.counts.cause.add(e.Cause)
}

func (w *worker) forget() {
	clear(w.memo)
	w.last, w.recent = netip.Addr{}, nil
}

// attribution works out the attribution of e's source, or remembers it.
func (w *worker) attribution(e *scan.Enriched) *attribution {
	epoch := w.who.epoch(e.Time)
	r := w.recent
	if e.SrcIP != w.last {
		r = w.memo[e.SrcIP]
	}
	if r != nil && r.epoch == epoch {
		w.last, w.recent = e.SrcIP, r
		if r.ask && w.s.lookups != nil { // what is seen most is asked about first
			if r.seen++; r.seen&(r.seen-1) == 0 {
				w.s.lookups.Want(e.SrcIP, (r.seen+1)/2)
			}
		}
		return &r.attribution
	}
	w.counts.lookups++
	answer, fresh := w.s.answer(e.SrcIP, w.since)
	r = &remembered{attribution: w.who.attribution(e.SrcIP, e.Time, answer, fresh, w.s.host(e.SrcIP)), epoch: epoch}
	if r.ask && w.s.lookups != nil && !w.s.lookups.Want(e.SrcIP, 1) {
		w.counts.unqueued++
	}
	if len(w.memo) >= maxMemo {
		w.forget()
	}
	w.memo[e.SrcIP] = r
	w.last, w.recent = e.SrcIP, r
	return &r.attribution
}

// reject keeps a line that is no event, with the reason.
func (w *worker) reject(m *bus.Message, line []byte, reason error) {
	h := fnv.New64a()
	_, _ = h.Write(line)
	r := scan.Rejected{
		ID:       scan.ID(h.Sum64()),
		Kind:     scan.KindRejected,
		Stage:    "enrich",
		Reason:   reason.Error(),
		Received: m.Time.UTC().Truncate(time.Millisecond), // the same if the message comes again
		Sensor:   m.Sensor,
		Line:     strings.ToValidUTF8(string(line[:min(len(line), scan.MaxLine)]), "?"),
		Origin:   fmt.Sprintf("%s message %d", m.Subject, m.Seq),
	}
	w.rejected.add(m.Sensor, &r)
	w.counts.rejected++
}

// publish sends what the group gave and returns when the bus has it on disk.
func (w *worker) publish(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(publishers)
	for _, b := range w.enriched.batches {
		g.Go(func() error { return send(ctx, w.s.bus, bus.Enriched(b.sensor), b.data) })
	}
	for _, b := range w.rejected.batches {
		g.Go(func() error { return send(ctx, w.s.bus, bus.Rejected(b.sensor), b.data) })
	}
	return g.Wait()
}

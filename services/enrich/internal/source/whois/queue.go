package whois

import (
	"context"
	"net/netip"
	"sync"
)

// queue holds the addresses that wait for one registry. Those of the networks
// that are seen most come first, and of those the ones that came first.
type queue struct {
	seen     *sightings
	capacity int
	wake     chan struct{} // holds a token while somebody may have to look

	mu    sync.Mutex
	tasks []*task
	out   int // taken and not done with
}

func newQueue(capacity int, seen *sightings) *queue {
	return &queue{seen: seen, capacity: capacity, wake: make(chan struct{}, 1)}
}

// push adds a task. When the queue is full the task of the network that is seen
// least makes room and is returned; that may be t.
func (q *queue) push(t *task) (out *task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tasks) >= q.capacity {
		least, n := -1, q.seen.of(t.addr)
		for i, other := range q.tasks {
			if m := q.seen.of(other.addr); m < n {
				least, n = i, m
			}
		}
		if least < 0 {
			return t
		}
		out = q.tasks[least]
		q.tasks = append(q.tasks[:least], q.tasks[least+1:]...)
	}
	q.tasks = append(q.tasks, t)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return out
}

// pop takes the next task. It blocks until there is one; nil says that ctx has
// ended.
func (q *queue) pop(ctx context.Context) *task {
	for {
		if t := q.take(); t != nil {
			return t
		}
		select {
		case <-ctx.Done():
			return nil
		case <-q.wake:
		}
	}
}

func (q *queue) take() *task {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tasks) == 0 {
		return nil
	}
	best, most := 0, uint32(0)
	for i, t := range q.tasks {
		if n := q.seen.of(t.addr); n > most {
			best, most = i, n
		}
	}
	t := q.tasks[best]
	q.tasks = append(q.tasks[:best], q.tasks[best+1:]...)
	q.out++
	return t
}

// done says that a task that was taken is done with, or in another queue.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out--
}

// len is how many tasks wait, those included that wait for the server's turn.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.tasks) + q.out
}

// sightings counts how often networks are seen: /24s, in IPv6 /48s.
type sightings struct {
	mu sync.Mutex
	n  map[netip.Prefix]uint32
}

// maxSightings bounds them, a few megabytes. Beyond it, those seen least go.
const maxSightings = 1 << 16

func networkOf(addr netip.Addr) netip.Prefix {
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	p, _ := addr.Prefix(bits)
	return p
}

func (s *sightings) add(addr netip.Addr, n uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == nil {
		s.n = make(map[netip.Prefix]uint32)
	}
	for len(s.n) >= maxSightings {
		for p, seen := range s.n {
			if s.n[p] = seen / 2; seen < 2 {
				delete(s.n, p)
			}
		}
	}
	s.n[networkOf(addr)] += n
}

func (s *sightings) of(addr netip.Addr) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n[networkOf(addr)]
}

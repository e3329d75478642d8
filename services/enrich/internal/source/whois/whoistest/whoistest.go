// Package whoistest runs WHOIS servers on the loopback, for tests.
package whoistest

import (
	"bufio"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Server is a WHOIS server that answers as a test says, and counts.
type Server struct {
	Addr string       // host:port
	Most atomic.Int32 // questions at the same time

	mu    sync.Mutex
	asked []string
	times []time.Time
}

// Serve runs a server until the test ends. answer gets the connection, which is
// closed afterwards, and the question without its line end.
func Serve(t testing.TB, answer func(c net.Conn, question string)) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: l.Addr().String()}
	var wg sync.WaitGroup
	var now atomic.Int32
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				s.Most.Store(max(s.Most.Load(), now.Add(1)))
				defer now.Add(-1)
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				line, err := bufio.NewReader(c).ReadString('\n')
				s.mu.Lock()
				s.asked, s.times = append(s.asked, line), append(s.times, time.Now())
				s.mu.Unlock()
				if err == nil {
					answer(c, strings.TrimRight(line, "\r\n"))
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return s
}

// Text serves the same words to everybody.
func Text(t testing.TB, words string) *Server {
	t.Helper()
	return Serve(t, func(c net.Conn, _ string) { _, _ = c.Write([]byte(words)) })
}

// Questions are those that came, with their line ends.
func (s *Server) Questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// Times are when they came.
func (s *Server) Times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.times)
}

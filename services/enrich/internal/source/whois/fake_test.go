package whois

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fake is a WHOIS server on the loopback that answers as a test says.
type fake struct {
	addr string
	most atomic.Int32 // questions at the same time

	mu    sync.Mutex
	asked []string // questions, with their line end
	times []time.Time
}

// serve runs a server until the test ends. answer gets the question without its
// line end, and the connection, which is closed afterwards.
func serve(t *testing.T, answer func(net.Conn, string)) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{addr: l.Addr().String()}
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
				f.most.Store(max(f.most.Load(), now.Add(1)))
				defer now.Add(-1)
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				line, err := bufio.NewReader(c).ReadString('\n')
				f.mu.Lock()
				f.asked, f.times = append(f.asked, line), append(f.times, time.Now())
				f.mu.Unlock()
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
	return f
}

// text serves the same words to everybody.
func text(t *testing.T, words string) *fake {
	t.Helper()
	return serve(t, func(c net.Conn, _ string) { _, _ = c.Write([]byte(words)) })
}

// fixture reads a reply from the parser's test data.
func fixture(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("reply", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (f *fake) questions() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

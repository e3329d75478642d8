package natsd_test

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/whoknocks/whoknocks/pkg/bus"
)

// cluster is a NATS cluster of three servers as an operator runs it, apart from
// package natsd, which is one server for one machine.
func cluster(t *testing.T) (servers []*server.Server) {
	t.Helper()
	var routes []*url.URL
	var listeners []net.Listener
	ports := make([]int, 3)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
		ports[i] = l.Addr().(*net.TCPAddr).Port
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
	}
	for _, l := range listeners { // all after the last, so that no two are the same
		l.Close()
	}
	for i, port := range ports {
		opts := &server.Options{
			ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, MaxPayload: 8 << 20, Routes: routes,
			JetStreamMaxStore: 64 << 30, JetStreamMaxMemory: 1 << 20,
			Cluster: server.ClusterOpts{Name: "whoknocks", Host: "127.0.0.1", Port: port, NoAdvertise: true},
		}
		s, err := server.NewServer(opts)
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	}
	return servers
}

// TestClusterLosesAServer: with three replicas one server of a cluster may go
// while lines are on their way, whichever leads.
func TestClusterLosesAServer(t *testing.T) {
	ctx := within(t, 4*time.Minute)
	servers := cluster(t)
	var urls []string
	for _, s := range servers {
		go s.Start()
	}
	for _, s := range servers {
		if !s.ReadyForConnections(20 * time.Second) {
			t.Fatal("the cluster is not ready")
		}
		urls = append(urls, s.ClientURL())
	}
	eventually(t, "the cluster has a leader", func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() {
				return true
			}
		}
		return false
	})
	cfg := bus.DefaultConfig()
	cfg.URL, cfg.Replicas = strings.Join(urls, ","), 3
	b, err := bus.Connect(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	got := count(t, b)
	const lines = 2000
	batcher := b.NewBatcher(bus.BatcherConfig{MaxEvents: 20, Linger: time.Millisecond})
	t.Cleanup(batcher.Close)
	for i := range lines {
		if i == lines/2 {
			for _, s := range servers {
				if s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, bus.StreamObserved) {
					s.Shutdown()
					s.WaitForShutdown()
					break
				}
			}
		}
		if _, err := batcher.Add(ctx, bus.Observed("home"), line(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := batcher.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all lines arrived", func() bool { return got.distinct() == lines })
	gone := 0
	for _, s := range servers {
		if !s.Running() {
			gone++
		}
	}
	if gone != 1 {
		t.Errorf("%d servers are gone, want 1: nothing was tried", gone)
	}
}

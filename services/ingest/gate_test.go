package ingest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

func TestSenders(t *testing.T) {
	f := func(allow []string, addr string, want bool) {
		t.Helper()
		g, err := newGate(Config{SyslogAllow: allow})
		if err != nil {
			t.Fatal(err)
		}
		if got := g.admits(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%v admits %s: %v, want %v", allow, addr, got, want)
		}
	}
	f(nil, "192.0.2.1", true)
	f([]string{"192.0.2.1"}, "192.0.2.1", true)
	f([]string{"192.0.2.1"}, "192.0.2.2", false)
	f([]string{"192.0.2.7/24", "2001:db8::/32"}, "192.0.2.200", true)
	f([]string{"192.0.2.7/24", "2001:db8::/32"}, "2001:db8::9", true)
	f([]string{"192.0.2.7/24", "2001:db8::/32"}, "198.51.100.1", false)
	for _, bad := range []string{"", "router", "192.0.2.0/33", "192.0.2.300"} {
		if _, err := senders([]string{bad}); err == nil {
			t.Errorf("senders(%q) is accepted", bad)
		}
	}
}

// However many addresses somebody makes up, memory is bounded, and every message
// that was not taken is told.
func TestGateBounded(t *testing.T) {
	g, err := newGate(Config{SyslogRate: 1, SyslogBurst: 1})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	const many = 3 * maxSenders
	for i := range many {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if !g.take(addr, now) || g.take(addr, now) {
			t.Fatalf("sender %d: want its first message taken and its second not", i)
		}
	}
	if n := g.limiters.Len(); n > maxSenders {
		t.Errorf("%d senders are remembered", n)
	}
	sum := uint64(0)
	for _, n := range g.untaken() {
		sum += n
	}
	if sum != many {
		t.Errorf("%d messages were not taken, want %d", sum, many)
	}
	if again := g.untaken(); again != nil {
		t.Errorf("told twice: %v", again)
	}
}

func TestSyslogAllow(t *testing.T) {
	w, _ := serving(t, func(c *Config) { c.SyslogAllow = []string{"192.0.2.0/24"} })
	udp, tcp := w.SyslogAddrs()
	fmt.Fprintf(dial(t, "udp", udp), "%s\n", line(1))
	c := dial(t, "tcp", tcp)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection of a sender that is not allowed stays open")
	}
	for _, l := range []string{"udp", "tcp"} {
		eventually(t, l+" sender counted", func() bool { return testutil.ToFloat64(w.metrics.notAllowed.WithLabelValues(l)) == 1 })
	}
	if n, _ := w.tables.count(); n != 0 {
		t.Errorf("%d events of senders that are not allowed", n)
	}
}

// Over UDP what exceeds the rate is dropped, and becomes a gap; over TCP the
// sender waits.
func TestSyslogRate(t *testing.T) {
	w, stop := serving(t, func(c *Config) { c.SyslogRate, c.SyslogBurst = 20, 5 })
	udp, tcp := w.SyslogAddrs()
	u := dial(t, "udp", udp)
	for i := range 50 {
		fmt.Fprintf(u, "%s\n", line(i))
	}
	eventually(t, "all datagrams seen", func() bool {
		return testutil.ToFloat64(w.metrics.messages.WithLabelValues("udp")) == 50
	})
	limited := testutil.ToFloat64(w.metrics.limited)
	if limited < 30 || limited > 45 {
		t.Errorf("%v of 50 datagrams exceeded the rate of 20 after 5", limited)
	}
	c := dial(t, "tcp", tcp)
	for i := range 15 {
		fmt.Fprintf(c, "%s\n", line(100+i))
	}
	eventually(t, "everything that came over TCP", func() bool { n, _ := w.tables.count(); return n == 50-int(limited)+15 })
	stop()
	eventually(t, "a gap", func() bool {
		w.tables.mu.Lock()
		defer w.tables.mu.Unlock()
		for _, r := range w.tables.rejected {
			if r.Kind == scan.KindGap && strings.Contains(r.Reason, fmt.Sprintf("%v messages of 127.0.0.1 exceeded", limited)) {
				return true
			}
		}
		return false
	})
}

// authority makes certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = a.make(t, "authority", true)
	return a
}

func (a *authority) make(t *testing.T, name string, ca bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.n++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.n), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// files writes a new pair.
func (a *authority) files(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	c, k := a.make(t, name, false)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	put := func(path, kind string, der []byte) {
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(cert, "CERTIFICATE", c.Raw)
	put(key, "PRIVATE KEY", der)
	return cert, key
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func TestSyslogTLS(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	cert, key := ca.files(t, dir, "first")
	caFile := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	w, _ := serving(t, func(c *Config) {
		c.SyslogTLS, c.SyslogTLSCert, c.SyslogTLSKey, c.SyslogTLSClientCA = "127.0.0.1:0", cert, key, caFile
	})
	peer, peerKey := ca.make(t, "router", false)
	client := &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{{Certificate: [][]byte{peer.Raw}, PrivateKey: peerKey}}}
	c, err := tls.Dial("tcp", w.SyslogTLSAddr(), client)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "%d %s%s\n", len(line(2)), line(2), line(1)) // both framings
	eventually(t, "two events over TLS", func() bool { n, _ := w.tables.count(); return n == 2 })

	// Without a certificate, or without TLS, nothing is taken.
	if bare, err := tls.Dial("tcp", w.SyslogTLSAddr(), &tls.Config{RootCAs: ca.pool()}); err == nil {
		fmt.Fprintf(bare, "%s\n", line(3))
		bare.Close()
	}
	fmt.Fprintf(dial(t, "tcp", w.SyslogTLSAddr()), "%s\n", line(4))
	eventually(t, "two failed handshakes", func() bool { return testutil.ToFloat64(w.metrics.handshakes) == 2 })
	if n, _ := w.tables.count(); n != 2 {
		t.Errorf("%d events, want two", n)
	}

	// A new certificate is served without a restart.
	ca.files(t, dir, "second")
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(cert, later, later); err != nil {
		t.Fatal(err)
	}
	again, err := tls.Dial("tcp", w.SyslogTLSAddr(), client)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if name := again.ConnectionState().PeerCertificates[0].Subject.CommonName; name != "second" {
		t.Errorf("the certificate is %q, want the new one", name)
	}
}

func TestSyslogTLSBad(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.SyslogTLS, c.SyslogTLSCert, c.SyslogTLSKey = "127.0.0.1:0", "/nonexistent/cert.pem", "/nonexistent/key.pem"
	})
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate of the TLS listener") {
		t.Errorf("Run() without a certificate = %v", err)
	}
	cfg := DefaultConfig()
	cfg.SyslogTLS, cfg.SyslogAllow, cfg.SyslogRate = "127.0.0.1:0", []string{"x"}, -1
	err := cfg.Validate()
	for _, want := range []string{"syslog_tls_cert", "syslog_allow", "syslog_rate"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate() = %v, want %s in it", err, want)
		}
	}
}

package ingest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// tlsHandshake bounds a handshake: who only connects must not hold a connection.
const tlsHandshake = 10 * time.Second

// tlsConfig serves RFC 5425: TLS 1.2 or later, and peers with certificates if an
// authority for them is named.
func tlsConfig(cfg Config) (*tls.Config, error) {
	pair := &keyPair{cert: cfg.SyslogTLSCert, key: cfg.SyslogTLSKey}
	if _, err := pair.get(nil); err != nil {
		return nil, err
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}
	if cfg.SyslogTLSClientCA != "" {
		pem, err := os.ReadFile(cfg.SyslogTLSClientCA)
		if err != nil {
			return nil, fmt.Errorf("read the authorities of peers: %w", err)
		}
		out.ClientCAs, out.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !out.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("read the authorities of peers: " + cfg.SyslogTLSClientCA + " holds no certificate")
		}
	}
	return out, nil
}

// keyPair is a certificate and its key, read again when a file has changed. A
// pair that cannot be read leaves the old one in use.
type keyPair struct {
	cert, key string

	mu      sync.Mutex
	at      [2]time.Time
	current *tls.Certificate
}

func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := [2]time.Time{modified(p.cert), modified(p.key)}
	if p.current != nil && at == p.at {
		return p.current, nil
	}
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	switch {
	case err == nil:
		p.current, p.at = &pair, at
	case p.current == nil:
		return nil, fmt.Errorf("read the certificate of the TLS listener: %w", err)
	}
	return p.current, nil
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

package chdb

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// authenticate says in which role a request acts: the writer's with his password; everybody else is
// a reader. It knows the three places where ClickHouse's clients put a name and a password.
func authenticate(r *http.Request, user, password string) (role string, err error) {
	name, key := credentials(r)
	switch {
	case name == user && password != "" && sameText(key, password):
		return roleWriter, nil
	case (name == "" || name == "default" || name == "reader") && key == "":
		return roleReader, nil
	}
	return "", errLogin(name)
}

// credentials are the name and the password in a request.
func credentials(r *http.Request) (name, key string) {
	name, key, ok := r.BasicAuth()
	if !ok {
		name, key = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key")
	}
	if q := r.URL.Query(); name == "" && key == "" {
		name, key = q.Get("user"), q.Get("password")
	}
	return name, key
}

func errLogin(name string) error {
	return &exception{516, name + ": Authentication failed: password is incorrect, or there is no user with such name.", "AUTHENTICATION_FAILED"}
}

// sameText compares in a time that says nothing of either text, not even its length.
func sameText(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// localHost refuses a name in the Host header that is not this machine's own. Readers need no
// password: a web page that points its own name at the loopback address could read everything
// through its visitor's browser.
func localHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if host == "" || strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

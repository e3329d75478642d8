package guard

import (
	"errors"
	"testing"
)

func TestPublic(t *testing.T) {
	f := func(address string, forbidden bool) {
		t.Helper()
		if err := Public(t.Context(), "tcp", address, nil); errors.Is(err, ErrForbidden) != forbidden {
			t.Errorf("Public(%q) = %v, want forbidden %v", address, err, forbidden)
		}
	}
	f("192.0.2.1:43", false)
	f("[2001:db8::1]:443", false)
	f("127.0.0.1:43", true)
	f("[::1]:43", true)
	f("[::ffff:10.0.0.1]:43", true)
	f("[fe80::1%eth0]:43", true)
	f("169.254.169.254:80", true)
	f("0.0.0.0:80", true)
	f("", true)
	f("localhost:43", true)
}

// Package guard keeps sources that ask servers on the network from being led to
// addresses that are not on the Internet. Which servers need it is for the
// sources to say: those that the configuration names do not.
package guard

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// ErrForbidden is returned, wrapped, for an address that is not public: loopback,
// private, link-local, multicast and reserved ones.
var ErrForbidden = errors.New("server address is not public")

// Public is a net.Dialer's ControlContext that refuses such addresses. It is
// called with the address that is really connected to, after the name was looked
// up, so that no answer of a name server gets around it. It is safe for concurrent
// use.
func Public(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !scan.Public(ap.Addr().WithZone("")) {
		return fmt.Errorf("%s: %w", address, ErrForbidden)
	}
	return nil
}

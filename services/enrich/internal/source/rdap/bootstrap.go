package rdap

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"sync"

	"github.com/gaissmai/bart"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// IANA's lists of which registry answers for which prefixes (RFC 9224, section 5),
// of 7 June 2019 and of 6 November 2019.
var (
	//go:embed ipv4.json
	ipv4 []byte
	//go:embed ipv6.json
	ipv6 []byte
)

// speakers are the hosts that the lists name, and the one that they do not.
var speakers = map[string]reply.Registry{
	"rdap.afrinic.net": reply.AFRINIC,
	"rdap.apnic.net":   reply.APNIC,
	"rdap.arin.net":    reply.ARIN,
	"rdap.db.ripe.net": reply.RIPE,
	"rdap.lacnic.net":  reply.LACNIC,
	"rdap.registro.br": reply.NICBR,
}

// registroBR answers for Brazil, to which LACNIC redirects. IANA's lists have
// LACNIC alone.
const registroBR = "https://rdap.registro.br/"

// bootstrap is what the lists say. It does not change.
type bootstrap struct {
	bases   map[reply.Registry]string // URLs, https
	holders bart.Table[reply.Registry]
}

var boot = sync.OnceValue(func() *bootstrap {
	b := &bootstrap{bases: map[reply.Registry]string{reply.NICBR: registroBR}}
	for _, list := range [][]byte{ipv4, ipv6} {
		if err := b.add(list); err != nil {
			panic("built-in RDAP bootstrap: " + err.Error()) // a test reads it
		}
	}
	return b
})

func (b *bootstrap) add(list []byte) error {
	var file struct {
		Services [][2][]string // prefixes, then URLs
	}
	if err := json.Unmarshal(list, &file); err != nil {
		return err
	}
	for _, s := range file.Services {
		holder := reply.Registry("")
		for _, base := range s[1] {
			u, err := url.Parse(base)
			if err != nil {
				return err
			}
			if r, ok := speakers[u.Host]; ok && u.Scheme == "https" {
				holder, b.bases[r] = r, base
			}
		}
		if holder == "" {
			return fmt.Errorf("no known registry at %q", s[1])
		}
		for _, text := range s[0] {
			p, err := netip.ParsePrefix(text)
			if err != nil {
				return err
			}
			b.holders.Insert(p, holder)
		}
	}
	return nil
}

// Holder is the registry that IANA gave the address to, by the longest prefix of
// its lists, "" if it gave it to none. The registry may have handed it on to
// another since. It does not block and is safe for concurrent use.
func Holder(addr netip.Addr) reply.Registry {
	r, _ := boot().holders.Lookup(addr.Unmap().WithZone(""))
	return r
}

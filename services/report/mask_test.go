package report

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMask(t *testing.T) {
	f := func(in []string, want ...string) {
		t.Helper()
		var table Sources
		for _, text := range in {
			addr := netip.MustParseAddr(text)
			table.Rows = append(table.Rows, SourceRow{Address: addr.String(), Addr: addr})
		}
		masked := table.Mask()
		var got []string
		for _, row := range masked.Rows {
			got = append(got, row.Address)
			if row.Addr.IsValid() {
				t.Errorf("Mask(%v) keeps %v", in, row.Addr)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Mask(%v) mismatch (-want +got):\n%s", in, diff)
		}
		for i, row := range table.Rows {
			if row.Address != in[i] {
				t.Errorf("Mask(%v) changed its table", in)
			}
		}
		again := masked.Mask()
		for i, row := range again.Rows {
			if row.Address != want[i] {
				t.Errorf("Mask twice = %q, want %q", row.Address, want[i])
			}
		}
	}
	f([]string{"217.212.238.146", "217.212.238.12", "69.22.151.28"}, "217.212.238.a", "217.212.238.b", "69.22.151.a")
	f([]string{"198.51.100.9", "198.51.100.7", "198.51.100.9"}, "198.51.100.a", "198.51.100.b", "198.51.100.a")
	f([]string{"2001:db8:1:2::3", "2001:db8:1:4::5", "2001:db8::1", "2001:db8::2"},
		"2001:db8:1:*:a", "2001:db8:1:*:b", "2001:db8:0:*:a", "2001:db8:0:*:b")
}

// Whatever is masked, it must not be taken for an address, nor hold the part
// that was to be hidden.
func TestMaskIsNoAddress(t *testing.T) {
	var table Sources
	for i := range 256 {
		for _, addr := range []netip.Addr{
			netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}),
			netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i), 15: 0x5c}),
		} {
			table.Rows = append(table.Rows, SourceRow{Address: addr.String(), Addr: addr})
		}
	}
	seen := map[string]bool{}
	for _, row := range table.Mask().Rows {
		if addr, err := netip.ParseAddr(row.Address); err == nil {
			t.Errorf("%q reads as %v", row.Address, addr)
		}
		if seen[row.Address] {
			t.Errorf("%q stands for two addresses", row.Address)
		}
		seen[row.Address] = true
	}
	if !seen["192.0.2.a"] || !seen["192.0.2.z"] || !seen["192.0.2.aa"] || !seen["192.0.2.iv"] {
		t.Errorf("256 addresses of a network are not named a to z and aa to iv: %v", seen)
	}
}

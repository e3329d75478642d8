package mmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
)

// write makes a file in the format with one record for 192.0.2.0/24: a chain of
// 24 nodes of two 32-bit records.
func write(t *testing.T, rec map[string]any) string {
	t.Helper()
	prefix := netip.MustParsePrefix("192.0.2.0/24")
	const nodes = 24
	var out bytes.Buffer
	addr := prefix.Addr().As4()
	for i := range uint32(nodes) {
		next := i + 1
		if i == nodes-1 {
			next = nodes + 16 // the first byte of the data section
		}
		pair := [2]uint32{nodes, nodes} // "nothing"
		pair[addr[i/8]>>(7-i%8)&1] = next
		_ = binary.Write(&out, binary.BigEndian, pair)
	}
	out.Write(make([]byte, 16))
	out.Write(value(rec))
	out.WriteString("\xab\xcd\xefMaxMind.com")
	out.Write(value(map[string]any{
		"node_count": uint64(nodes), "record_size": uint64(32), "ip_version": uint64(4),
		"binary_format_major_version": uint64(2), "binary_format_minor_version": uint64(0),
		"build_epoch": uint64(1765000000), "database_type": "Example-Lite",
		"description": map[string]any{}, "languages": []any{},
	}))
	file := filepath.Join(t.TempDir(), "x.mmdb")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// value encodes as the format's specification says; sizes below 285 only.
func value(v any) []byte {
	control := func(kind, size int) []byte {
		var b []byte
		small := min(size, 29)
		if kind < 8 {
			b = append(b, byte(kind<<5|small))
		} else {
			b = append(b, byte(small), byte(kind-7))
		}
		if size >= 29 {
			b = append(b, byte(size-29))
		}
		return b
	}
	switch v := v.(type) {
	case string:
		return append(control(2, len(v)), v...)
	case uint64:
		b := binary.BigEndian.AppendUint64(nil, v)
		for len(b) > 0 && b[0] == 0 {
			b = b[1:]
		}
		return append(control(9, len(b)), b...)
	case []any:
		return control(11, len(v))
	case map[string]any:
		b := control(7, len(v))
		var keys []string
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			b = append(append(b, value(k)...), value(v[k])...)
		}
		return b
	}
	panic("kind not needed")
}

func TestLookup(t *testing.T) {
	net24 := netip.MustParsePrefix("192.0.2.0/24")
	built := time.Unix(1765000000, 0).UTC()
	f := func(name string, rec map[string]any, want source.Fact, found bool) {
		t.Helper()
		s, err := Open(write(t, rec))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, ok := s.Lookup(netip.MustParseAddr("192.0.2.7"))
		if ok != found {
			t.Errorf("%s: Lookup() found = %v, want %v", name, ok, found)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("%s: Lookup() mismatch (-want +got)\n%s", name, diff)
		}
		if _, ok := s.Lookup(netip.MustParseAddr("198.51.100.1")); ok {
			t.Errorf("%s: an address outside is found", name)
		}
		if _, ok := s.Lookup(netip.MustParseAddr("2001:db8::1")); ok {
			t.Errorf("%s: an IPv6 address is found in a file of IPv4", name)
		}
	}
	f("GeoLite2-ASN", map[string]any{"autonomous_system_number": uint64(64496), "autonomous_system_organization": "Example  Networks"},
		source.Fact{Network: net24, ASN: 64496, ASName: "Example Networks", AsOf: built}, true)
	f("IPinfo Lite", map[string]any{"asn": "AS64496", "as_name": "Example", "country": "Netherlands", "country_code": "NL"},
		source.Fact{Network: net24, ASN: 64496, ASName: "Example", Country: "NL", AsOf: built}, true)
	f("GeoLite2-Country", map[string]any{
		"country":            map[string]any{"iso_code": "FR"},
		"registered_country": map[string]any{"iso_code": "GB"},
	}, source.Fact{Country: "GB", AsOf: built}, true)
	f("country as text", map[string]any{"country": "US"}, source.Fact{Country: "US", AsOf: built}, true)
	f("no country", map[string]any{"country": map[string]any{"iso_code": "EU"}}, source.Fact{}, false)
	f("unknown keys", map[string]any{"city": "Springfield", "asn": "ASX"}, source.Fact{}, false)
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"empty": "", "text": "not a database", "cut": "\xab\xcd\xefMaxMind.com"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(file); err == nil {
			t.Errorf("Open(%s) = nil, want an error", name)
		}
	}
	if _, err := Open(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open(missing) = %v, want a not-exist error", err)
	}
}

// FuzzLookup overwrites bytes of a good file: wrong answers may come, panics may not.
func FuzzLookup(f *testing.F) {
	f.Add(uint16(10), []byte{0xff}, "192.0.2.7")
	f.Add(uint16(210), []byte{0x20, 0x00}, "192.0.2.7")
	f.Fuzz(func(t *testing.T, at uint16, with []byte, text string) {
		file := write(t, map[string]any{"asn": "AS64496", "country": map[string]any{"iso_code": "FR"}})
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		copy(data[int(at)%len(data):], with)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(file)
		if err != nil {
			return
		}
		if addr, err := netip.ParseAddr(text); err == nil {
			s.Lookup(addr.Unmap())
		}
	})
}

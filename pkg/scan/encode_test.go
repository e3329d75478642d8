package scan

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

func TestAppendString(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got := string(appendString(nil, in))
		if got != want {
			t.Errorf("appendString(%q) = %s, want %s", in, got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("appendString(%q) = %s, not JSON", in, got)
		}
	}
	f("", `""`)
	f("home", `"home"`)
	f("exactly8", `"exactly8"`)
	f("more than eight bytes", `"more than eight bytes"`)
	f(`"`, `"\""`)
	f(`C:\log`, `"C:\\log"`)
	f("a\nb\rc\td", `"a\nb\rc\td"`)
	f("\x00\x1f\x7f", "\"\\u0000\\u001f\x7f\"")
	f("\x1b[31mred\x1b[0m", `"\u001b[31mred\u001b[0m"`)
	f("<script>&</script>", `"<script>&</script>"`)
	f("\u2028\u2029", "\"\u2028\u2029\"")
	f("ærlig talt 日本 🙂", `"ærlig talt 日本 🙂"`)
	f("\xff", `"�"`)
	f("\xff\xfe tail", `"�� tail"`)
	f("cut \xe6\x97", `"cut ��"`)
	f("surrogate \xed\xa0\x80", `"surrogate ���"`)
	f("overlong \xc0\xaf", `"overlong ��"`)
	f("12345678\"", `"12345678\""`)
	f("1234567\x80 and more", `"1234567� and more"`)
}

// TestPlain compares the eight lanes with the loop over bytes, for each byte at
// each place beside each byte that could upset it.
func TestPlain(t *testing.T) {
	for c := range 256 {
		for at := range 19 {
			for _, fill := range []byte{' ', '#', ']', 0x7f} {
				for n := at + 1; n <= 19; n++ {
					s := make([]byte, n)
					for i := range s {
						s[i] = fill
					}
					s[at] = byte(c)
					want := plainBytes(s)
					if got := plain(s); got != want {
						t.Fatalf("plain(%q) = %d, want %d", s, got, want)
					}
					if got := plain(string(s)); got != want {
						t.Fatalf("plain(string %q) = %d, want %d", s, got, want)
					}
				}
			}
		}
	}
}

func TestAppendJSON(t *testing.T) {
	f := func(e Event, want string) {
		t.Helper()
		if got := string(e.AppendJSON(nil)); got != want {
			t.Errorf("AppendJSON() = %s, want %s", got, want)
		}
	}
	utc := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	f(Event{}, `{"v":1,"packets":0}`)
	f(Event{ID: 0xabc}, `{"v":1,"id":"0000000000000abc","packets":0}`)
	f(Event{Time: utc("2012-04-10T18:22:01Z")}, `{"v":1,"time":"2012-04-10T18:22:01.000Z","packets":0}`)
	f(Event{Time: utc("2012-04-10T20:22:01+02:00")}, `{"v":1,"time":"2012-04-10T18:22:01.000Z","packets":0}`)
	f(Event{Time: utc("2012-04-10T18:22:01.9999999Z")}, `{"v":1,"time":"2012-04-10T18:22:01.999Z","packets":0}`)
	f(Event{Time: utc("1969-12-31T23:59:59.9999Z")}, `{"v":1,"time":"1969-12-31T23:59:59.999Z","packets":0}`)
	f(Event{Time: utc("9999-12-31T23:59:59Z")}, `{"v":1,"time":"9999-12-31T23:59:59.000Z","packets":0}`)
	f(Event{Time: utc("0000-01-01T00:00:00Z")}, `{"v":1,"time":"0000-01-01T00:00:00.000Z","packets":0}`)
	f(Event{Time: utc("9999-12-31T23:59:59Z").Add(time.Second)}, `{"v":1,"packets":0}`)
	f(Event{Time: utc("0000-01-01T00:00:00Z").Add(-1)}, `{"v":1,"packets":0}`)
	f(Event{SrcIP: netip.MustParseAddr("192.0.2.1")}, `{"v":1,"src_ip":"192.0.2.1","packets":0}`)
	f(Event{SrcIP: netip.MustParseAddr("::ffff:192.0.2.1")}, `{"v":1,"src_ip":"192.0.2.1","packets":0}`)
	f(Event{SrcIP: netip.MustParseAddr("fe80::1").WithZone(`","x":"`)}, `{"v":1,"src_ip":"fe80::1","packets":0}`)
	f(Event{SrcPort: Some[uint16](0)}, `{"v":1,"src_port":0,"packets":0}`)
	f(Event{TCPFlags: Some(TCPFlags(0))}, `{"v":1,"tcp_flags":"","packets":0}`)
	f(Event{ICMPType: Some[uint8](3), ICMPCode: Some[uint8](255)}, `{"v":1,"icmp_type":3,"icmp_code":255,"packets":0}`)
}

// TestAppendJSONAppends says that what is in dst stays and that its room is used.
func TestAppendJSONAppends(t *testing.T) {
	e := sample()
	dst := append(make([]byte, 0, 4096), "before"...)
	got := e.AppendJSON(dst)
	if &got[0] != &dst[0] || string(got[:6]) != "before" || !json.Valid(got[6:]) {
		t.Errorf("AppendJSON() = %s", got)
	}
	if n := testing.AllocsPerRun(100, func() { got = e.AppendJSON(got[:0]) }); n != 0 {
		t.Errorf("AppendJSON() allocates %v times", n)
	}
}

// TestModel compares random values with encoding/json in both directions.
func TestModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var d Decoder
	for range 4_000 {
		e := random(r)
		line := e.AppendJSON(nil)
		var w wire
		if err := json.Unmarshal(line, &w); err != nil {
			t.Fatalf("AppendJSON() = %s: %v", line, err)
		}
		if want := model(&e); !reflect.DeepEqual(&w, want) {
			t.Fatalf("AppendJSON() mismatch\n-want %+v\n+got  %+v", want, &w)
		}
		theirs, err := json.Marshal(model(&e)) // escapes more than AppendJSON does
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range [][]byte{line, theirs} {
			var got Enriched
			if err := d.Enriched(in, &got); err != nil {
				t.Fatal(err)
			}
			if got != e {
				t.Fatalf("Enriched(%s) mismatch\n-want %+v\n+got  %+v", in, e, got)
			}
		}
	}
}

// random returns a value in the form that the Decoder returns: UTF-8, UTC,
// canonical addresses. Every field is absent now and then.
func random(r *rand.Rand) Enriched {
	letters := []rune("abcXYZ019 .,:;-_/\\\"'<>&\t\n\x00\x1b\x7fåß日🙂\u2028\ufffd")
	text := func() string {
		s := make([]rune, max(0, r.IntN(24)-4))
		for i := range s {
			s[i] = letters[r.IntN(len(letters))]
		}
		return string(s)
	}
	addr := func() (a netip.Addr) {
		var b [16]byte
		for i := range b {
			b[i] = byte(r.Uint32() & r.Uint32())
		}
		switch r.IntN(3) {
		case 0:
			a = netip.AddrFrom4([4]byte(b[:4]))
		case 1:
			a = netip.AddrFrom16(b).Unmap()
		}
		return a
	}
	clock := func(unit time.Duration) (t time.Time) {
		if r.IntN(8) > 0 {
			t = time.Unix(r.Int64N(endSecond-firstSecond)+firstSecond, 0).UTC().Add(time.Duration(r.IntN(int(time.Second))).Truncate(unit))
		}
		return t
	}
	port := func() Opt[uint16] {
		if r.IntN(3) == 0 {
			return Opt[uint16]{}
		}
		return Some(uint16(r.Uint32()))
	}
	small := func() Opt[uint8] {
		if r.IntN(3) == 0 {
			return Opt[uint8]{}
		}
		return Some(uint8(r.Uint32()))
	}
	flags := small()
	return Enriched{
		Event: Event{
			ID: ID(r.Uint64() >> (8 * r.IntN(9))), Time: clock(time.Millisecond), TimeBasis: TimeBasis(text()), Received: clock(time.Millisecond),
			Sensor: text(), Format: text(), Verdict: Verdict(text()), Direction: Direction(text()), Proto: text(),
			SrcIP: addr(), SrcPort: port(), DstIP: addr(), DstPort: port(),
			TCPFlags: Opt[TCPFlags]{TCPFlags(flags.V), flags.OK}, ICMPType: small(), ICMPCode: small(),
			Packets: r.Uint32() >> r.IntN(33), Label: text(), Line: text(), Origin: text(),
		},
		Facts: Facts{
			Network: text(), Owner: text(), Registrant: text(), Netname: text(), Country: text(), Carrier: text(),
			ASN: r.Uint32() >> r.IntN(33), ASName: text(), OwnerBasis: Basis(text()), OwnerAsOf: clock(time.Second),
			OwnerWhy: text(), Cause: Cause(text()), CauseWhy: text(),
		},
	}
}

package scan

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"testing"
	"time"
)

// FuzzDecodeEnriched reads any bytes. What is read must be JSON, say what
// encoding/json says, and come back equal from its own wire form.
func FuzzDecodeEnriched(f *testing.F) {
	for _, name := range []string{"v1/event", "v1/enriched", "v2/enriched"} {
		for _, line := range golden(f, name) {
			f.Add(line)
		}
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, line []byte) {
		var e, again Enriched
		if d.Enriched(line, &e) != nil {
			return
		}
		members := theirs(t, line)
		for key, got := range map[string]string{
			"time_basis": string(e.TimeBasis), "sensor": e.Sensor, "format": e.Format, "verdict": string(e.Verdict),
			"direction": string(e.Direction), "proto": e.Proto, "label": e.Label, "line": e.Line, "origin": e.Origin,
			"network": e.Network, "owner": e.Owner, "registrant": e.Registrant, "netname": e.Netname, "country": e.Country,
			"carrier": e.Carrier, "as_name": e.ASName, "owner_basis": string(e.OwnerBasis), "owner_why": e.OwnerWhy,
			"cause": string(e.Cause), "cause_why": e.CauseWhy,
		} {
			if want, _ := members[key].(string); got != want {
				t.Errorf("key %q of %q is %q, want %q", key, line, got, want)
			}
		}
		out := e.AppendJSON(nil)
		if err := d.Enriched(out, &again); err != nil || again != e {
			t.Errorf("%q was written as %s and read as %+v, %v", line, out, again, err)
		}
	})
}

// theirs returns what encoding/json reads from line.
func theirs(t *testing.T, line []byte) (members map[string]any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&members); err != nil || !json.Valid(line) {
		t.Fatalf("%q was read, but encoding/json says %v", line, err)
	}
	return members
}

// FuzzDecodeEvent makes an event of anything. Its wire form must be JSON, and
// what is read from that must come back equal.
func FuzzDecodeEvent(f *testing.F) {
	f.Add(uint64(1), int64(1334082121), int64(1e6), "home", "netfilter", "\xff", []byte{192, 0, 2, 1}, "", uint16(80), byte(2), uint32(1))
	f.Add(uint64(0), int64(-1), int64(0), "", "\u2028", "\x00\\\"", make([]byte, 16), `"`, uint16(0), byte(0), uint32(0))
	f.Add(uint64(0), int64(1<<40), int64(0), "", "", "", []byte{}, "", uint16(0), byte(255), uint32(1<<31))
	var d Decoder
	f.Fuzz(func(t *testing.T, id uint64, sec, nsec int64, a, b, c string, ip []byte, zone string, port uint16, small byte, packets uint32) {
		addr, _ := netip.AddrFromSlice(ip)
		in := Event{
			ID: ID(id), Time: time.Unix(sec, nsec), TimeBasis: TimeBasis(a), Received: time.Unix(nsec, sec), Sensor: b, Format: c,
			Verdict: Verdict(c), Direction: Direction(b), Proto: a, SrcIP: addr.WithZone(zone), SrcPort: Some(port), DstIP: addr,
			DstPort: Opt[uint16]{port, small&1 == 0}, TCPFlags: Opt[TCPFlags]{TCPFlags(small), port&1 == 0},
			ICMPType: Opt[uint8]{small, small&2 == 0}, ICMPCode: Some(small), Packets: packets, Label: c, Line: a + b + c, Origin: b,
		}
		out := in.AppendJSON(nil)
		theirs(t, out)
		var e, again Event
		if err := d.Event(out, &e); err != nil {
			t.Fatalf("%+v was written as %s: %v", in, out, err)
		}
		if back := e.AppendJSON(nil); !bytes.Equal(back, out) {
			t.Errorf("%s came back as %s", out, back)
		} else if err := d.Event(back, &again); err != nil || again != e {
			t.Errorf("%+v came back as %+v, %v", e, again, err)
		}
	})
}

// FuzzDecodeOthers does for the two other wire types what FuzzDecodeEnriched does.
func FuzzDecodeOthers(f *testing.F) {
	for _, name := range []string{"v1/rejected", "v1/attributed", "v2/enriched"} {
		for _, line := range golden(f, name) {
			f.Add(line)
		}
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, line []byte) {
		var r, r2 Rejected
		if d.Rejected(line, &r) == nil {
			theirs(t, line)
			if err := d.Rejected(r.AppendJSON(nil), &r2); err != nil || r2 != r {
				t.Errorf("%+v came back as %+v, %v", r, r2, err)
			}
		}
		var a, a2 Attributed
		if d.Attributed(line, &a) == nil {
			theirs(t, line)
			if err := d.Attributed(a.AppendJSON(nil), &a2); err != nil || a2 != a {
				t.Errorf("%+v came back as %+v, %v", a, a2, err)
			}
		}
	})
}

// FuzzParseClock compares the reader of our own layouts with package time.
func FuzzParseClock(f *testing.F) {
	for _, s := range []string{"2012-04-10T18:22:01.000Z", "2012-04-10T18:22:01Z", "2024-02-29T23:59:59.999Z", "1900-02-29T00:00:00Z"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := parseOwnClock(b)
		if !ok {
			return
		}
		if want, err := time.Parse(time.RFC3339Nano, string(b)); err != nil || got != want.UTC() {
			t.Errorf("parseOwnClock(%q) = %v, package time says %v, %v", b, got, want, err)
		}
	})
}

// FuzzParseIPv4 compares the reader of dotted quads with net/netip.
func FuzzParseIPv4(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "0.0.0.0", "255.255.255.255", "1.2.3", "1.2.3.4.", "01.2.3.4", "256.1.1.1", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := parseIPv4(b)
		want, err := netip.ParseAddr(string(b))
		if is4 := err == nil && want.Is4(); ok != is4 || ok && got != want {
			t.Errorf("parseIPv4(%q) = %v, %v; net/netip says %v, %v", b, got, ok, want, err)
		}
	})
}

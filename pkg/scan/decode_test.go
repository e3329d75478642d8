package scan

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecoderEvent(t *testing.T) {
	var d Decoder
	f := func(in, want string) {
		t.Helper()
		e := sample().Event // must not show through
		if err := d.Event([]byte(in), &e); err != nil {
			t.Errorf("Event(%s): %v", in, err)
		} else if got := string(e.AppendJSON(nil)); got != `{"v":1`+want+`}` {
			t.Errorf("Event(%s) = %s, want %s", in, got, want)
		}
	}
	// Absent, null, repeated.
	f(`{}`, `,"packets":1`)
	f(" \t\r\n{ \n} \r\n", `,"packets":1`)
	f(`{"packets":0}`, `,"packets":0`)
	f(`{"packets":7,"packets":null}`, `,"packets":1`)
	f(`{"v":null,"id":null,"time":null,"proto":null,"src_ip":null,"src_port":null,"tcp_flags":null,"line":null}`, `,"packets":1`)
	f(`{"id":"1111111111111111","id":null}`, `,"packets":1`)
	f(`{"src_port":1,"src_port":null,"dst_port":1,"dst_port":2}`, `,"dst_port":2,"packets":1`)
	f(`{"proto":"tcp","proto":""}`, `,"packets":1`)

	// Order and white space.
	f(`{"origin":"o","v":1,"sensor":"s"}`, `,"sensor":"s","packets":1,"origin":"o"`)
	f(`{"v" : 9 , "sensor" : "s" , "dst_port" : 53 }`, `,"sensor":"s","dst_port":53,"packets":1`)
	f(`{"v":4294967295}`, `,"packets":1`)

	// Unknown keys, those of facts among them.
	f(`{"owner":1,"asn":"x","sensor":"s"}`, `,"sensor":"s","packets":1`)
	f(`{"x":{"sensor":"no","y":[{},[],[[1]]]},"sensor":"s","z":"}"}`, `,"sensor":"s","packets":1`)
	f(`{"Sensor":"no","sensor2":"no","senso":"no","":"no"}`, `,"packets":1`)
	f(`{"a":0,"b":-0,"c":-1.5e+10,"d":1E400,"e":0.0e-1,"f":true,"g":false,"h":null,"i":"\"\u00e5"}`, `,"packets":1`)
	f(`{"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}`, `,"packets":1`)

	// Texts.
	f(`{"label":"\"\\\/\b\f\n\r\t"}`, `,"packets":1,"label":"\"\\/\u0008\u000c\n\r\t"`)
	f(`{"label":"\u00e5\u00C5\u65e5"}`, `,"packets":1,"label":"åÅ日"`)
	f(`{"label":"\ud83d\ude42"}`, `,"packets":1,"label":"🙂"`)
	f(`{"label":"\ud83d"}`, `,"packets":1,"label":"�"`)
	f(`{"label":"\ude42\ud83d\ud83d\ude42 \ud83d\u0041"}`, `,"packets":1,"label":"��🙂 �A"`)
	f(`{"label":"\u0000"}`, `,"packets":1,"label":"\u0000"`)
	f("{\"label\":\"\xff a \xe6\x97\"}", `,"packets":1,"label":"� a ��"`)
	f(`{"\u006cabel":"k"}`, `,"packets":1,"label":"k"`)

	// Addresses, times, numbers, flags.
	f(`{"src_ip":"0.0.0.0","dst_ip":"255.255.255.255"}`, `,"src_ip":"0.0.0.0","dst_ip":"255.255.255.255","packets":1`)
	f(`{"src_ip":"2001:DB8:0::1","dst_ip":"::ffff:192.0.2.1"}`, `,"src_ip":"2001:db8::1","dst_ip":"192.0.2.1","packets":1`)
	f(`{"time":"2012-04-10T18:22:01Z"}`, `,"time":"2012-04-10T18:22:01.000Z","packets":1`)
	f(`{"time":"2012-04-10T18:22:01.5Z"}`, `,"time":"2012-04-10T18:22:01.500Z","packets":1`)
	f(`{"time":"2012-04-10T18:22:01.123999999-11:30"}`, `,"time":"2012-04-11T05:52:01.123Z","packets":1`)
	f(`{"time":"2024-02-29T00:00:00.000Z"}`, `,"time":"2024-02-29T00:00:00.000Z","packets":1`)
	f(`{"time":"0001-01-01T00:00:00Z"}`, `,"packets":1`) // Go's zero time is absent
	f(`{"id":"00000000DEADbeef"}`, `,"id":"00000000deadbeef","packets":1`)
	f(`{"src_port":65535,"icmp_type":255}`, `,"src_port":65535,"icmp_type":255,"packets":1`)
	f(`{"packets":4294967295}`, `,"packets":4294967295`)
	f(`{"tcp_flags":"CFFA"}`, `,"tcp_flags":"FAC","packets":1`)
	f(`{"verdict":"quarantine"}`, `,"verdict":"quarantine","packets":1`) // a later version's word: for Validate
}

func TestDecoderErrors(t *testing.T) {
	var d Decoder
	f := func(in, want string) {
		t.Helper()
		e := sample()
		err := d.Enriched([]byte(in), &e)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Enriched(%s) = %v, want %s", in, err, want)
		}
		if e != (Enriched{}) {
			t.Errorf("Enriched(%s) left %+v", in, e)
		}
	}
	// Known keys with the wrong value.
	f(`{"sensor":1}`, `key "sensor": "1" is not a text`)
	f(`{"sensor":["a"]}`, `key "sensor": "[\"a\"]}" is not a text`)
	f(`{"sensor":true}`, `key "sensor": "true" is not a text`)
	f(`{"line":{}}`, `key "line": "{}}" is not a text`)
	f(`{"src_port":65536}`, `key "src_port": "65536" is not a whole number from 0 to 65535`)
	f(`{"src_port":-1}`, `key "src_port": "-1" is not`)
	f(`{"src_port":1.0}`, `key "src_port": "1.0" is not`)
	f(`{"src_port":1e3}`, `key "src_port": "1e3" is not`)
	f(`{"src_port":"80"}`, `key "src_port": "\"80\"}" is not`)
	f(`{"src_port":007}`, `key "src_port": "007" is not`)
	f(`{"src_port":99999999999999999999999}`, `key "src_port": "99999999999999999999999" is not`)
	f(`{"icmp_code":256}`, `key "icmp_code": "256" is not a whole number from 0 to 255`)
	f(`{"packets":4294967296}`, `key "packets": "4294967296" is not`)
	f(`{"asn":-5}`, `key "asn": "-5" is not`)
	f(`{"v":"1"}`, `key "v": "\"1\"}" is not`)
	f(`{"v":1.1}`, `key "v": "1.1" is not`)
	f(`{"id":"abc"}`, `key "id": "abc" is not 16 hexadecimal digits`)
	f(`{"id":"000000000000000g"}`, `key "id": "000000000000000g" is not`)
	f(`{"id":42}`, `key "id": "42" is not a text`)
	f(`{"src_ip":"300.1.2.3"}`, `key "src_ip": "300.1.2.3" is not an IP address without zone`)
	f(`{"src_ip":"01.2.3.4"}`, `key "src_ip": "01.2.3.4" is not`)
	f(`{"src_ip":"1.2.3"}`, `key "src_ip": "1.2.3" is not`)
	f(`{"src_ip":"1.2.3.4.5"}`, `key "src_ip": "1.2.3.4.5" is not`)
	f(`{"src_ip":"1.2.3."}`, `key "src_ip": "1.2.3." is not`)
	f(`{"src_ip":"fe80::1%eth0"}`, `key "src_ip": "fe80::1%eth0" is not`)
	f(`{"src_ip":""}`, `key "src_ip": "" is not`)
	f(`{"time":"yesterday"}`, `key "time": "yesterday" is not an RFC 3339 time`)
	f(`{"time":"2023-02-29T00:00:00.000Z"}`, `key "time": "2023-02-29T00:00:00.000Z" is not`)
	f(`{"time":"2023-13-01T00:00:00.000Z"}`, `key "time": "2023-13-01`)
	f(`{"time":"2023-01-01T24:00:00.000Z"}`, `key "time": "2023-01-01T24`)
	f(`{"time":"2016-12-31T23:59:60.000Z"}`, `key "time": "2016-12-31T23:59:60`)
	f(`{"time":"2023-01-01T00:00:00.0x0Z"}`, `key "time"`)
	f(`{"time":"9999-12-31T23:59:59-01:00"}`, `key "time"`) // year 10000 in UTC
	f(`{"time":1334082121}`, `key "time": "1334082121" is not a text`)
	f(`{"tcp_flags":"SX"}`, `key "tcp_flags": "SX" is not letters of FSRPAUEC`)
	f(`{"tcp_flags":2}`, `key "tcp_flags": "2" is not a text`)
	f(`{"owner_as_of":"x"}`, `key "owner_as_of": "x" is not`)
	f(`{"id":"`+strings.Repeat("é", 50)+`"}`, `key "id": "`+strings.Repeat("é", 30)+`"... is not`)
	f(`{"id":"`+strings.Repeat(`\u0001`, 50)+`"}`, `key "id": "`+strings.Repeat(`\x01`, 50)+`" is not`)

	// Not JSON.
	f(``, `byte 0: not a JSON object: ""`)
	f(`null`, `byte 0: not a JSON object: "null"`)
	f(`[]`, `not a JSON object`)
	f(`{`, `byte 1: not JSON: ""`)
	f(`{"v":1`, `byte 6: not JSON: ""`)
	f(`{"v":1}}`, `byte 7: more after the JSON object: "}"`)
	f(`{"v":1} {"v":1}`, `byte 8: more after the JSON object`)
	f(`{"v":1,}`, `not JSON`)
	f(`{,"v":1}`, `not JSON`)
	f(`{"v":}`, `key "v"`)
	f(`{"v" 1}`, `byte 5: not JSON: "1"`)
	f(`{v:1}`, `byte 1: not JSON`)
	f(`{"v":1 "id":null}`, `byte 7: not JSON`)
	f(`{"sensor":nul}`, `key "sensor": byte 10: not JSON: "nul"`)
	f(`{"sensor":"a`, `key "sensor": byte 12: not JSON: ""`)
	f("{\"sensor\":\"a\x01\"}", `key "sensor": byte 12: not JSON: "\x01\""`)
	f(`{"sensor":"\x41"}`, `key "sensor": byte 11: not JSON`)
	f(`{"sensor":"\u12g4"}`, `key "sensor": byte 11: not JSON`)
	f(`{"sensor":"\`, `key "sensor": byte 11: not JSON`)
	f(`{"x":tru}`, `key "x": byte 5: not JSON: "tru"`)
	f(`{"x":01}`, `not JSON`)
	f(`{"x":-}`, `key "x"`)
	f(`{"x":1.}`, `key "x"`)
	f(`{"x":1e}`, `key "x"`)
	f(`{"x":+1}`, `key "x"`)
	f(`{"x":.5}`, `key "x"`)
	f(`{"x":NaN}`, `key "x"`)
	f(`{"x":[1,]}`, `key "x"`)
	f(`{"x":[1 2]}`, `key "x"`)
	f(`{"x":{"a"}}`, `key "x"`)
	f(`{"x":{"a":1,}}`, `key "x"`)
	f(`{"x":{1:1}}`, `key "x"`)
	f(`{"x":[1}}`, `key "x"`)
	f(`{"x":`, `key "x"`)
	f(`{"x\u0041":`, `key "xA"`)
	f(`{"x":`+strings.Repeat("[", 101)+strings.Repeat("]", 101)+`}`, `key "x": byte 105: nested deeper than 100`)
	f(`{"x":`+strings.Repeat(`{"a":`, 100_000), `nested deeper than 100`)
}

// TestDecoderErrorsAreShort says that a line cannot make a long message.
func TestDecoderErrorsAreShort(t *testing.T) {
	var d Decoder
	long := strings.Repeat("\xff\x00", 1<<16)
	for _, in := range []string{
		long, `{"` + long, `{"id":"` + strings.Repeat("x", 1<<16) + `"}`, `{"x":` + long, `{"x` + strings.Repeat("y", 1<<16) + `":}`,
	} {
		err := d.Event([]byte(in), new(Event))
		if err == nil || len(err.Error()) > 600 || !utf8.ValidString(err.Error()) {
			t.Errorf("Event() = %v", err)
		}
	}
}

// TestDecoderCopies overwrites a line after it was read.
func TestDecoderCopies(t *testing.T) {
	var d Decoder
	want := sample()
	line := want.AppendJSON(nil)
	var got Enriched
	if err := d.Enriched(line, &got); err != nil {
		t.Fatal(err)
	}
	clear(line)
	if got != want {
		t.Errorf("Enriched() mismatch\n-want %+v\n+got  %+v", want, got)
	}
	if d.data != nil {
		t.Error("the Decoder holds on to the line")
	}
}

// TestDecoderAllocs takes the best of several Decoders: with one seed in 25 two
// texts of the sample fall into the same slot and displace each other for ever.
func TestDecoderAllocs(t *testing.T) {
	want := sample()
	line := want.AppendJSON(nil)
	least := math.Inf(1)
	for range 8 {
		var d Decoder
		var e Enriched
		least = min(least, testing.AllocsPerRun(100, func() {
			if err := d.Enriched(line, &e); err != nil {
				t.Fatal(err)
			}
		}))
	}
	if least > 2 { // line and origin
		t.Errorf("Enriched() allocates %v times, want 2", least)
	}
}

// TestInternIsBounded reads far more texts than there are slots.
func TestInternIsBounded(t *testing.T) {
	var d Decoder
	for i := range 3 * slots {
		b := fmt.Appendf(nil, "owner %d", i)
		if got := d.intern(b); got != string(b) {
			t.Fatalf("intern(%s) = %s", b, got)
		}
	}
	long := strings.Repeat("x", maxIntern+1)
	if got := d.intern([]byte(long)); got != long {
		t.Errorf("intern() = %s", got)
	}
	for _, s := range d.table {
		if len(s) > maxIntern {
			t.Errorf("the table holds a text of %d bytes", len(s))
		}
	}
}

func TestDecoderOthersErrors(t *testing.T) {
	var d Decoder
	r := Rejected{ID: 1}
	if err := d.Rejected([]byte(`{"kind":1}`), &r); err == nil || err.Error() != `decode rejected line: key "kind": "1" is not a text` || r != (Rejected{}) {
		t.Errorf("Rejected() = %v, left %+v", err, r)
	}
	a := Attributed{Facts: Facts{ASN: 1}}
	if err := d.Attributed([]byte(`{"last":"x"}`), &a); err == nil || err.Error() != `decode attribution: key "last": "x" is not an IP address without zone` || a != (Attributed{}) {
		t.Errorf("Attributed() = %v, left %+v", err, a)
	}
}

// TestMarshalJSON goes through encoding/json, for values inside others.
func TestMarshalJSON(t *testing.T) {
	type all struct {
		E []Event
		N []Enriched
		R []Rejected
		A []Attributed
	}
	e := sample()
	want := all{[]Event{e.Event, {}}, []Enriched{e, {}}, []Rejected{{ID: e.ID, Kind: KindRejected}}, []Attributed{{First: e.SrcIP, Facts: e.Facts}}}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got all
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Unmarshal(%s) mismatch\n-want %+v\n+got  %+v", b, want, got)
	}
	if err := json.Unmarshal([]byte(`{"src_port":"x"}`), new(Event)); err == nil {
		t.Error("Unmarshal() = nil, want the key's error")
	}
}

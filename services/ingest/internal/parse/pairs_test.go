package parse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
)

func TestKeyValues(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, pairs(KeyValues(in))); diff != "" {
			t.Errorf("KeyValues(%q) mismatch (-want +got):\n%s", in, diff)
		}
	}
	f("")
	f("no pair at all")
	f("=")
	f("a=", "a= cut")
	f(`date=2024-01-02 time="10:00:00" src=192.0.2.7`, "date=2024-01-02", "time=10:00:00", "src=192.0.2.7 cut")
	f(`msg="a \"b\" c=d" x=1 `, `msg=a \"b\" c=d`, "x=1")
	f(`a=1,b="2,3",c=4;d=5	e=6 `, "a=1", "b=2,3", "c=4", "d=5", "e=6")
	f(`a="not closed b=1`, "a=not closed b=1 cut")
	f(`a="`, "a= cut")
	f(`a="\`, `a=\ cut`)
	f(`hello "quoted k=v" a=b=c `, "a=b=c")
	f(`a= b=1 `, "a=", "b=1")
}

func TestExtension(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		var l envelope.Line
		envelope.Unwrap(in, &l)
		if diff := cmp.Diff(want, pairs(Extension(&l))); diff != "" {
			t.Errorf("Extension(%q) mismatch (-want +got):\n%s", in, diff)
		}
	}
	f("CEF:0|v|p|1|2|t|3|src=192.0.2.7 msg=two words cs1=a\\=b dst=198.51.100.9",
		"src=192.0.2.7", "msg=two words", `cs1=a\=b`, "dst=198.51.100.9 cut")
	f(`CEF:0|v|p|1|2|t|3|spt= 12345 appName="General HTTPS" sid=7`, "spt= 12345", "appName=General HTTPS", "sid=7 cut")
	f(`0|v|p|1|2|t\|u|3|msg="x y=z"`, "msg=x y=z")
	f(`CEF:0|v|p|1|2|t|3|a=`, "a= cut")
	f(`CEF:0|v|p|1|2|t|3|a=\`, `a=\ cut`)
	f("LEEF:1.0|v|p|1|2|src=192.0.2.7	msg=two words = one	x", "src=192.0.2.7", "msg=two words = one")
	f("LEEF:1.0|v|p|1|2|src=192.0.2.7#011dst=198.51.100.9", "src=192.0.2.7", "dst=198.51.100.9 cut")
	f("LEEF:2.0|v|p|1|2|^|a=1^b=2", "a=1", "b=2 cut")
	f("LEEF:2.0|v|p|1|2|0x5E|a=1^b=2", "a=1", "b=2 cut")
	f("1.0|v|p|1|2|a=1	b=2", "a=1", "b=2 cut")
}

func pairs(p Pairs) (out []string) {
	for p.Next() {
		s := p.Key + "=" + p.Value
		if p.Cut {
			s += " cut"
		}
		out = append(out, s)
	}
	return out
}

func TestSplit(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		var got [5]string
		n := Split(got[:], in, ',')
		if diff := cmp.Diff(want, got[:n]); diff != "" {
			t.Errorf("Split(%q) mismatch (-want +got):\n%s", in, diff)
		}
	}
	f("", "")
	f("a,,b", "a", "", "b")
	f(`"a,b",c`, "a,b", "c")
	f(`"a""b",c,`, `a""b`, "c", "")
	f(`"open`, "open")
	f(`"a"x,b`, "a", "b")
	f("1,2,3,4,5,6,7", "1", "2", "3", "4", "5")
}

// Every text gives pairs that stand in it, in order, and an end.
func FuzzPairs(f *testing.F) {
	for _, s := range []string{`a=1 b="2" c`, `CEF:0|v|p|1|2|t|3|a=b c d=e`, "LEEF:1.0|v|p|1|2|a=1\tb", `="`, `a="\"`, `a=\`, ` =`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var l envelope.Line
		envelope.Unwrap(s, &l)
		for _, p := range []Pairs{KeyValues(s), Extension(&l), {rest: s, shape: extension}, {rest: s, shape: delimited, sep: "\t"}} {
			n := 0
			for p.Next() {
				if n++; n > len(s) {
					t.Fatalf("no end of pairs in %q", s)
				}
				if !strings.Contains(s, p.Key) || !strings.Contains(s, p.Value) {
					t.Fatalf("%q=%q does not stand in %q", p.Key, p.Value, s)
				}
			}
		}
		var got [8]string
		for i, v := range got[:Split(got[:], s, ',')] {
			if !strings.Contains(s, v) {
				t.Fatal(fmt.Sprint("field ", i, " does not stand in the text"))
			}
		}
	})
}

func BenchmarkKeyValues(b *testing.B) {
	const line = `date=2024-01-02 time=10:00:00 devname="gw" type="traffic" subtype="local" srcip=192.0.2.7 srcport=40000 dstip=198.51.100.9 dstport=23 proto=6 action="deny"`
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for p := KeyValues(line); p.Next(); {
			n += len(p.Value)
		}
	}
}

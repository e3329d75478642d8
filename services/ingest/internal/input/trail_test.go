package input

import (
	"strings"
	"testing"
)

// The sum of what comes before a position is the same however it is read, and
// after the document has grown; a byte makes it another.
func TestSumTo(t *testing.T) {
	text := lines(2000) + strings.Repeat("y", 2*MaxLine) + "\n" + lines(10) + "no line ending"
	sum := func(text string, at int64) (uint64, bool) {
		t.Helper()
		sum, ok, err := open(t, "a.log", []byte(text)).SumTo(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		return sum, ok
	}
	type stop struct {
		at  int64
		sum uint64
	}
	var stops []stop
	trail := NewTrail()
	if err := open(t, "a.gz", gzipped(t, text)).Chunks(t.Context(), func(c Chunk) error {
		for l := range c.Lines() {
			trail.Add(l)
			stops = append(stops, stop{l.End, trail.Sum()})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, s := range stops {
		if i%97 != 0 && i < len(stops)-12 {
			continue
		}
		for _, text := range []string{text, text + " but more", text + "\n"} {
			if got, ok := sum(text, s.at); !ok || got != s.sum {
				t.Errorf("SumTo(%d) = %x, %v; want %x", s.at, got, ok, s.sum)
			}
		}
	}
	last := stops[len(stops)-1]
	if got, ok := sum("z"+text[1:], last.at); !ok || got == last.sum {
		t.Error("SumTo() of another text is the same")
	}
	if _, ok := sum(text[:100], last.at); ok {
		t.Error("SumTo() of less text is ok")
	}
}

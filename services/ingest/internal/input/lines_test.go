package input

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLines(t *testing.T) {
	f := func(c Chunk, want ...Line) {
		t.Helper()
		var got []Line
		for l := range c.Lines() {
			got = append(got, l)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Lines() of %.20q mismatch (-want +got):\n%s", c.Text, diff)
		}
	}
	f(Chunk{})
	f(Chunk{Text: "a\n\nbc", Offset: 10}, Line{Text: "a", At: 10, End: 12}, Line{At: 12, End: 13}, Line{Text: "bc", At: 13, End: 15})
	f(Chunk{Text: "head", Offset: 10, Long: 1 << 30}, Line{Text: "head", At: 10, End: 11 + 1<<30, Long: 1 << 30})
	y := strings.Repeat("y", MaxLine+1)
	f(Chunk{Text: y + "\nz\n"}, Line{Text: y[:keepLong], End: MaxLine + 2, Long: MaxLine + 1}, Line{Text: "z", At: MaxLine + 2, End: MaxLine + 4})
}

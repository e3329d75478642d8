package scan

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// The files under testdata are what some version has written to somebody's
// disk. Add to them; to edit a line of them is to break who holds one like it.

// coder is a wire type: how to read one into a new value, and how to write it.
type coder interface{ AppendJSON([]byte) []byte }

var coders = map[string]func(*Decoder, []byte) (coder, error){
	"event":      func(d *Decoder, b []byte) (coder, error) { e := new(Event); return e, d.Event(b, e) },
	"enriched":   func(d *Decoder, b []byte) (coder, error) { e := new(Enriched); return e, d.Enriched(b, e) },
	"rejected":   func(d *Decoder, b []byte) (coder, error) { r := new(Rejected); return r, d.Rejected(b, r) },
	"attributed": func(d *Decoder, b []byte) (coder, error) { a := new(Attributed); return a, d.Attributed(b, a) },
}

// golden returns the lines of a file under testdata.
func golden(tb testing.TB, name string) (lines [][]byte) {
	tb.Helper()
	batch, err := os.ReadFile(filepath.Join("testdata", name+".ndjson"))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range Lines(batch) {
		lines = append(lines, line)
	}
	return lines
}

func TestGolden(t *testing.T) {
	for name, decode := range coders {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			for i, line := range golden(t, "v1/"+name) {
				v, err := decode(&d, line)
				if err != nil {
					t.Errorf("line %d: %v", i+1, err)
					continue
				}
				if got := v.AppendJSON(nil); !bytes.Equal(got, line) {
					t.Errorf("line %d: AppendJSON() mismatch\n-want %s\n+got  %s", i+1, line, got)
				}
			}
		})
	}
}

// TestGoldenModel reads the golden events with encoding/json, which would tell
// two fields that the codec mixes up in the same way in both directions.
func TestGoldenModel(t *testing.T) {
	var d Decoder
	for i, line := range append(golden(t, "v1/event"), golden(t, "v1/enriched")...) {
		var e Enriched
		if err := d.Enriched(line, &e); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		var want wire
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		if got := model(&e); !reflect.DeepEqual(got, &want) {
			t.Errorf("line %d: Enriched() mismatch\n-want %+v\n+got  %+v", i+1, &want, got)
		}
	}
}

// TestGoldenFuture reads what a version to come may write, and what others write
// who know JSON but not this package.
func TestGoldenFuture(t *testing.T) {
	var d Decoder
	want := golden(t, "v2/enriched.v1")
	for i, line := range golden(t, "v2/enriched") {
		var e Enriched
		if err := d.Enriched(line, &e); err != nil {
			t.Errorf("line %d: %v", i+1, err)
		} else if got := e.AppendJSON(nil); !bytes.Equal(got, want[i]) {
			t.Errorf("line %d: mismatch\n-want %s\n+got  %s", i+1, want[i], got)
		}
	}
}

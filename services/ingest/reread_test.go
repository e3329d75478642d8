package ingest

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// What is read again is what was stored, to the last field that makes its key.
func TestReread(t *testing.T) {
	w := newWorld(t)
	content := append(attempts(5000), "[DoS attack: ACK Scan] attack packets in last 20 sec from ip\n[192.0.2.9], Friday, Apr 13,2012 15:16:19"...)
	path := w.file(t, "router.log", content)
	sum := w.imports(t, ImportOptions{Files: []string{path}, Timezone: "Asia/Tokyo"})
	files, err := w.Files(t.Context())
	if err != nil || len(files) != 1 {
		t.Fatalf("Files() = %v, %v", files, err)
	}
	type stored struct{ id, src, time string }
	var got []stored
	days, err := w.Reread(t.Context(), files[0], func(events []scan.Event) error {
		for _, ev := range events {
			got = append(got, stored{ev.ID.String(), ev.SrcIP.String(), ev.Time.String()})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[stored]bool)
	for _, ev := range w.tables.events {
		want[stored{ev.ID.String(), ev.SrcIP.String(), ev.Time.String()}] = true
	}
	if int64(len(got)) != sum.Events {
		t.Errorf("%d events read again, want %d", len(got), sum.Events)
	}
	for _, s := range got {
		if !want[s] {
			t.Errorf("%+v was not stored", s)
		}
	}
	var total Counts
	byDay := make(map[string]int64)
	for _, d := range days {
		total.Add(d.Counts)
		byDay[d.Day] = d.Events
	}
	if diff := cmp.Diff(Counts{Lines: sum.Lines, Events: sum.Events, Packets: sum.Packets, Unrecognised: sum.Unrecognised, Rejected: sum.Rejected}, total); diff != "" {
		t.Errorf("sum of days mismatch (-import +reread):\n%s", diff)
	}
	if days := slices.Sorted(maps.Keys(byDay)); !cmp.Equal(days, []string{"2012-04-09", "2012-04-13"}) {
		t.Errorf("days %v, want those in UTC", days)
	}
}

func TestRereadStops(t *testing.T) {
	w := newWorld(t)
	path := w.file(t, "router.log", attempts(5000))
	w.imports(t, ImportOptions{Files: []string{path}})
	files, _ := w.Files(t.Context())
	want := errors.New("enough")
	if _, err := w.Reread(t.Context(), files[0], func([]scan.Event) error { return want }); !errors.Is(err, want) {
		t.Errorf("Reread() error = %v, want that of yield", err)
	}

	// a file whose import was broken off is read as far as was promised
	part := files[0]
	part.Done, part.Position = false, part.Position/2
	part.Sum = sumTo(t, path, part.Position)
	days, err := w.Reread(context.Background(), part, func([]scan.Event) error { return nil })
	var n int64
	for _, d := range days {
		n += d.Lines
	}
	if !errors.Is(err, ErrIncomplete) || n < 2400 || n > 2600 {
		t.Errorf("Reread() of half a file = %d lines, %v; want half of them and ErrIncomplete", n, err)
	}

	// other content under the same name is another file
	if err := os.WriteFile(path, attempts(101)[100:], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reread(context.Background(), files[0], nil); !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "another file") {
		t.Errorf("Reread() of another file error = %v, want ErrGone", err)
	}
	os.Remove(path)
	if _, err := w.Reread(context.Background(), files[0], nil); !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), path) {
		t.Errorf("Reread() of a missing file error = %v, want ErrGone", err)
	}
}

func TestRereadStdin(t *testing.T) {
	w := newWorld(t)
	w.imports(t, ImportOptions{Files: []string{"-"}, Stdin: strings.NewReader(string(attempts(10)))})
	files, _ := w.Files(t.Context())
	if _, err := w.Reread(t.Context(), files[0], nil); !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "stdin") {
		t.Errorf("Reread() of stdin error = %v, want ErrGone", err)
	}
}

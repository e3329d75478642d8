package input

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.log", "a.log", "a.log.1", "a.log.10.gz", "a.log.2", "c.log-20120401", "c.log-20120415.gz", "c.log", ".x", "sub/d.log", "sub/.y/e.log"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(dir, "sub", "loop")); err != nil {
		t.Fatal(err)
	}
	f := func(want []string, fails bool, paths ...string) {
		t.Helper()
		for i, p := range paths {
			if p != Stdin {
				paths[i] = filepath.Join(dir, p)
			}
		}
		files, err := Expand(paths)
		var got []string
		for _, f := range files {
			rel, rerr := filepath.Rel(dir, f.Path)
			if rerr != nil {
				rel = f.Path
			}
			got = append(got, rel)
		}
		if diff := cmp.Diff(want, got); diff != "" || (err != nil) != fails {
			t.Errorf("Expand(%q) = %v mismatch (-want +got):\n%s", paths, err, diff)
		}
	}
	f([]string{"a.log.10.gz", "a.log.2", "a.log.1", "a.log", "b.log", "c.log-20120401", "c.log-20120415.gz", "c.log", "sub/d.log"}, false, "")
	f([]string{"b.log", "a.log"}, false, "b.log", "a.log")
	f([]string{"a.log.10.gz", "a.log.2", "a.log.1", "a.log"}, false, "a.log*")
	f([]string{"a.log", "b.log", "c.log", "sub/d.log"}, false, "**/*.log")
	f([]string{"a.log", "b.log"}, false, "{a,b}.log")
	f(nil, true, "z*.log")
	f([]string{"missing.log"}, false, "missing.log") // Open says so
	f(nil, true, "[")
	f([]string{"-"}, false, Stdin)
}

func TestDateIn(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		got, ok := dateIn(name)
		if text := got.Format(time.DateTime); ok != (want != "") || ok && text != want {
			t.Errorf("dateIn(%q) = %v, %v, want %s", name, got, ok, want)
		}
	}
	f("router.log-20120415.gz", "2012-04-15 23:59:59")
	f("adsl-2012-04.log", "2012-04-30 23:59:59")
	f("2012-04-15.log", "2012-04-15 23:59:59")
	f("router.log.1", "")
	f("router-120415.log", "")
	f("router-20121345.log", "")
	f("x320120415", "")
	f("router-29990101.log", "")
}

package assets_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whoknocks/whoknocks/services/internal/assets"
)

func write(t *testing.T, elem ...string) string {
	t.Helper()
	path := filepath.Join(elem...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind(t *testing.T) {
	repo, own := t.TempDir(), t.TempDir()
	write(t, repo, "go.work")
	inRepo := write(t, repo, ".cache", "deps", "node_modules", "@x", "data", "a.csv")
	inOwn := write(t, own, "@x", "data", "a.csv")
	below := filepath.Join(repo, "services", "enrich")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	t.Setenv(assets.EnvDir, "")

	f := func(rel, want string) {
		t.Helper()
		got, err := assets.Find(rel)
		if err != nil || !same(got, want) {
			t.Errorf("Find(%q) = %q, %v; want %q", rel, got, err, want)
		}
	}
	f("@x/data/a.csv", inRepo)
	t.Setenv(assets.EnvDir, own)
	f("@x/data/a.csv", inOwn)
	t.Setenv(assets.EnvDir, filepath.Join(own, "nothing")) // falls through
	f("@x/data/a.csv", inRepo)

	_, err := assets.Find("@x/data/b.csv")
	if !errors.Is(err, assets.ErrNotFound) || !strings.Contains(err.Error(), "@x/data/b.csv") || !strings.Contains(err.Error(), "make deps") {
		t.Errorf("Find of a missing file = %v, want ErrNotFound with the name and what to do", err)
	}
	if _, err := assets.Find("@x/data"); !errors.Is(err, assets.ErrNotFound) {
		t.Errorf("Find of a folder = %v, want ErrNotFound", err)
	}
	for _, bad := range []string{"../secret", "/etc/passwd", ""} {
		if _, err := assets.Find(bad); err == nil {
			t.Errorf("Find(%q) = nil, want an error", bad)
		}
	}
}

func TestRoot(t *testing.T) {
	root, err := assets.Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "services", "internal", "assets")); err != nil {
		t.Errorf("Root() = %q, which does not hold this package: %v", root, err)
	}
	t.Chdir(t.TempDir())
	if root, err := assets.Root(); !errors.Is(err, assets.ErrNotFound) {
		t.Errorf("Root() outside a repository = %q, %v; want ErrNotFound", root, err)
	}
}

// same compares paths of which one may go through a symbolic link.
func same(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

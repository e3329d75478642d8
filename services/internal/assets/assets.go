// Package assets finds the large files that are fetched rather than kept in the
// repository: the embedded engine's library and the IP data. What is in them is
// left to those who read them.
package assets

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// EnvDir names the environment variable that is looked at first: a folder laid
// out like node_modules.
const EnvDir = "WHOKNOCKS_ASSETS"

// ErrNotFound is returned, wrapped with what was looked for and what to do
// about it, when no folder has the file.
var ErrNotFound = errors.New("not found")

// cache is where `make deps` puts the files, below the repository's root.
var cache = filepath.Join(".cache", "deps", "node_modules")

// shipped is where the repository keeps the files that ship with the programs.
var shipped = filepath.Join("deploy", "config")

// Find returns the path of the file named rel, a slash-separated path such as
// "@ip-location-db/asn/asn-ipv4.csv" or "owners.yaml". It looks in
// $WHOKNOCKS_ASSETS, beside the running program (../.cache/deps/node_modules,
// ../deploy/config, then ../share/whoknocks), in /usr/share/whoknocks, and below
// the repository that holds the working directory, which is what tests and
// `go run` need.
func Find(rel string) (string, error) {
	rel = filepath.FromSlash(rel)
	if !filepath.IsLocal(rel) {
		return "", fmt.Errorf("asset %q: want a path without .. or a leading slash", rel)
	}
	for _, dir := range folders() {
		path := filepath.Join(dir, rel)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fmt.Errorf("asset %q: %w: run `make deps` in the repository, or set %s to the folder that holds it", filepath.ToSlash(rel), ErrNotFound, EnvDir)
}

func folders() []string {
	var dirs []string
	if dir := os.Getenv(EnvDir); dir != "" {
		dirs = append(dirs, dir)
	}
	if exe, err := os.Executable(); err == nil {
		if target, err := filepath.EvalSymlinks(exe); err == nil {
			exe = target
		}
		base := filepath.Dir(filepath.Dir(exe))
		dirs = append(dirs, filepath.Join(base, cache), filepath.Join(base, shipped), filepath.Join(base, "share", "whoknocks"))
	}
	dirs = append(dirs, "/usr/share/whoknocks")
	if root, err := Root(); err == nil {
		dirs = append(dirs, filepath.Join(root, cache), filepath.Join(root, shipped))
	}
	return dirs
}

// Root returns the folder of the go.work that the working directory is in or
// below. Tests use it to find what lies elsewhere in the repository.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("repository: %w: no go.work above the working directory", ErrNotFound)
		}
		dir = parent
	}
}

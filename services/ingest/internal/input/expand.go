package input

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// File is a file to read.
type File struct {
	Path string
	// Found says that the file was not named but found, in a directory or by a
	// pattern: that it is no log is then no error.
	Found bool
}

// Expand returns the files that paths stand for: a file for itself, a directory
// for all files below it but those whose names begin with a dot, a pattern with
// *, ?, [...], {...} or ** for whatever fits. Rotated files come from the oldest to the
// newest, otherwise names decide within each path. Symbolic links to directories
// are not followed. What cannot be read or fits nothing is an error that names
// it, beside the files.
func Expand(paths []string) ([]File, error) {
	var files []File
	var errs []error
	for _, path := range paths {
		if path == Stdin {
			files = append(files, File{Path: path})
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir():
			found, err := walk(path)
			files = append(files, found...)
			errs = append(errs, err)
		case err == nil || !strings.ContainsAny(path, "*?[{"):
			files = append(files, File{Path: path}) // Open says what is wrong with it
		default:
			found, err := glob(path)
			files = append(files, found...)
			errs = append(errs, err)
		}
	}
	return files, errors.Join(errs...)
}

func walk(dir string) (files []File, err error) {
	var errs []error
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(filepath.Base(path), ".") && path != dir
		switch {
		case err != nil:
			errs = append(errs, fileError("read", path, err))
			if e != nil && e.IsDir() {
				return fs.SkipDir
			}
		case e.IsDir() && hidden:
			return fs.SkipDir
		case hidden:
		case e.Type().IsRegular():
			files = append(files, File{path, true})
		case e.Type()&fs.ModeSymlink != 0:
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				files = append(files, File{path, true})
			}
		}
		return nil
	})
	inOrder(files)
	return files, errors.Join(errs...)
}

func glob(pattern string) (files []File, err error) {
	names, err := doublestar.FilepathGlob(pattern, doublestar.WithFilesOnly(), doublestar.WithNoFollow(), doublestar.WithNoHidden(), doublestar.WithFailOnIOErrors())
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("pattern %q fits no file", pattern)
	}
	for _, name := range names {
		files = append(files, File{name, true})
	}
	inOrder(files)
	return files, nil
}

// inOrder sorts by folder and name, and rotated files of one log from the oldest:
// router.log.2.gz, router.log.1, router.log-20120415, router.log.
func inOrder(files []File) {
	type key struct {
		base   string
		age    int // of a numbered file; 0 is the log itself
		dated  string
		suffix string
	}
	keys := make(map[string]key, len(files))
	for _, f := range files {
		var k key
		k.base, k.age, k.dated = rotation(f.Path)
		k.suffix = f.Path
		keys[f.Path] = k
	}
	slices.SortStableFunc(files, func(a, b File) int {
		x, y := keys[a.Path], keys[b.Path]
		if c := strings.Compare(x.base, y.base); c != 0 {
			return c
		}
		if (x.dated == "") != (y.dated == "") { // dated ones are older than the log itself
			if x.dated != "" {
				return -1
			}
			return 1
		}
		if c := strings.Compare(x.dated, y.dated); c != 0 {
			return c
		}
		if c := y.age - x.age; c != 0 {
			return c
		}
		return strings.Compare(x.suffix, y.suffix)
	})
}

// rotation cuts what logrotate, newsyslog and others add to a log's name: a number
// or a date, and what it was compressed with.
func rotation(path string) (base string, age int, dated string) {
	base = path
	for _, ext := range [...]string{".gz", ".zst", ".xz", ".bz2"} {
		base = strings.TrimSuffix(base, ext)
	}
	if i := strings.LastIndexByte(base, '.'); i > 0 {
		if n, err := strconv.Atoi(base[i+1:]); err == nil && len(base)-i-1 < 6 && n >= 0 {
			return base[:i], n + 1, ""
		}
	}
	if i := strings.LastIndexByte(base, '-'); i > 0 {
		if _, ok := dateIn(base[i+1:]); ok {
			return base[:i], 0, base[i+1:]
		}
	}
	return base, 0, ""
}

package table

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// Date tells of when a data file is. Packages of IP data carry the day in the
// version beside the file ("2.3.2026061719" in package.json), because their
// archives set every file's time to a constant; other files are dated by their
// modification time. The zero time says that nothing is known.
func Date(file string) time.Time {
	if d, ok := packageDate(filepath.Join(filepath.Dir(file), "package.json")); ok {
		return d
	}
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime().UTC().Truncate(time.Second)
}

func packageDate(manifest string) (time.Time, bool) {
	data, err := os.ReadFile(manifest)
	if err != nil {
		return time.Time{}, false
	}
	var pkg struct {
		Version string `json:"version"`
	}
	if json.Unmarshal(data, &pkg) != nil {
		return time.Time{}, false
	}
	v := pkg.Version
	for i := len(v) - 1; i >= 0; i-- {
		if v[i] == '.' {
			v = v[i+1:]
			break
		}
	}
	if len(v) < 8 {
		return time.Time{}, false
	}
	d, err := time.Parse("20060102", v[:8])
	return d, err == nil
}

package clock

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // images have no zone files
)

// Local is the name by which Zone knows the zone of this machine.
const Local = "local"

// Zone loads a time zone: an IANA name such as Europe/London, UTC, Local or
// nothing for that of this machine, or a fixed offset such as +02:00. The name it
// returns is never Local, so that it means the same on another machine.
func Zone(name string) (*time.Location, string, error) {
	switch strings.ToLower(name) {
	case "", Local:
		return here()
	case "utc", "etc/utc", "z", "gmt", "etc/gmt":
		return time.UTC, "UTC", nil
	}
	if name[0] == '+' || name[0] == '-' {
		var s Stamp
		if n := s.zone(name); n == len(name) {
			return time.FixedZone(name, int(s.Offset)), name, nil
		}
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, "", fmt.Errorf("unknown time zone %q (want a name such as Europe/London, an offset such as +02:00, or local)", name)
	}
	return loc, name, nil
}

// here finds the IANA name of the machine's zone where the system tells it. A
// zone it cannot name is taken by the offset of today, a made-up constant that
// at least stays the same.
func here() (*time.Location, string, error) {
	name := strings.TrimPrefix(os.Getenv("TZ"), ":")
	if name == "" {
		if target, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
			if _, after, ok := strings.Cut(filepath.ToSlash(target), "zoneinfo/"); ok {
				name = after
			}
		}
	}
	if name != "" && !strings.EqualFold(name, Local) {
		if loc, name, err := Zone(name); err == nil {
			return loc, name, nil
		}
	}
	abbreviation, seconds := time.Now().Zone()
	if seconds == 0 {
		return time.UTC, "UTC", nil
	}
	sign, s := '+', seconds
	if s < 0 {
		sign, s = '-', -s
	}
	fixed := fmt.Sprintf("%c%02d:%02d", sign, s/3600, s/60%60)
	return time.FixedZone(abbreviation, seconds), fixed, nil
}

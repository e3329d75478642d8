package input

import (
	"path/filepath"
	"strings"
	"time"
)

// Date returns the date by which the lines of a document without a year are
// dated: a mail's own; of a file the end of the day or month that its name
// tells, if the file is not older itself; otherwise when it was last written.
// Zero is unknown.
func (d *Document) Date() time.Time {
	if d.Mail {
		return d.Modified
	}
	if named, ok := dateIn(filepath.Base(d.Path)); ok && (d.Modified.IsZero() || named.Before(d.Modified)) {
		return named
	}
	return d.Modified
}

// dateIn finds 20120415, 2012-04-15 or 2012-04 in a name, of the years from 1990
// to this one, and returns the last second of that day or month in UTC.
func dateIn(name string) (time.Time, bool) {
	for i := 0; i < len(name); i++ {
		if i > 0 && digit(name[i-1]) || !strings.HasPrefix(name[i:], "19") && !strings.HasPrefix(name[i:], "20") {
			continue
		}
		for _, layout := range [...]string{"20060102", "2006-01-02", "2006_01_02", "2006.01.02", "2006-01"} {
			if len(name)-i < len(layout) || len(name)-i > len(layout) && digit(name[i+len(layout)]) {
				continue
			}
			t, err := time.Parse(layout, name[i:i+len(layout)])
			if err != nil || t.Year() < 1990 || t.After(time.Now().AddDate(0, 0, 2)) {
				continue
			}
			if layout == "2006-01" {
				t = t.AddDate(0, 1, -1)
			}
			return t.Add(24*time.Hour - time.Second), true
		}
	}
	return time.Time{}, false
}

func digit(c byte) bool { return c-'0' <= 9 }

package scan

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unicode/utf8"
)

// Times outside these years are clocks that were never set or damaged lines;
// ClickHouse keeps seconds of 1970 to 2105.
const (
	firstYear = 1970
	lastYear  = 2105
)

// Validate reports the first rule that e breaks, naming the key, or nil. An
// event has an id, time, time basis, sensor, format, verdict, direction, source
// address and at least one packet; its times are of the years 1970 to 2105, its
// addresses canonical, its words known, its texts UTF-8 and no longer than
// MaxLine. The other fields may be absent.
func (e *Event) Validate() error {
	switch {
	case e.ID == 0:
		return errors.New("id: absent")
	case e.Time.IsZero():
		return errors.New("time: absent")
	case e.Packets == 0:
		return errors.New("packets: 0, an event has at least one")
	case !e.SrcIP.IsValid():
		return errors.New("src_ip: absent")
	}
	if err := ValidSensor(e.Sensor); err != nil {
		return err
	}
	if err := e.validWords(); err != nil {
		return err
	}
	for _, t := range [...]struct {
		key  string
		time time.Time
	}{{"time", e.Time}, {"received", e.Received}} {
		if y := t.time.UTC().Year(); !t.time.IsZero() && (y < firstYear || y > lastYear) {
			return fmt.Errorf("%s: year %d is not from %d to %d", t.key, y, firstYear, lastYear)
		}
	}
	for _, a := range [...]struct {
		key  string
		addr netip.Addr
	}{{"src_ip", e.SrcIP}, {"dst_ip", e.DstIP}} {
		if a.addr.Zone() != "" || a.addr.Is4In6() {
			return fmt.Errorf("%s: %s is not canonical", a.key, quote([]byte(a.addr.String())))
		}
	}
	return e.validTexts()
}

func (e *Event) validWords() error {
	switch e.TimeBasis {
	case TimeGiven, TimeZoneAssumed, TimeYearInferred, TimeReceived:
	default:
		return unknownWord("time_basis", string(e.TimeBasis))
	}
	switch e.Verdict {
	case VerdictDrop, VerdictReject, VerdictAllow, VerdictAlert, VerdictUnknown:
	default:
		return unknownWord("verdict", string(e.Verdict))
	}
	switch e.Direction {
	case DirectionIn, DirectionOut, DirectionLocal, DirectionUnknown:
	default:
		return unknownWord("direction", string(e.Direction))
	}
	if e.Format == "" {
		return errors.New("format: absent")
	}
	return nil
}

func unknownWord(key, word string) error {
	if word == "" {
		return errors.New(key + ": absent")
	}
	return fmt.Errorf("%s: unknown word %s", key, quote([]byte(word)))
}

func (e *Event) validTexts() error {
	for _, t := range [...]struct{ key, text string }{
		{"format", e.Format}, {"proto", e.Proto}, {"label", e.Label}, {"line", e.Line}, {"origin", e.Origin},
	} {
		if len(t.text) > MaxLine {
			return fmt.Errorf("%s: %d bytes, more than %d", t.key, len(t.text), MaxLine)
		}
		if !utf8.ValidString(t.text) {
			return fmt.Errorf("%s: not UTF-8: %s", t.key, quote([]byte(t.text)))
		}
	}
	return nil
}

// maxSensor is the most bytes of a sensor's name.
const maxSensor = 64

// ValidSensor returns nil if s can name a sensor: 1 to 64 letters, digits,
// hyphens and underscores, which is one token of a NATS subject and safe in
// file names and URLs.
func ValidSensor(s string) error {
	ok := len(s) > 0 && len(s) <= maxSensor
	for i := 0; ok && i < len(s); i++ {
		c := s[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	}
	if !ok {
		return fmt.Errorf("sensor: %s is not 1 to %d letters, digits, - and _", quote([]byte(s)), maxSensor)
	}
	return nil
}

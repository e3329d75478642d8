// Package clock reads the times that devices write and repairs them: the year
// that is missing, the zone that is missing, and the clock that was never set.
//
// What a device wrote is a Stamp. It is kept apart from the repaired time,
// because the identity of an event is made from the former: the same line
// repaired with another zone is still the same event.
package clock

import "encoding/binary"

// Stamp is a time as a device wrote it, none of it repaired. The zero value is
// no time at all. It is a plain value and comparable.
type Stamp struct {
	Nano   int32 // fraction of the second, in nanoseconds
	Offset int32 // seconds east of UTC, if Zone
	Year   int16 // 0 is absent
	Month  uint8 // 1 to 12; 0 in the zero Stamp only
	Day    uint8
	Hour   uint8
	Minute uint8
	Second uint8 // up to 60
	Zone   bool  // Offset was given
	Unset  bool  // the device itself says that its clock is not set
}

// StampSize is how many bytes AppendBinary appends.
const StampSize = 16

// IsZero reports whether there is no time.
func (s *Stamp) IsZero() bool { return s.Month == 0 }

// AppendBinary appends the fields as written, for hashing. Its bytes are part of
// the identity of stored events and never change. Unset is left out: it is a
// remark about the clock and no part of the time.
func (s *Stamp) AppendBinary(dst []byte) []byte {
	zone := byte(0)
	if s.Zone {
		zone = 1
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(s.Year))
	dst = append(dst, s.Month, s.Day, s.Hour, s.Minute, s.Second, zone)
	dst = binary.BigEndian.AppendUint32(dst, uint32(s.Nano))
	return binary.BigEndian.AppendUint32(dst, uint32(s.Offset))
}

// possible reports whether the fields are in range. A day that only some years
// have counts as possible while the year is absent.
func (s *Stamp) possible() bool {
	return s.Month >= 1 && s.Month <= 12 && s.Day >= 1 && s.Hour <= 23 && s.Minute <= 59 && s.Second <= 60 &&
		(int(s.Day) <= daysIn(int(s.Year), s.Month) || s.Year == 0 && s.Month == 2 && s.Day == 29)
}

func daysIn(year int, month uint8) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

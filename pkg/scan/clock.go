package scan

import "time"

// precision is how much of a second the wire keeps; the rest is cut.
type precision time.Duration

const (
	millis  = precision(time.Millisecond)
	seconds = precision(time.Second)
)

// Seconds since 1970 of the first and the one after the last time that RFC 3339
// can write, years 0 to 9999.
const (
	firstSecond = -62167219200
	endSecond   = 253402300800
)

func writable(t time.Time) bool {
	s := t.Unix()
	return s >= firstSecond && s < endSecond
}

// appendClock writes a writable t as RFC 3339 in UTC, such as
// 2012-04-10T18:22:01.000Z, or without a fraction at precision seconds.
func appendClock(dst []byte, t time.Time, p precision) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append(dst,
		byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), '-',
		byte('0'+month/10), byte('0'+month%10), '-',
		byte('0'+day/10), byte('0'+day%10), 'T',
		byte('0'+hour/10), byte('0'+hour%10), ':',
		byte('0'+minute/10), byte('0'+minute%10), ':',
		byte('0'+second/10), byte('0'+second%10))
	if p == millis {
		ms := t.Nanosecond() / int(time.Millisecond)
		dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	}
	return append(dst, 'Z')
}

// parseClock reads any RFC 3339 time, cuts it to p and returns it in UTC. Times
// as appendClock writes them are read without allocating.
func parseClock(b []byte, p precision) (t time.Time, ok bool) {
	if t, ok = parseOwnClock(b); !ok {
		var err error
		if t, err = time.Parse(time.RFC3339Nano, string(b)); err != nil || !writable(t) {
			return time.Time{}, false // not writable: an offset carried it out of the four-digit years
		}
	}
	if p == seconds {
		return time.Unix(t.Unix(), 0).UTC(), true
	}
	return time.UnixMilli(t.UnixMilli()).UTC(), true
}

// parseOwnClock reads the two layouts of appendClock, and leaves everything else
// to time.Parse.
func parseOwnClock(b []byte) (time.Time, bool) {
	const whole = len("2012-04-10T18:22:01")
	ms := 0
	switch {
	case len(b) == whole+len(".000Z") && b[whole] == '.':
		ms = digits(b[whole+1 : whole+4])
	case len(b) == whole+len("Z"):
	default:
		return time.Time{}, false
	}
	if b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[len(b)-1] != 'Z' {
		return time.Time{}, false
	}
	year, month, day := digits(b[:4]), digits(b[5:7]), digits(b[8:10])
	hour, minute, second := digits(b[11:13]), digits(b[14:16]), digits(b[17:19])
	if year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || ms < 0 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, ms*int(time.Millisecond), time.UTC), true
}

func daysIn(year, month int) int {
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

// digits returns the number that b writes in decimal, or less than zero if b
// holds anything but digits.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}

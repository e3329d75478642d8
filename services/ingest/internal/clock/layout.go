package clock

import (
	"strconv"
	"strings"
	"time"
)

// Each function of this file reads one layout at the start of s and returns the
// time with how many bytes it took; 0 bytes say that s does not begin with it.
// They allocate nothing and accept no impossible date.

// BSD reads the time of RFC 3164 and its relatives:
//
//	Jun  8 14:34:33            syslog
//	Jan 1 02:21:38             the day not padded
//	Oct 14 10:45:43.767        Cisco
//	May 22 17:24:03 2026       ZyXEL: year after the time
//	Apr 15 2017 00:22:42       Cisco ASA: year before the time
func BSD(s string) (t Stamp, n int) {
	if len(s) < len("Jan 1 02:21:38") || s[3] != ' ' {
		return Stamp{}, 0
	}
	if t.Month = month(s); t.Month == 0 {
		return Stamp{}, 0
	}
	i := 4
	if s[i] == ' ' {
		i++
	}
	d, w := digits(s[i:], 2)
	if w == 0 || i+w >= len(s) || s[i+w] != ' ' {
		return Stamp{}, 0
	}
	t.Day = uint8(d)
	i += w + 1
	if y, w := digits(s[i:], 4); w == 4 && i+4 < len(s) && s[i+4] == ' ' {
		t.Year = int16(y)
		i += 5
	}
	w = t.clock(s[i:])
	if w == 0 {
		return Stamp{}, 0
	}
	i += w
	i += t.fraction(s[i:])
	if t.Year == 0 && i < len(s) && s[i] == ' ' {
		if y, w := digits(s[i+1:], 4); w == 4 && (y >= 1970 && y < 2200) && endsWord(s[i+5:]) {
			t.Year = int16(y)
			i += 5
		}
	}
	return t.checked(i)
}

// Ctime reads the time of C's ctime, as OpenWrt's logread and D-Link write it:
// Mon Dec 25 13:31:15 2017.
func Ctime(s string) (Stamp, int) {
	if len(s) < len("Mon Dec 5 13:31:15 2017") || s[3] != ' ' || !weekday(s) {
		return Stamp{}, 0
	}
	t, n := BSD(s[4:])
	if n == 0 || t.Year == 0 {
		return Stamp{}, 0
	}
	return t, n + 4
}

// YearFirst reads the times of NX-OS and of Barracuda's own log files:
//
//	2024 Mar  4 11:45:20.123
//	2024 03 04 11:45:20 +01:00
func YearFirst(s string) (t Stamp, n int) {
	const size = len("2024 Mar 4 11:45:20")
	if len(s) < size || s[4] != ' ' {
		return Stamp{}, 0
	}
	year, w := digits(s, 4)
	if w != 4 {
		return Stamp{}, 0
	}
	if isLetter(s[5]) {
		if t, n = BSD(s[5:]); n == 0 || t.Year != 0 {
			return Stamp{}, 0
		}
		t.Year = int16(year)
		return t.checked(5 + n)
	}
	m, a := digits(s[5:], 2)
	d, b := digits(s[8:], 2)
	if a != 2 || s[7] != ' ' || b != 2 || s[10] != ' ' {
		return Stamp{}, 0
	}
	w = t.clock(s[11:])
	if w == 0 {
		return Stamp{}, 0
	}
	t.Year, t.Month, t.Day = int16(year), uint8(m), uint8(d)
	n = 11 + w
	if n < len(s) && s[n] == ' ' {
		if z := t.zone(s[n+1:]); z != 0 {
			n += 1 + z
		}
	}
	return t.checked(n)
}

// DG834 reads the time of Netgear's ADSL family: Sat, 2010-08-21 14:38:49.
func DG834(s string) (t Stamp, n int) {
	const size = len("Sat, 2010-08-21 14:38:49")
	if len(s) < size || s[3] != ',' || s[4] != ' ' || !weekday(s) {
		return Stamp{}, 0
	}
	if !t.date(s[5:]) || s[15] != ' ' || t.clock(s[16:]) == 0 {
		return Stamp{}, 0
	}
	return t.checked(size)
}

// ISO reads ISO 8601 and RFC 3339 times, with and without fraction and zone,
// and with a blank for the T: 2015-03-07T05:09:30.045015+02:00.
func ISO(s string) (t Stamp, n int) {
	if len(s) < len("2015-03-07T05:09:30") || !t.date(s) || s[10] != 'T' && s[10] != ' ' {
		return Stamp{}, 0
	}
	w := t.clock(s[11:])
	if w == 0 {
		return Stamp{}, 0
	}
	i := 11 + w
	i += t.fraction(s[i:])
	i += t.zone(s[i:])
	return t.checked(i)
}

// Epoch reads seconds since 1970 with a fraction, as Meraki writes them:
// 1673277244.954105815.
func Epoch(s string) (Stamp, int) {
	sec, w := digits(s, 10)
	if w != 10 || len(s) < 12 || s[10] != '.' {
		return Stamp{}, 0
	}
	var frac Stamp
	n := 10 + frac.fraction(s[10:])
	if n == 10 || n < len(s) && s[n] != ' ' {
		return Stamp{}, 0
	}
	return unix(sec, int(frac.Nano)), n
}

// Unix reads whole seconds since 1970, or thousandths of them, told apart by the
// number of digits: 1617710462, 1617710462123.
func Unix(s string) (Stamp, int) {
	v, w := Digits(s)
	milli := 0
	switch w {
	case 10:
	case 13:
		v, milli = v/1000, v%1000
	default:
		return Stamp{}, 0
	}
	if v < 1_000_000_000 { // zeros in front
		return Stamp{}, 0
	}
	return unix(v, milli*1_000_000), w
}

// unix returns the stamp of seconds since 1970.
func unix(sec, nano int) Stamp {
	u := time.Unix(int64(sec), 0).UTC()
	return Stamp{
		Nano: int32(nano), Zone: true,
		Year: int16(u.Year()), Month: uint8(u.Month()), Day: uint8(u.Day()),
		Hour: uint8(u.Hour()), Minute: uint8(u.Minute()), Second: uint8(u.Second()),
	}
}

// CLF reads the time of the common log format, which Proxmox uses:
// 20/Jun/2022:13:09:14 +0200.
func CLF(s string) (t Stamp, n int) {
	const size = len("20/Jun/2022:13:09:14 +0200")
	if len(s) < size || s[2] != '/' || s[6] != '/' || s[11] != ':' || s[20] != ' ' {
		return Stamp{}, 0
	}
	day, w := digits(s, 2)
	year, v := digits(s[7:], 4)
	if w != 2 || v != 4 || t.clock(s[12:]) == 0 || t.zone(s[21:]) == 0 {
		return Stamp{}, 0
	}
	t.Day, t.Month, t.Year = uint8(day), month(s[3:]), int16(year)
	return t.checked(size)
}

// Tracker reads the time in an export of Check Point's SmartView Tracker, whose
// date and time are two quoted values: 20Dec2019" "12:04:05.
func Tracker(s string) (t Stamp, n int) {
	const date = len("20Dec2019")
	day, w := digits(s, 2)
	if w == 0 || len(s) < w+len(`Dec2019" "2:04:05`) {
		return Stamp{}, 0
	}
	n = w + date - 2
	year, v := digits(s[w+3:], 4)
	if v != 4 || s[n:n+3] != `" "` {
		return Stamp{}, 0
	}
	n += 3
	if w = t.clock(s[n:]); w == 0 {
		return Stamp{}, 0
	}
	t.Day, t.Month, t.Year = uint8(day), month(s[n-10:]), int16(year)
	return t.checked(n + w)
}

// NetgearTail reads the time that ends a line of Netgear's cable routers,
//
//	Thursday, May 03,2018 05:46:58
//	Tuesday, February 16, 2016 17:39:12
//
// and returns how many bytes of s come before it, a comma and blanks left out.
// The month is in English, short or long; the weekday is not looked at.
func NetgearTail(s string) (t Stamp, before int, ok bool) {
	const size = len("08:33:55")
	i := len(s) - size
	if i < len("Mon, May 03,2018 ") || s[i-1] != ' ' || t.clock(s[i:]) == 0 {
		return Stamp{}, 0, false
	}
	i -= 5 // at the year
	year, w := digits(s[i:], 4)
	if w != 4 {
		return Stamp{}, 0, false
	}
	i--
	if s[i] == ' ' && i > 0 {
		i--
	}
	comma := i
	if s[comma] != ',' || comma < 3 {
		return Stamp{}, 0, false
	}
	for i--; i > 0 && isDigit(s[i]); i-- {
	}
	day, w := digits(s[i+1:comma], 2)
	if w == 0 || w != comma-i-1 || s[i] != ' ' {
		return Stamp{}, 0, false
	}
	j := strings.LastIndexByte(s[:i], ' ') // before the month
	if j < 1 || i-j-1 < 3 || s[j-1] != ',' {
		return Stamp{}, 0, false
	}
	t.Year, t.Day, t.Month = int16(year), uint8(day), month(s[j+1:])
	k := j - 1 // after the weekday
	for k > 0 && isLetter(s[k-1]) {
		k--
	}
	if k == j-1 || !t.possible() {
		return Stamp{}, 0, false
	}
	return t, len(strings.TrimRight(s[:k], " ,")), true
}

func (s *Stamp) checked(n int) (Stamp, int) {
	if !s.possible() {
		return Stamp{}, 0
	}
	return *s, n
}

// clock reads hh:mm:ss, also h:mm:ss.
func (s *Stamp) clock(in string) int {
	h, w := digits(in, 2)
	if w == 0 || len(in) < w+6 || in[w] != ':' || in[w+3] != ':' {
		return 0
	}
	m, x := digits(in[w+1:], 2)
	sec, y := digits(in[w+4:], 2)
	if x != 2 || y != 2 || h > 23 || m > 59 || sec > 60 {
		return 0
	}
	s.Hour, s.Minute, s.Second = uint8(h), uint8(m), uint8(sec)
	return w + 6
}

// date reads yyyy-mm-dd.
func (s *Stamp) date(in string) bool {
	y, a := digits(in, 4)
	if a != 4 || in[4] != '-' || in[7] != '-' {
		return false
	}
	m, b := digits(in[5:], 2)
	d, c := digits(in[8:], 2)
	if b != 2 || c != 2 {
		return false
	}
	s.Year, s.Month, s.Day = int16(y), uint8(m), uint8(d)
	return true
}

// fraction reads the point or comma and the digits after it; those beyond the
// ninth are passed over.
func (s *Stamp) fraction(in string) int {
	if len(in) < 2 || in[0] != '.' && in[0] != ',' || !isDigit(in[1]) {
		return 0
	}
	i, nano, scale := 1, 0, 1_000_000_000
	for ; i < len(in) && isDigit(in[i]); i++ {
		if scale > 1 {
			scale /= 10
			nano += int(in[i]-'0') * scale
		}
	}
	s.Nano = int32(nano)
	return i
}

// zone reads Z, +02:00, +0200 or +02.
func (s *Stamp) zone(in string) int {
	if in == "" {
		return 0
	}
	sign := int32(1)
	switch in[0] {
	case 'Z':
		s.Zone = true
		return 1
	case '+':
	case '-':
		sign = -1
	default:
		return 0
	}
	h, w := digits(in[1:], 2)
	if w != 2 || h > 15 {
		return 0
	}
	i, m := 3, 0
	rest := in[3:]
	if rest != "" && rest[0] == ':' {
		rest, i = rest[1:], i+1
	}
	if v, w := digits(rest, 2); w == 2 && v < 60 {
		m, i = v, i+2
	} else if i == 4 {
		i = 3 // the colon was not the zone's
	}
	s.Zone, s.Offset = true, sign*int32(h*3600+m*60)
	return i
}

// digits reads up to most decimal digits and returns how many there were.
func digits(s string, most int) (v, n int) {
	for n < len(s) && n < most && isDigit(s[n]) {
		v = 10*v + int(s[n]-'0')
		n++
	}
	return v, n
}

// Digits reads the decimal number at the start of s; n is 0 if there is none or
// it has more than 18 digits.
func Digits(s string) (v, n int) {
	v, n = digits(s, 18)
	if n < len(s) && isDigit(s[n]) {
		return 0, 0
	}
	return v, n
}

// endsWord reports whether a word ends before s: a blank follows, or a colon and
// a blank, or nothing.
func endsWord(s string) bool {
	if s != "" && s[0] == ':' {
		s = s[1:]
	}
	return s == "" || s[0] == ' '
}

func isDigit(c byte) bool  { return c-'0' <= 9 }
func isLetter(c byte) bool { return (c|0x20)-'a' < 26 }

// month returns 1 to 12 for an English month at the start of s, by its first
// three letters in any case, and 0 for anything else.
func month(s string) uint8 {
	if len(s) < 3 {
		return 0
	}
	switch uint32(s[0]|0x20)<<16 | uint32(s[1]|0x20)<<8 | uint32(s[2]|0x20) {
	case 'j'<<16 | 'a'<<8 | 'n':
		return 1
	case 'f'<<16 | 'e'<<8 | 'b':
		return 2
	case 'm'<<16 | 'a'<<8 | 'r':
		return 3
	case 'a'<<16 | 'p'<<8 | 'r':
		return 4
	case 'm'<<16 | 'a'<<8 | 'y':
		return 5
	case 'j'<<16 | 'u'<<8 | 'n':
		return 6
	case 'j'<<16 | 'u'<<8 | 'l':
		return 7
	case 'a'<<16 | 'u'<<8 | 'g':
		return 8
	case 's'<<16 | 'e'<<8 | 'p':
		return 9
	case 'o'<<16 | 'c'<<8 | 't':
		return 10
	case 'n'<<16 | 'o'<<8 | 'v':
		return 11
	case 'd'<<16 | 'e'<<8 | 'c':
		return 12
	}
	return 0
}

// weekday reports whether s begins with three letters that are no month. It may
// be wrong or in another language: nothing is made of it.
func weekday(s string) bool {
	return isLetter(s[0]) && isLetter(s[1]) && isLetter(s[2])
}

// String writes the stamp as people read it, with blanks for what is absent.
func (s Stamp) String() string {
	if s.IsZero() {
		return ""
	}
	b := make([]byte, 0, 40)
	if s.Year != 0 {
		b = append(strconv.AppendInt(b, int64(s.Year), 10), ' ')
	}
	b = append(b, time.Month(s.Month).String()[:3]...)
	for _, f := range [...]struct {
		sep byte
		v   uint8
	}{{' ', s.Day}, {' ', s.Hour}, {':', s.Minute}, {':', s.Second}} {
		b = append(b, f.sep, '0'+f.v/10, '0'+f.v%10)
	}
	if s.Nano != 0 {
		b = append(b, strings.TrimRight(strconv.FormatFloat(float64(s.Nano)/1e9, 'f', 9, 64)[1:], "0")...)
	}
	if s.Zone {
		b = append(b, time.Unix(0, 0).In(time.FixedZone("", int(s.Offset))).Format(" -07:00")...)
	}
	return string(b)
}

package clock

// Layouts of dates with slashes and dots, and of BT's, which stand in payloads
// rather than in envelopes: which of two numbers is the month, the format knows.
// The functions are as those of layout.go.

// MonthSlash reads Mar/13/2007 10:24:52 of D-Link and jan/02/2023 15:04:05 or
// jan/02 15:04:05 of RouterOS.
func MonthSlash(s string) (t Stamp, n int) {
	if len(s) < len("jan/02 15:04:05") || s[3] != '/' || s[6] != '/' && s[6] != ' ' {
		return Stamp{}, 0
	}
	d, w := digits(s[4:], 2)
	if t.Month, t.Day = month(s), uint8(d); w != 2 || t.Month == 0 {
		return Stamp{}, 0
	}
	i := 7
	if s[6] == '/' {
		y, w := digits(s[7:], 4)
		if w != 4 || len(s) < 12 || s[11] != ' ' {
			return Stamp{}, 0
		}
		t.Year = int16(y)
		i = 12
	}
	return t.then(s, i)
}

// MonthFirst reads 09/16/2010  16:08:41 of SMC and 07/11/2022-10:29:32.251216 of
// Suricata.
func MonthFirst(s string) (Stamp, int) { return slashed(s, true) }

// DayFirst reads 28/06/2020 18:57:52.179848 of IP Filter.
func DayFirst(s string) (Stamp, int) { return slashed(s, false) }

func slashed(s string, monthFirst bool) (t Stamp, n int) {
	if len(s) < len("01/02/2010 15:04:05") || s[2] != '/' || s[5] != '/' || s[10] != ' ' && s[10] != '-' {
		return Stamp{}, 0
	}
	a, v := digits(s, 2)
	b, w := digits(s[3:], 2)
	y, x := digits(s[6:], 4)
	if v != 2 || w != 2 || x != 4 {
		return Stamp{}, 0
	}
	if !monthFirst {
		a, b = b, a
	}
	t.Month, t.Day, t.Year = uint8(a), uint8(b), int16(y)
	return t.then(s, 11)
}

// Dotted reads 2010.04.13 03:24:42.
func Dotted(s string) (t Stamp, n int) {
	if len(s) < len("2010.04.13 03:24:42") || s[4] != '.' || s[7] != '.' || s[10] != ' ' {
		return Stamp{}, 0
	}
	y, v := digits(s, 4)
	m, w := digits(s[5:], 2)
	d, x := digits(s[8:], 2)
	if v != 4 || w != 2 || x != 2 {
		return Stamp{}, 0
	}
	t.Year, t.Month, t.Day = int16(y), uint8(m), uint8(d)
	return t.then(s, 11)
}

// TimeFirst reads 11:27:10  15 Jan of BT's Home Hub, which names no year.
func TimeFirst(s string) (t Stamp, n int) {
	if len(s) < len("11:27:10 5 Jan") {
		return Stamp{}, 0
	}
	i := t.clock(s)
	if i == 0 || s[i] != ' ' {
		return Stamp{}, 0
	}
	for i < len(s) && s[i] == ' ' {
		i++
	}
	d, w := digits(s[i:], 2)
	i += w
	if w == 0 || i+4 > len(s) || s[i] != ' ' {
		return Stamp{}, 0
	}
	t.Day, t.Month = uint8(d), month(s[i+1:])
	return t.checked(i + 4)
}

// then reads the time of day that follows a date, behind blanks, with its
// fraction.
func (s *Stamp) then(in string, i int) (Stamp, int) {
	for i < len(in) && in[i] == ' ' {
		i++
	}
	w := s.clock(in[i:])
	if w == 0 {
		return Stamp{}, 0
	}
	i += w
	return s.checked(i + s.fraction(in[i:]))
}

// YearSlash reads 2023/07/06 08:11:40 of Palo Alto.
func YearSlash(s string) (t Stamp, n int) {
	if len(s) < len("2023/07/06 08:11:40") || s[4] != '/' || s[7] != '/' || s[10] != ' ' {
		return Stamp{}, 0
	}
	y, v := digits(s, 4)
	m, w := digits(s[5:], 2)
	d, x := digits(s[8:], 2)
	if v != 4 || w != 2 || x != 2 {
		return Stamp{}, 0
	}
	t.Year, t.Month, t.Day = int16(y), uint8(m), uint8(d)
	return t.then(s, 11)
}

// Joined reads a date, a time of day and a zone that a device writes in three
// places: 2023-10-23, 00:40:49 and +02:00, +0200, UTC or nothing. A zone that is
// none of those is left out.
func Joined(date, clock, zone string) (Stamp, bool) {
	var t Stamp
	if len(date) != len("2023-10-23") || !t.date(date) {
		return Stamp{}, false
	}
	n := t.clock(clock)
	if n == 0 {
		return Stamp{}, false
	}
	t.fraction(clock[n:])
	if !t.possible() {
		return Stamp{}, false
	}
	t.In(zone)
	return t, true
}

// In sets the zone of a stamp that has none, from the text of a field of its own.
func (s *Stamp) In(zone string) {
	if s.Zone {
		return
	}
	if zone == "UTC" || zone == "GMT" {
		s.Zone = true
		return
	}
	var z Stamp
	if n := z.zone(zone); n > 0 && n == len(zone) {
		s.Zone, s.Offset = true, z.Offset
	}
}

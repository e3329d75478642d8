package clock

// Order says in which direction the times of a document run.
type Order string

// The orders. Routers often write or mail the newest line first.
const (
	OrderUnknown Order = ""
	Ascending    Order = "ascending"
	Descending   Order = "descending"
)

// Years gives the year to the times of a document that have none, by their
// order: a step of more than a month against it is a new year. (Smaller steps
// against it are lines that came late, or a clock that was set.)
type Years struct {
	Order Order
	year  int
	day   int // of the last time that counted, see position
	begun bool
}

// A year of 31-day months, and the two steps that tell years apart.
const (
	yearDays  = 12 * 31
	againstIt = 31
)

func position(s *Stamp) int { return (int(s.Month)-1)*31 + int(s.Day) }

// Next returns the year of s, which comes after those given before; the first one
// is of year first.
func (y *Years) Next(s *Stamp, first int) int {
	day := position(s)
	if !y.begun {
		y.begun, y.year, y.day = true, first, day
		return y.year
	}
	step, onward := day-y.day, 1
	if y.Order == Descending {
		step, onward = -step, -1
	}
	switch {
	case step < -againstIt && step > -(yearDays-againstIt): // some months back: a new year
		y.year += onward
	case step <= -(yearDays - againstIt): // from December to January
		y.year += onward
	case step >= yearDays-againstIt: // late by some days, of the year before
		return y.year - onward
	}
	y.day = day
	return y.year
}

// Survey finds the order of a document's times that have no year, and how many
// years they span. The zero value is ready.
type Survey struct {
	up, down  int
	last      int64
	first     Stamp
	end       Stamp
	ascending Years
	years     int // that have passed, if ascending
	yearless  int
	dated     int
}

// Add takes the time of the next line; one without a time counts for nothing.
func (v *Survey) Add(s *Stamp) {
	switch {
	case s.IsZero() || s.Unset:
		return
	case s.Year != 0:
		v.dated++
		return
	}
	at := int64(position(s))*86400 + int64(s.Hour)*3600 + int64(s.Minute)*60 + int64(s.Second)
	if v.yearless == 0 {
		v.first, v.ascending.Order = *s, Ascending
	} else if step := at - v.last; step > 0 && step < againstIt*86400 {
		v.up++
	} else if step < 0 && step > -againstIt*86400 {
		v.down++
	}
	v.yearless++
	v.last, v.end = at, *s
	v.years = v.ascending.Next(s, 0)
}

// Yearless reports how many times had no year, Dated how many had one.
func (v *Survey) Yearless() int { return v.yearless }

// Dated reports how many times had a year.
func (v *Survey) Dated() int { return v.dated }

// Result returns the order, and the year of the first time without one, by the
// document's date and the clock's rule that no time lies after it. Without such
// a time it returns OrderUnknown.
func (v *Survey) Result(c *Clock) (Order, int) {
	if v.yearless == 0 {
		return OrderUnknown, 0
	}
	if v.down > v.up {
		return Descending, c.year(&v.first, c.cfg.Reference)
	}
	last := c.year(&v.end, c.cfg.Reference)
	if last == 0 {
		return OrderUnknown, 0
	}
	return Ascending, last - v.years
}

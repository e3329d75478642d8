package report

import (
	"testing"
	"time"
)

func TestFilterValidate(t *testing.T) {
	f := func(filter Filter, ok bool) {
		t.Helper()
		if err := filter.Validate(); (err == nil) != ok {
			t.Errorf("%+v: Validate() = %v", filter, err)
		}
	}
	f(Filter{}, true)
	f(Filter{Limit: MaxRows}, true)
	f(Filter{Limit: MaxRows + 1}, false)
	f(Filter{Limit: -1}, false)
	f(Filter{Since: firstSeen, Until: lastSeen}, true)
	f(Filter{Since: lastSeen, Until: firstSeen}, false)
	f(Filter{Since: firstSeen, Until: firstSeen}, false)
	f(Filter{Since: firstSeen}, true)
}

func TestMonth(t *testing.T) {
	since, until, err := Month("2012-12")
	if err != nil || !since.Equal(time.Date(2012, 12, 1, 0, 0, 0, 0, time.UTC)) || !until.Equal(time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("Month(2012-12) = %v, %v, %v", since, until, err)
	}
	for _, bad := range []string{"", "2012", "2012-13", "2012-4", "12-04", "2012-04-01", "x"} {
		if _, _, err := Month(bad); err == nil {
			t.Errorf("Month(%q) is accepted", bad)
		}
	}
}

func TestMoment(t *testing.T) {
	f := func(in time.Time, want string) {
		t.Helper()
		if got := moment(in, latest); got != want {
			t.Errorf("moment(%v) = %q, want %q", in, got, want)
		}
	}
	f(time.Time{}, "2200-01-01 00:00:00.000")
	f(lastSeen, "2012-04-12 13:12:56.500")
	f(lastSeen.In(time.FixedZone("", 7200)), "2012-04-12 13:12:56.500")
	f(time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), "1900-01-01 00:00:00.000")
	f(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), "2200-01-01 00:00:00.000")
}

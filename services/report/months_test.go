package report

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestMonthList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l monthList
		asked := 0
		took := time.Second
		answer := []time.Time{april}
		var fails error
		f := func(want int, after time.Duration) {
			t.Helper()
			time.Sleep(after)
			months, err := l.get(func() ([]time.Time, error) {
				asked++
				time.Sleep(took)
				return answer, fails
			})
			if asked != want || len(months) != len(answer) || !errors.Is(err, fails) {
				t.Errorf("after %v: %v, %v, asked %d times, want %d", after, months, err, asked, want)
			}
		}
		f(1, 0)
		f(1, 18*time.Second) // a second's answer is kept for twenty
		took = 10 * time.Second
		f(2, 2*time.Second)
		f(2, 49*time.Second) // but none for more than a minute
		took = 0
		f(3, 2*time.Second)
		f(4, 0) // what takes no time is asked again
		answer = nil
		took = time.Second
		f(5, 0)
		f(6, 0) // nothing is not kept
		fails = errFake
		f(7, 0)
		f(8, 0) // nor is a failure
	})
}

package clickhouse

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

func TestBisect(t *testing.T) {
	refusal := &driver.Exception{Code: 469, Name: "VIOLATED_CONSTRAINT", Message: "no"}
	f := func(n int, bad []int, limit, maxInserts int, tooMany bool) {
		t.Helper()
		var kept, refused []int
		inserts := 0
		err := bisect(0, n, &limit, func(lo, hi int) error {
			inserts++
			for i := lo; i < hi; i++ {
				if slices.Contains(bad, i) {
					return fmt.Errorf("insert: %w", refusal)
				}
			}
			for i := lo; i < hi; i++ {
				kept = append(kept, i)
			}
			return nil
		}, func(i int, reason error) error {
			if !errors.Is(reason, refusal) {
				t.Errorf("row %d refused with %v", i, reason)
			}
			refused = append(refused, i)
			return nil
		})
		if tooMany {
			if err == nil {
				t.Errorf("bisect(%d, bad %v) = nil, want an error", n, bad)
			}
			return
		}
		if err != nil || !slices.Equal(refused, bad) || len(kept)+len(refused) != n || inserts > maxInserts {
			t.Errorf("bisect(%d, bad %v) = %v: refused %v, kept %d, %d inserts of at most %d", n, bad, err, refused, len(kept), inserts, maxInserts)
		}
	}
	f(100_000, nil, 0, 1, false)
	f(100_000, []int{0}, 5, 35, false)
	f(100_000, []int{54_321}, 5, 35, false)
	f(100_000, []int{99_999}, 5, 35, false)
	f(1000, []int{1, 500, 501}, 5, 60, false)
	f(3, []int{0, 1, 2}, 5, 5, false)
	f(1, []int{0}, 1, 1, false)
	f(1000, []int{1, 2, 3}, 2, 0, true)
}

// An error that may heal must not be taken for a refusal: rows would be given up.
func TestBisectStops(t *testing.T) {
	away, limit := errors.New("connection refused"), 10
	err := bisect(0, 8, &limit, func(lo, hi int) error {
		if lo > 0 {
			return away
		}
		return &driver.Exception{Code: 469}
	}, func(int, error) error { return nil })
	if !errors.Is(err, away) {
		t.Errorf("bisect() = %v, want %v", err, away)
	}
	stop := errors.New("bus is away")
	err = bisect(0, 2, &limit, func(int, int) error { return &driver.Exception{Code: 469} }, func(int, error) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("bisect() = %v, want %v", err, stop)
	}
}

func TestClassify(t *testing.T) {
	f := func(err error, want Trouble) {
		t.Helper()
		if got := Classify(err); got != want {
			t.Errorf("Classify(%v) = %q, want %q", err, got, want)
		}
	}
	exception := func(code int32) error { return fmt.Errorf("insert: %w", &driver.Exception{Code: code}) }
	f(nil, None)
	f(exception(469), Data)
	f(exception(117), Data)
	f(exception(252), Overloaded)
	f(exception(241), Overloaded)
	f(exception(243), Full)
	f(exception(60), Schema)
	f(exception(81), Schema)
	f(exception(516), Denied)
	f(exception(1001), Away)
	f(&driver.Exception{Code: 1001, Message: "std::exception: write: No space left on device"}, Full)
	f(errors.New("dial tcp 127.0.0.1:8123: connection refused"), Away)
	f(&driver.HTTPError{StatusCode: 503, Err: errors.New("busy")}, Away)
	f(t.Context().Err(), None)
}

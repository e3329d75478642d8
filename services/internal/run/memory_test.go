package run

import (
	"math"
	"os"
	"runtime/debug"
	"testing"
)

func TestLimitMemory(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "") // brings back what was there
	_ = os.Unsetenv("GOMEMLIMIT")
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	f := func(share float64, most uint64) int64 {
		t.Helper()
		debug.SetMemoryLimit(math.MaxInt64)
		if err := LimitMemory(share, most); err != nil {
			t.Fatal(err)
		}
		return debug.SetMemoryLimit(-1)
	}
	whole := f(1, 0)
	if whole < 16<<20 || whole == math.MaxInt64 {
		t.Errorf("LimitMemory(1, 0) sets %d bytes, want what this machine has", whole)
	}
	if half := f(0.5, 0); half < whole/2-1 || half > whole/2+1 {
		t.Errorf("LimitMemory(0.5, 0) sets %d bytes, want half of %d", half, whole)
	}
	if got := f(1, 8<<20); got != 8<<20 {
		t.Errorf("LimitMemory(1, 8 MiB) sets %d bytes", got)
	}
	if err := LimitMemory(1.5, 0); err == nil {
		t.Error("a share of 1.5 is no error")
	}
	t.Setenv("GOMEMLIMIT", "1GiB")
	if got := f(0.5, 0); got != math.MaxInt64 {
		t.Errorf("LimitMemory() sets %d bytes although GOMEMLIMIT is there", got)
	}
}

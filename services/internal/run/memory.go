package run

import (
	"fmt"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// LimitMemory makes the garbage collector work harder as the process comes near
// a share, from 0 to 1, of the memory that its container has, or else the
// machine, and near most bytes, instead of letting the heap grow to twice what is
// in use. A most of 0 is none. It is no hard limit. It holds for the whole
// process, so that main calls it, once. GOMEMLIMIT in the environment has the
// last word.
func LimitMemory(share float64, most uint64) error {
	limit := memlimit.ApplyRatio(memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem), share)
	if most > 0 {
		part := memlimit.ApplyFallback(limit, memlimit.Limit(most))
		limit = func() (uint64, error) {
			bytes, err := part()
			return min(bytes, most), err
		}
	}
	_, err := memlimit.Set(memlimit.WithRatio(1), memlimit.WithProvider(limit))
	if err != nil {
		return fmt.Errorf("limit the memory: %w", err)
	}
	return nil
}

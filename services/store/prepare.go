package store

import (
	"context"

	"github.com/whoknocks/whoknocks/pkg/bus"
)

// Prepare makes the bucket that the store keeps on the bus, for a bus on which its
// own user may not. It waits for the bus until ctx ends.
func Prepare(ctx context.Context, b *bus.Bus) error {
	_, err := b.KeyValue(ctx, leases, leaseBucket)
	return err
}

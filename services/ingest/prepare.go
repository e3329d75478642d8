package ingest

import (
	"context"

	"github.com/whoknocks/whoknocks/pkg/bus"
)

// Prepare makes the buckets that ingest keeps on the bus, for a bus on which its
// own user may not. It waits for the bus until ctx ends.
func Prepare(ctx context.Context, b *bus.Bus) error {
	for _, bucket := range []string{filesBucket, timesBucket} {
		if _, err := b.KeyValue(ctx, bucket, bus.KVConfig{}); err != nil {
			return err
		}
	}
	return nil
}

package enrich

import (
	"context"

	"github.com/whoknocks/whoknocks/pkg/bus"
)

// Prepare makes the bucket that enrich keeps on the bus, for a bus on which its
// own user may not. It waits for the bus until ctx ends.
func Prepare(ctx context.Context, b *bus.Bus, cfg Config) error {
	return newShared().open(ctx, b, max(cfg.WHOIS.Keep, cfg.WHOIS.KeepNone))
}

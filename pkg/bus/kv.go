package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// KVConfig says how a key-value bucket is kept. Zero fields take the default.
type KVConfig struct {
	MaxBytes int64         // most bytes it holds, beyond which writing fails; default 128 MiB
	TTL      time.Duration // how long a value lives after it was written; default for ever
	History  uint8         // how many values of a key are kept; default 1
}

// KeyValue opens the key-value bucket of that name and creates it, or changes
// its settings to cfg, where needed. It waits for the server until ctx ends.
func (b *Bus) KeyValue(ctx context.Context, bucket string, cfg KVConfig) (jetstream.KeyValue, error) {
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 128 << 20
	}
	var kv jetstream.KeyValue
	err := b.retry(ctx, func(ctx context.Context) (err error) {
		kv, err = b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket:      bucket,
			MaxBytes:    cfg.MaxBytes,
			TTL:         cfg.TTL,
			History:     max(cfg.History, 1),
			Storage:     jetstream.FileStorage,
			Replicas:    max(b.cfg.Replicas, 1),
			Compression: true,
		})
		return explain(spec{bytes: cfg.MaxBytes}, err)
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	return kv, nil
}

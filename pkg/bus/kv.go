package bus

import (
	"context"
	"errors"
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
// its settings to cfg, where needed. It waits for the server until ctx ends. A
// client whose user may not change buckets gets one that exists as it is.
func (b *Bus) KeyValue(ctx context.Context, bucket string, cfg KVConfig) (jetstream.KeyValue, error) {
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 128 << 20
	}
	var kv jetstream.KeyValue
	err := b.retry(ctx, func(ctx context.Context) (err error) {
		kv, err = b.keyValue(ctx, bucket, cfg)
		return explain(spec{bytes: cfg.MaxBytes}, err)
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	return kv, nil
}

func (b *Bus) keyValue(ctx context.Context, bucket string, cfg KVConfig) (jetstream.KeyValue, error) {
	want := jetstream.KeyValueConfig{
		Bucket:      bucket,
		MaxBytes:    cfg.MaxBytes,
		TTL:         cfg.TTL,
		History:     max(cfg.History, 1),
		Storage:     jetstream.FileStorage,
		Replicas:    max(b.cfg.Replicas, 1),
		Compression: true,
	}
	kv, err := b.js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return b.js.CreateOrUpdateKeyValue(ctx, want)
	}
	if err != nil {
		return nil, err
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return nil, err
	}
	is := status.Config()
	if b.cfg.Replicas == 0 {
		want.Replicas = is.Replicas
	}
	if is.MaxBytes == want.MaxBytes && is.TTL == want.TTL && is.History == want.History &&
		is.Storage == want.Storage && is.Replicas == want.Replicas && is.Compression == want.Compression {
		return kv, nil
	}
	changed, err := b.js.CreateOrUpdateKeyValue(ctx, want)
	if err != nil && b.denied("KV_"+bucket) {
		b.log.Warn("bucket has other settings, and this user may not change them", "bucket", bucket)
		return kv, nil
	}
	return changed, err
}

package clickhouse

import (
	"context"
	"net/netip"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

func rejectedColumns() []col[scan.Rejected] {
	type R = scan.Rejected
	return []col[R]{
		words("sensor", func(r *R) string { return r.Sensor }),
		numbers("id", "UInt64", func(r *R) uint64 { return uint64(r.ID) }),
		words("kind", func(r *R) string { return string(r.Kind) }),
		words("stage", func(r *R) string { return r.Stage }),
		texts("reason", func(r *R) string { return r.Reason }),
		optionals("received", milliseconds, func(r *R) (int64, bool) { return r.Received.UnixMilli(), !r.Received.IsZero() }),
		words("format", func(r *R) string { return r.Format }),
		numbers("packets", "UInt32", func(r *R) uint32 { return r.Packets }),
		texts("line", func(r *R) string { return r.Line }),
		texts("origin", func(r *R) string { return r.Origin }),
	}
}

// InsertRejected keeps rejected lines. The same line again, told by its id,
// replaces itself. It returns when they are durable.
func (db *DB) InsertRejected(ctx context.Context, lines []scan.Rejected) error {
	b := newBlock("rejected", rejectedColumns())
	for i := range lines {
		b.add(&lines[i])
	}
	return b.insert(ctx, db, b.all())
}

// attributedRow is one row of table attributions.
type attributedRow struct {
	scan.Attributed
	id     uint64
	learnt time.Time
}

func attributedColumns() []col[attributedRow] {
	type R = attributedRow
	return []col[R]{
		addresses("first", func(r *R) netip.Addr { return r.First }),
		addresses("last", func(r *R) netip.Addr { return r.Last }),
		numbers("id", "UInt64", func(r *R) uint64 { return r.id }),
		numbers("learnt", milliseconds, func(r *R) int64 { return r.learnt.UnixMilli() }),
		texts("network", func(r *R) string { return r.Network }),
		words("owner", func(r *R) string { return r.Owner }),
		texts("registrant", func(r *R) string { return r.Registrant }),
		texts("netname", func(r *R) string { return r.Netname }),
		words("country", func(r *R) string { return r.Country }),
		words("carrier", func(r *R) string { return r.Carrier }),
		numbers("asn", "UInt32", func(r *R) uint32 { return r.ASN }),
		words("as_name", func(r *R) string { return r.ASName }),
		words("owner_basis", func(r *R) string { return string(r.OwnerBasis) }),
		optionals("owner_as_of", seconds, func(r *R) (uint32, bool) { return epoch(r.OwnerAsOf) }),
		words("owner_why", func(r *R) string { return r.OwnerWhy }),
	}
}

// InsertAttributed adds an answer, published at the time given, to the history
// of its block. The same answer again replaces itself.
func (db *DB) InsertAttributed(ctx context.Context, a scan.Attributed, learnt time.Time) error {
	b := newBlock("attributions", attributedColumns())
	b.add(&attributedRow{Attributed: a, id: xxhash.Sum64(a.AppendJSON(nil)), learnt: learnt})
	return b.insert(ctx, db, b.all())
}

package clickhouse

import (
	"net/netip"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// eventRow is one row of table events.
type eventRow struct {
	*scan.Enriched
	at time.Time // enriched_at
}

// The types of times in the tables.
const (
	milliseconds = "DateTime64(3, 'UTC')"
	seconds      = "DateTime('UTC')"
)

// eventColumns says how an event becomes a row: one line a column. A new fact
// is a line here, a migration, and a field in package scan.
func eventColumns() []col[eventRow] {
	type R = eventRow
	return []col[R]{
		addresses("src_ip", func(r *R) netip.Addr { return r.SrcIP }),
		numbers("time", milliseconds, func(r *R) int64 { return r.Time.UnixMilli() }),
		numbers("id", "UInt64", func(r *R) uint64 { return uint64(r.ID) }),
		words("time_basis", func(r *R) string { return string(r.TimeBasis) }),
		optionals("received", seconds, func(r *R) (uint32, bool) { return epoch(r.Received) }),
		words("sensor", func(r *R) string { return r.Sensor }),
		words("format", func(r *R) string { return r.Format }),
		words("verdict", func(r *R) string { return string(r.Verdict) }),
		words("direction", func(r *R) string { return string(r.Direction) }),
		words("proto", func(r *R) string { return r.Proto }),
		optionals("src_port", "UInt16", func(r *R) (uint16, bool) { return r.SrcPort.V, r.SrcPort.OK }),
		optionalAddresses("dst_ip", func(r *R) netip.Addr { return r.DstIP }),
		optionals("dst_port", "UInt16", func(r *R) (uint16, bool) { return r.DstPort.V, r.DstPort.OK }),
		optionalWords("tcp_flags", newFlagTexts().of),
		optionals("icmp_type", "UInt8", func(r *R) (uint8, bool) { return r.ICMPType.V, r.ICMPType.OK }),
		optionals("icmp_code", "UInt8", func(r *R) (uint8, bool) { return r.ICMPCode.V, r.ICMPCode.OK }),
		numbers("packets", "UInt32", func(r *R) uint32 { return r.Packets }),
		words("label", func(r *R) string { return r.Label }),
		words("network", func(r *R) string { return r.Network }),
		words("owner", func(r *R) string { return r.Owner }),
		words("registrant", func(r *R) string { return r.Registrant }),
		words("netname", func(r *R) string { return r.Netname }),
		words("country", func(r *R) string { return r.Country }),
		words("carrier", func(r *R) string { return r.Carrier }),
		numbers("asn", "UInt32", func(r *R) uint32 { return r.ASN }),
		words("as_name", func(r *R) string { return r.ASName }),
		words("owner_basis", func(r *R) string { return string(r.OwnerBasis) }),
		optionals("owner_as_of", seconds, func(r *R) (uint32, bool) { return epoch(r.OwnerAsOf) }),
		words("owner_why", func(r *R) string { return r.OwnerWhy }),
		words("cause", func(r *R) string { return string(r.Cause) }),
		words("cause_why", func(r *R) string { return r.CauseWhy }),
		texts("line", func(r *R) string { return r.Line }),
		texts("origin", func(r *R) string { return r.Origin }),
		numbers("enriched_at", seconds, func(r *R) uint32 { s, _ := epoch(r.at); return s }),
	}
}

// epoch is t in the seconds that a DateTime holds. A time it cannot hold is
// absent rather than another time.
func epoch(t time.Time) (uint32, bool) {
	s := t.Unix()
	if t.IsZero() || s < 0 || s > 1<<32-1 {
		return 0, false
	}
	return uint32(s), true
}

// flagTexts keeps the text of every combination of TCP flags, so that a row
// costs no string.
type flagTexts [256]string

func newFlagTexts() *flagTexts {
	var t flagTexts
	for i := range t {
		t[i] = scan.TCPFlags(i).String()
	}
	return &t
}

func (t *flagTexts) of(r *eventRow) (string, bool) { return t[r.TCPFlags.V], r.TCPFlags.OK }

package chdb

import (
	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// helloQuery is the first thing clickhouse-go asks of a server it meets over HTTP. It expects the
// answer as a Native block of helloRevision.
const (
	helloQuery    = "SELECT displayName(), version(), revision(), timezone()"
	helloRevision = 54460
)

// hello answers helloQuery by hand: libchdb writes and reads Native blocks of revision 0, whatever
// the client asks for. Told that this server's revision is 0, the client uses that from then on.
func hello(version, timezone string) ([]byte, error) {
	b := proto.NewBlock()
	row := make([]any, 0, 4)
	for _, c := range []struct {
		name, kind string
		value      any
	}{
		{"displayName()", "String", "whoknocks"},
		{"version()", "String", version},
		{"revision()", "UInt32", uint32(0)},
		{"timezone()", "String", timezone},
	} {
		if err := b.AddColumn(c.name, column.Type(c.kind)); err != nil {
			return nil, err
		}
		row = append(row, c.value)
	}
	if err := b.Append(row...); err != nil {
		return nil, err
	}
	var buf chproto.Buffer
	if err := b.Encode(&buf, helloRevision); err != nil {
		return nil, err
	}
	return buf.Buf, nil
}

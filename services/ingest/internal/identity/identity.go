// Package identity gives a line the number by which it is known for ever: a hash
// of what the device wrote, the same in every copy of the log.
package identity

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
)

// Maker makes the IDs of one document, or of one listener. The lines of a
// document must all be given to it, in order, for ordinals to come out the same
// in every run. It serves one goroutine.
type Maker struct {
	seen table
	// buf is what is hashed: sensor, stamp, message, ordinal.
	buf [8 + clock.StampSize + 8 + 4]byte
}

// NewMaker returns a maker for the lines of sensor.
func NewMaker(sensor string) *Maker {
	m := &Maker{}
	binary.BigEndian.PutUint64(m.buf[:], xxhash.Sum64String(sensor))
	return m
}

// Next returns the ID of the next line: the 64-bit xxHash of
//
//	xxHash of the sensor, the device's own time as written, xxHash of the message, ordinal
//
// in 36 bytes, where the ordinal is how many equal lines came before, so that
// true repeats in one second stay apart. Neither the repaired time nor the file
// nor the envelope has a part in it. How far back equal lines are counted is
// bounded: see generation.
func (m *Maker) Next(stamp *clock.Stamp, message string) scan.ID {
	b := stamp.AppendBinary(m.buf[:8])
	b = binary.BigEndian.AppendUint64(b, xxhash.Sum64String(message))
	ordinal := m.seen.count(xxhash.Sum64(b))
	return scan.ID(xxhash.Sum64(binary.BigEndian.AppendUint32(b, ordinal)))
}

// HeadSize is how much of a document's beginning tells it from others.
const HeadSize = 4 << 10

// Fingerprint returns the number by which a document is known whatever its name,
// its age and its compression: the hash of its sensor and of its first HeadSize
// bytes, or of all of it if it is shorter.
func Fingerprint(sensor string, head []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	d.WriteString(sensor)
	d.Write([]byte{0})
	d.Write(head[:min(len(head), HeadSize)])
	return d.Sum64()
}

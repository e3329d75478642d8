package scan

import (
	"errors"
	"fmt"
	"hash/maphash"
)

// Decoder reads the wire form back. It keeps the short strings it has seen, up
// to a fixed number, because sensors, formats, owners and the like repeat from
// event to event: in the long run a decoded event costs the copies of its line
// and its origin, and of texts that keep pushing each other out of the table.
// The zero value is ready for use. A Decoder must not be used by two goroutines
// at once.
//
// It accepts keys in any order, white space, and keys it does not know with any
// value; a repeated key means its last value, and null means absent. It refuses
// what is not JSON, and known keys with a value of another type, a number out
// of range, an invalid address (a zone makes it one) or an invalid time; the
// error names the key and quotes the start of the value. It does not judge the
// value as a whole, see [Event.Validate].
type Decoder struct {
	data []byte // the line; nil between calls
	pos  int
	err  error // the first failure, without its key

	key     []byte // of the member being read, if it is unknown
	keys    []byte // backs a key that had escapes
	scratch []byte // backs a text that had escapes, until the next text
	table   *[slots]string
	seed    maphash.Seed
	once    bool // will not be used again: do without a table
}

// Event decodes the object in line and overwrites *e with it, with the zero
// value after an error. It copies what it keeps, so line may be reused.
func (d *Decoder) Event(line []byte, e *Event) error {
	*e = Event{Packets: 1}
	if err := d.object(line, e); err != nil {
		*e = Event{}
		return fmt.Errorf("decode event: %w", err)
	}
	return nil
}

// Enriched decodes as [Decoder.Event] does. An event without facts will do.
func (d *Decoder) Enriched(line []byte, e *Enriched) error {
	*e = Enriched{Event: Event{Packets: 1}}
	if err := d.object(line, e); err != nil {
		*e = Enriched{}
		return fmt.Errorf("decode enriched event: %w", err)
	}
	return nil
}

// Rejected decodes as [Decoder.Event] does.
func (d *Decoder) Rejected(line []byte, r *Rejected) error {
	*r = Rejected{}
	if err := d.object(line, r); err != nil {
		*r = Rejected{}
		return fmt.Errorf("decode rejected line: %w", err)
	}
	return nil
}

// Attributed decodes as [Decoder.Event] does.
func (d *Decoder) Attributed(line []byte, a *Attributed) error {
	*a = Attributed{}
	if err := d.object(line, a); err != nil {
		*a = Attributed{}
		return fmt.Errorf("decode attribution: %w", err)
	}
	return nil
}

// target is a value whose members the Decoder fills in.
type target interface {
	// member reads the value of f from d, and returns false without having read
	// anything if f is not one of its fields.
	member(d *Decoder, f field) bool
}

var (
	errSyntax   = errors.New("not JSON")
	errObject   = errors.New("not a JSON object")
	errTrailing = errors.New("more after the JSON object")
	errDepth    = fmt.Errorf("nested deeper than %d", maxDepth)
)

func (d *Decoder) object(line []byte, t target) error {
	d.data, d.pos, d.err, d.key = line, 0, nil, nil
	d.members(t)
	err := d.err
	if err != nil {
		if v := (*valueError)(nil); !errors.As(err, &v) {
			err = fmt.Errorf("byte %d: %w: %s", d.pos, err, quote(d.rest()))
		}
		if d.key != nil {
			err = fmt.Errorf("key %s: %w", quote(d.key), err)
		}
	}
	d.data, d.key, d.err = nil, nil, nil // line is the caller's again
	return err
}

// members reads the whole line. When it fails within a value it leaves the key
// of that value in d.key.
func (d *Decoder) members(t target) {
	if d.space(); !d.take('{') {
		d.err = errObject
		return
	}
	if d.space(); !d.take('}') {
		next := fieldV
		for {
			f := d.field(next)
			if d.err != nil {
				return
			}
			switch {
			case f == fieldV:
				d.number(1<<32 - 1) // a higher version adds keys and changes none: all are welcome
			case f == unknown || !t.member(d, f):
				d.skip(0)
			}
			if d.err != nil {
				if f != unknown {
					d.key = []byte(f.name())
				}
				return
			}
			if f != unknown {
				next = f + 1
			}
			d.key = nil
			d.space()
			if d.take('}') {
				break
			}
			if !d.take(',') {
				d.err = errSyntax
				return
			}
			d.space()
		}
	}
	if d.space(); d.pos < len(d.data) {
		d.err = errTrailing
	}
}

package scan

import (
	"bytes"
	"iter"
)

// Lines yields the lines of a batch (newline-delimited JSON) without their line
// end; a carriage return before the newline belongs to it. Empty lines are left
// out, and the last line needs no newline. The lines are parts of batch, not
// copies.
func Lines(batch []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(batch) > 0 {
			line := batch
			if i := bytes.IndexByte(batch, '\n'); i >= 0 {
				line, batch = batch[:i:i], batch[i+1:]
			} else {
				batch = nil
			}
			if line = bytes.TrimRight(line, " \t\r"); len(line) > 0 && !yield(line) {
				return
			}
		}
	}
}

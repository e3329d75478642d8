package chdb

import (
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/klauspost/compress/zstd"
)

const (
	// heldBack is how much of an answer waits before the status is sent, so that most errors still
	// get a status of their own.
	heldBack = 256 << 10
	// writeWait is how long one write to a client may take: one that stopped reading would hold
	// its statement, and a place in the queue, for ever.
	writeWait = time.Minute
)

// output writes one answer: it holds the first bytes back, and compresses if asked.
type output struct {
	w         http.ResponseWriter
	control   *http.ResponseController
	held      []byte
	committed bool
	tag       string // of the mark that tells of an error in mid-stream

	compressor io.Writer // over sink; nil to write as it is
	encoding   string
	blocks     bool
}

func newOutput(w http.ResponseWriter, q *request) *output {
	return &output{w: w, control: http.NewResponseController(w), encoding: q.encoding, blocks: q.blocks}
}

// Write takes a piece of the answer. An error means that the client is gone.
func (o *output) Write(p []byte) (int, error) {
	if !o.committed && len(o.held)+len(p) <= heldBack {
		o.held = append(o.held, p...)
		return len(p), nil
	}
	if err := o.commit(true); err != nil {
		return 0, err
	}
	return len(p), o.send(p)
}

// commit sends the status and what was held back. From now on an error cannot be told by a status.
func (o *output) commit(more bool) error {
	if o.committed {
		return nil
	}
	o.committed = true
	h := o.w.Header()
	if o.tag = strings.ToLower(rand.Text()[:16]); more {
		h.Set("X-ClickHouse-Exception-Tag", o.tag)
	}
	if o.encoding != "" && len(o.held) > 0 {
		h.Set("Content-Encoding", o.encoding)
	}
	o.w.WriteHeader(http.StatusOK)
	held := o.held
	o.held = nil
	if len(held) == 0 {
		return nil
	}
	return o.send(held)
}

func (o *output) send(p []byte) error {
	// The deadline cannot be set on every kind of connection; then there is none.
	_ = o.control.SetWriteDeadline(time.Now().Add(writeWait))
	if o.compressor == nil {
		o.compressor = o.newCompressor()
	}
	_, err := o.compressor.Write(p)
	return err
}

func (o *output) newCompressor() io.Writer {
	switch {
	case o.blocks:
		return &blockWriter{w: o.w, c: compress.NewWriter(compress.LevelZero, compress.LZ4)}
	case o.encoding == "gzip":
		return gzip.NewWriter(o.w)
	case o.encoding == "deflate":
		return zlib.NewWriter(o.w)
	case o.encoding == "zstd":
		if z, err := zstd.NewWriter(o.w, zstd.WithEncoderConcurrency(1)); err == nil {
			return z
		}
	}
	return o.w
}

// finish ends an answer that is complete.
func (o *output) finish(st stats, took time.Duration) error {
	// The connection may serve another request: the deadline is not for that.
	defer o.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // as in send
	if !o.committed {
		o.w.Header().Set("X-ClickHouse-Summary", summary(st, took))
	}
	if err := o.commit(false); err != nil {
		return err
	}
	if c, ok := o.compressor.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// fail ends an answer with an error: by a status if that is still possible; otherwise by a mark
// clients of recent versions know, and by breaking the connection, so that no client takes what it
// has for the whole.
func (o *output) fail(err error, version string) {
	e := asException(err)
	text := fmt.Sprintf("%s (version %s)\n", e, version)
	if !o.committed {
		o.committed = true
		h := o.w.Header()
		h.Del("X-ClickHouse-Format")
		h.Set("Content-Type", "text/plain; charset=UTF-8")
		h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.code))
		h.Set("Content-Length", strconv.Itoa(len(text)))
		o.w.WriteHeader(e.status())
		_, _ = io.WriteString(o.w, text) //nolint:gosec // as plain text, and nosniff
		return
	}
	if o.encoding == "" && !o.blocks {
		_, _ = fmt.Fprintf(o.w, "\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n", o.tag, text, len(text), o.tag) //nolint:gosec // as above
		_ = o.control.Flush()
	}
	panic(http.ErrAbortHandler)
}

// asException gives every error a number.
func asException(err error) *exception {
	var e *exception
	if !errors.As(err, &e) {
		e = &exception{1002, err.Error(), "UNKNOWN_EXCEPTION"}
	}
	return e
}

// summary is what ClickHouse tells of a statement in X-ClickHouse-Summary; numbers are texts there.
func summary(st stats, took time.Duration) string {
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	out, err := json.Marshal(map[string]string{
		"read_rows": n(st.readRows), "read_bytes": n(st.readBytes), "written_rows": n(st.writtenRows),
		"written_bytes": n(st.writtenBytes), "result_rows": n(st.resultRows), "elapsed_ns": n(uint64(took)),
	})
	if err != nil {
		return "{}"
	}
	return string(out)
}

// blockWriter writes ClickHouse's compressed blocks, one per piece.
type blockWriter struct {
	w io.Writer
	c *compress.Writer
}

func (b *blockWriter) Write(p []byte) (int, error) {
	const piece = 1 << 20
	for rest := p; len(rest) > 0; {
		n := min(len(rest), piece)
		if err := b.c.Compress(rest[:n]); err != nil {
			return 0, err
		}
		if _, err := b.w.Write(b.c.Data); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// contentType is the media type of an output format.
func contentType(format string) string {
	switch f := strings.ToLower(format); {
	case strings.HasPrefix(f, "jsoneachrow"), strings.HasPrefix(f, "jsoncompacteachrow"), f == "ndjson", f == "jsonlines":
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(f, "json"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(f, "csv"):
		return "text/csv; charset=UTF-8; header=" + map[bool]string{true: "present", false: "absent"}[strings.Contains(f, "names")]
	case strings.HasPrefix(f, "tabseparated"), strings.HasPrefix(f, "tsv"):
		return "text/tab-separated-values; charset=UTF-8"
	case strings.HasPrefix(f, "pretty"), f == "vertical", f == "values":
		return "text/plain; charset=UTF-8"
	case f == "markdown":
		return "text/markdown; charset=UTF-8"
	case f == "xml":
		return "application/xml; charset=UTF-8"
	}
	return "application/octet-stream"
}

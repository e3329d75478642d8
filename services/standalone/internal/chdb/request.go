package chdb

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/klauspost/compress/zstd"
)

// maxQuerySize is ClickHouse's own bound on the text of a statement, its data not counted. The
// setting max_query_size raises it, up to maxQuerySizeEver.
const (
	maxQuerySize     = 256 << 10
	maxQuerySizeEver = 16 << 20
)

// request is a statement as it came over HTTP.
type request struct {
	id       string // of the query, the client's if it named one
	role     string
	database string
	format   string // when the text names none
	settings []pair
	params   []pair

	statement
	data io.Reader // for an insert: what follows the text

	blocks   bool   // the answer goes out in ClickHouse's own compressed blocks
	encoding string // the Content-Encoding of the answer, or nothing
}

// httpSettings are for ClickHouse's HTTP server, or speak of what this front decides itself.
var httpSettings = []string{
	"add_http_cors_header", "buffer_size", "cancel_http_readonly_queries_on_client_close", "client_protocol_version",
	"enable_http_compression", "http_headers_progress_interval_ms", "http_receive_timeout", "http_response_buffer_size",
	"http_send_timeout", "http_wait_end_of_query", "http_zlib_compression_level", "network_compression_method",
	"network_zstd_compression_level", "quota_key", "send_progress_in_http_headers", "stacktrace", "wait_end_of_query",
}

// parseRequest reads everything of r but the data of an insert.
func parseRequest(r *http.Request, role, database string) (*request, error) {
	q := &request{role: role, database: database, format: "TabSeparated"}
	if v := r.Header.Get("X-ClickHouse-Database"); v != "" {
		q.database = v
	}
	if v := r.Header.Get("X-ClickHouse-Format"); v != "" {
		q.format = v
	}
	values := r.URL.Query()
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)

	limit, decompress, compressHTTP := maxQuerySize, false, false
	for _, name := range names {
		value := values.Get(name)
		switch name {
		case "query", "user", "password":
		case "database":
			q.database = value
		case "default_format":
			q.format = value
		case "query_id":
			q.id = value
		case "compress":
			q.blocks = value == "1"
		case "decompress":
			decompress = value == "1"
		case "session_id", "session_check", "session_timeout", "close_session":
			return nil, errNotSupported("The embedded engine has no HTTP sessions: send settings as URL parameters, or use one statement.")
		case "role":
			return nil, errNotSupported("The embedded engine has no roles to choose from.")
		default:
			switch param, ok := strings.CutPrefix(name, "param_"); {
			case ok:
				q.params = append(q.params, pair{param, value})
			case name == "enable_http_compression":
				compressHTTP = value != "0" && value != ""
			case slices.Contains(httpSettings, name):
			default:
				if name == "max_query_size" {
					if n, err := strconv.Atoi(value); err == nil && n > 0 {
						limit = min(n, maxQuerySizeEver)
					}
				}
				q.settings = append(q.settings, pair{name, value})
			}
		}
	}
	if compressHTTP && !q.blocks {
		q.encoding = acceptedEncoding(r.Header.Get("Accept-Encoding"))
	}
	body, err := requestBody(r, decompress)
	if err != nil {
		return nil, err
	}
	err = q.readStatement(values.Get("query"), body, limit)
	return q, err
}

// requestBody undoes both compressions a client may have used.
func requestBody(r *http.Request, decompress bool) (io.Reader, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return nil, errNotSupported("External tables are not supported by the embedded engine.")
	}
	var body io.Reader = r.Body
	var err error
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	case "zstd":
		body, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	default:
		return nil, errNotSupported(fmt.Sprintf("Content-Encoding %.40q is not supported: use gzip, deflate or zstd.", enc))
	}
	if err != nil {
		return nil, errBadRequest("The body is not what its Content-Encoding says: " + err.Error())
	}
	if decompress {
		body = &blockReader{r: compress.NewReader(body)}
	}
	return body, nil
}

// blockReader reads ClickHouse's compressed blocks. The library's reader wraps the end into another
// error, and after any error gives its last block once more.
type blockReader struct {
	r   io.Reader
	err error
}

func (b *blockReader) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	b.err = err
	return n, err
}

// readStatement takes the text from the URL, or the body, or both one after the other as ClickHouse
// does; what lies behind the text of an insert stays unread.
func (q *request) readStatement(text string, body io.Reader, limit int) error {
	if strings.TrimSpace(text) != "" {
		if q.statement = parseStatement(text); q.insert {
			q.data = io.MultiReader(strings.NewReader(q.tail), body)
			return nil
		}
	}
	// One byte more than allowed tells whether there is more.
	start, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err != nil {
		return errBadRequest("Cannot read the request: " + err.Error())
	}
	start, more := start[:min(len(start), limit)], start[min(len(start), limit):]
	if text != "" {
		text += "\n"
	}
	q.statement = parseStatement(text + string(start))
	switch {
	case q.insert && len(more) == 0 && strings.EqualFold(q.statement.format, "Values"):
		// Small and complete. The engine's own parser may find expressions and parameters in it.
		q.insert, q.head, q.tail, q.statement.format = false, q.text, "", ""
	case q.insert:
		q.data = io.MultiReader(strings.NewReader(q.tail), bytes.NewReader(more), body)
	case len(more) > 0:
		return errSyntax(fmt.Sprintf("The statement is longer than max_query_size, %d bytes.", limit))
	}
	if strings.TrimSpace(q.text) == "" {
		return errSyntax("Empty query.")
	}
	return nil
}

// acceptedEncoding is the first encoding the client names that we can write.
func acceptedEncoding(accept string) string {
	for _, name := range strings.Split(accept, ",") {
		name, _, _ = strings.Cut(strings.TrimSpace(name), ";")
		switch name {
		case "gzip", "deflate", "zstd":
			return name
		}
	}
	return ""
}

package chdb

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/klauspost/compress/zstd"
)

// Every format is one document, however many blocks the result has.
func TestFormatsOfManyBlocks(t *testing.T) {
	c := engineFor(t).with("max_block_size", "1000")
	const n = 300_000
	var doc struct {
		Data []struct {
			N string `json:"n"`
		} `json:"data"`
		Rows int `json:"rows"`
	}
	if err := json.Unmarshal([]byte(c.ok("SELECT toString(number) AS n FROM numbers(300000) FORMAT JSON")), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Rows != n || len(doc.Data) != n || doc.Data[n-1].N != "299999" {
		t.Errorf("JSON says %d rows and has %d", doc.Rows, len(doc.Data))
	}
	records, err := csv.NewReader(strings.NewReader(c.ok("SELECT number AS n, 'a\nb' AS s FROM numbers(300000) FORMAT CSVWithNames"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != n+1 || records[0][0] != "n" || records[n][0] != "299999" || records[n][1] != "a\nb" {
		t.Errorf("CSVWithNames has %d records, want one header and %d", len(records), n)
	}
	if got := c.ok("SELECT number % 2 AS k, count() AS c FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k FORMAT JSONCompact"); !strings.Contains(got, `"totals": [0, 10]`) {
		t.Errorf("no totals in %s", got)
	}
	if got := c.ok("SELECT 1 AS a WHERE 0 FORMAT CSVWithNames"); got != `"a"` {
		t.Errorf("an empty CSVWithNames is %q", got)
	}
}

func TestDefaultFormatAndHeaders(t *testing.T) {
	c := engineFor(t)
	f := func(c *client, sql, body, format, contentType string) {
		t.Helper()
		resp, got := c.send(sql)
		if got != body || resp.Header.Get("X-ClickHouse-Format") != format || resp.Header.Get("Content-Type") != contentType {
			t.Errorf("%s: %q in %q, %q", sql, got, resp.Header.Get("X-ClickHouse-Format"), resp.Header.Get("Content-Type"))
		}
	}
	f(c, "SELECT 1, 'a'", "1\ta\n", "TabSeparated", "text/tab-separated-values; charset=UTF-8")
	f(c.with("default_format", "CSV"), "SELECT 1, 'a'", "1,\"a\"\n", "CSV", "text/csv; charset=UTF-8; header=absent")
	f(c.with("default_format", "CSV"), "SELECT 1, 'a' FORMAT JSONEachRow", "{\"1\":1,\"'a'\":\"a\"}\n", "JSONEachRow", "application/x-ndjson; charset=UTF-8")
	f(c.with("query", "SELECT 1"), "", "1\n", "TabSeparated", "text/tab-separated-values; charset=UTF-8")
	f(c.with("query", "SELECT 1"), "+ 1 FORMAT Vertical", "Row 1:\n──────\nplus(1, 1): 2\n", "Vertical", "text/plain; charset=UTF-8")
	c.with("default_format", "NoSuch").fails("SELECT 1", 404, "73", "NoSuch")

	resp, _ := c.with("query_id", "mine").send("SELECT count() FROM t")
	if got := resp.Header.Get("X-ClickHouse-Query-Id"); got != "mine" {
		t.Errorf("the query id is %q", got)
	}
	var summary map[string]string
	if err := json.Unmarshal([]byte(resp.Header.Get("X-ClickHouse-Summary")), &summary); err != nil || summary["read_rows"] == "0" || summary["elapsed_ns"] == "0" {
		t.Errorf("the summary is %v (%v)", summary, err)
	}
	w := c.writer()
	w.ok("CREATE OR REPLACE TABLE other.summary (a UInt8) ENGINE = Memory")
	resp, _ = w.send("INSERT INTO other.summary FORMAT TSV\n1\n2\n3\n")
	if err := json.Unmarshal([]byte(resp.Header.Get("X-ClickHouse-Summary")), &summary); err != nil || summary["written_rows"] != "3" {
		t.Errorf("the summary of an insert is %v (%v)", summary, err)
	}
}

func TestNotSupported(t *testing.T) {
	c := engineFor(t)
	c.with("session_id", "x").fails("SELECT 1", 501, "48", "no HTTP sessions")
	c.with("role", "x").fails("SELECT 1", 501, "48", "roles")
	c.header = http.Header{"Content-Encoding": {"br"}}
	c.fails("SELECT 1", 501, "48", "Content-Encoding")
	c.header = http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}
	c.fails("--x", 501, "48", "External tables")
	c.header = http.Header{"Content-Encoding": {"gzip"}}
	c.fails("SELECT 1", 400, "36", "Content-Encoding")
	c.header = nil
	c.fails("", 400, "62", "Empty query")
	c.fails(" ; -- nothing", 400, "62", "Empty query")
	c.fails("SELECT '"+strings.Repeat("x", 300_000)+"'", 400, "62", "max_query_size")
	if got := c.writer().with("max_query_size", "1000000").ok("SELECT length('" + strings.Repeat("x", 300_000) + "')"); got != "300000" {
		t.Errorf("a long statement gives %q", got)
	}
}

func TestSettingsOfOneRequest(t *testing.T) {
	c := engineFor(t).writer()
	if got := c.with("max_threads", "1").with("log_comment", "it's").ok("SELECT getSetting('max_threads'), endsWith(getSetting('log_comment'), ' it''s')"); got != "1\ttrue" && got != "1\t1" {
		t.Errorf("settings = %q", got)
	}
	c.ok("SET max_threads = 1")
	c.ok("USE other")
	c.ok("CREATE TEMPORARY TABLE mine (a UInt8)")
	if got := c.ok("SELECT getSetting('max_threads') = 1, currentDatabase()"); got != "0\twhoknocks" {
		t.Errorf("after SET and USE, the next request has %q", got)
	}
	c.fails("SELECT * FROM mine", 404, "60", "mine")
	c.with("nosuch", "1").fails("SELECT 1", 404, "115", "nosuch")
	c.with("max_threads", "many").fails("SELECT 1", 400, "27", "many")
	c.with("a b`; DROP", "1").fails("SELECT 1", 404, "115", "")
	c.with("database", "nosuch").fails("SELECT 1", 404, "81", "nosuch")
	if got := c.ok("SELECT getSetting('async_insert')"); got != "false" && got != "0" {
		t.Errorf("async_insert = %s: an insert would be acknowledged before it is written", got)
	}
}

func TestInsertFormats(t *testing.T) {
	c := engineFor(t).writer()
	plain := c
	c.ok("CREATE OR REPLACE TABLE other.formats (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
	f := func(c *client, sql, want string) {
		t.Helper()
		c.ok(sql)
		if got := plain.ok("SELECT groupArray((a, s)) FROM (SELECT * FROM other.formats ORDER BY a)"); got != want {
			t.Errorf("%.80q gives %s, want %s", sql, got, want)
		}
		plain.ok("TRUNCATE TABLE other.formats")
	}
	f(c, "INSERT INTO other.formats VALUES (1, 'a'), (1 + 1, concat('b', 'c'));", "[(1,'a'),(2,'bc')]")
	f(c.with("param_x", "7"), "INSERT INTO other.formats VALUES ({x:UInt64}, 'param')", "[(7,'param')]")
	f(c, "INSERT INTO other.formats FORMAT JSONEachRow\n{\"a\": 1, \"s\": \"\\n\"}\n{\"a\": 2}", `[(1,'\n'),(2,'')]`)
	f(c, "INSERT INTO other.formats (s, a) FORMAT CSV\n\"x;y\",1\n", "[(1,'x;y')]")
	f(c, "INSERT INTO other.formats FORMAT RowBinary\n\n\x00\x00\x00\x00\x00\x00\x00\x01\n", `[(10,'\n')]`)
	f(c.with("query", "INSERT INTO other.formats FORMAT RowBinary"), "\n\x00\x00\x00\x00\x00\x00\x00\x01;", "[(10,';')]")
	f(c.with("query", "INSERT INTO other.formats VALUES"), "(1, 'a')", "[(1,'a')]")
	f(c, "INSERT INTO other.formats SELECT number, 'n' FROM numbers(2)", "[(0,'n'),(1,'n')]")
	f(c, "INSERT INTO other.formats FORMAT TSV\n", "[]")
	// Larger than what is looked at as text.
	big := "INSERT INTO other.formats VALUES " + strings.Repeat("(1, 'aaaaaaaaaa'),", 50_000) + "(2, 'b')"
	c.ok(big)
	if got := c.ok("SELECT count(), max(a) FROM other.formats"); got != "50001\t2" {
		t.Errorf("a big INSERT VALUES gives %s", got)
	}
	c.fails("INSERT INTO other.formats FORMAT CSV\n1,a\nx,b\n", 400, "27", "")
	c.fails("INSERT INTO other.formats FORMAT NoSuch\n1", 404, "73", "NoSuch")
	c.fails("INSERT INTO nosuch FORMAT CSV\n"+strings.Repeat("1,a\n", 1_000_000), 404, "60", "nosuch")
}

func TestCompression(t *testing.T) {
	c := engineFor(t).writer()
	c.ok("CREATE OR REPLACE TABLE other.compressed (a UInt64) ENGINE = Memory")
	const sql = "INSERT INTO other.compressed FORMAT TSV\n1\n2\n"
	send := func(name string, body []byte, query string) {
		t.Helper()
		w := *c
		if name != "" {
			w.header = http.Header{"Content-Encoding": {name}}
		}
		if query != "" {
			w = *w.with(query, "1")
		}
		w.ok(string(body))
	}
	var buf bytes.Buffer
	g := gzip.NewWriter(&buf)
	_, _ = g.Write([]byte(sql))
	g.Close()
	send("gzip", buf.Bytes(), "")
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	send("zstd", z.EncodeAll([]byte(sql), nil), "")
	b := compress.NewWriter(compress.LevelZero, compress.LZ4)
	if err := b.Compress([]byte(sql)); err != nil {
		t.Fatal(err)
	}
	send("", b.Data, "decompress")
	if got := c.ok("SELECT count() FROM other.compressed"); got != "6" {
		t.Errorf("%s rows came through, want 6", got)
	}

	const query = "SELECT number FROM numbers(500000)"
	want := c.ok(query) + "\n"
	read := func(name string, r io.Reader, err error) {
		t.Helper()
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
		}
		// The reader of ClickHouse's blocks wraps the end.
		if err != nil && !errors.Is(err, io.EOF) || string(got) != want {
			t.Errorf("%s: %d bytes, want %d: %v", name, len(got), len(want), err)
		}
	}
	w := c.with("enable_http_compression", "1")
	w.header = http.Header{"Accept-Encoding": {"gzip"}}
	resp, body := w.send(query)
	r, err := gzip.NewReader(strings.NewReader(body))
	read("gzip "+resp.Header.Get("Content-Encoding"), r, err)
	w.header = http.Header{"Accept-Encoding": {"br, zstd;q=0.5"}}
	_, body = w.send(query)
	zr, err := zstd.NewReader(strings.NewReader(body))
	read("zstd", zr, err)
	_, body = c.with("compress", "1").send(query)
	var blocks bytes.Buffer
	_, err = io.Copy(&blocks, compress.NewReader(strings.NewReader(body)))
	if !errors.Is(err, io.EOF) || blocks.String() != want {
		t.Errorf("compress=1: %d bytes, want %d: %v", blocks.Len(), len(want), err)
	}
	if len(body) >= len(want) {
		t.Errorf("compress=1 sent %d bytes for %d", len(body), len(want))
	}
}

// A result that fails after it has begun must not look whole to a client that knows nothing but HTTP.
func TestErrorInMidStreamBreaksTheConnection(t *testing.T) {
	c := engineFor(t)
	for _, sql := range []string{
		"SELECT throwIf(number = 3000000, 'too late') FROM numbers(4000000)",
		"SELECT throwIf(number = 3000000, 'too late') FROM numbers(4000000) FORMAT JSON",
	} {
		resp, err := c.do(t.Context(), strings.NewReader(sql))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: status %d and %d bytes, then %v; want 200 and a broken connection", sql, resp.StatusCode, len(body), err)
		}
		tag := resp.Header.Get("X-ClickHouse-Exception-Tag")
		if !bytes.Contains(body, []byte("__exception__\r\n"+tag+"\r\nCode: 395. DB::Exception: ")) || len(tag) != 16 {
			t.Errorf("%s: the end says %.300q", sql, body[max(0, len(body)-300):])
		}
	}
	// Early enough, it has a status.
	c.fails("SELECT throwIf(number = 10, 'at once') FROM numbers(20) FORMAT JSON", 500, "395", "at once")
}

// Clients that leave in the middle of a result give their place to others.
func TestLeavingClientsFreeTheirPlaces(t *testing.T) {
	c := engineFor(t)
	var wg sync.WaitGroup
	for range 12 { // three times the places
		wg.Go(func() {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			resp, err := c.do(ctx, strings.NewReader("SELECT number, repeat('x', 100) FROM numbers(9000000)"))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := c.ok("SELECT 1"); got != "1" {
		t.Errorf("SELECT 1 = %q", got)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		st, err := shared.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Running == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d statements still run", st.Running)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Sessions are made for every request: they must not leave anything behind.
func TestSessionsDoNotLeak(t *testing.T) {
	c := engineFor(t)
	many := func() {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 100 {
					if resp, err := c.do(t.Context(), strings.NewReader("SELECT 1")); err != nil {
						t.Error(err)
					} else {
						_, _ = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
				}
			})
		}
		wg.Wait()
	}
	resident := func() uint64 {
		st, err := shared.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return st.ResidentBytes
	}
	many()
	before := resident()
	many()
	if after := resident(); after > before+16<<20 {
		t.Errorf("400 requests took the engine from %d to %d bytes", before, after)
	}
}

func TestPaths(t *testing.T) {
	engineFor(t)
	f := func(method, path string, status int, body string) {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+shared.Address()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != status || !strings.Contains(string(got), body) {
			t.Errorf("%s %s: status %d, %q", method, path, resp.StatusCode, got)
		}
	}
	f("GET", "/ping", 200, "Ok.\n")
	f("HEAD", "/ping", 200, "")
	f("GET", "/", 200, "Ok.\n")
	f("GET", "/engine", 200, `"version":"26.`)
	f("GET", "/nosuch", 404, "/nosuch")
	f("PUT", "/", 405, "POST")
	f("GET", "/?query=SELECT+42", 200, "42\n")
}

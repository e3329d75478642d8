package clickhousetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
)

// Suite is what the rest of the project needs of a ClickHouse, whichever runs
// behind the DSN. Its database must be empty.
func Suite(t *testing.T, dsn string) {
	t.Helper()
	s := suite{dsn: dsn, conn: Open(t, dsn)}
	t.Run("DDL", s.ddl)
	t.Run("Batch", s.batch)
	t.Run("Parameters", s.parameters)
	t.Run("Settings", s.settings)
	t.Run("Errors", s.errors)
	t.Run("ErrorInMidStream", s.errorInMidStream)
	t.Run("ParallelQueries", s.parallelQueries)
	t.Run("ParallelInserts", s.parallelInserts)
	t.Run("BrokenInsert", s.brokenInsert)
	t.Run("BigResult", s.bigResult)
	t.Run("Cancel", s.cancel)
}

type suite struct {
	dsn  string
	conn driver.Conn
}

// value returns the only value of a query's only row.
func value[T any](t testing.TB, conn driver.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%.200s: %v", sql, err)
	}
	return v
}

func (s suite) ddl(t *testing.T) {
	run(t, s.conn, `CREATE TABLE ddl (a UInt64, b String DEFAULT 'x', c LowCardinality(String) CODEC(ZSTD(1)))
		ENGINE = ReplacingMergeTree PARTITION BY a % 2 ORDER BY a -- a comment; with a semicolon`)
	run(t, s.conn, "INSERT INTO ddl (a) SELECT number FROM numbers(10)")
	run(t, s.conn, "ALTER TABLE ddl ADD COLUMN d UInt8 DEFAULT a + 1;")
	if got := value[uint64](t, s.conn, "SELECT sum(d) FROM ddl"); got != 55 {
		t.Errorf("sum(d) = %d, want 55", got)
	}
	run(t, s.conn, "CREATE TABLE ddl_new AS ddl")
	run(t, s.conn, "ALTER TABLE ddl_new REPLACE PARTITION ID '1' FROM ddl")
	run(t, s.conn, "CREATE OR REPLACE VIEW ddl_view AS SELECT a FROM ddl_new WHERE a > 5")
	if got := value[uint64](t, s.conn, "SELECT count() FROM ddl_view"); got != 2 {
		t.Errorf("the view has %d rows, want 2", got)
	}
	for _, table := range []string{"ddl_view", "ddl_new", "ddl"} {
		run(t, s.conn, "DROP TABLE "+table+" SYNC")
	}
	if got := value[uint64](t, s.conn, "SELECT count() FROM system.tables WHERE database = currentDatabase()"); got != 0 {
		t.Errorf("%d tables are left", got)
	}
}

type row struct {
	ID    uint64
	Text  string
	Low   string
	Port  *uint16
	Time  time.Time
	Names []string
}

func (s suite) batch(t *testing.T) {
	run(t, s.conn, `CREATE TABLE batch (id UInt64, text String, low LowCardinality(String), port Nullable(UInt16),
		time DateTime64(3, 'UTC'), names Array(LowCardinality(String)), ip IPv6, kind Enum8('a' = 1, 'b' = 2)) ENGINE = MergeTree ORDER BY id`)
	port := uint16(443)
	want := []row{
		{1, "plain", "x", &port, time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), []string{"a", "b"}},
		{2, "tab\t newline\n nul\x00 quote' back\\ Å 水", "", nil, time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), []string{}},
		{1<<64 - 1, "", "x", nil, time.Date(2026, 12, 31, 23, 59, 59, 999e6, time.UTC), []string{"a"}},
	}
	b, err := s.conn.PrepareBatch(t.Context(), "INSERT INTO batch")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range want {
		if err := b.Append(r.ID, r.Text, r.Low, r.Port, r.Time, r.Names, "::ffff:192.0.2.1", "b"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(); err != nil {
		t.Fatal(err)
	}
	rows, err := s.conn.Query(t.Context(), "SELECT id, text, low, port, time, names FROM batch WHERE ip = toIPv6('192.0.2.1') AND kind = 'b' ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.ID, &r.Text, &r.Low, &r.Port, &r.Time, &r.Names); err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows mismatch (-want +got)\n%s", diff)
	}
}

func (s suite) parameters(t *testing.T) {
	f := func(text string) {
		t.Helper()
		if got := value[string](t, s.conn, "SELECT {text:String}", clickhouse.Named("text", text)); got != text {
			t.Errorf("the parameter %q came back as %q", text, got)
		}
	}
	f("plain")
	f("")
	f("tab\tnewline\nreturn\r")
	f(`back\slash \t \n \\`)
	f(`quote ' double " grave `)
	f("'; DROP TABLE t; --")
	f("Ångström 水 🦊")
	f("{text:String} %2F + & = ?")
	f(strings.Repeat("long ", 2000))
	if got := value[int64](t, s.conn, "SELECT sum(x) FROM (SELECT arrayJoin({list:Array(Int64)}) AS x)", clickhouse.Named("list", []int64{-1, 5, 7})); got != 11 {
		t.Errorf("the sum of a list is %d, want 11", got)
	}
	run(t, s.conn, "CREATE TABLE parameters (a UInt8, b String) ENGINE = MergeTree ORDER BY a")
	const text = "a\\' b\t\\"
	run(t, s.conn, "INSERT INTO parameters SELECT 1, {text:String}", clickhouse.Named("text", text))
	run(t, s.conn, "INSERT INTO parameters SELECT 2, b FROM parameters WHERE b = {text:String}", clickhouse.Named("text", text))
	if got := value[string](t, s.conn, "SELECT b FROM parameters WHERE a = 2"); got != text {
		t.Errorf("the parameter of an INSERT SELECT became %q, want %q", got, text)
	}
}

func (s suite) settings(t *testing.T) {
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_threads": 1, "log_comment": "it's\ta"}))
	var threads uint64
	var comment string
	if err := s.conn.QueryRow(ctx, "SELECT toUInt64(getSetting('max_threads')), getSetting('log_comment')").Scan(&threads, &comment); err != nil {
		t.Fatal(err)
	}
	if threads != 1 || !strings.HasSuffix(comment, "it's\ta") {
		t.Errorf("the settings are %d and %q", threads, comment)
	}
	// They are for that statement only.
	if got := value[string](t, s.conn, "SELECT getSetting('log_comment')"); strings.Contains(got, "it's") {
		t.Errorf("the next statement has the setting %q", got)
	}
}

func (s suite) errors(t *testing.T) {
	f := func(sql string, code int32, text string) {
		t.Helper()
		var e *clickhouse.Exception
		if err := s.conn.Exec(t.Context(), sql); !errors.As(err, &e) {
			t.Errorf("%s: error %v, want one of ClickHouse", sql, err)
		} else if e.Code != code || !strings.Contains(e.Message, text) {
			t.Errorf("%s: error %d %q, want %d with %q", sql, e.Code, e.Message, code, text)
		}
	}
	f("SELECT * FROM nosuch", 60, "nosuch")
	f("SELECT nosuch", 47, "nosuch")
	f("SELEC 1", 62, "SELEC")
	f("SELECT 1; SELECT 2", 62, "ulti-statements")
	f("SELECT throwIf(1, 'told you')", 395, "told you")
	f("INSERT INTO nosuch VALUES (1)", 60, "nosuch")
	f("DROP DATABASE nosuch", 81, "nosuch")
	f("SELECT 1 SETTINGS nosuch = 1", 115, "nosuch")
	f("SELECT number FROM numbers(1e9) SETTINGS max_rows_to_read = 10", 158, "rows")
	f("SELECT count() FROM numbers(1e12) SETTINGS max_execution_time = 0.2", 159, "")
	f("SELECT groupArray(number) FROM numbers(1e9) SETTINGS max_memory_usage = 10000000", 241, "memory")
}

// errorInMidStream: what a client has of a result that fails must not pass for
// the whole.
func (s suite) errorInMidStream(t *testing.T) {
	rows, err := s.conn.Query(t.Context(), "SELECT throwIf(number = 3000000, 'too late'), number FROM numbers(4000000)")
	if err != nil {
		t.Fatal(err) // it begins well
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err == nil {
		t.Errorf("%d of 4000000 rows and no error", n)
	} else if !strings.Contains(err.Error(), "too late") {
		t.Errorf("after %d rows: %v, want the engine's text", n, err)
	}
}

func (s suite) parallelQueries(t *testing.T) {
	run(t, s.conn, "CREATE TABLE parallel (a UInt64, b LowCardinality(String)) ENGINE = MergeTree ORDER BY a")
	run(t, s.conn, "INSERT INTO parallel SELECT number, toString(number % 10) FROM numbers(100000)")
	opts, err := clickhouse.ParseDSN(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	opts.MaxOpenConns = 32
	conn, err := clickhouse.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var wg sync.WaitGroup
	for i := range 160 {
		wg.Go(func() {
			var sum, count uint64
			if err := conn.QueryRow(t.Context(), "SELECT sum(a), count() FROM parallel WHERE b = {b:String}", clickhouse.Named("b", fmt.Sprint(i%10))).Scan(&sum, &count); err != nil {
				t.Error(err)
			} else if want := uint64(i%10)*10000 + 10*(9999*10000/2); count != 10000 || sum != want {
				t.Errorf("query %d: sum %d of %d rows, want %d of 10000", i, sum, count, want)
			}
		})
	}
	wg.Wait()
}

// fill inserts rows first … first+n-1 into a table of one column.
func fill(ctx context.Context, conn driver.Conn, table string, first, n int) error {
	b, err := conn.PrepareBatch(ctx, "INSERT INTO "+table)
	if err != nil {
		return err
	}
	for i := range n {
		if err := b.Append(uint64(first + i)); err != nil {
			return err
		}
	}
	return b.Send()
}

func (s suite) parallelInserts(t *testing.T) {
	run(t, s.conn, "CREATE TABLE inserts (a UInt64) ENGINE = MergeTree ORDER BY a")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if err := fill(t.Context(), s.conn, "inserts", i*50_000, 50_000); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := value[uint64](t, s.conn, "SELECT uniqExact(a) FROM inserts HAVING count() = 200000"); got != 200_000 {
		t.Errorf("%d of 200000 rows are there", got)
	}
}

// brokenInsert: data that does not parse, or ends in the middle, leaves nothing.
func (s suite) brokenInsert(t *testing.T) {
	run(t, s.conn, "CREATE TABLE broken (a UInt64) ENGINE = MergeTree ORDER BY a")
	target, err := url.Parse(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	if target.Scheme != "http" {
		t.Skip("the DSN is not of the HTTP interface")
	}
	password, _ := target.User.Password()
	post := func(body string, length int64) (int, error) {
		u := *target
		u.User, u.Path = nil, "/"
		u.RawQuery = url.Values{"database": {strings.Trim(target.Path, "/")}, "query": {"INSERT INTO broken FORMAT TSV"}}.Encode()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		req.SetBasicAuth(target.User.Username(), password)
		req.ContentLength = length
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	if code, err := post("1\n2\n", 4); err != nil || code != http.StatusOK {
		t.Errorf("a whole insert: status %d, %v", code, err)
	}
	if code, err := post("3\nfour\n", 7); err != nil || code != http.StatusBadRequest {
		t.Errorf("an insert that does not parse: status %d, %v, want 400", code, err)
	}
	if code, err := post("5\n6\n", 1000); err == nil {
		t.Errorf("an insert broken off: status %d and no error", code)
	}
	s.until(t, "the broken insert ends", func() bool { return !s.runs(t, "INSERT INTO broken%") })
	if got := value[uint64](t, s.conn, "SELECT count() FROM broken"); got != 2 {
		t.Errorf("%d rows are there, want 2", got)
	}
}

// bigResult reads 330 MB: an embedded engine must pass them on, not hold them.
func (s suite) bigResult(t *testing.T) {
	before := s.resident(t)
	rows, err := s.conn.Query(t.Context(), "SELECT number, leftPad(toString(number), 100, 'x') FROM numbers(3000000)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n, number, most uint64
	var text string
	for ; rows.Next(); n++ {
		if err := rows.Scan(&number, &text); err != nil {
			t.Fatal(err)
		}
		if number != n || len(text) != 100 {
			t.Fatalf("row %d is (%d, %.20q)", n, number, text)
		}
		if n%200_000 == 0 {
			most = max(most, s.resident(t))
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if n != 3_000_000 {
		t.Errorf("%d rows, want 3000000", n)
	}
	if before > 0 {
		t.Logf("engine's memory: %d MB before, %d MB at most", before>>20, most>>20)
		if most > before+128<<20 {
			t.Errorf("the engine grew by %d MB over a result of 330 MB", (most-before)>>20)
		}
	}
}

// resident asks an embedded engine for its memory; a server has no such page.
func (s suite) resident(t *testing.T) uint64 {
	t.Helper()
	u, err := url.Parse(s.dsn)
	if err != nil || u.Scheme != "http" {
		return 0
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+u.Host+"/engine", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var status struct {
		ResidentBytes uint64 `json:"resident_bytes"`
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&status) != nil {
		return 0
	}
	return status.ResidentBytes
}

// cancel: a statement whose client is gone stops, even before its first row.
func (s suite) cancel(t *testing.T) {
	ctx, leave := context.WithCancel(clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
		"cancel_http_readonly_queries_on_client_close": 1, // a server needs to be told
	})))
	defer leave()
	gone := make(chan error, 1)
	go func() {
		gone <- s.conn.Exec(ctx, "SELECT 'left alone', max(sipHash64(number)) FROM numbers(1000000000000)")
	}()
	const left = "SELECT ''left alone''%"
	s.until(t, "the statement begins", func() bool { return s.runs(t, left) })
	leave()
	if err := <-gone; err == nil {
		t.Error("the statement ended well")
	}
	s.until(t, "the statement ends", func() bool { return !s.runs(t, left) })
}

// runs says whether a statement runs whose text is like the pattern.
func (s suite) runs(t *testing.T, pattern string) bool {
	t.Helper()
	return value[uint64](t, s.conn, "SELECT count() FROM system.processes WHERE query LIKE '"+pattern+"'") > 0
}

func (s suite) until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !reached(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after 10 s: %s", what)
		}
	}
}

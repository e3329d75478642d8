package chdb

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReaderReads(t *testing.T) {
	c := engineFor(t)
	f := func(sql, want string) {
		t.Helper()
		if got := c.ok(sql); got != want {
			t.Errorf("%s = %q, want %q", sql, got, want)
		}
	}
	f("SELECT count() FROM t", "1000") // exact, though 1500 rows are stored
	f("SELECT count() FROM whoknocks.t", "1000")
	f("SELECT sum(number) FROM numbers(10)", "45")
	f("SELECT currentDatabase()", "whoknocks")
	f("SHOW TABLES", "t")
	f("EXISTS TABLE t", "1")
	f("SELECT name FROM system.tables WHERE database = 'whoknocks'", "t")
	f("WITH x AS (SELECT 1 AS y) SELECT y FROM x UNION ALL SELECT 2 FORMAT CSV", "1\n2")
	f("SELECT * FROM values('a UInt8', 1)", "1")
	f("SELECT 'it''s; SELECT 2' -- ; comment", `it\'s; SELECT 2`)
	if got := c.ok("DESCRIBE TABLE t"); !strings.HasPrefix(got, "a\tUInt64") {
		t.Errorf("DESCRIBE = %q", got)
	}
	if got := c.ok("SHOW CREATE TABLE t FORMAT TSVRaw"); !strings.HasPrefix(got, "CREATE TABLE whoknocks.t") {
		t.Errorf("SHOW CREATE = %q", got)
	}
	if got := c.ok("EXPLAIN SELECT count() FROM t"); !strings.Contains(got, "ReadFromMergeTree") {
		t.Errorf("EXPLAIN = %q", got)
	}
	if got := c.with("final", "0").ok("SELECT count() FROM t"); got != "1500" {
		t.Errorf("count with final = 0 is %s, want 1500", got)
	}
	if got := c.with("param_x", `a\tb\\`).ok("SELECT {x:String}"); got != `a\tb\\` {
		t.Errorf("the parameter is %q", got)
	}
}

// Each line is one way out of the reader's bounds, tried.
func TestReaderWaysOut(t *testing.T) {
	c := engineFor(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	called := make(chan string, 100)
	outside := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { called <- r.URL.Path }))
	defer outside.Close()
	address := strings.TrimPrefix(outside.URL, "http://")
	target := filepath.Join(t.TempDir(), "leak")

	f := func(sql, code string) {
		t.Helper()
		sql = strings.NewReplacer("SECRET", secret, "OUTSIDE", outside.URL, "ADDRESS", address, "TARGET", target).Replace(sql)
		resp, body := c.send(sql)
		if got := resp.Header.Get("X-ClickHouse-Exception-Code"); got != code || strings.Contains(body, "hush") {
			t.Errorf("%s: code %s, %q; want code %s", sql, got, body, code)
		}
	}
	// Files.
	f("SELECT file('SECRET')", "497")
	f("SELECT FILE('SECRET')", "497")
	f("SELECT `file`('SECRET')", "497")
	f("SELECT `f\\x69le`('SECRET')", "497")
	f("SELECT \"f\\x69le\"('SECRET')", "497")
	f("SELECT `fi``le`('SECRET')", "46") // no function of ours or theirs
	f("SELECT arrayMap(x -> file(x), ['SECRET'])", "497")
	f("WITH file('SECRET') AS s SELECT s", "497")
	f("SELECT 1 FROM t WHERE a IN (SELECT length(file('SECRET')))", "497")
	f("EXPLAIN SELECT file('SECRET')", "497")
	f("DESCRIBE (SELECT file('SECRET'))", "497")
	f("SELECT * FROM view(SELECT file('SECRET'))", "497")
	f("SELECT * FROM file('SECRET', LineAsString)", "497")
	f("SELECT * FROM `SECRET`", "60")
	f("SELECT * FROM default.`SECRET`", "497")
	f("SELECT * FROM fileCluster('default', 'SECRET', LineAsString)", "701")
	f("SELECT * FROM filesystem('SECRET')", "497")
	f("SELECT * FROM sqlite('SECRET', 't')", "497")
	f("SELECT * FROM executable('cat SECRET', TSV, 's String')", "497")
	f("DESCRIBE TABLE file('SECRET')", "497")
	// Out to a file.
	f("SELECT 1 INTO OUTFILE 'TARGET'", "497")
	f("SELECT 1 INTO OUTFILE 'TARGET' TRUNCATE FORMAT TSV", "497")
	f("INSERT INTO FUNCTION file('TARGET', 'TSV', 'a UInt8') SELECT 1", "164")
	f("INSERT INTO FUNCTION file('TARGET', 'TSV', 'a UInt8') VALUES (1)", "164")
	f("BACKUP DATABASE whoknocks TO File('TARGET')", "164")
	// Out to others.
	f("SELECT * FROM url('OUTSIDE/url', LineAsString)", "497")
	f("SELECT * FROM s3('OUTSIDE/bucket/x', 'TSV', 's String')", "497")
	f("SELECT * FROM remote('ADDRESS', system.one)", "497")
	f("SELECT * FROM mysql('ADDRESS', 'd', 't', 'u', 'p')", "497")
	f("SELECT * FROM postgresql('ADDRESS', 'd', 't', 'u', 'p')", "497")
	f("DESCRIBE TABLE url('OUTSIDE/describe', LineAsString)", "497")
	f("SELECT aiGenerate('x', 'y')", "497")
	f("SELECT AIClassify('x', 'y')", "497")
	// Writes.
	f("INSERT INTO t VALUES (1, 'x', 1)", "164")
	f("INSERT INTO t FORMAT TSV 1\tx\t1", "164")
	f("INSERT INTO t SELECT 1, 'x', 1", "164")
	f("DROP TABLE t", "164")
	f("TRUNCATE TABLE t", "164")
	f("ALTER TABLE t DELETE WHERE 1", "164")
	f("DELETE FROM t WHERE 1", "164")
	f("OPTIMIZE TABLE t FINAL", "164")
	f("CREATE TABLE x (a UInt8) ENGINE = Memory", "164")
	f("CREATE TEMPORARY TABLE x (a UInt8)", "164")
	f("CREATE FUNCTION x AS a -> a", "164")
	f("CREATE USER x", "164")
	f("ATTACH TABLE x", "164")
	// More than one, and those that change the session or the engine.
	f("SELECT 1; DROP TABLE t", "62")
	f("SELECT 1; SELECT 2", "62")
	f("SELECT 1 PARALLEL WITH DROP TABLE t", "62")
	f("SET readonly = 0", "164")
	f("SET ROLE writer", "164")
	f("SET ROLE DEFAULT", "164")
	f("USE system", "164")
	f("SYSTEM SHUTDOWN", "164")
	f("KILL QUERY WHERE 1", "164")
	f("EXECUTE AS default SELECT 1", "164")
	f("GRANT ALL ON *.* TO default", "164")
	f("SELECT 1 SETTINGS readonly = 0", "164")
	f("SELECT 1 SETTINGS max_execution_time = 0", "164")
	f("SELECT 1 FORMAT Template SETTINGS format_template_resultset = 'SECRET'", "164")
	// Others' tables.
	f("SELECT * FROM other.t", "497")
	f("SELECT * FROM system.users", "497")
	f("SHOW USERS", "497")
	f("SELECT * FROM merge('other', 't')", "636")
	if got := c.ok("SELECT count() FROM system.tables WHERE database = 'other'"); got != "0" {
		t.Errorf("a reader sees %s tables of another database", got)
	}

	if _, err := os.Stat(target); err == nil {
		t.Errorf("%s was written", target)
	}
	select {
	case path := <-called:
		t.Errorf("the engine called %s", path)
	default:
	}
	if got := c.ok("SELECT count() FROM t"); got != "1000" {
		t.Errorf("the table has %s rows, want 1000 as before", got)
	}
}

func TestReaderParameterIsNoWayOut(t *testing.T) {
	c := engineFor(t)
	c.with("param_t", "/etc/hostname").fails("SELECT * FROM default.{t:Identifier}", 403, "497", "privileges")
	c.with("param_d", "system").fails("SELECT * FROM {d:Identifier}.users", 403, "497", "privileges")
}

func TestReaderLimits(t *testing.T) {
	c := engineFor(t)
	c.fails("SELECT number FROM numbers(20000000) FORMAT Null", 500, "396", "Limit for result exceeded")
	c.fails("SELECT groupArray(number) FROM numbers(1000000000)", 500, "241", "memory limit exceeded")
	c.with("max_execution_time", "0.1").fails("SELECT count() FROM numbers(1000000000000)", 500, "159", "Timeout exceeded")
	// A limit may be lowered, not raised, and nothing else that costs may be set.
	f := func(name, value string) {
		t.Helper()
		c.with(name, value).fails("SELECT 1", 500, "164", "readonly")
	}
	f("max_execution_time", "0")
	f("max_execution_time", "1e9")
	f("max_execution_time", "x")
	f("max_memory_usage", "0")
	f("max_result_rows", "20000000")
	f("max_result_rows", "-1")
	f("result_overflow_mode", "break")
	f("allow_introspection_functions", "1")
	f("output_format_schema", "/tmp/x")
	f("format_schema", "x:y")
	f("nosuch", "1")
	if got := c.with("output_format_json_quote_64bit_integers", "1").ok("SELECT a FROM t LIMIT 1 FORMAT JSONEachRow"); got != `{"a":"0"}` {
		t.Errorf("with a setting for the output: %s", got)
	}
	if got := c.with("readonly", "2").ok("SELECT 1"); got != "1" {
		t.Errorf("with readonly = 2: %s", got)
	}
}

func TestAuthentication(t *testing.T) {
	c := engineFor(t)
	dsn, err := url.Parse(shared.DSN())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := dsn.User.Password()
	const write = "CREATE TABLE IF NOT EXISTS other.auth (a UInt8) ENGINE = Memory"
	header := func(pairs ...string) *client {
		w := *c
		w.header = http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			w.header.Set(pairs[i], pairs[i+1])
		}
		return &w
	}
	c.writer().ok(write)
	header("X-ClickHouse-User", "whoknocks", "X-ClickHouse-Key", password).ok(write)
	c.with("user", "whoknocks").with("password", password).ok(write)
	c.fails(write, 500, "164", "readonly")
	header("X-ClickHouse-User", "default").fails(write, 500, "164", "readonly")
	header("X-ClickHouse-User", "reader").ok("SELECT 1")
	for _, wrong := range []*client{
		header("X-ClickHouse-User", "whoknocks"),
		header("X-ClickHouse-User", "whoknocks", "X-ClickHouse-Key", "wrong"),
		header("X-ClickHouse-User", "somebody"),
		header("X-ClickHouse-Key", password),
		c.with("user", "whoknocks").with("password", password+" "),
	} {
		wrong.fails("SELECT 1", 403, "516", "Authentication failed")
	}
	if role, err := authenticate(httptest.NewRequest(http.MethodPost, "/?user=whoknocks", nil), "whoknocks", ""); err == nil {
		t.Errorf("without a password set, the writer's name alone gives the role %s", role)
	}
}

func TestOtherHostNamesAreRefused(t *testing.T) {
	c := engineFor(t)
	f := func(host string, want int) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+shared.Address()+"/?query=SELECT+1", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %q: status %d, want %d", host, resp.StatusCode, want)
		}
	}
	_ = c
	f("localhost:8123", 200)
	f("127.0.0.1", 200)
	f("[::1]:8123", 200)
	f("whoknocks.localhost", 200)
	f("knock.example", 403)
	f("127.0.0.1.knock.example:8123", 403)
	f("localhost.knock.example", 403)
}

// As in ClickHouse, what a link or an image in a page can send does not write.
func TestGetDoesNotWrite(t *testing.T) {
	c := engineFor(t).writer()
	c.method = http.MethodGet
	c.with("query", "CREATE TABLE got (a UInt8) ENGINE = Memory").fails("", 500, "164", "readonly")
	c.with("query", "INSERT INTO t VALUES (1, 'x', 1)").fails("", 500, "164", "readonly")
	if got := c.with("query", "SELECT 1").ok(""); got != "1" {
		t.Errorf("SELECT by GET = %q", got)
	}
}

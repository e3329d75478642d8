package chdb

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/internal/assets"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// deployed is the folder with the configuration of the stack's ClickHouse.
func deployed(t *testing.T) string {
	t.Helper()
	root, err := assets.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "deploy", "clickhouse")
}

// startServer runs the stand-in for clickhouse-server and returns a function that makes the DSN of a
// user.
func startServer(t *testing.T) func(user string) string {
	t.Helper()
	needLibrary(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "clickhouse-server",
		"--config-file", filepath.Join(deployed(t), "config.xml"), "--path", t.TempDir(), "--listen", address)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	for _, user := range []string{"migrator", "writer", "reader"} {
		sum := sha256.Sum256([]byte(user + "s"))
		cmd.Env = append(cmd.Environ(), fmt.Sprintf("CLICKHOUSE_%s_SHA256=%s", strings.ToUpper(user), hex.EncodeToString(sum[:])))
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	return func(user string) string { return "http://" + user + ":" + user + "s@" + address + "/whoknocks" }
}

// TestServerGrants checks that each user of the stack's ClickHouse can do its work, and no more, by
// the grants of deploy/clickhouse and the engine's own access control.
func TestServerGrants(t *testing.T) {
	dsn := startServer(t)
	open := func(user string) *clickhouse.DB {
		t.Helper()
		db, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: dsn(user)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	ctx := t.Context()
	migrator := open("migrator")
	if err := migrator.Migrate(ctx); err != nil {
		t.Fatalf("Migrate() as migrator: %v", err)
	}
	writer := open("writer")
	work := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s as writer: %v", what, err)
		}
	}
	month := time.Date(2012, 4, 1, 0, 0, 0, 0, time.UTC)
	work("Migrate() of what is there", writer.Migrate(ctx))
	work("INSERT", writer.Conn().Exec(ctx, `INSERT INTO events (id, time, src_ip, sensor, format, direction, packets, owner)
		VALUES (1, '2012-04-10 18:22:01', '198.51.100.7', 'home', 'x', 'in', 1, 'One'), (2, '2012-04-10 18:22:01', '9.9.9.9', 'home', 'x', 'in', 2, 'Two')`))
	work("Build()", writer.Build(ctx, month))
	compared, wrong, err := writer.Differ(ctx)
	work("Differ()", err)
	if compared != 1 || len(wrong) != 0 {
		t.Errorf("Differ() = %d months, %v", compared, wrong)
	}
	work("KeepLines()", writer.KeepLines(ctx, 30*24*time.Hour))
	work("KeepLines() for ever", writer.KeepLines(ctx, 0))
	work("Sweep()", writer.Sweep(ctx, 0))
	work("Tidy()", writer.Tidy(ctx, 0))
	_, err = writer.Forget(ctx, netip.MustParseAddr("198.51.100.7"))
	work("Forget()", err)
	_, err = writer.Revise(ctx, month, nil, []clickhouse.Revision{{}})
	work("Revise()", err)
	_, err = writer.DropEvents(ctx, month.AddDate(1, 0, 0))
	work("DropEvents()", err)
	work("DropRollups()", writer.DropRollups(ctx, month.AddDate(1, 0, 0)))

	reader := open("reader")
	for _, view := range []string{"events", "knocks", "owners_by_month", "owner_days", "sources_by_month", "ports_by_month", "gaps", "rejected", "attributions"} {
		if err := reader.Conn().Exec(ctx, "SELECT count() FROM "+view); err != nil {
			t.Errorf("%s as reader: %v", view, err)
		}
	}

	denied := func(db *clickhouse.DB, sql string) {
		t.Helper()
		err := db.Conn().Exec(ctx, sql)
		if err == nil || !regexp.MustCompile(`(?i)code: (497|164)\b`).MatchString(err.Error()) {
			t.Errorf("%s = %v, want that it is denied", sql, err)
		}
	}
	for _, sql := range []string{
		"CREATE TABLE mine (a UInt8) ENGINE = MergeTree ORDER BY a",
		"CREATE TABLE tmp_file (a UInt8) ENGINE = File(CSV)",
		"CREATE DATABASE other", "CREATE VIEW v AS SELECT 1", "DROP TABLE events", "DROP TABLE rejected", "DROP VIEW knocks", "TRUNCATE TABLE events", "DROP DATABASE whoknocks",
		"ALTER TABLE events DROP COLUMN line", "ALTER TABLE events ADD COLUMN x UInt8", "RENAME TABLE events TO tmp_events",
		"SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a UInt8')", "SELECT * FROM file('/etc/passwd', LineAsString)",
		"INSERT INTO FUNCTION file('/tmp/x', CSV, 'a UInt8') VALUES (1)", "SYSTEM SHUTDOWN", "GRANT SELECT ON whoknocks.* TO reader", "CREATE USER x",
	} {
		denied(writer, sql)
	}
	for _, sql := range []string{
		"CREATE DATABASE other", "DROP DATABASE default", "CREATE USER x", "SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a UInt8')",
		"INSERT INTO system.one VALUES (1)",
	} {
		denied(migrator, sql)
	}
	for _, sql := range []string{
		"INSERT INTO events (id) VALUES (3)", "ALTER TABLE events DELETE WHERE 1", "CREATE TABLE tmp_x (a UInt8) ENGINE = MergeTree ORDER BY a", "DROP TABLE events",
		"SELECT * FROM system.users", "SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a UInt8')",
		"SELECT * FROM file('/etc/passwd', LineAsString)",
	} {
		denied(reader, sql)
	}
	wrongPassword, err := url.Parse(dsn("reader"))
	if err != nil {
		t.Fatal(err)
	}
	wrongPassword.User = url.UserPassword("writer", "readers")
	if _, err := clickhouse.Open(ctx, clickhouse.Config{DSN: wrongPassword.String()}); err == nil {
		t.Error("writer with the password of another is let in")
	}
}

// sections are the elements of config.d that are no settings of the server by themselves.
var sections = regexp.MustCompile(`^(listen_host|logger|merge_tree|send_crash_reports|(mysql|postgresql|interserver_http)_port|\w+_log)$`)

// TestServerSettingsAreKnown asks the engine, which is the server's own code, whether it knows what
// deploy/clickhouse sets: a server passes over a setting with a typing mistake without a word.
func TestServerSettingsAreKnown(t *testing.T) {
	c := engineFor(t).writer()
	known := func(table string) map[string]bool {
		names := map[string]bool{}
		for name := range strings.SplitSeq(c.ok("SELECT name FROM system."+table), "\n") {
			names[name] = true
		}
		return names
	}
	read := func(folder string) *element {
		e, err := readXML(filepath.Join(deployed(t), folder, "whoknocks.xml"))
		if err != nil || e.XMLName.Local != "clickhouse" {
			t.Fatalf("%s: <%s>, %v", folder, e.XMLName.Local, err)
		}
		return e
	}
	server, mergeTree, settings := known("server_settings"), known("merge_tree_settings"), known("settings")
	config := read("config.d")
	for _, e := range config.Children {
		if name := e.XMLName.Local; !server[name] && !sections.MatchString(name) {
			t.Errorf("config.d: the server knows no setting %q", name)
		}
	}
	for _, e := range config.child("merge_tree").Children {
		if !mergeTree[e.XMLName.Local] {
			t.Errorf("config.d: MergeTree knows no setting %q", e.XMLName.Local)
		}
	}
	users := read("users.d")
	for _, profile := range users.child("profiles").Children {
		for _, e := range append(profile.Children, profile.child("constraints").Children...) {
			if name := e.XMLName.Local; name != "constraints" && !settings[name] {
				t.Errorf("users.d: profile %s: the server knows no setting %q", profile.XMLName.Local, name)
			}
		}
	}
	if server["max_server_memory_usage_to_ram_ration"] || len(server) < 100 || len(mergeTree) < 100 || len(settings) < 500 {
		t.Errorf("the engine tells %d, %d and %d settings", len(server), len(mergeTree), len(settings))
	}
}

// TestReaderMayReadViews checks that the reader is granted those columns of system.parts that the views
// read: the server wants a grant for each, and the engine here for none.
func TestReaderMayReadViews(t *testing.T) {
	c := engineFor(t).writer()
	columns := strings.Fields(c.ok("SELECT name FROM system.columns WHERE database = 'system' AND table = 'parts'"))
	users, err := readXML(filepath.Join(deployed(t), "users.d", "whoknocks.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var granted []string
	for _, g := range users.child("users", "reader", "grants").Children {
		if list, ok := strings.CutSuffix(g.text(), ") ON system.parts"); ok {
			granted = strings.Split(strings.TrimPrefix(list, "GRANT SELECT("), ", ")
		}
	}
	files, err := filepath.Glob(filepath.Join(deployed(t), "..", "..", "services", "internal", "clickhouse", "migrations", "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(text), "FROM system.parts")
		for i, after := range parts[1:] {
			before := parts[i][strings.LastIndex(parts[i], "SELECT"):]
			after, _, _ = strings.Cut(after, "GROUP BY")
			after, _, _ = strings.Cut(after, "{{-") // of the template
			for _, word := range regexp.MustCompile(`\w+`).FindAllString(before+after, -1) {
				if slices.Contains(columns, word) {
					read[word] = true
				}
			}
		}
	}
	if len(read) < 4 {
		t.Errorf("found %d columns of system.parts in the views", len(read))
	}
	for column := range read {
		if !slices.Contains(granted, column) {
			t.Errorf("a view reads %s of system.parts, which the reader is not granted", column)
		}
	}
}

package standalone_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/standalone/internal/chdb"
)

const (
	sampleLog   = "../../deploy/samples/adsl-2012-04.log"
	sampleRules = "../../deploy/samples/owners-2012.yaml"
)

// binary builds whoknocks once for all tests of the process.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "whoknocks-e2e-")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "whoknocks")
	out, err := exec.Command("go", "build", "-o", name, "./cmd/standalone").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build whoknocks: %w\n%s", err, out)
	}
	return name, nil
})

func TestMain(m *testing.M) {
	if spec := os.Getenv(envBus); spec != "" {
		busMain(spec)
	}
	code := m.Run()
	if name, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(name))
	}
	os.Exit(code)
}

// needsEngine skips on a machine without the engine, and fails in CI.
func needsEngine(t *testing.T) {
	t.Helper()
	if _, err := chdb.Find(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the engine is missing in CI: %v", err)
		}
		t.Skipf("the embedded engine is not here: %v", err)
	}
}

// result is what one command line did.
type result struct {
	stdout, stderr string
	code           int
}

// command makes a command line that touches nothing outside data and asks no
// registry.
func command(t testing.TB, data string, args ...string) *exec.Cmd {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, append([]string{"--data", data, "--set", "enrich.whois.enabled=false"}, args...)...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	return cmd
}

func whoknocks(t *testing.T, data string, args ...string) result {
	t.Helper()
	return finish(t, command(t, data, args...))
}

func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%q: %v", cmd.Args, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// ok runs a command that must succeed and returns its stdout.
func ok(t *testing.T, data string, args ...string) string {
	t.Helper()
	r := whoknocks(t, data, args...)
	if r.code != 0 {
		t.Fatalf("whoknocks %q exits %d\n%s%s", args, r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

type summary struct {
	Lines, Events, Packets, Unrecognised, Rejected, Duplicates, Sources, Owners int64
	Seconds                                                                     float64
}

func importJSON(t *testing.T, data string, args ...string) summary {
	t.Helper()
	text := ok(t, data, append([]string{"import", "--json"}, args...)...)
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	var s summary
	if err := dec.Decode(&s); err != nil {
		t.Fatalf("import --json printed %q: %v", text, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		t.Fatalf("import --json printed more than one object: %q", text)
	}
	if s.Lines != s.Events+s.Unrecognised+s.Rejected {
		t.Errorf("lines %d != events %d + unrecognised %d + rejected %d", s.Lines, s.Events, s.Unrecognised, s.Rejected)
	}
	if s.Seconds <= 0 {
		t.Errorf("seconds = %v", s.Seconds)
	}
	return s
}

func TestFoundingTable(t *testing.T) {
	needsEngine(t)
	data := t.TempDir()
	first := importJSON(t, data, "--rules", sampleRules, "--timezone", "UTC", sampleLog)
	if first.Events != 100 || first.Packets != 100 || first.Duplicates != 0 || first.Sources != 11 || first.Owners != 1 || first.Rejected != 0 {
		t.Errorf("first import = %+v, want 100 events of 11 sources and 1 owner", first)
	}
	table := ok(t, data, "sources", "--format", "csv", "--mask")
	for _, want := range []string{"124.40.51.a,JP,Akamai,1", "217.212.238.a,FR,Akamai,7", "217.212.238.b,FR,Akamai,6", "209.107.220.a,US,Akamai,16"} {
		if !strings.Contains(table, want) {
			t.Errorf("sources --mask lacks %q:\n%s", want, table)
		}
	}
	if people := ok(t, data, "sources"); !strings.Contains(people, "100") || !strings.Contains(people, "217.212.238.") {
		t.Errorf("sources shows no total:\n%s", people)
	}

	again := importJSON(t, data, "--rules", sampleRules, "--timezone", "UTC", sampleLog)
	want := first
	want.Duplicates, want.Seconds = 100, again.Seconds
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("second import mismatch (-want +got):\n%s", diff)
	}
	told := ok(t, data, "import", "--rules", sampleRules, "--timezone", "UTC", sampleLog)
	if !strings.HasPrefix(told, "120 lines = 100 events + 20 unrecognised + 0 rejected\n100 packets, 11 sources, 1 owner, 100 events known before, ") {
		t.Errorf("import tells %q", told)
	}
	if diff := cmp.Diff(table, ok(t, data, "sources", "--format", "csv", "--mask")); diff != "" {
		t.Errorf("sources after the second import mismatch (-first +second):\n%s", diff)
	}
	if got := ok(t, data, "sql", "--format", "TSV", "SELECT count() FROM events"); got != "100\n" {
		t.Errorf("count of events = %q, want 100", got)
	}
	if got := ok(t, data, "owners", "--format", "csv", "--month", "2012-04"); !strings.Contains(got, "Akamai,100,11,") {
		t.Errorf("owners = %q", got)
	}
	if got := ok(t, data, "sources", "--format", "csv", "--month", "2012-05"); strings.Contains(got, "Akamai") {
		t.Errorf("sources of another month = %q", got)
	}
	if got := ok(t, data, "verify"); !strings.Contains(got, "0 lost, 0 double") {
		t.Errorf("verify = %q", got)
	}
	line := "Tue, 2012-04-10 18:22:01 - UDP Packet - Source:209.107.220.17,3478 Destination:192.0.2.77,1033 - [PORT SCAN]"
	if got := ok(t, data, "explain", "--rules", sampleRules, line); !strings.Contains(got, "netgear-dg834") || !strings.Contains(got, "Akamai") {
		t.Errorf("explain = %q", got)
	}
}

// The founding user's own page.
func TestReport(t *testing.T) {
	needsEngine(t)
	data, out := t.TempDir(), filepath.Join(t.TempDir(), "public", "pages")
	ok(t, data, "import", "--rules", sampleRules, "--timezone", "UTC", sampleLog)
	printed := ok(t, data, "report", "--month", "2012-04", "--out", out)
	sources := strings.Fields(ok(t, data, "sql", "--format", "TSV", "SELECT DISTINCT src FROM knocks"))
	if len(sources) != 11 {
		t.Fatalf("sources are %q", sources)
	}
	for name, want := range map[string]string{
		"2012-04.html": "<h1>Who knocked <span>in April 2012</span></h1>", "2012-04.md": "| Akamai | 10 Apr to 12 Apr |      100 |      11 |",
		"2012-04-owners.csv": "\nAkamai,100,11,8,", "2012-04-sources.csv": "\n209.107.220.a,US,Akamai,16\n",
	} {
		path := filepath.Join(out, name)
		body, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(body), want) || !strings.Contains(printed, path+"\n") {
			t.Errorf("%s lacks %q, %v, or was not told of: %q", name, want, err, printed)
		}
		for _, private := range append(sources, "192.0.2.77", "PORT SCAN", filepath.Base(sampleLog)) {
			if strings.Contains(string(body), private) {
				t.Errorf("%s holds %q", name, private)
			}
		}
	}
	if left, err := filepath.Glob(filepath.Join(out, "*")); err != nil || len(left) != 4 {
		t.Errorf("the directory holds %q", left)
	}
	archive := tar.NewReader(strings.NewReader(ok(t, data, "report", "--month", "2012-04", "--out", "-")))
	for n := 0; ; n++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) && n == 4 {
			break
		}
		if err != nil {
			t.Fatalf("file %d of the archive: %v", n, err)
		}
		body, err := io.ReadAll(archive)
		want, _ := os.ReadFile(filepath.Join(out, header.Name))
		made := regexp.MustCompile(`datetime="[^"]*"`) // when it was made
		if diff := cmp.Diff(made.ReplaceAllString(string(want), ""), made.ReplaceAllString(string(body), "")); err != nil || diff != "" {
			t.Errorf("%s in the archive, %v (-want +got)\n%s", header.Name, err, diff)
		}
	}
}

func TestReadOnlySQL(t *testing.T) {
	needsEngine(t)
	data := t.TempDir()
	ok(t, data, "sql", "SELECT 1")
	for _, query := range []string{
		"CREATE TABLE t (x Int8) ENGINE = Memory", "DROP TABLE events", "INSERT INTO rejected (id) VALUES (1)",
		"SELECT file('/etc/passwd')", "SELECT * FROM file('/etc/passwd', 'LineAsString')", "SELECT 1 INTO OUTFILE '/tmp/whoknocks-out'",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", "SELECT 1; DROP TABLE events",
	} {
		if r := whoknocks(t, data, "sql", query); r.code != 1 || r.stderr == "" {
			t.Errorf("sql %q exits %d with %q, want a refusal", query, r.code, r.stderr)
		}
	}
	ok(t, data, "sql", "--write", "CREATE TABLE t (x Int8) ENGINE = Memory")
}

// Who had the addresses in 2012, and who has them today: the rules of the sample
// were true in 2012 only.
func TestSourcesAsOf(t *testing.T) {
	needsEngine(t)
	data, csv := t.TempDir(), filepath.Join(t.TempDir(), "asn.csv")
	if err := os.WriteFile(csv, []byte("208.46.117.0,208.46.117.255,64496,\"Later Networks, Inc.\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ok(t, data, "import", "--rules", sampleRules, "--set", "enrich.asn="+csv, "--set", "enrich.country=none", sampleLog)
	f := func(want, not string, args ...string) {
		t.Helper()
		args = append([]string{"sources", "--rules", sampleRules, "--set", "enrich.asn=" + csv, "--set", "enrich.country=none"}, args...)
		if out := ok(t, data, args...); !strings.Contains(out, want) || strings.Contains(out, not) {
			t.Errorf("%q prints\n%s\nwant %q in it and not %q", args, out, want, not)
		}
	}
	f("Akamai", "Later Networks")
	f("Akamai", "Later Networks", "--as-of", "then")
	f("Later Networks", "Akamai", "--as-of", "now")
	f("208.46.117.", "Akamai", "--as-of", "now", "--owner", "later networks")
	if r := whoknocks(t, data, "sources", "--as-of", "2012"); r.code != 2 {
		t.Errorf("sources --as-of 2012 exits %d, want 2", r.code)
	}
}

// Why an owner is one, and which others may be.
func TestOwnersWhyAndSuggest(t *testing.T) {
	needsEngine(t)
	data, csv := t.TempDir(), filepath.Join(t.TempDir(), "asn.csv")
	rows := "208.46.117.0,208.46.117.255,64496,\"Exemplaria Networks, Inc.\"\n69.22.151.0,69.22.151.255,64497,Exemplaria Hosting Holdings\n"
	if err := os.WriteFile(csv, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	ok(t, data, "import", "--set", "enrich.asn="+csv, "--set", "enrich.country=none", "--set", "enrich.rules=none", sampleLog)
	var why struct {
		Reasons []struct{ Owner, Owner_basis, Owner_why, As_name string }
	}
	if err := json.Unmarshal([]byte(ok(t, data, "owners", "--why", "exemplaria networks", "--format", "json")), &why); err != nil {
		t.Fatal(err)
	}
	if len(why.Reasons) != 1 || why.Reasons[0].Owner_basis != "asn" || why.Reasons[0].Owner_why != "AS name without its legal form" || why.Reasons[0].As_name != "Exemplaria Networks, Inc." {
		t.Errorf("owners --why: %+v", why)
	}
	// What is suggested is accepted as it is.
	rules := filepath.Join(t.TempDir(), "accepted.yaml")
	text := ok(t, data, "owners", "--suggest")
	if !strings.Contains(text, `"Exemplaria Networks, Inc."`) || !strings.Contains(text, `"Exemplaria Hosting Holdings"`) {
		t.Errorf("owners --suggest prints\n%s", text)
	}
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	again := t.TempDir()
	ok(t, again, "import", "--set", "enrich.asn="+csv, "--set", "enrich.country=none", "--rules", rules, "--set", "enrich.rules=none", sampleLog)
	if out := ok(t, again, "owners", "--format", "csv"); strings.Count(out, "Exemplaria") != 1 {
		t.Errorf("with the suggestion accepted there are the owners\n%s", out)
	}
	if r := whoknocks(t, data, "owners", "--why", "a", "--suggest"); r.code != 2 {
		t.Errorf("owners --why --suggest exits %d, want 2", r.code)
	}
}

// Rules that come later are applied to what is stored, for the time in which they
// were valid, and once.
func TestReattribute(t *testing.T) {
	needsEngine(t)
	data, csv := t.TempDir(), filepath.Join(t.TempDir(), "asn.csv")
	if err := os.WriteFile(csv, []byte("208.46.117.0,208.46.117.255,64496,\"Later Networks, Inc.\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sources := []string{"--set", "enrich.asn=" + csv, "--set", "enrich.country=none"}
	ok(t, data, append([]string{"import", "--set", "enrich.rules=none", sampleLog}, sources...)...)
	type result struct {
		Dry_run          bool
		Events, Attempts int
		Owners           []struct{ Before, After string }
	}
	run := func(args ...string) (r result) {
		t.Helper()
		args = append(append([]string{"reattribute", "--json"}, args...), sources...)
		if err := json.Unmarshal([]byte(ok(t, data, args...)), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := run("--set", "enrich.rules=none"); r.Events != 0 {
		t.Errorf("nothing has changed, and %+v", r)
	}
	owners := func() string {
		return ok(t, data, "sql", "--format", "TSV", "SELECT owner, sum(packets), any(owner_basis) FROM knocks GROUP BY owner ORDER BY owner")
	}
	before := owners()
	if r := run("--rules", sampleRules, "--dry-run"); !r.Dry_run || r.Events != 100 || len(r.Owners) != 2 || r.Owners[0].After != "Akamai" {
		t.Errorf("reattribute --dry-run: %+v", r)
	}
	if after := owners(); after != before {
		t.Errorf("--dry-run has changed\n%s to\n%s", before, after)
	}
	if r := run("--rules", sampleRules); r.Dry_run || r.Events != 100 || r.Attempts != 100 {
		t.Errorf("reattribute: %+v", r)
	}
	if diff := cmp.Diff("Akamai\t100\toverride\n", owners()); diff != "" {
		t.Errorf("owners after it (-want +got)\n%s", diff)
	}
	if r := run("--rules", sampleRules); r.Events != 0 {
		t.Errorf("a second time changes %+v", r)
	}
	if n := ok(t, data, "sql", "--format", "TSV", "SELECT sum(events), uniqExact(before) FROM revisions"); n != "100\t2\n" {
		t.Errorf("table revisions holds %q", n)
	}
	// Without the rule it is as it was.
	if r := run("--set", "enrich.rules=none"); r.Events != 100 {
		t.Errorf("back: %+v", r)
	}
	if after := owners(); after != before {
		t.Errorf("back again it is\n%s instead of\n%s", after, before)
	}
}

// Nothing of a source is left, neither in the database nor on the bus.
func TestForget(t *testing.T) {
	needsEngine(t)
	data := t.TempDir()
	ok(t, data, "import", sampleLog)
	if out := ok(t, data, "forget", "208.46.117.39"); out != "deleted: 15 events, 0 rejected lines, 0 attributions\n" {
		t.Errorf("forget prints %q", out)
	}
	if n := ok(t, data, "sql", "--format", "TSV", "SELECT count(), countIf(src_ip = '208.46.117.39') FROM events"); n != "85\t0\n" {
		t.Errorf("events and those of the source: %q", n)
	}
	err := filepath.WalkDir(filepath.Join(data, "bus"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".blk" {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte("208.46.117.39")) {
			t.Errorf("%s still holds the address", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := whoknocks(t, data, "forget", "somebody"); r.code != 2 {
		t.Errorf("forget somebody exits %d, want 2", r.code)
	}
}

func TestLookups(t *testing.T) {
	needsEngine(t)
	data := t.TempDir()
	ok(t, data, "import", sampleLog)
	if out := ok(t, data, "lookups"); !strings.Contains(out, "no registry has been asked yet") || !strings.Contains(out, "0 answers kept") {
		t.Errorf("lookups prints\n%s", out)
	}
	var l struct {
		Servers  []any
		Answers  int
		Services int
	}
	if err := json.Unmarshal([]byte(ok(t, data, "lookups", "--json")), &l); err != nil || l.Servers == nil {
		t.Errorf("lookups --json: %+v, %v", l, err)
	}
}

func TestExitCodes(t *testing.T) {
	f := func(code int, args ...string) {
		t.Helper()
		if r := whoknocks(t, t.TempDir(), args...); r.code != code || (code != 0 && r.stderr == "") {
			t.Errorf("whoknocks %q exits %d (%q), want %d", args, r.code, r.stderr, code)
		}
	}
	f(0, "--help")
	f(0, "import", "--help")
	f(2, "imprt")
	f(2, "import")
	f(2, "import", "--no-such-flag", "x")
	for _, bad := range []string{"--format=bogus", "--sensor=a.b", "--timezone=Nowhere/X", "--year=1900", "--year=12x"} {
		f(2, "import", bad, sampleLog)
		f(2, "serve", bad)
		f(2, "explain", bad, "line")
	}
	f(2, "sources", "--month", "April")
	f(2, "sources", "--format", "xml")
	f(2, "report", "--month", "2012-04")
	f(2, "report", "--month", "April", "--out", "x")
	f(2, "report", "--month", "2012-04", "--out", "x", "--limit", "-1")
	f(2, "sql")
	f(2, "--set", "store.no_such_key=1", "owners")
}

// TestBadInput hands in what is no log: a message names the file, the exit code
// is 1 and what came before is kept.
func TestBadInput(t *testing.T) {
	needsEngine(t)
	data, dir := t.TempDir(), t.TempDir()
	good, err := os.ReadFile(sampleLog)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := func(path string, words ...string) {
		t.Helper()
		r := whoknocks(t, data, "import", "--timezone", "UTC", path)
		if r.code != 1 {
			t.Errorf("import of %s exits %d, want 1: %s", filepath.Base(path), r.code, r.stderr)
		}
		for _, word := range append(words, filepath.Base(path)) {
			if !strings.Contains(r.stderr, word) {
				t.Errorf("import of %s says %q, want %q in it", filepath.Base(path), r.stderr, word)
			}
		}
	}
	missing := filepath.Join(dir, "missing.log")
	f(missing, "no such file")
	if r := whoknocks(t, data, "import", "--json", missing); r.code != 1 || !strings.HasPrefix(r.stdout, `{"lines":0,"events":0,`) || strings.Count(r.stdout, "\n") != 1 {
		t.Errorf("import --json of nothing exits %d with %q, want 1 and one object", r.code, r.stdout)
	}
	f(filepath.Join(dir, "none*.log"), "fits no file")
	f(write("empty.log", nil), "empty")
	f(write("garbage.log", bytes.Repeat([]byte{0, 1, 2, 0xff, 0xfe, '\n', 0x80}, 5000)), "line")
	zipped := gzipped(t, good)
	f(write("cut.log.gz", zipped[:len(zipped)-20]), "unexpected EOF")
	long := write("long.log", append(bytes.Clone(good), make([]byte, 0)...))
	file, err := os.OpenFile(long, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	block := bytes.Repeat([]byte("x"), 1<<20)
	for range 64 {
		if _, err := file.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	f(long, "line")
	if got := ok(t, data, "sql", "--format", "TSV", "SELECT count() FROM events"); got != "100\n" {
		t.Errorf("events kept = %q, want 100", got)
	}
}

// server is a running serve.
type server struct {
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	page   string
}

func serve(t testing.TB, data string, args ...string) *server {
	t.Helper()
	cmd := command(t, data, append([]string{"serve",
		"--set", "bus.listen=127.0.0.1:0", "--set", "clickhouse.listen=127.0.0.1:0", "--set", "report.listen=127.0.0.1:0",
		"--set", "ops.listen=127.0.0.1:0"}, args...)...)
	s := &server{cmd: cmd, stderr: &bytes.Buffer{}}
	cmd.Stderr = s.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	until(t, 2*time.Minute, func() error {
		text, err := os.ReadFile(filepath.Join(data, "endpoints.json"))
		if err != nil {
			return err
		}
		var e struct{ Page string }
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		if s.page = e.Page; s.page == "" {
			return errors.New("no page yet")
		}
		return nil
	})
	return s
}

func until(t testing.TB, patience time.Duration, f func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %v", patience, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return body
}

func freePort(t testing.TB) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().String()
}

func TestServe(t *testing.T) {
	needsEngine(t)
	data := t.TempDir()
	syslog := freePort(t)
	ops := freePort(t)
	s := serve(t, data, "--rules", sampleRules, "--timezone", "UTC", "--import", sampleLog,
		"--set", "ingest.syslog_udp="+syslog, "--set", "ingest.syslog_tcp=", "--set", "ops.listen="+ops)
	count := func() string {
		return strings.TrimSpace(ok(t, data, "sql", "--format", "TSV", "SELECT count() FROM events"))
	}
	until(t, 2*time.Minute, func() error {
		if n := count(); n != "100" {
			return fmt.Errorf("%s events", n)
		}
		return nil
	})
	page := get(t, s.page)
	for _, want := range []string{"Akamai", "217.212.238.", "100"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}

	// The heap is bounded: what main does, so that only the binary can tell.
	_, limit, _ := strings.Cut(string(get(t, "http://"+ops+"/metrics")), "\ngo_gc_gomemlimit_bytes ")
	limit, _, _ = strings.Cut(limit, "\n")
	if n, err := strconv.ParseFloat(limit, 64); err != nil || n > 11<<26 {
		t.Errorf("go_gc_gomemlimit_bytes = %q, want 704 MiB at most", limit)
	}

	// A packet from the router, live.
	conn, err := net.Dial("udp", syslog)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	now := time.Now().UTC()
	_, err = fmt.Fprintf(conn, "<4>%s router kernel: [UFW BLOCK] IN=eth0 OUT= SRC=198.51.100.7 DST=192.0.2.1 LEN=40 TTL=50 ID=1 PROTO=TCP SPT=40000 DPT=23 WINDOW=1024 RES=0x00 SYN URGP=0\n", now.Format(time.Stamp))
	if err != nil {
		t.Fatal(err)
	}
	until(t, time.Minute, func() error {
		if n := count(); n != "101" {
			return fmt.Errorf("%s events", n)
		}
		return nil
	})

	// A command beside it talks to it.
	if got := importJSON(t, data, "--timezone", "UTC", sampleLog); got.Duplicates != 100 {
		t.Errorf("import beside serve = %+v, want 100 duplicates", got)
	}
	if got := count(); got != "101" {
		t.Errorf("events after an import beside serve = %s, want 101", got)
	}

	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("serve after Ctrl-C: %v\n%s", err, s.stderr)
	}
	if got := count(); got != "101" {
		t.Errorf("events after serve = %s, want 101", got)
	}
}

// Each address that another program has is named, with how to choose another.
func TestAddressInUse(t *testing.T) {
	needsEngine(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	const anywhere = "127.0.0.1:0"
	keys := []string{"bus.listen", "clickhouse.listen", "report.listen", "ops.listen", "ingest.syslog_tcp"}
	for _, key := range keys {
		args := []string{"serve", "--set", "ingest.syslog_udp="}
		for _, k := range keys {
			address := anywhere
			if k == key {
				address = taken.Addr().String()
			}
			args = append(args, "--set", k+"="+address)
		}
		r := whoknocks(t, t.TempDir(), args...)
		if r.code != 1 || !strings.Contains(r.stderr, taken.Addr().String()) || !strings.Contains(r.stderr, "choose another address") {
			t.Errorf("serve with %s taken exits %d: %s", key, r.code, r.stderr)
		}
	}
}

// TestKill kills an import at random moments and runs it again: the table is the
// same as that of an import nobody disturbed.
func TestKill(t *testing.T) {
	needsEngine(t)
	lines, rounds := 150_000, 3
	if testing.Short() {
		lines, rounds = 30_000, 1
	}
	log := filepath.Join(t.TempDir(), "router.log")
	if err := os.WriteFile(log, netfilterLog(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := t.TempDir()
	want := importJSON(t, whole, "--timezone", "UTC", log)
	if want.Events != int64(lines) || want.Duplicates != 0 {
		t.Fatalf("undisturbed import = %+v, want %d events", want, lines)
	}
	query := "SELECT count(), sum(packets), uniqExact(src_ip), sum(id) FROM events"
	table := ok(t, whole, "sql", "--format", "TSV", query)

	data := t.TempDir()
	took := time.Duration(want.Seconds * float64(time.Second))
	for i := range rounds {
		cmd := command(t, data, "import", "--timezone", "UTC", log)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(took * time.Duration(i+1) / time.Duration(rounds+1))
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Logf("round %d: the import was done before the kill: %v", i, err)
		}
		_ = cmd.Wait()
	}
	got := importJSON(t, data, "--timezone", "UTC", log)
	if got.Lines != want.Lines || got.Events != want.Events || got.Sources != want.Sources {
		t.Errorf("import after kills = %+v, want the counts of %+v", got, want)
	}
	if diff := cmp.Diff(table, ok(t, data, "sql", "--format", "TSV", query)); diff != "" {
		t.Errorf("events after kills mismatch (-undisturbed +killed):\n%s", diff)
	}
	if text := ok(t, data, "verify"); !strings.Contains(text, "0 lost, 0 double") {
		t.Errorf("verify after kills = %q", text)
	}
}

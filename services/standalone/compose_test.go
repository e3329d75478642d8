package standalone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
)

// envCompose names the program docker-compose; make compose-test sets it, together with DOCKER_HOST. It
// also sees to it that the ports of the stack are free: they are in a network of the daemon's own.
const envCompose = "WHOKNOCKS_COMPOSE"

// envComposeLines says how many lines testMillion drops at once, a million unless told.
const envComposeLines = "WHOKNOCKS_COMPOSE_LINES"

const mib = 1 << 20

// deployment is docker-compose.yml, really run.
type deployment struct {
	t       *testing.T
	program string
	root    string // of the repository
	logs    string // mounted as ./logs
	env     []string
	reader  string // his password

	recipes map[string]bool // of the documentation, by whether they were run
	size    int             // lines of the largest log
	lines   int             // events that were written so far
	nth     int             // logs
}

// TestComposeStack builds and runs the stack as its users do, breaks it in every way that it should
// survive, and counts.
func TestComposeStack(t *testing.T) {
	program := os.Getenv(envCompose)
	if program == "" {
		t.Skip("make compose-test runs it")
	}
	d := newDeployment(t, program)
	for _, step := range []struct {
		name string
		run  func()
	}{
		{"Build", d.testBuild},
		{"Up", d.testUp},
		{"Contained", d.testContained},
		{"Idle", d.testIdle},
		{"Inputs", d.testInputs},
		{"Subscriber", d.testSubscriber},
		{"Recipes", d.testRecipes},
		{"Restarts", d.testRestarts},
		{"Away", d.testAway},
		{"Backup", d.testBackup},
		{"DownUp", d.testDownUp},
		{"Million", d.testMillion}, // at last: verify reads everything again
		{"Logs", d.testLogs},
	} {
		began := time.Now()
		if !t.Run(step.name, func(t *testing.T) {
			d.t = t
			step.run()
		}) {
			d.t = t
			out, _ := d.try("compose ps --all && docker compose logs --no-color --tail 40")
			t.Fatalf("%s failed; the stack:\n%s", step.name, out)
		}
		t.Logf("%s: %.0f s", step.name, time.Since(began).Seconds())
	}
	for _, recipe := range slices.Sorted(maps.Keys(d.recipes)) {
		if !d.recipes[recipe] {
			t.Errorf("the documentation's %q was not run", recipe)
		}
	}
}

// composeDoc is where the recipes are.
const composeDoc = "services/report/docs/60-compose.md"

func newDeployment(t *testing.T, program string) *deployment {
	t.Helper()
	d := &deployment{t: t, program: program, root: repository(t), size: setting(t, envComposeLines, 1_000_000), logs: filepath.Join(t.TempDir(), "logs"), recipes: map[string]bool{}}
	if err := os.MkdirAll(d.logs, 0o755); err != nil {
		t.Fatal(err)
	}
	backups := filepath.Join(t.TempDir(), "backups")
	bin := t.TempDir()
	// "docker compose" in a recipe is the program.
	wrapper := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = compose ]; then shift; exec %s --env-file /dev/null \"$@\"; fi\nPATH=${PATH#*:} exec docker \"$@\"\n", program)
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte(wrapper), 0o755); err != nil {
		t.Fatal(err)
	}
	d.env = append(os.Environ(), "LOGS="+d.logs, "BACKUPS="+backups, "WHOIS=false", "PATH="+bin+":"+os.Getenv("PATH"))
	doc, err := os.ReadFile(filepath.Join(d.root, composeDoc))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(doc)) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "    ") {
			d.recipes[strings.TrimSpace(line)] = false
		}
	}
	return d
}

// try runs a command line with a shell, beginning after "docker ".
func (d *deployment) try(line string) (string, error) {
	return d.shell("docker " + line)
}

func (d *deployment) shell(line string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir, cmd.Env = d.root, d.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", line, err, tailOf(stdout.String()+stderr.String(), 40))
	}
	return stdout.String(), err
}

func tailOf(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// docker runs a command line that must succeed.
func (d *deployment) docker(line string) string {
	d.t.Helper()
	out, err := d.try(line)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// recipe runs a command line of the documentation, with what the reader is to put in for a word.
func (d *deployment) recipe(line string, replace ...string) string {
	d.t.Helper()
	if _, known := d.recipes[line]; !known {
		d.t.Fatalf("%s has no recipe %q", composeDoc, line)
	}
	d.recipes[line] = true
	out, err := d.shell(strings.NewReplacer(replace...).Replace(line))
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// containers are those of a service, or of all, by their ids.
func (d *deployment) containers(service string) []string {
	d.t.Helper()
	return strings.Fields(d.docker("compose ps --all --quiet " + service))
}

type container struct {
	ID, Name string
	State    struct {
		Status, StartedAt, FinishedAt string
		Pid, ExitCode                 int
		OOMKilled                     bool
		Health                        *struct{ Status string }
	}
	RestartCount int
	Config       struct {
		User   string
		Env    []string
		Labels map[string]string
	}
	HostConfig struct {
		ReadonlyRootfs       bool
		CapDrop, SecurityOpt []string
		Memory               int64
		LogConfig            struct{ Config map[string]string }
	}
	NetworkSettings struct {
		Ports map[string][]struct{ HostIP, HostPort string }
	}
}

func (c *container) service() string { return c.Config.Labels["com.docker.compose.service"] }

func (d *deployment) inspect(service string) []container {
	d.t.Helper()
	ids := d.containers(service)
	if len(ids) == 0 {
		d.t.Fatalf("there is no container of %q", service)
	}
	var all []container
	if err := json.Unmarshal([]byte(d.docker("inspect "+strings.Join(ids, " "))), &all); err != nil {
		d.t.Fatal(err)
	}
	return all
}

// servers are the services that go on running.
var servers = []string{"nats", "clickhouse", "ingest", "enrich", "store", "report"}

// healthy waits until every container that should run is healthy.
func (d *deployment) healthy(patience time.Duration) {
	d.t.Helper()
	bad := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		bad = ""
		for _, c := range d.inspect("") {
			if slices.Contains(servers, c.service()) && (c.State.Health == nil || c.State.Health.Status != "healthy") {
				bad += " " + c.Name
			}
		}
		if bad == "" {
			return
		}
	}
	d.t.Fatalf("not healthy after %v:%s", patience, bad)
}

// ask asks ClickHouse over its published port as the reader.
func (d *deployment) ask(query string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	address := "http://127.0.0.1:8123/?database=whoknocks&query=" + url.QueryEscape(query)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, http.NoBody)
	if err != nil {
		return "", err
	}
	req.SetBasicAuth("reader", d.reader)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return strings.TrimSpace(string(text)), err
}

// stored waits until exactly what was written is stored, and stays so.
func (d *deployment) stored(patience time.Duration) {
	d.t.Helper()
	want := strconv.Itoa(d.lines)
	var got string
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		if got, err = d.ask("SELECT count() FROM events"); got == want {
			break
		}
	}
	if got != want {
		d.t.Fatalf("%s events are stored after %v, want %s; %v", got, patience, want, err)
	}
	time.Sleep(2 * time.Second) // for what would be too much
	for query, want := range map[string]string{
		"SELECT count(), uniqExact(id) FROM events":            want + "\t" + want,
		"SELECT sum(events) FROM owners_by_month":              want,
		"SELECT count() FROM rejected WHERE kind = 'rejected'": "0",
	} {
		if got, err := d.ask(query); got != want {
			d.t.Errorf("%s: %s, %v; want %s", query, got, err, want)
		}
	}
}

// verify is the proof by the program itself.
func (d *deployment) verify() string {
	d.t.Helper()
	out := d.recipe("docker compose run --rm whoknocks verify")
	if !strings.Contains(out, " 0 lost, 0 double") || !strings.Contains(out, ": 0 differ") {
		d.t.Errorf("verify says\n%s", tailOf(out, 8))
	}
	return out
}

// log makes a log of n events, all of them unlike those of other logs: on an interface of its own.
func (d *deployment) log(n int) []byte {
	d.nth++
	d.lines += n
	return bytes.ReplaceAll(netfilterLog(n), []byte(" IN=eth0 "), fmt.Appendf(nil, " IN=eth%d ", d.nth))
}

// drop puts a file into ./logs, readable by everybody, of a date of its own.
func (d *deployment) drop(name string, text []byte) {
	d.t.Helper()
	name = filepath.Join(d.logs, name)
	if err := os.WriteFile(name+".part", text, 0o644); err != nil {
		d.t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	if err := errors.Join(os.Chtimes(name+".part", at, at), os.Rename(name+".part", name)); err != nil {
		d.t.Fatal(err)
	}
}

// load drops logs of 1,000 lines until it is stopped.
func (d *deployment) load() (stop func()) {
	ended, wait := make(chan struct{}), sync.WaitGroup{}
	wait.Go(func() {
		for {
			d.drop(fmt.Sprintf("load-%d.log.1", d.nth), d.log(1000))
			select {
			case <-ended:
				return
			case <-time.After(time.Second):
			}
		}
	})
	return sync.OnceFunc(func() {
		close(ended)
		wait.Wait()
	})
}

// memory is what the containers take in bytes, without what the kernel caches of files.
func (d *deployment) memory() (total int64, each map[string]int64) {
	each = map[string]int64{}
	for _, c := range d.inspect("") {
		if c.State.Status != "running" {
			continue
		}
		cached := int64(0)
		read := func(name string) string {
			for _, dir := range []string{"/sys/fs/cgroup/memory/docker/", "/sys/fs/cgroup/docker/", "/sys/fs/cgroup/system.slice/docker-"} {
				for _, end := range []string{"/", ".scope/"} {
					if text, err := os.ReadFile(dir + c.ID + end + name); err == nil {
						return string(text)
					}
				}
			}
			return ""
		}
		used, _ := strconv.ParseInt(strings.TrimSpace(read("memory.usage_in_bytes")+read("memory.current")), 10, 64)
		for line := range strings.Lines(read("memory.stat")) {
			if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == "total_inactive_file" || name == "inactive_file" && cached == 0 {
				cached, _ = strconv.ParseInt(value, 10, 64)
			}
		}
		each[c.service()] += used - cached
		total += used - cached
	}
	return total, each
}

func printMemory(each map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(each)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, each[name]/mib))
	}
	return strings.Join(parts, ", ")
}

func (d *deployment) testBuild() {
	t := d.t
	d.recipe("docker compose build")
	for _, name := range append([]string{"whoknocks"}, ours...) {
		size, err := strconv.ParseInt(strings.TrimSpace(d.docker("image inspect --format '{{.Size}}' whoknocks/"+name+":devel")), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		data := int64(0)
		if name == "enrich" {
			files, err := filepath.Glob(filepath.Join(d.root, ".cache", "deps", "node_modules", "@ip-location-db", "*", "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				if info, err := os.Stat(file); err == nil && !strings.HasSuffix(file, "-num.csv") {
					data += info.Size()
				}
			}
		}
		t.Logf("image %s: %.1f MB, and %.1f MB of IP data", name, float64(size-data)/1e6, float64(data)/1e6)
		if size-data >= 40*mib {
			t.Errorf("image %s is %d bytes without the IP data, want less than 40 MiB", name, size-data)
		}
	}
}

func (d *deployment) testUp() {
	t := d.t
	began := time.Now()
	d.recipe("docker compose up --wait")
	t.Logf("up and healthy after %.1f s", time.Since(began).Seconds())
	d.healthy(time.Second)
	started, finished := map[string]string{}, map[string]string{}
	for _, c := range d.inspect("") {
		started[c.service()], finished[c.service()] = c.State.StartedAt, c.State.FinishedAt
	}
	for _, order := range [][2]string{{"init", "nats"}, {"init", "clickhouse"}, {"setup", "ingest"}, {"setup", "enrich"}, {"setup", "store"}, {"setup", "report"}} {
		if finished[order[0]] > started[order[1]] {
			t.Errorf("%s started at %s, before %s had ended at %s", order[1], started[order[1]], order[0], finished[order[0]])
		}
	}
	if started["setup"] < started["nats"] || started["setup"] < started["clickhouse"] {
		t.Error("setup started before the servers")
	}
	d.reader = strings.TrimSpace(d.recipe("docker compose run --rm init show reader"))
	if len(d.reader) != 41 {
		t.Errorf("the reader's password is %d characters long", len(d.reader))
	}
	if out, err := d.ask("SELECT 1"); out != "1" {
		t.Errorf("SELECT 1 = %q, %v", out, err)
	}
}

func (d *deployment) testContained() {
	t := d.t
	passwords := strings.Fields(d.docker("compose run --rm --entrypoint cat init /secrets/passwords"))
	if len(passwords) != 8 {
		t.Fatalf("there are %d passwords", len(passwords))
	}
	for _, c := range d.inspect("") {
		name, root := c.service(), c.service() == "init"
		if c.Config.User == "" || strings.HasPrefix(c.Config.User, "0:") != root {
			t.Errorf("%s runs as %q", name, c.Config.User)
		}
		if !c.HostConfig.ReadonlyRootfs || !slices.Equal(c.HostConfig.CapDrop, []string{"ALL"}) || !slices.Contains(c.HostConfig.SecurityOpt, "no-new-privileges:true") || c.HostConfig.Memory == 0 {
			t.Errorf("%s is not contained: %+v", name, c.HostConfig)
		}
		if c.HostConfig.LogConfig.Config["max-size"] == "" || c.HostConfig.LogConfig.Config["max-file"] == "" {
			t.Errorf("%s's log grows without end", name)
		}
		for port, bindings := range c.NetworkSettings.Ports {
			for _, b := range bindings {
				if syslog := strings.HasPrefix(port, "5514/"); !syslog && b.HostIP != "127.0.0.1" {
					t.Errorf("%s publishes %s on %s", name, port, b.HostIP)
				}
			}
		}
		for _, secret := range passwords {
			if _, value, _ := strings.Cut(secret, "="); strings.Contains(strings.Join(c.Config.Env, "\n"), value) {
				t.Errorf("%s has a password in its settings", name)
			}
		}
	}
	for _, name := range []string{"nats", "clickhouse"} { // the others have nothing to try with
		for _, file := range []string{"passwords", "ingest.bus", "store.dsn", "whoknocks.bus", "setup.dsn"} {
			if _, err := d.try("compose exec -T " + name + " cat /secrets/" + file); err == nil {
				t.Errorf("%s can read /secrets/%s", name, file)
			}
		}
		if _, err := d.try("compose exec -T " + name + " sh -c 'echo > /secrets/x || echo > /etc/x || echo > /x'"); err == nil {
			t.Errorf("%s can write where it should not", name)
		}
	}
	for _, user := range []string{"default:", "reader:", "writer:", "reader:wrong"} {
		name, password, _ := strings.Cut(user, ":")
		was := d.reader
		d.reader = password
		if name != "reader" {
			d.reader = ""
		}
		if out, err := d.ask("SELECT 1"); err == nil {
			t.Errorf("%s without its password gets %q", name, out)
		}
		d.reader = was
	}
	for _, sql := range []string{"INSERT INTO rejected (id) VALUES (1)", "DROP TABLE events", "SELECT * FROM url('http://clickhouse:8123/', CSV, 'a UInt8')", "SELECT 1 SETTINGS max_execution_time = 100000"} {
		if out, err := d.ask(sql); err == nil {
			t.Errorf("the reader may %s: %q", sql, out)
		}
	}
}

func (d *deployment) testIdle() {
	t := d.t
	time.Sleep(5 * time.Second)
	total, each := d.memory()
	t.Logf("idle: %d MiB (%s)", total/mib, printMemory(each))
	if total >= 1<<30 || total < 50*mib {
		t.Errorf("the idle stack takes %d MiB, want less than 1024", total/mib)
	}
}

func (d *deployment) testInputs() {
	t := d.t
	sample, err := os.ReadFile(sampleLog)
	if err != nil {
		t.Fatal(err)
	}
	d.drop("adsl-2012-04.txt", sample) // imported once it is still
	d.lines += 100
	d.stored(time.Minute)

	name := filepath.Join(d.logs, "router.log") // followed while it grows
	text := d.log(3000)
	for part := range slices.Chunk(bytes.SplitAfter(text, []byte("\n")), 1000) {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(bytes.Join(part, nil)); err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		time.Sleep(300 * time.Millisecond)
	}
	d.stored(time.Minute)

	for _, network := range []string{"udp", "tcp"} {
		conn, err := net.Dial(network, "127.0.0.1:5514")
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(d.log(500)) {
			if _, err := conn.Write(append([]byte("<4>"), line...)); err != nil {
				t.Fatal(err)
			}
			if network == "udp" {
				time.Sleep(2 * time.Millisecond) // what a router may do as well
			}
		}
		_ = conn.Close()
		d.stored(time.Minute)
	}
	page, err := http.Get("http://127.0.0.1:8080/?month=2012-04")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	if body, err := io.ReadAll(page.Body); err != nil || page.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("Akamai")) {
		t.Errorf("the page: %s, %v, %d bytes", page.Status, err, len(body))
	}
}

func (d *deployment) testSubscriber() {
	t := d.t
	password := strings.TrimSpace(d.recipe("docker compose run --rm init show subscriber"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b, err := bus.Connect(ctx, bus.Config{URL: "nats://127.0.0.1:4222", User: "subscriber", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	seen := 0
	err = b.Subscribe(ctx, bus.Subscription{Stream: bus.StreamEnriched, Durable: "mine"}, func(_ context.Context, m *bus.Message) error {
		if seen += bytes.Count(m.Data, []byte("\n")); seen >= d.lines {
			cancel()
		}
		return nil
	})
	if err != nil || seen < d.lines {
		t.Errorf("the subscriber has seen %d of %d events, %v", seen, d.lines, err)
	}
}

func (d *deployment) testRecipes() {
	t := d.t
	contains := func(out string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%q is not in\n%s", w, tailOf(out, 20))
			}
		}
	}
	d.recipe("docker compose ps")
	d.drop("old.log.gz", gzipped(t, d.log(1000)))
	contains(d.recipe("docker compose run --rm whoknocks import /logs/old.log.gz"), "1000 lines = 1000 events")
	input := filepath.Join(t.TempDir(), "router.log")
	if err := os.WriteFile(input, d.log(1000), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(d.recipe("docker compose run --rm -T whoknocks import - < router.log", "router.log", input), "1000 lines = 1000 events")
	d.stored(time.Minute)
	contains(d.recipe("docker compose run --rm whoknocks owners"), "Akamai")
	contains(d.recipe("docker compose run --rm whoknocks sources --month 2012-04 --mask"), "209.107.220.a", "Total")
	public := t.TempDir()
	d.recipe("docker compose run --rm -T whoknocks report --month 2012-04 --out - | tar -x -C public", "public", public)
	page, err := os.ReadFile(filepath.Join(public, "2012-04.md"))
	if contains(string(page), "# Who knocked in April 2012", "209.107.220.a"); err != nil {
		t.Error(err)
	}
	contains(d.recipe("docker compose run --rm whoknocks sql 'SELECT owner, sum(packets) FROM knocks GROUP BY owner ORDER BY 2 DESC LIMIT 10'"), "Akamai  │           39") // without the rules of that year, the rest is its carriers'
	contains(d.recipe("curl -su reader http://127.0.0.1:8123/ --data-binary 'SELECT count() FROM whoknocks.events'",
		"-su reader", "-su reader:"+d.reader), strconv.Itoa(d.lines))
	contains(d.recipe("docker compose exec clickhouse wget -qO- http://127.0.0.1:8123/ping", "exec ", "exec -T "), "Ok.")
	d.recipe("docker compose exec ingest /usr/bin/service health", "exec ", "exec -T ")
	contains(d.recipe("docker compose exec enrich /usr/bin/service --dump", "exec ", "exec -T "), "inbox: _INBOX_enrich")
	d.recipe("docker compose run --rm whoknocks lookups")
	contains(d.recipe("docker compose run --rm whoknocks reattribute --dry-run"), "")
	contains(d.recipe("docker compose logs --tail 20 ingest"), "ingest-1")
	d.verify()
}

func (d *deployment) testMillion() {
	t := d.t
	d.drop("million.log.1", d.log(d.size))
	began := time.Now()
	var most int64
	var peak map[string]int64
	for ended := false; !ended; {
		if total, each := d.memory(); total > most {
			most, peak = total, each
		}
		got, err := d.ask("SELECT count() FROM events")
		ended = err == nil && got == strconv.Itoa(d.lines)
		if time.Since(began) > 5*time.Minute {
			t.Fatalf("%s of %d events are stored after %v, %v", got, d.lines, time.Since(began), err)
		}
		time.Sleep(time.Second)
	}
	t.Logf("%d lines in %.0f s, %d MiB at most (%s)", d.size, time.Since(began).Seconds(), most/mib, printMemory(peak))
	if most >= 2<<30 {
		t.Errorf("the stack takes %d MiB, want less than 2048", most/mib)
	}
	d.stored(time.Minute)
	for _, c := range d.inspect("") {
		if c.State.OOMKilled || c.RestartCount > 0 {
			t.Errorf("%s was started again: out of memory %v", c.Name, c.State.OOMKilled)
		}
	}
}

// kill ends the processes of a service without a word; Docker starts them again.
func (d *deployment) kill(service string) {
	d.t.Helper()
	before := d.inspect(service)
	for _, c := range before {
		if err := syscall.Kill(c.State.Pid, syscall.SIGKILL); err != nil {
			d.t.Fatalf("kill %s: %v", c.Name, err)
		}
	}
	within(d.t, func() error {
		for i, c := range d.inspect(service) {
			if c.State.Pid == before[i].State.Pid || c.State.Status != "running" {
				return fmt.Errorf("%s was killed and is %s", c.Name, c.State.Status)
			}
		}
		return nil
	})
}

func (d *deployment) testRestarts() {
	t := d.t
	stop := d.load()
	defer stop()
	for _, service := range servers {
		d.docker("compose restart " + service) // told to stop, and then killed while it starts
		d.kill(service)
		d.healthy(2 * time.Minute)
	}
	d.recipe("docker compose up --wait --scale enrich=3 --scale store=2")
	if e, s := len(d.containers("enrich")), len(d.containers("store")); e != 3 || s != 2 {
		t.Errorf("%d enrich and %d store run, want 3 and 2", e, s)
	}
	d.kill("enrich")
	d.kill("store")
	d.healthy(2 * time.Minute)
	stop()
	d.stored(3 * time.Minute)
	t.Logf("%d events: 0 lost, 0 double", d.lines)
}

func (d *deployment) testAway() {
	t := d.t
	stop := d.load()
	defer stop()
	for _, service := range []string{"clickhouse", "nats"} {
		d.docker("compose stop " + service)
		time.Sleep(time.Minute)
		d.docker("compose start " + service)
		d.healthy(2 * time.Minute)
	}
	stop()
	d.stored(3 * time.Minute)
	t.Logf("%d events: 0 lost, 0 double", d.lines)
}

func (d *deployment) testBackup() {
	t := d.t
	if out := d.docker("compose logs --no-color nats"); strings.Contains(out, "Violation") { // before these containers go
		t.Errorf("a service was refused:\n%s", tailOf(out, 5))
	}
	d.recipe("docker compose stop")
	file := strings.TrimSpace(d.recipe("docker compose run --rm backup"))
	if !regexp.MustCompile(`^whoknocks-\d{8}T\d{6}Z\.tar\.gz$`).MatchString(file) {
		t.Fatalf("the backup is %q", file)
	}
	d.recipe("docker compose up --wait")
	before := d.lines
	d.drop("after.log.1", d.log(5000)) // what the backup knows nothing of
	d.stored(time.Minute)
	d.docker("compose down --volumes")
	d.recipe("docker compose run --rm backup restore whoknocks-20260101T000000Z.tar.gz", "whoknocks-20260101T000000Z.tar.gz", file)
	d.docker("compose up --wait")
	// What came after is read again, as the file is still there.
	d.stored(2 * time.Minute)
	if before == d.lines {
		t.Error("nothing came after the backup")
	}
	if got := strings.TrimSpace(d.docker("compose run --rm init show reader")); got != d.reader {
		t.Error("the reader has another password than in the backup")
	}
}

func (d *deployment) testDownUp() {
	t := d.t
	d.recipe("docker compose down")
	if left := d.containers(""); len(left) != 0 {
		t.Errorf("%d containers are left", len(left))
	}
	// The steps of an upgrade, to the same version under another name.
	for _, name := range append([]string{"whoknocks"}, ours...) {
		d.docker("tag whoknocks/" + name + ":devel whoknocks/" + name + ":next")
	}
	d.env = append(d.env, "VERSION=next")
	d.recipe("docker compose build")
	d.recipe("docker compose up --wait --remove-orphans")
	d.healthy(time.Second)
	d.stored(time.Minute)
	d.drop("last.log.1", d.log(5000))
	d.stored(time.Minute)
	d.verify()
}

func (d *deployment) testLogs() {
	t := d.t
	out := d.docker("compose logs --no-color")
	passwords := strings.Fields(d.docker("compose run --rm --entrypoint cat init /secrets/passwords"))
	for _, secret := range passwords {
		if _, value, _ := strings.Cut(secret, "="); strings.Contains(out, value) {
			t.Errorf("the log holds a password: %s", secret[:strings.IndexByte(secret, '=')])
		}
	}
	named := regexp.MustCompile(`^[a-z]+-\d+ +\| `)
	own := regexp.MustCompile(`^(ingest|enrich|store|report)-\d+ +\| `)
	form := regexp.MustCompile(`\| time=\S+ level=(DEBUG|INFO|WARN|ERROR) msg=`)
	for line := range strings.Lines(out) {
		switch {
		case !named.MatchString(line):
			t.Errorf("a line without its container: %q", line)
		case own.MatchString(line) && !form.MatchString(line):
			t.Errorf("a line of another form: %q", line)
		case strings.Contains(line, "Violation"), strings.Contains(line, "permissions violation"):
			t.Errorf("a service was refused: %q", line)
		case own.MatchString(line) && strings.Contains(line, "level=ERROR"):
			t.Errorf("an error: %q", line)
		}
	}
}

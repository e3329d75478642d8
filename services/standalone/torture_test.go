package standalone_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/natsd"
)

// What make torture sets: how often each process is killed, and how many lines a
// log has that is dropped. Unset, the test is a short one.
const (
	envKills = "WHOKNOCKS_TORTURE_KILLS"
	envLines = "WHOKNOCKS_TORTURE_LINES"
)

// envBus makes the test binary a NATS server on the folder and port that it names.
const envBus = "WHOKNOCKS_TEST_BUS"

// busMain is the bus as a process of its own, to be killed.
func busMain(spec string) {
	dir, port, _ := strings.Cut(spec, "|")
	cfg := natsd.DefaultConfig()
	cfg.Dir, cfg.Log = dir, slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg.Port, _ = strconv.Atoi(port)
	if _, err := natsd.Start(cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// stack is every service as a process of its own.
type stack struct {
	t        *testing.T
	dir      string
	drop     string
	bus, sql string // addresses
	parts    map[string]*part
}

// part is one process, started again whenever it ends.
type part struct {
	t     *testing.T
	name  string
	start func() *exec.Cmd
	log   *os.File

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{}
	kills int
}

func (p *part) up() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := p.start()
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
}

// kill ends the process without a word and waits until it is gone.
func (p *part) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
	p.kills++
}

// alive starts the process again if it has given up by itself.
func (p *part) alive() {
	select {
	case <-p.ended:
		p.up()
	default:
	}
}

// memory is the resident memory of the process in bytes, 0 if it is not there.
func (p *part) memory() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newStack builds the services and starts everything on folders of the test.
func newStack(t *testing.T, busDir string) *stack {
	t.Helper()
	needsEngine(t)
	engine, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{t: t, dir: t.TempDir(), bus: freeAddress(t), sql: freeAddress(t), parts: map[string]*part{}}
	s.drop = filepath.Join(s.dir, "drop")
	bin := filepath.Join(s.dir, "bin")
	for _, dir := range []string{s.drop, bin} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"ingest", "enrich", "store"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, name), "../"+name+"/cmd/"+name).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if busDir == "" {
		busDir = filepath.Join(s.dir, "bus")
	}
	port := s.bus[strings.LastIndexByte(s.bus, ':')+1:]
	s.add("bus", func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envBus+"="+busDir+"|"+port)
		return cmd
	})
	s.add("engine", func() *exec.Cmd {
		return exec.Command(engine, "engine", "--path", filepath.Join(s.dir, "clickhouse"), "--listen", s.sql, "--password-file", password)
	})
	service := func(name string, settings ...string) {
		s.add(name, func() *exec.Cmd {
			args := []string{"--set", "bus.url=nats://" + s.bus, "--set", "ops.listen="}
			for _, set := range settings {
				args = append(args, "--set", set)
			}
			cmd := exec.Command(filepath.Join(bin, name), args...)
			cmd.Env = append(os.Environ(), "TZ=UTC")
			return cmd
		})
	}
	service("ingest", "ingest.drop="+s.drop, "ingest.quiet=200ms", "ingest.poll=100ms", "ingest.timezone=UTC", "ingest.syslog_udp=", "ingest.syslog_tcp=")
	service("enrich", "enrich.whois.enabled=false", "enrich.asn=none", "enrich.country=none", "enrich.rules=none", "enrich.research=none")
	service("store", "clickhouse.dsn=http://whoknocks:secret@"+s.sql+"/whoknocks", "store.rollup_every=500ms")
	for _, name := range []string{"bus", "engine", "ingest", "enrich", "store"} {
		s.parts[name].up()
	}
	return s
}

func (s *stack) add(name string, start func() *exec.Cmd) {
	s.t.Helper()
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		s.t.Fatal(err)
	}
	p := &part{t: s.t, name: name, start: start, log: log}
	s.parts[name] = p
	s.t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
		if s.t.Failed() {
			s.t.Logf("the end of what %s said:\n%s", name, tail(log.Name(), 20))
		}
		_ = log.Close()
	})
}

func tail(file string, n int) string {
	data, _ := os.ReadFile(file)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// feed drops a log of n lines, and returns the number of them. Every log is of a
// day of its own.
func (s *stack) feed(nth, n int) int {
	s.t.Helper()
	log := netfilterLog(n)
	// One log, many: another month and year of the same lines.
	log = bytes.ReplaceAll(log, []byte("Jan "), []byte([]string{"Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ", "Aug ", "Sep ", "Oct "}[nth%10]))
	log = bytes.ReplaceAll(log, []byte(" router "), []byte(fmt.Sprintf(" router%d ", nth)))
	name := filepath.Join(s.drop, fmt.Sprintf("router-%d.log", nth))
	if err := os.WriteFile(name+".part", log, 0o600); err != nil {
		s.t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(name+".part", at, at); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(name+".part", name); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// ask asks the engine, "" if it does not answer.
func (s *stack) ask(query string) string {
	client := http.Client{Timeout: 20 * time.Second}
	r, err := client.Post("http://"+s.sql+"/?database=whoknocks&query="+url.QueryEscape(query), "text/plain", http.NoBody)
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// settled waits until all lines are stored, starting again what has given up.
func (s *stack) settled(lines int, patience time.Duration) {
	s.t.Helper()
	want := strconv.Itoa(lines)
	got := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		for _, p := range s.parts {
			p.alive()
		}
		if got = s.ask("SELECT count() FROM events"); got == want {
			break
		}
	}
	if got != want {
		s.t.Fatalf("%s events are stored, want %d", got, lines)
	}
	// Nothing follows that would be too much, and the roll-ups say the same.
	time.Sleep(3 * time.Second)
	for query, want := range map[string]string{
		"SELECT count(), uniqExact(src_ip, time, id), sum(packets) FROM events": fmt.Sprintf("%d\t%d\t%d", lines, lines, lines),
		"SELECT sum(attempts) FROM owners_by_month":                             want,
		"SELECT sum(attempts) FROM source_months":                               want,
		"SELECT sum(attempts) FROM sources_by_month":                            want,
		"SELECT count() FROM rejected WHERE kind = 'rejected'":                  "0",
	} {
		if got := s.ask(query); got != want {
			s.t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func setting(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}

// Every process is killed again and again, at random moments, while logs come in:
// nothing is lost and nothing counts twice.
func TestTortureKills(t *testing.T) {
	kills, each := setting(t, envKills, 2), setting(t, envLines, 60_000)
	s := newStack(t, "")
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d, %d kills of each", seed, kills)
	var order []string
	for _, name := range []string{"bus", "engine", "ingest", "enrich", "store"} {
		order = append(order, slices.Repeat([]string{name}, kills)...)
	}
	rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	lines, fed := 0, 0
	for _, name := range order {
		// There is always something on its way.
		if stored, _ := strconv.Atoi(s.ask("SELECT count() FROM events")); lines-stored < each && fed < 10 {
			lines += s.feed(fed, each)
			fed++
		}
		time.Sleep(time.Duration(100+rnd.IntN(900)) * time.Millisecond)
		for _, p := range s.parts {
			p.alive()
		}
		s.parts[name].kill()
		if rnd.IntN(3) == 0 { // sometimes it is away for a while
			time.Sleep(time.Duration(rnd.IntN(1500)) * time.Millisecond)
		}
		s.parts[name].up()
	}
	for fed < 2 {
		lines += s.feed(fed, each)
		fed++
	}
	s.settled(lines, 5*time.Minute)
	t.Logf("%d lines in %d logs, %d kills: 0 lost, 0 double", lines, fed, len(order))
}

// The engine is away while logs come in: everything waits on the bus, and the store
// does not grow.
func TestTortureEngineAway(t *testing.T) {
	away := 5 * time.Second
	if os.Getenv(envKills) != "" {
		away = 2 * time.Minute
	}
	each := setting(t, envLines, 60_000)
	s := newStack(t, "")
	lines := s.feed(0, each)
	s.settled(lines, 2*time.Minute)
	s.parts["engine"].kill()
	lines += s.feed(1, each)
	lines += s.feed(2, each)
	var most int64
	for deadline := time.Now().Add(away); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		most = max(most, s.parts["store"].memory())
	}
	s.parts["engine"].up()
	s.settled(lines, 5*time.Minute)
	if most > 600<<20 {
		t.Errorf("the store took %d MB while the engine was away", most>>20)
	}
	t.Logf("engine away for %v, %d lines waited: 0 lost, 0 double; the store took %d MB at most", away, 2*each, most>>20)
}

// The bus comes back with an older state of its disk, as from a backup: what it has
// forgotten is read again.
func TestTortureOldSnapshot(t *testing.T) {
	each := setting(t, envLines, 60_000)
	s := newStack(t, "")
	bus := filepath.Join(s.dir, "bus")
	lines := s.feed(0, each)
	s.settled(lines, 2*time.Minute)
	lines += s.feed(1, each)
	time.Sleep(400 * time.Millisecond) // in the middle of it
	s.parts["bus"].kill()
	if err := os.CopyFS(filepath.Join(s.dir, "snapshot"), os.DirFS(bus)); err != nil {
		t.Fatal(err)
	}
	s.parts["bus"].up()
	lines += s.feed(2, each)
	s.settled(lines, 3*time.Minute)
	s.parts["bus"].kill()
	if err := os.RemoveAll(bus); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(s.dir, "snapshot"), bus); err != nil {
		t.Fatal(err)
	}
	s.parts["bus"].up()
	lines += s.feed(3, each)
	s.settled(lines, 3*time.Minute)
	t.Logf("%d lines, the bus went back in time once: 0 lost, 0 double", lines)
}

// The bus's disk is full: readers wait, and go on when there is room.
func TestTortureDiskFull(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("a small disk cannot be made here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	each := setting(t, envLines, 60_000)
	s := newStack(t, filepath.Join(dir, "bus"))
	lines := s.feed(0, 15_000)
	s.settled(lines, 2*time.Minute)
	// Somebody fills the disk.
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := filler.Write(make([]byte, 64<<10)); err != nil {
			break
		}
	}
	_ = filler.Close()
	lines += s.feed(1, each)
	lines += s.feed(2, each)
	time.Sleep(5 * time.Second)
	stuck := s.ask("SELECT count() FROM events")
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=2g"); err != nil {
		t.Fatal(err)
	}
	// A bus whose disk was full may have to be started again: that is what its keeper does.
	s.parts["bus"].kill()
	s.parts["bus"].up()
	s.settled(lines, 5*time.Minute)
	t.Logf("%d lines, %s stored when the bus's disk was full: 0 lost, 0 double", lines, stuck)
}

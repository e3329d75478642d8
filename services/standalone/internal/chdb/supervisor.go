package chdb

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// SupervisorConfig says what engine to run, and how. Path and Listen are required.
type SupervisorConfig struct {
	Path   string // the data directory
	Listen string // host:port of a loopback address; port 0 takes a free one
	Lib    string // libchdb; default: what make deps fetched

	// Program and Args run Command: default this program, with the argument "engine".
	Program string
	Args    []string

	Database    string        // default "whoknocks"
	MemoryLimit int64         // bytes for the whole engine; default: nine tenths of the machine's
	Reader      Limits        // what one statement of a reader may cost
	DrainTime   time.Duration // how long running statements may go on after the stop; default 10 s

	Log     *slog.Logger          // default slog.Default()
	Stderr  io.Writer             // what the engine itself complains of; default os.Stderr
	Metrics prometheus.Registerer // nil registers none
}

// Supervisor runs the engine in a child process and starts it again when it ends. It holds the
// listening socket, so that the address stays and clients wait in its queue meanwhile.
type Supervisor struct {
	cfg      SupervisorConfig
	log      *slog.Logger
	socket   *os.File
	address  string
	password string

	ready    chan struct{} // closed at the first readiness
	once     sync.Once
	restarts atomic.Uint64
	pid      atomic.Int64 // of the child; 0 while there is none
	client   *http.Client
}

// NewSupervisor opens the listening socket, so that the address is known, and makes the writer's
// password. It starts no process. Run closes the socket.
func NewSupervisor(cfg SupervisorConfig) (*Supervisor, error) {
	var err error
	if cfg.Lib == "" {
		if cfg.Lib, err = Find(); err != nil {
			return nil, err
		}
	}
	if cfg.Program == "" {
		if cfg.Program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
	}
	if cfg.Args == nil {
		cfg.Args = []string{"engine"}
	}
	if cfg.Database == "" {
		cfg.Database = "whoknocks"
	}
	if cfg.DrainTime == 0 {
		cfg.DrainTime = 10 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Stderr == nil {
		cfg.Stderr = os.Stderr
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("open the engine's address: %w", err)
	}
	defer listener.Close() // the file below is a copy
	if !isLoopback(listener.Addr()) {
		return nil, fmt.Errorf("open the engine's address: %s is no loopback address, and readers need no password", listener.Addr())
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, fmt.Errorf("copy the engine's socket: %w", err)
	}
	s := &Supervisor{
		cfg: cfg, log: cfg.Log, socket: socket, address: listener.Addr().String(), password: rand.Text(),
		ready:  make(chan struct{}),
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
	if cfg.Metrics != nil {
		if err := cfg.Metrics.Register(collector{s}); err != nil {
			socket.Close()
			return nil, fmt.Errorf("register the engine's metrics: %w", err)
		}
	}
	return s, nil
}

// Address returns the host and port of the engine.
func (s *Supervisor) Address() string { return s.address }

// DSN returns how the writer connects. It holds the password, which lives as long as the Supervisor.
func (s *Supervisor) DSN() string {
	return (&url.URL{Scheme: "http", User: url.UserPassword("whoknocks", s.password), Host: s.address, Path: "/" + s.cfg.Database}).String()
}

// ReaderDSN returns how everybody else may connect.
func (s *Supervisor) ReaderDSN() string {
	return (&url.URL{Scheme: "http", Host: s.address, Path: "/" + s.cfg.Database}).String()
}

// Ready returns a channel that is closed when the engine answers for the first time.
func (s *Supervisor) Ready() <-chan struct{} { return s.ready }

// Restarts returns how many times the engine was started again after it had ended by itself.
func (s *Supervisor) Restarts() uint64 { return s.restarts.Load() }

const (
	restartWait    = 100 * time.Millisecond // before the first restart; doubled each time
	restartWaitMax = 30 * time.Second
	steady         = time.Minute // an engine that ran so long begins with the first wait again
)

// Run keeps the engine running until ctx ends, then stops it: statements may go on for the drain
// time, after which the process is killed, which the data survives. An engine that ends before it
// has ever answered is an error, as another start would end the same way. Run is called once.
func (s *Supervisor) Run(ctx context.Context) error {
	defer s.socket.Close()
	for wait := restartWait; ; wait = min(2*wait, restartWaitMax) {
		start := time.Now()
		err := s.runOnce(ctx)
		if ctx.Err() != nil {
			return err
		}
		select {
		case <-s.ready:
		default:
			return fmt.Errorf("start the engine: %w", err)
		}
		if time.Since(start) > steady {
			wait = restartWait
		}
		s.restarts.Add(1)
		s.log.Error("engine ended and is started again", "err", err, "wait", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// runOnce starts the engine and returns when its process has ended.
func (s *Supervisor) runOnce(ctx context.Context) error {
	// What it says before it is ready is the reason why it did not become so; later it is for the log.
	complaints := &complaints{through: s.cfg.Stderr, ready: s.ready}
	cmd := s.command(complaints)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	s.pid.Store(int64(cmd.Process.Pid))
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	var wg sync.WaitGroup
	defer wg.Wait()
	alive, gone := context.WithCancel(ctx)
	defer gone()
	defer s.pid.Store(0)

	// The password goes where no list of processes shows it. A failed write means that the
	// process is ending, which is told below.
	_, _ = io.WriteString(stdin, s.password+"\n")
	wg.Go(func() { s.awaitReady(alive, start) })

	select {
	case err = <-exited:
	case <-ctx.Done():
		_ = stdin.Close()
		select {
		case err = <-exited:
		case <-time.After(s.cfg.DrainTime + 5*time.Second):
			err = errors.Join(ErrStuck, cmd.Process.Kill(), <-exited)
		}
		if err != nil {
			s.log.Warn("engine did not stop well, its data is safe", "err", err)
		}
		return nil
	}
	if text := complaints.String(); text != "" {
		return errors.New(text)
	}
	if err == nil {
		err = errors.New("it stopped by itself")
	}
	return err
}

func (s *Supervisor) command(stderr io.Writer) *exec.Cmd {
	args := append(append([]string{}, s.cfg.Args...),
		"--path", s.cfg.Path, "--lib", s.cfg.Lib, "--listen", "fd:3", "--password-file", "-", "--stop-at-eof",
		"--database", s.cfg.Database, "--drain", s.cfg.DrainTime.String(), "--log-level", "warn")
	if s.cfg.MemoryLimit > 0 {
		args = append(args, "--memory", fmt.Sprint(s.cfg.MemoryLimit))
	}
	if r := s.cfg.Reader; r.Time > 0 {
		args = append(args, "--reader-time", r.Time.String())
	}
	if r := s.cfg.Reader; r.Memory > 0 {
		args = append(args, "--reader-memory", fmt.Sprint(r.Memory))
	}
	if r := s.cfg.Reader; r.Rows > 0 {
		args = append(args, "--reader-rows", fmt.Sprint(r.Rows))
	}
	// No context ends it: Run does, in its own way.
	cmd := exec.CommandContext(context.Background(), s.cfg.Program, args...)
	cmd.ExtraFiles = []*os.File{s.socket}
	cmd.Stderr = stderr
	// In a group of its own: a Ctrl-C in the terminal is for the parent, who stops the engine last.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// awaitReady waits until the engine answers; its socket takes connections long before.
func (s *Supervisor) awaitReady(ctx context.Context, start time.Time) {
	for ctx.Err() == nil {
		st, err := s.Status(ctx)
		if err == nil && int64(st.PID) == s.pid.Load() {
			s.log.Info("engine ready", "version", st.Version, "took", time.Since(start).Round(time.Millisecond), "address", s.address)
			s.once.Do(func() { close(s.ready) })
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Status asks the engine how it is. It blocks while the engine is starting, until ctx ends.
func (s *Supervisor) Status(ctx context.Context) (Status, error) {
	var st Status
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/engine", nil)
	if err != nil {
		return st, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return st, fmt.Errorf("ask the engine: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&st); err != nil {
		return st, fmt.Errorf("ask the engine: %w", err)
	}
	return st, nil
}

// Healthy is a check for a health endpoint: nil when the engine answers.
func (s *Supervisor) Healthy(ctx context.Context) error {
	_, err := s.Status(ctx)
	return err
}

// complaints takes the engine's stderr: it keeps the end of it until ready is closed, and passes
// everything on from then.
type complaints struct {
	through io.Writer
	ready   <-chan struct{}

	mu   sync.Mutex
	text []byte
}

func (c *complaints) Write(p []byte) (int, error) {
	select {
	case <-c.ready:
		return c.through.Write(p)
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	c.text = c.text[max(0, len(c.text)-4<<10):]
	return len(p), nil
}

func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimSpace(string(c.text))
}

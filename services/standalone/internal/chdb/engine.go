package chdb

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// engine is the loaded library with its data directory open. Sessions run in parallel; one more is
// kept for what the front asks itself.
type engine struct {
	lib   *library
	guard *signalGuard
	path  string

	version  string // of ClickHouse, as in SELECT version()
	timezone string

	mu     sync.Mutex // guards keeper: one statement at a time
	keeper *session   // keeps the engine running while no request does; never a client's
}

// The roles a session can take. The engine has one user, who holds every right; a session that
// takes the reader's role keeps only those of that role.
const (
	roleWriter = "writer"
	roleReader = "reader"
)

// startEngine loads libchdb and opens the data directory, which nobody else may have open.
func startEngine(opts Options) (*engine, error) {
	config, err := writeConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("configure the engine: %w", err)
	}
	return startEngineWith(opts, config)
}

// startEngineWith is startEngine with a configuration file that is there.
func startEngineWith(opts Options, config string) (*engine, error) {
	guard, err := newSignalGuard()
	if err != nil {
		return nil, err
	}
	lib, err := loadLibrary(opts.Lib)
	if err != nil {
		return nil, err
	}
	guard.during(func() { lib.setSignalHandlers(0) })
	e := &engine{lib: lib, guard: guard, path: opts.Path}
	if e.keeper, err = openSession(lib, guard, "--path="+opts.Path, "--config-file="+config, "--implicit_select=0"); err != nil {
		return nil, fmt.Errorf("open %q: %w", opts.Path, err)
	}
	out, err := e.ask("SELECT version(), timezone()")
	if err != nil {
		e.keeper.close()
		return nil, fmt.Errorf("ask the engine for its version: %w", err)
	}
	e.version, e.timezone, _ = strings.Cut(strings.TrimSpace(string(out)), "\t")
	return e, nil
}

// ask runs one of our own statements on the kept session.
func (e *engine) ask(sql string) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out, _, err := e.keeper.query(sql, "TabSeparated", nil)
	return out, err
}

// close ends the engine; no session may be open.
func (e *engine) close() { e.keeper.close() }

// open makes a session with settings of our own, then a client's, and takes the role at last. The
// id marks its statements for kill. A database that must exist is required.
func (e *engine) open(id string, role string, limits Limits, settings []pair, database string, required bool) (*session, error) {
	args := []string{
		"--path=" + e.path,
		// Put back to what a server has, from what is handy in a notebook.
		"--implicit_select=0", "--allow_introspection_functions=0",
		// An insert is answered when it is written.
		"--async_insert=0",
		// Formatting in parallel takes a third of the time off a text format, and three times the
		// memory: 1.1 GB where this takes 370 MB, for 3 million rows of a kilobyte.
		"--output_format_parallel_formatting=0",
	}
	if role == roleReader {
		args = append(args, "--final=1", "--max_result_rows="+strconv.FormatInt(limits.Rows, 10),
			"--max_execution_time="+strconv.FormatFloat(limits.Time.Seconds(), 'f', -1, 64),
			"--max_memory_usage="+strconv.FormatInt(limits.Memory, 10))
	}
	comment := id
	kept := settings[:0:0]
	for _, p := range settings {
		switch {
		case p.name == "log_comment":
			comment = id + " " + p.value
		case p.name == "readonly" && role == roleReader: // set at last
		default:
			kept = append(kept, p)
		}
	}
	args = append(args, "--log_comment="+comment)
	s, err := openSession(e.lib, e.guard, args...)
	if err != nil {
		return nil, err
	}
	if err := e.prepare(s, role, kept, database, required); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (e *engine) prepare(s *session, role string, settings []pair, database string, required bool) error {
	if err := s.set(settings); err != nil {
		return err
	}
	if database != "" {
		if err := s.use(database); err != nil && required {
			return err
		}
	}
	if role == roleWriter {
		return nil
	}
	if err := s.exec("SET ROLE " + role); err != nil || role != roleReader {
		return err
	}
	return s.exec("SET readonly = 1")
}

// kill asks the engine to stop the statements marked with id. There is no call for it in libchdb:
// a statement can be stopped this way before it has returned anything.
func (e *engine) kill(id string) {
	// The error is of no use: the statement may have ended by itself.
	_, _ = e.ask("KILL QUERY WHERE splitByChar(' ', Settings['log_comment'])[1] = " + quoteText(id) + " ASYNC")
}

// killUntil repeats kill until done is closed: a statement that has not begun yet cannot be found.
func (e *engine) killUntil(id string, done <-chan struct{}) {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		e.kill(id)
		select {
		case <-done:
			return
		case <-time.After(wait):
		}
	}
}

// config is what the engine reads at its start. It is written anew each time.
type config struct {
	XMLName xml.Name `xml:"clickhouse"`
	Users   string   `xml:"users_config"`
	Local   string   `xml:"user_directories>users_xml>path"`

	MaxMemory         int64 `xml:"max_server_memory_usage,omitempty"`
	MarkCache         int64 `xml:"mark_cache_size"`
	IndexMarkCache    int64 `xml:"index_mark_cache_size"`
	PrimaryIndexCache int64 `xml:"primary_index_cache_size"`
	CompiledCache     int64 `xml:"compiled_expression_cache_size"`
	QueryConditions   int64 `xml:"query_condition_cache_size"`
	MaxThreads        int   `xml:"max_thread_pool_size"`
	FreeThreads       int   `xml:"max_thread_pool_free_size"`
	IOThreads         int   `xml:"max_io_thread_pool_size"`
	IOFreeThreads     int   `xml:"max_io_thread_pool_free_size"`
	Fetches           int   `xml:"background_fetches_pool_size"`
	Moves             int   `xml:"background_move_pool_size"`
}

// users gives the engine's only user both roles. The reader's covers tables whose database's name
// begins with that of ours, so that tests can have databases of their own.
const users = `<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <roles>
    <writer><grants><query>GRANT ALL ON *.*</query></grants></writer>
    <reader><grants><query>GRANT SELECT, SHOW TABLES, SHOW COLUMNS, SHOW DATABASES ON %s*.*</query></grants></reader>
  </roles>
  <users><default>
    <no_password/><networks><ip>::1</ip><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
    <grants><query>GRANT writer</query><query>GRANT reader</query></grants>
  </default></users>
</clickhouse>
`

func writeConfig(opts Options) (string, error) {
	dir := filepath.Join(opts.Path, "config")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	usersFile, file := filepath.Join(dir, "users.xml"), filepath.Join(dir, "config.xml")
	var database strings.Builder
	if err := xml.EscapeText(&database, []byte(quoteName(opts.Database))); err != nil {
		return "", err
	}
	if err := os.WriteFile(usersFile, fmt.Appendf(nil, users, database.String()), 0o600); err != nil {
		return "", err
	}
	const mib = 1 << 20
	out, err := xml.MarshalIndent(config{
		Users: usersFile, Local: usersFile,
		MaxMemory: opts.MemoryLimit,
		// A server's caches are gigabytes; a router's log has no use for them.
		MarkCache: 32 * mib, IndexMarkCache: 8 * mib, PrimaryIndexCache: 64 * mib, CompiledCache: 8 * mib, QueryConditions: 8 * mib,
		MaxThreads: 256, FreeThreads: 4, IOThreads: 16, IOFreeThreads: 0, Fetches: 1, Moves: 1,
	}, "", "  ")
	if err != nil {
		return "", err
	}
	return file, os.WriteFile(file, append(out, '\n'), 0o600)
}

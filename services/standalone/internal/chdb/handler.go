package chdb

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// handler speaks the ClickHouse HTTP interface.
type handler struct {
	engine  *engine
	opts    Options
	log     *slog.Logger
	hello   []byte
	started time.Time

	loopback bool // whether the listener is for this machine only

	// login says in which role a request acts.
	login func(*http.Request) (role string, err error)

	// A place for each statement that may run; readers have their own, so that they never keep the
	// writer waiting.
	places map[string]chan struct{}

	statements atomic.Uint64
	failures   atomic.Uint64
	running    atomic.Int64
	serial     atomic.Uint64
	run        string // makes the marks of this process's statements unlike those of any client
}

func newHandler(e *engine, opts Options) (*handler, error) {
	answer, err := hello(e.version, e.timezone)
	if err != nil {
		return nil, fmt.Errorf("make the answer to clickhouse-go: %w", err)
	}
	return &handler{
		engine: e, opts: opts, log: opts.Log, hello: answer, started: time.Now(), run: rand.Text()[:8],
		loopback: isLoopback(opts.Listener.Addr()),
		login:    func(r *http.Request) (string, error) { return authenticate(r, opts.User, opts.Password) },
		places: map[string]chan struct{}{
			roleWriter: make(chan struct{}, opts.Statements),
			roleReader: make(chan struct{}, opts.Statements),
		},
	}, nil
}

func (h *handler) idle() bool { return h.running.Load() == 0 }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.loopback && !localHost(r.Host) {
		http.Error(w, "The embedded engine answers to localhost and to addresses only.", http.StatusForbidden)
		return
	}
	switch {
	case r.Method != http.MethodPost && r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "Use GET or POST.", http.StatusMethodNotAllowed)
	case r.URL.Path == "/ping", r.URL.Path == "/" && r.Method != http.MethodPost && r.URL.Query().Get("query") == "":
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = io.WriteString(w, "Ok.\n")
	case r.URL.Path == "/engine":
		body, err := json.Marshal(h.status())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(body, '\n'))
	case r.URL.Path != "/":
		http.Error(w, "There is no handle "+strconv.Quote(r.URL.Path)+": use / for statements, /ping, /engine.", http.StatusNotFound)
	default:
		h.serveStatement(w, r)
	}
}

func (h *handler) serveStatement(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	w.Header().Set("X-ClickHouse-Server-Display-Name", "whoknocks")
	w.Header().Set("X-Content-Type-Options", "nosniff") // a browser must not take a result for a page
	w.Header().Set("X-ClickHouse-Timezone", h.engine.timezone)
	out := newOutput(w, &request{})
	role, err := h.login(r)
	if err == nil {
		var q *request
		if q, err = parseRequest(r, role, r.URL.Query().Get("database")); err == nil {
			out = newOutput(w, q)
			err = h.serve(r, q, out, start)
		}
	}
	h.statements.Add(1)
	if err == nil {
		return
	}
	h.failures.Add(1)
	h.log.Debug("statement failed", "err", err, "role", role)
	if r.Method == http.MethodPost && !out.committed {
		// A client that is still sending reads no answer, and a closed connection would take the
		// answer away from it.
		_ = out.control.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.CopyN(io.Discard, r.Body, 1<<30)
	}
	out.fail(err, h.engine.version)
}

// serve runs one statement and writes its answer.
func (h *handler) serve(r *http.Request, q *request, out *output, start time.Time) error {
	ctx := r.Context()
	place := h.places[q.role]
	select {
	case place <- struct{}{}:
		defer func() { <-place }()
	case <-ctx.Done():
		return &exception{202, "The client or the engine stopped while the statement waited for its turn.", "TOO_MANY_SIMULTANEOUS_QUERIES"}
	}
	h.running.Add(1)
	defer h.running.Add(-1)

	if q.id == "" {
		q.id = rand.Text()
	}
	out.w.Header().Set("X-ClickHouse-Query-Id", strings.Map(printable, q.id))
	id := fmt.Sprintf("whoknocks-%s-%d", h.run, h.serial.Add(1))
	database, required := q.database, q.database != ""
	if q.role == roleReader {
		if err := checkReaderSettings(q.settings, h.opts.Reader); err != nil {
			return err
		}
		if database == "" {
			database = h.opts.Database
		}
	}
	s, err := h.engine.open(id, q.role, h.opts.Reader, q.settings, database, required)
	if err != nil {
		return err
	}
	// A session is closed after its statement only, which is here in every case.
	defer s.close()
	if q.text == helloQuery && strings.EqualFold(q.format, "Native") {
		return h.answer(out, "Native", h.hello, stats{}, start)
	}
	if r.Method != http.MethodPost && q.role == roleWriter {
		// As in ClickHouse: what a link or an image can cause must not write.
		if err := s.exec("SET readonly = 2"); err != nil {
			return err
		}
	}

	// From here on, a client that leaves stops its statement.
	done := make(chan struct{})
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		h.engine.killUntil(id, done)
	})
	err = h.dispatch(s, q, out, start)
	close(done)
	if !stop() {
		<-stopped
	}
	return err
}

func (h *handler) dispatch(s *session, q *request, out *output, start time.Time) error {
	if q.role == roleReader {
		if q.insert {
			return errReadOnly("Cannot insert in readonly mode.")
		}
		if err := checkReader(s, q.text, q.params); err != nil {
			return err
		}
		return h.stream(s, q, out, start)
	}
	if q.insert {
		return h.insert(s, q, out, start)
	}
	switch count, class := s.classify(q.text); {
	case count > 1:
		return errSyntax("Multi-statements are not allowed.")
	case count == 1 && class == classRead:
		return h.stream(s, q, out, start)
	}
	// Statements that write say little; the engine's own words for what does not parse come this way too.
	answer, st, err := s.query(q.text, q.format, q.params)
	if err != nil {
		return err
	}
	return h.answer(out, q.format, answer, st, start)
}

// answer sends bytes that are complete.
func (h *handler) answer(out *output, format string, body []byte, st stats, start time.Time) error {
	h.headers(out, format)
	if _, err := out.Write(body); err != nil {
		return err
	}
	return out.finish(st, time.Since(start))
}

func (h *handler) headers(out *output, format string) {
	out.w.Header().Set("X-ClickHouse-Format", strings.Map(printable, format))
	out.w.Header().Set("Content-Type", contentType(format))
}

// stream runs a statement that reads. Its result comes through a pipe: the engine writes there in
// any format as it does into a file, header and footer included, and never holds more than a few
// blocks. (libchdb's own streaming makes a whole document of every block: many headers in a CSV,
// many objects in a JSON.)
func (h *handler) stream(s *session, q *request, out *output, start time.Time) error {
	format, tail := q.statement.format, q.tail
	if format == "" {
		format, tail = q.format, "FORMAT "+quoteName(q.format)
	}
	h.headers(out, format)
	from, to, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe for the result: %w", err)
	}
	defer from.Close()
	sql := fmt.Sprintf("%s\nINTO OUTFILE '/dev/fd/%d' TRUNCATE COMPRESSION 'none'\n%s", q.head, to.Fd(), tail)

	type outcome struct {
		stats
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		_, st, err := s.query(sql, format, q.params)
		to.Close()
		ended <- outcome{st, err}
	}()
	_, copied := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{from}, make([]byte, 64<<10))
	if copied != nil {
		// The client is gone, and the context's end stops the statement. Empty the pipe until it has
		// stopped: it would wait for ever in a full one, and goes on writing into a broken one.
		_, _ = io.Copy(io.Discard, from)
	}
	result := <-ended
	switch {
	case result.err != nil:
		return result.err
	case copied != nil:
		return fmt.Errorf("send the result: %w", copied)
	}
	return out.finish(result.stats, time.Since(start))
}

// insert hands the data of an INSERT over as it arrives.
func (h *handler) insert(s *session, q *request, out *output, start time.Time) error {
	if q.statement.format == "" {
		q.statement.format = "Values"
	}
	in, err := s.insert(q.head, q.statement.format, q.params)
	if err != nil {
		return err
	}
	if err := feed(in, q.data); err != nil {
		in.cancel()
		return err
	}
	st, err := in.done()
	if err != nil {
		return err
	}
	return h.answer(out, q.format, nil, st, start)
}

// feed hands over data until its end. Only io.EOF is an end: a client that broke off mid-way gives
// io.ErrUnexpectedEOF, and what it had sent by then must not pass for the whole.
func feed(in *insertion, data io.Reader) error {
	buf := make([]byte, 256<<10)
	for {
		n := 0
		var readErr error
		for n < len(buf) && readErr == nil {
			var m int
			m, readErr = data.Read(buf[n:])
			n += m
		}
		ended := errors.Is(readErr, io.EOF)
		if readErr != nil && !ended {
			return errBadRequest("The data of the INSERT ended early: " + readErr.Error())
		}
		if err := in.append(buf[:n]); err != nil || ended {
			return err
		}
	}
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '_'
	}
	return r
}

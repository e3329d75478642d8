package chdb

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// pair is a setting or a query parameter: a name and its value as text.
type pair struct{ name, value string }

// session is one connection to the engine, made for one request and closed with it: 0.4 ms buys
// that no setting, current database, role or temporary table of one request is seen by the next.
// It runs one statement at a time and is not safe for concurrent use.
type session struct {
	lib  *library
	ptr  handle
	conn handle
}

// openSession connects with the given settings. Names the engine does not know are ignored by it,
// so this is for our own settings; those of a client go through set.
func openSession(lib *library, guard *signalGuard, args ...string) (*session, error) {
	argv := newCStrings(append([]string{"clickhouse"}, args...)...)
	defer argv.release()
	s := &session{lib: lib}
	guard.during(func() { s.ptr = lib.connect(int32(len(args)+1), &argv.pointers[0]) })
	if s.ptr == 0 {
		// The engine gives no reason.
		return nil, errors.New("the engine refused the connection: is the data directory in use or unreadable?")
	}
	s.conn = s.ptr.deref()
	return s, nil
}

// close must not be called while a statement runs: it would wait for it without end.
func (s *session) close() { s.lib.closeConn(s.ptr) }

// stats are what the engine says it read and wrote for a statement.
type stats struct {
	readRows, readBytes, writtenRows, writtenBytes, resultRows uint64
}

// query runs a statement to its end. Output that the text does not direct elsewhere is returned,
// whole; only statements with little of it are run this way.
func (s *session) query(sql, format string, params []pair) ([]byte, stats, error) {
	r := s.start(s.lib.query, sql, format, params)
	defer s.lib.resultDestroy(r)
	return s.outcome(r)
}

func (s *session) outcome(r handle) ([]byte, stats, error) {
	if text := s.lib.resultError(r); text != "" {
		return nil, stats{}, parseException(text)
	}
	st := stats{
		readRows: s.lib.resultStorageRows(r), readBytes: s.lib.resultStorageBytes(r),
		writtenRows: s.lib.resultRowsWritten(r), writtenBytes: s.lib.resultBytesWritten(r),
		resultRows: s.lib.resultRows(r),
	}
	var out []byte
	if n := s.lib.resultLength(r); n > 0 {
		out = append(out, unsafe.Slice(s.lib.resultBuffer(r), n)...) //nolint:gosec // copied before the result is destroyed
	}
	return out, st, nil
}

// exec runs a statement of our own that has no output worth keeping.
func (s *session) exec(sql string) error {
	_, _, err := s.query(sql, "TabSeparated", nil)
	return err
}

// set applies settings of a client; the engine names the one it does not know or cannot parse.
func (s *session) set(settings []pair) error {
	if len(settings) == 0 {
		return nil
	}
	var b strings.Builder
	for i, p := range settings {
		fmt.Fprintf(&b, "%s%s = %s", [...]string{"SET ", ", "}[min(i, 1)], quoteName(p.name), quoteText(p.value))
	}
	return s.exec(b.String())
}

func (s *session) use(database string) error { return s.exec("USE " + quoteName(database)) }

func (s *session) start(f queryFunc, sql, format string, params []pair) handle {
	names, values := make([]string, len(params)), make([]string, len(params))
	for i, p := range params {
		names[i], values[i] = p.name, p.value
	}
	n, v := newCStrings(names...), newCStrings(values...)
	defer n.release()
	defer v.release()
	return f(s.conn, sql, uintptr(len(sql)), format, uintptr(len(format)),
		&n.pointers[0], &n.lengths[0], &v.pointers[0], &v.lengths[0], uintptr(len(params)))
}

// The engine's classes of statements; higher is more.
const (
	classRead    = 0 // leaves no trace
	classWrite   = 1 // changes a database
	classGlobal  = 2 // changes what lies beside the databases
	classControl = 3 // SET, USE, SYSTEM, INTO OUTFILE …
	classUnknown = 4 // does not parse
)

// classify asks the engine's own parser how many statements sql holds and what they do.
func (s *session) classify(sql string) (count, class int) {
	out := [4]uint32{0: uint32(unsafe.Sizeof([4]uint32{}))}
	if s.lib.classify(s.conn, sql, uintptr(len(sql)), nil, 0, &out) != 0 {
		return 0, classUnknown
	}
	return int(out[1]), int(out[3])
}

// insertion is an INSERT whose data is handed over piece by piece. Either done or cancel ends it.
type insertion struct {
	s      *session
	stream handle
}

// insert begins an INSERT. The text must have no FORMAT clause and no data.
func (s *session) insert(sql, format string, params []pair) (*insertion, error) {
	in := &insertion{s: s, stream: s.start(s.lib.insert, sql, format, params)}
	if err := in.failure(); err != nil {
		in.cancel()
		return nil, err
	}
	return in, nil
}

func (in *insertion) failure() error {
	if text := in.s.lib.insertError(in.stream); text != "" {
		return parseException(text)
	}
	return nil
}

// append hands over a piece of the data, cut anywhere; it blocks while the engine is behind.
func (in *insertion) append(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if in.s.lib.insertAppend(in.stream, &data[0], uintptr(len(data))) == 0 {
		return nil
	}
	if err := in.failure(); err != nil {
		return err
	}
	return errors.New("the engine stopped taking data")
}

// done ends the data and returns when it is written.
func (in *insertion) done() (stats, error) {
	r := in.s.lib.insertDone(in.stream)
	_, st, err := in.s.outcome(r)
	in.s.lib.resultDestroy(r)
	in.s.lib.insertDestroy(in.stream)
	return st, err
}

// cancel drops the insert. Blocks of a million rows that are written already stay.
func (in *insertion) cancel() {
	in.s.lib.insertCancel(in.stream)
	in.s.lib.insertDestroy(in.stream)
}

var (
	textEscaper = strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	nameEscaper = strings.NewReplacer(`\`, `\\`, "`", "\\`")
)

func quoteText(s string) string { return "'" + textEscaper.Replace(s) + "'" }
func quoteName(s string) string { return "`" + nameEscaper.Replace(s) + "`" }

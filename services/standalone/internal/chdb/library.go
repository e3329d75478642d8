package chdb

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// handle is an object of libchdb: a connection, a result, an insert stream. It points into C memory,
// which the garbage collector neither moves nor frees.
type handle uintptr

// queryFunc is the C signature the three ways to start a statement share: texts come with their
// lengths, parameters as arrays of names and values with theirs.
type queryFunc func(conn handle, sql string, n uintptr, format string, fn uintptr,
	names **byte, nameLens *uintptr, values **byte, valueLens *uintptr, count uintptr) handle

// library holds the C functions of a loaded libchdb, named after them.
type library struct {
	connect   func(argc int32, argv **byte) handle // a pointer to the connection; 0 when it failed
	closeConn func(ptr handle)

	query    queryFunc // runs to the end; a result, never 0
	insert   queryFunc // starts an insert stream, never 0
	classify func(conn handle, sql string, n uintptr, database *byte, dn uintptr, out *[4]uint32) int32

	insertAppend  func(stream handle, data *byte, n uintptr) int32 // copies data; blocks while the engine is behind
	insertDone    func(stream handle) handle                       // commits; a result
	insertCancel  func(stream handle)
	insertError   func(stream handle) string
	insertDestroy func(stream handle)

	resultBuffer       func(result handle) *byte
	resultLength       func(result handle) uintptr
	resultError        func(result handle) string
	resultRows         func(result handle) uint64
	resultStorageRows  func(result handle) uint64
	resultStorageBytes func(result handle) uint64
	resultRowsWritten  func(result handle) uint64
	resultBytesWritten func(result handle) uint64
	resultDestroy      func(result handle)

	setSignalHandlers func(enabled int32)
}

// loadLibrary opens the shared library at path. It is never closed: the engine's threads outlive
// every connection, and code that runs cannot be unmapped.
func loadLibrary(path string) (*library, error) {
	so, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load the engine from %q: %w", path, err)
	}
	lib := new(library)
	for _, f := range []struct {
		fn   any
		name string
	}{
		{&lib.connect, "chdb_connect"},
		{&lib.closeConn, "chdb_close_conn"},
		{&lib.query, "chdb_query_with_params_n"},
		{&lib.insert, "chdb_stream_insert_with_params_n"},
		{&lib.classify, "chdb_classify_query_n"},
		{&lib.insertAppend, "chdb_stream_append"},
		{&lib.insertDone, "chdb_stream_done"},
		{&lib.insertCancel, "chdb_stream_cancel_insert"},
		{&lib.insertError, "chdb_stream_insert_error"},
		{&lib.insertDestroy, "chdb_destroy_insert_stream"},
		{&lib.resultBuffer, "chdb_result_buffer"},
		{&lib.resultLength, "chdb_result_length"},
		{&lib.resultError, "chdb_result_error"},
		{&lib.resultRows, "chdb_result_rows_read"},
		{&lib.resultStorageRows, "chdb_result_storage_rows_read"},
		{&lib.resultStorageBytes, "chdb_result_storage_bytes_read"},
		{&lib.resultRowsWritten, "chdb_result_rows_written"},
		{&lib.resultBytesWritten, "chdb_result_bytes_written"},
		{&lib.resultDestroy, "chdb_destroy_query_result"},
		{&lib.setSignalHandlers, "chdb_set_signal_handlers_enabled"},
	} {
		symbol, err := purego.Dlsym(so, f.name)
		if err != nil {
			return nil, fmt.Errorf("load the engine from %q, which is no libchdb 26.7 or later: %w", path, err)
		}
		purego.RegisterFunc(f.fn, symbol)
	}
	return lib, nil
}

// cStrings is a list of texts as C wants it: an array of pointers to NUL-terminated bytes, and one
// of lengths. Everything is pinned until release, as C follows the pointers in the array.
type cStrings struct {
	pinner   runtime.Pinner
	pointers []*byte
	lengths  []uintptr
}

func newCStrings(texts ...string) *cStrings {
	// One more than needed, so that there is a first element to point at.
	c := &cStrings{pointers: make([]*byte, len(texts)+1), lengths: make([]uintptr, len(texts)+1)}
	for i, text := range texts {
		b := append([]byte(text), 0)
		c.pinner.Pin(&b[0])
		c.pointers[i] = &b[0]
		c.lengths[i] = uintptr(len(text))
	}
	c.pinner.Pin(&c.pointers[0])
	c.pinner.Pin(&c.lengths[0])
	return c
}

func (c *cStrings) release() { c.pinner.Unpin() }

// deref follows the pointer that connect returns to the connection that the other functions want.
func (p handle) deref() handle {
	return **(**handle)(unsafe.Pointer(&p)) //nolint:gosec // C memory, which the collector does not move
}

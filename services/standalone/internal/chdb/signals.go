package chdb

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"

	"github.com/ebitengine/purego"
)

// goSignals are the signals whose handlers the Go runtime needs (faults become panics or a crash
// report, SIGURG preempts goroutines), and the others that libchdb resets.
var goSignals = [...]syscall.Signal{
	syscall.SIGILL, syscall.SIGABRT, syscall.SIGFPE, syscall.SIGBUS, syscall.SIGSEGV, syscall.SIGURG,
	syscall.SIGSYS, syscall.SIGTRAP, syscall.SIGTSTP,
}

// signalGuard brings back Go's signal handlers after libchdb has wiped them: telling it to leave
// handlers alone resets them to the default, and so does every later connect.
//
// Handlers belong to the process. Between the wipe and the restore, some microseconds, a nil
// dereference on another goroutine ends the process rather than panicking; the process is the
// engine's own, and its supervisor starts another.
type signalGuard struct {
	mu        sync.Mutex
	sigaction func(sig int32, act, old *sigactionBytes) int32
	saved     [len(goSignals)]sigactionBytes
}

// sigactionBytes holds a struct sigaction, unread: 152 bytes on Linux, 16 on macOS.
type sigactionBytes [256]byte

// newSignalGuard remembers the handlers of this moment, which must be before any call into libchdb.
func newSignalGuard() (*signalGuard, error) {
	libc := "libc.so.6"
	if runtime.GOOS == "darwin" {
		libc = "/usr/lib/libSystem.B.dylib"
	}
	so, err := purego.Dlopen(libc, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("load the C library: %w", err)
	}
	symbol, err := purego.Dlsym(so, "sigaction")
	if err != nil {
		return nil, fmt.Errorf("find sigaction in the C library: %w", err)
	}
	g := new(signalGuard)
	purego.RegisterFunc(&g.sigaction, symbol)
	for i, sig := range goSignals {
		g.sigaction(int32(sig), nil, &g.saved[i])
	}
	return g, nil
}

// during runs a call that wipes handlers and restores them. Calls are made one at a time, so that
// none returns to Go while another has just wiped them.
func (g *signalGuard) during(call func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	call()
	for i, sig := range goSignals {
		g.sigaction(int32(sig), &g.saved[i], nil)
	}
}

package chdb

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
)

// TestSignalHandlersSurvive opens many sessions, each of which wipes Go's signal handlers, and then
// has Go use them: a nil dereference must still be a panic that can be recovered.
func TestSignalHandlersSurvive(t *testing.T) {
	needLibrary(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "signals", t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func useSignals(dir string) error {
	lib, err := Find()
	if err != nil {
		return err
	}
	e, err := startEngine(Options{Lib: lib, Path: dir}.withDefaults())
	if err != nil {
		return err
	}
	defer e.close()
	failures := make(chan error, 4)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				s, err := e.open("id", roleReader, Limits{}, nil, "", false)
				if err == nil {
					err = s.exec("SELECT 1")
					s.close()
				}
				if err != nil {
					failures <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failures:
		return err
	default:
	}
	// SIGURG: a loop without calls is preempted.
	done := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	runtime.GC()
	close(done)
	// SIGSEGV.
	if recovered := dereference(nil); recovered == nil {
		return errors.New("a nil dereference was no panic")
	}
	return nil
}

func dereference(p *int) (recovered any) {
	defer func() { recovered = recover() }()
	*p = 1
	return nil
}

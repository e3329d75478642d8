// Package run is what every program does around its work: it turns signals into
// a context that ends, errors into an exit code, and starts and stops a
// program's components in order.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes of every program.
const (
	ExitDone   = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// Main runs f with a context that ends at SIGINT or SIGTERM, prints its error
// to stderr as "name: error" and exits the process: 0 for nil, 2 for an error
// made by Usage, 1 for any other. A second signal ends the process at once, so
// that a stop that hangs can be cut short.
func Main(name string, f func(context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from now on a signal has its default effect
	os.Exit(finish(os.Stderr, name, f(ctx)))
}

func finish(w io.Writer, name string, err error) int {
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		_, _ = fmt.Fprintf(w, "%s: interrupted\n", name)
	default:
		_, _ = fmt.Fprintf(w, "%s: %v\n", name, err)
	}
	return ExitCode(err)
}

// ExitCode returns the exit code that tells of err.
func ExitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &usage):
		return ExitUsage
	}
	return ExitFailed
}

type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage marks err as a mistake in how the program was called: Main exits 2. It
// returns nil for nil.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

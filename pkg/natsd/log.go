package natsd

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// logger hands what the server says to slog. The server's messages hold their
// values in the text, so that goes into an attribute and the message of the
// record is constant.
type logger struct {
	out   *slog.Logger
	debug bool
	fatal atomic.Pointer[string] // first reason why the server cannot start
	lost  atomic.Pointer[string] // first reason why it stores no longer
}

func newLogger(out *slog.Logger) *logger {
	if out == nil {
		out = slog.New(slog.DiscardHandler)
	}
	return &logger{out: out, debug: out.Enabled(context.Background(), slog.LevelDebug)}
}

func (l *logger) write(level slog.Level, format string, args []any) {
	if l.out.Enabled(context.Background(), level) {
		l.out.Log(context.Background(), level, "nats server", "text", fmt.Sprintf(format, args...))
	}
}

// What the server finds notable (listening, ready, shutting down) is detail for
// somebody who runs a whole program around it.
func (l *logger) Noticef(format string, args ...any) { l.write(slog.LevelDebug, format, args) }
func (l *logger) Warnf(format string, args ...any)   { l.write(slog.LevelWarn, format, args) }
func (l *logger) Debugf(format string, args ...any)  { l.write(slog.LevelDebug, format, args) }
func (l *logger) Tracef(format string, args ...any)  { l.write(slog.LevelDebug, format, args) }

// Errorf also notes what the server tells nobody else: that a stream takes no
// messages any more because its file could not be written.
func (l *logger) Errorf(format string, args ...any) {
	if strings.Contains(strings.ToLower(format), "critical write error") {
		text := fmt.Sprintf(format, args...)
		l.lost.CompareAndSwap(nil, &text)
	}
	l.write(slog.LevelError, format, args)
}

// Fatalf is called where the server's own program would exit.
func (l *logger) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.fatal.CompareAndSwap(nil, &text)
	l.write(slog.LevelError, format, args)
}

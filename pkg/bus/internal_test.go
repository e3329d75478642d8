package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestBackoffGrowsToItsLimit(t *testing.T) {
	b := backoff{min: 100 * time.Millisecond, max: time.Second}
	f := func(step time.Duration) {
		t.Helper()
		if got := b.next(); got < step/2 || got > step {
			t.Errorf("next() = %s, want between half and the whole of %s", got, step)
		}
	}
	f(100 * time.Millisecond)
	f(200 * time.Millisecond)
	f(400 * time.Millisecond)
	f(800 * time.Millisecond)
	f(time.Second)
	f(time.Second)
	b.reset()
	f(100 * time.Millisecond)
}

func TestBackoffSleep(t *testing.T) {
	b := backoff{min: time.Hour, max: time.Hour}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if b.sleep(ended) {
		t.Error("sleep() = true although its context has ended")
	}
	awake := make(chan struct{})
	close(awake)
	if !b.sleepOr(context.Background(), awake) {
		t.Error("sleepOr() = false although it was woken")
	}
}

func TestFailDelay(t *testing.T) {
	f := func(n int, step time.Duration) {
		t.Helper()
		if got := failDelay(n); got < step/2 || got > step {
			t.Errorf("failDelay(%d) = %s, want between half and the whole of %s", n, got, step)
		}
	}
	f(0, 250*time.Millisecond)
	f(1, 250*time.Millisecond)
	f(2, 500*time.Millisecond)
	f(7, 16*time.Second)
	f(8, 30*time.Second)
	f(1_000_000, 30*time.Second)
}

func TestReconnectDelay(t *testing.T) {
	for attempts := range 20 {
		if got := reconnectDelay(attempts); got < 25*time.Millisecond || got > time.Second {
			t.Errorf("reconnectDelay(%d) = %s", attempts, got)
		}
	}
	if got := reconnectDelay(1000); got < time.Second/2 {
		t.Errorf("reconnectDelay(1000) = %s, want about a second", got)
	}
}

func TestClassify(t *testing.T) {
	api := func(code jetstream.ErrorCode, text string) error {
		return fmt.Errorf("nats: %w", &jetstream.APIError{ErrorCode: code, Description: text})
	}
	f := func(err, want error, again bool) {
		t.Helper()
		retry, got := classify(err)
		if !errors.Is(got, want) || retry != again {
			t.Errorf("classify(%v) = %v, %v, want %v, %v", err, got, retry, want, again)
		}
	}
	other := api(codeStoreFailed, "write error")
	f(api(codeStoreFailed, "maximum bytes exceeded"), ErrFull, true)
	f(api(codeInsufficient, "insufficient resources"), ErrFull, true)
	f(other, other, true)
	f(api(10054, "message size exceeds maximum allowed"), ErrTooLarge, false)
	f(nats.ErrMaxPayload, ErrTooLarge, false)
	f(nats.ErrConnectionClosed, ErrClosed, false)
	f(nats.ErrBadSubject, nats.ErrBadSubject, false)
	f(jetstream.ErrNoStreamResponse, ErrNoStream, true)
	f(nats.ErrReconnectBufExceeded, nats.ErrDisconnected, true)
	f(nats.ErrTimeout, nats.ErrTimeout, true)
	f(nats.ErrDisconnected, nats.ErrDisconnected, true)
}

func TestOneLine(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := oneLine(text); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", text, got, want)
		}
	}
	f("plain", "plain")
	f("a\r\nNats-Msg-Id: 1\x00\x7f", "a  Nats-Msg-Id: 1  ")
	f("caf\xe9", "caf?")
	f(strings.Repeat("x", maxReason-1)+"é", strings.Repeat("x", maxReason-1)+"?")
}

func TestRedact(t *testing.T) {
	f := func(url, want string) {
		t.Helper()
		if got := redact(url); got != want {
			t.Errorf("redact(%q) = %q, want %q", url, got, want)
		}
	}
	f("nats://127.0.0.1:4222", "nats://127.0.0.1:4222")
	f("nats://u:secret@a:1,nats://u:secret@b:2", "nats://u:xxxxx@a:1,nats://u:xxxxx@b:2")
	f("nats://u:sec%ret@a:1", "xxxxx@a:1")
}

func TestDefaultConfigIsValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

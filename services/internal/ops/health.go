package ops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// checkTimeout is how long one check may take; a probe waits no longer.
const checkTimeout = 2 * time.Second

// Check says whether something the program needs is there; its error is shown
// to whoever asks. It must return when ctx ends and may be called concurrently.
type Check func(ctx context.Context) error

// Health is the set of named checks behind /readyz. The zero value is ready to
// use and reports ready as long as it is empty. It is safe for concurrent use.
type Health struct {
	mu     sync.RWMutex
	checks map[string]Check
}

// Set adds the check name, or replaces it.
func (h *Health) Set(name string, check Check) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.checks == nil {
		h.checks = map[string]Check{}
	}
	h.checks[name] = check
}

// Remove takes the check name away.
func (h *Health) Remove(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.checks, name)
}

// Result is what one check said; nil is well.
type Result struct {
	Name string
	Err  error
}

// Results runs all checks at the same time and blocks for two seconds at most.
// They are sorted by name.
func (h *Health) Results(ctx context.Context) []Result {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	h.mu.RLock()
	answers := make(chan Result, len(h.checks))
	pending := make(map[string]bool, len(h.checks))
	for name, check := range h.checks {
		pending[name] = true
		go func() { answers <- Result{name, check(ctx)} }()
	}
	h.mu.RUnlock()

	var results []Result
	for len(pending) > 0 {
		select {
		case r := <-answers:
			delete(pending, r.Name)
			results = append(results, r)
		case <-ctx.Done():
			for name := range pending {
				results = append(results, Result{name, errors.New("no answer in time")})
			}
			pending = nil
		}
	}
	slices.SortFunc(results, func(a, b Result) int { return strings.Compare(a.Name, b.Name) })
	return results
}

// ServeHTTP answers 200 if every check is well and 503 if not, with a line for
// each.
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	var text strings.Builder
	for _, result := range h.Results(r.Context()) {
		state := "ok"
		if result.Err != nil {
			status = http.StatusServiceUnavailable
			state = result.Err.Error()
		}
		fmt.Fprintf(&text, "%s: %s\n", result.Name, state)
	}
	if text.Len() == 0 {
		text.WriteString("ok\n")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text.String()))
}

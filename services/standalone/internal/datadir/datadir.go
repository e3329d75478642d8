// Package datadir is the folder that one whoknocks keeps its data in, and how
// several commands share it: one process owns it and runs the bus and the
// engine, others find the owner's addresses there and talk to it.
//
// Two lock files say who is there. The owner holds "owner.lock". A client
// holds "clients.lock" shared while it uses the owner's addresses; an owner
// that wants to go takes it exclusively first, so that nobody is left talking
// to a bus that has stopped. The kernel frees both when a process dies, however
// it dies.
package datadir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

const (
	ownerLock   = "owner.lock"
	clientsLock = "clients.lock"
	endpoints   = "endpoints.json"

	// poll is how often a waiting command looks again.
	poll = 50 * time.Millisecond
)

// ErrAway is returned by Join when nobody offers what is needed.
var ErrAway = errors.New("no running whoknocks offers what is needed")

// Endpoints says where the owner of a data directory can be reached. An empty
// field is a part that it does not run.
type Endpoints struct {
	PID        int    `json:"pid"`
	Bus        string `json:"bus,omitempty"`        // URL of the bus
	ClickHouse string `json:"clickhouse,omitempty"` // DSN that may write; holds a password
	Page       string `json:"page,omitempty"`       // URL of the page
}

// Has reports whether e offers everything that need names.
func (e Endpoints) Has(need Endpoints) bool {
	return (need.Bus == "" || e.Bus != "") &&
		(need.ClickHouse == "" || e.ClickHouse != "") &&
		(need.Page == "" || e.Page != "")
}

// Default is the data directory of a user who names none:
// $XDG_DATA_HOME/whoknocks, or ~/.local/share/whoknocks.
func Default() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "whoknocks"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find a data directory: %w; name one with --data", err)
	}
	return filepath.Join(home, ".local", "share", "whoknocks"), nil
}

// Owner is a data directory held by this process.
type Owner struct {
	dir  string
	lock *flock.Flock
}

// Own makes dir if it is missing and takes it. It returns nil without an error
// when another process owns dir.
func Own(dir string) (*Owner, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	lock := flock.New(filepath.Join(dir, ownerLock), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	if !ok {
		return nil, nil
	}
	// What a predecessor wrote before it was killed points nowhere.
	if err := os.Remove(filepath.Join(dir, endpoints)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("clear data directory: %w", err), lock.Unlock())
	}
	return &Owner{dir: dir, lock: lock}, nil
}

// Announce tells other commands where the owner can be reached. The file is
// replaced in one step and readable by its user only: it holds a password.
func (o *Owner) Announce(e Endpoints) error {
	e.PID = os.Getpid()
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("announce endpoints: %w", err)
	}
	name := filepath.Join(o.dir, endpoints)
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return fmt.Errorf("announce endpoints: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("announce endpoints: %w", err)
	}
	return nil
}

// Retire stops announcing and waits until no client is left or ctx ends.
func (o *Owner) Retire(ctx context.Context) error {
	if err := os.Remove(filepath.Join(o.dir, endpoints)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("withdraw endpoints: %w", err)
	}
	lock := flock.New(filepath.Join(o.dir, clientsLock), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, poll); err != nil {
		return fmt.Errorf("wait for other commands on the data directory: %w", err)
	}
	return lock.Unlock()
}

// Release gives the directory up.
func (o *Owner) Release() error { return o.lock.Unlock() }

// Client is a process that uses a data directory owned by another.
type Client struct {
	Endpoints
	lock *flock.Flock
}

// Join returns the owner's endpoints when it runs what need names (any text in
// a field asks for that part), and ErrAway when it does not, or not yet. The
// owner stays until Leave is called, unless it is told to stop by a signal.
func Join(dir string, need Endpoints) (*Client, error) {
	lock := flock.New(filepath.Join(dir, clientsLock), flock.SetPermissions(0o600))
	ok, err := lock.TryRLock()
	if err != nil {
		return nil, fmt.Errorf("join data directory: %w", err)
	}
	if !ok {
		return nil, ErrAway
	}
	text, err := os.ReadFile(filepath.Join(dir, endpoints))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(ErrAway, lock.Unlock())
	}
	var e Endpoints
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read endpoints: %w", err), lock.Unlock())
	}
	if !e.Has(need) {
		return nil, errors.Join(ErrAway, lock.Unlock())
	}
	return &Client{Endpoints: e, lock: lock}, nil
}

// Leave lets the owner go.
func (c *Client) Leave() error { return c.lock.Unlock() }

// OwnOrJoin takes dir, or joins the process that has it; exactly one of the
// results is not nil. It waits for an owner that does not run what need names:
// one that is just starting or stopping, or a short command. It returns an
// error that names that process when ctx ends first.
func OwnOrJoin(ctx context.Context, dir string, need Endpoints) (*Owner, *Client, error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		owner, err := Own(dir)
		if owner != nil || err != nil {
			return owner, nil, err
		}
		client, err := Join(dir, need)
		if client != nil {
			return nil, client, nil
		}
		if !errors.Is(err, ErrAway) {
			return nil, nil, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("data directory %q is held by another whoknocks: %w: %w", dir, err, ctx.Err())
		case <-tick.C:
		}
	}
}

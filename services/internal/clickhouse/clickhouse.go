// Package clickhouse is the room where events are kept: the connection, the
// numbered migrations, fast inserts that tell what was refused from what should
// be tried again, re-attribution of what is stored, and the counts that verify
// asks for.
//
// It speaks to any ClickHouse: a server over HTTP or the native protocol, or the
// engine embedded in whoknocks, which answers HTTP. What is asked of the tables
// for people to read is left to the services.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/cenkalti/backoff/v5"
)

// DefaultDatabase is used where the DSN names no database.
const DefaultDatabase = "whoknocks"

// Config says which ClickHouse to use.
type Config struct {
	// DSN of the database: http://user:password@host:port/database, https://…
	// with secure=true, or clickhouse://… for the native protocol. Parameters
	// that clickhouse-go does not know are settings of every query.
	DSN string `koanf:"dsn" secret:"true" help:"database: http://user:password@host:8123/whoknocks, or clickhouse://host:9000/whoknocks for the native protocol"`
	// Cluster is the name of a cluster of ClickHouse servers, as in system.clusters,
	// over whose shards the events are spread. The DSN is then that of any one of them.
	Cluster string `koanf:"cluster" help:"name of a cluster of ClickHouse servers over whose shards the events are spread; empty for one server"`
}

// DefaultConfig is the engine that whoknocks serves on loopback.
func DefaultConfig() Config {
	return Config{DSN: "http://127.0.0.1:8123/" + DefaultDatabase}
}

// Validate reports a DSN that cannot be used.
func (c Config) Validate() error {
	if c.Cluster != "" && !clusterName.MatchString(c.Cluster) {
		return fmt.Errorf("clickhouse cluster %q: want letters, digits and _ . -", c.Cluster)
	}
	_, err := c.options()
	return err
}

// Redacted is the DSN without its password, fit for logs and errors.
func (c Config) Redacted() string {
	u, err := url.Parse(c.DSN)
	if err != nil {
		return "(not a URL)"
	}
	q := u.Query()
	if q.Has("password") {
		q.Set("password", "xxxxx")
	}
	u.RawQuery = q.Encode()
	return u.Redacted()
}

// options reads the DSN and adds what every connection of ours needs: final, so
// that counts are exact whether or not ClickHouse has merged repeats away yet.
func (c Config) options() (*driver.Options, error) {
	if c.DSN == "" {
		return nil, errors.New("clickhouse dsn is empty")
	}
	opts, err := driver.ParseDSN(c.DSN)
	if err != nil {
		return nil, fmt.Errorf("clickhouse dsn %s: %w", c.Redacted(), err)
	}
	if opts.Auth.Database == "" {
		opts.Auth.Database = DefaultDatabase
	}
	if strings.ContainsAny(opts.Auth.Database, "`\\") {
		return nil, fmt.Errorf("clickhouse dsn %s: database name holds a quote or backslash", c.Redacted())
	}
	if _, set := opts.Settings["final"]; !set {
		opts.Settings["final"] = 1
	}
	for name, value := range newLayout("", c.Cluster).settings() {
		if _, set := opts.Settings[name]; !set {
			opts.Settings[name] = value
		}
	}
	if opts.DialTimeout == 0 {
		opts.DialTimeout = 10 * time.Second
	}
	return opts, nil
}

// DB is an open ClickHouse database. It is safe for use by several goroutines.
type DB struct {
	conn    driver.Conn
	opts    *driver.Options
	log     *slog.Logger
	name    string // redacted DSN, for errors
	streams bool   // inserts stream their own bytes, as HTTP allows
	layout  layout
}

// Option changes how Open works.
type Option func(*DB)

// WithLog makes Open and Migrate tell what they wait for. By default they are
// silent.
func WithLog(log *slog.Logger) Option { return func(db *DB) { db.log = log } }

// Open connects to ClickHouse. It blocks until the server answers, trying again
// with growing pauses up to 5 s, and gives up only when ctx ends or when waiting
// cannot help: an unusable DSN, or a user and password that are refused. The
// database need not exist yet, see [DB.Migrate].
func Open(ctx context.Context, cfg Config, options ...Option) (*DB, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	db := &DB{opts: opts, name: cfg.Redacted(), streams: opts.Protocol == driver.HTTP, log: slog.New(slog.DiscardHandler),
		layout: newLayout(opts.Auth.Database, cfg.Cluster)}
	for _, o := range options {
		o(db)
	}
	if db.conn, err = driver.Open(opts); err != nil {
		return nil, fmt.Errorf("open %s: %w", db.name, err)
	}
	if err := db.await(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %s: %w", db.name, err), db.conn.Close())
	}
	return db, nil
}

// await pings until the server answers.
func (db *DB) await(ctx context.Context) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := db.conn.Ping(ctx)
		switch {
		case err == nil, code(err) == codeUnknownDatabase: // it answers; Migrate creates the database
			return struct{}{}, nil
		case Classify(err) == Denied:
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses()), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, pause time.Duration) {
			db.log.Warn("waiting for clickhouse", "dsn", db.name, "pause", pause, "error", err)
		}))
	return err
}

// pauses are the growing pauses between attempts, 0.1 s to 5 s, spread by half.
func pauses() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = 100*time.Millisecond, 5*time.Second, 2
	return b
}

// Conn is the connection pool itself, for queries this package does not know.
// It stays the DB's: close the DB, not the pool.
func (db *DB) Conn() driver.Conn { return db.conn }

// Database is the name of the database in the DSN.
func (db *DB) Database() string { return db.opts.Auth.Database }

// Ping reports whether the server answers and the database exists.
func (db *DB) Ping(ctx context.Context) error { return db.conn.Ping(ctx) }

// Close closes all connections. Queries that run end with an error.
func (db *DB) Close() error { return db.conn.Close() }

var _ io.Closer = (*DB)(nil)

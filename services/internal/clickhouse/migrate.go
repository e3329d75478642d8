package clickhouse

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"testing/fstest"
	"text/template"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/cenkalti/backoff/v5"
	"github.com/pressly/goose/v3"
)

// The migrations are numbered and never edited once released. ClickHouse has no
// transactions over DDL and no advisory locks, so there is no way to let only
// one process migrate. Instead every statement must be harmless when it runs
// twice, even at the same time: IF NOT EXISTS, ADD COLUMN IF NOT EXISTS, and
// data moved only by statements that give the same rows again.
//
//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer is returned by Migrate when the database was migrated by a later
// version of this program. Writing to it could lose what that version added.
var ErrNewer = errors.New("the database is newer than this program")

// Migrate creates the database if it is missing and brings its tables up to the
// version of this program. It blocks until that is done, and tries again while
// ClickHouse is away or another process is migrating too, until ctx ends. It may
// run at any time and in several processes at once. A newer database is left
// as it is, see [ErrNewer].
func (db *DB) Migrate(ctx context.Context) error {
	source, err := db.layout.filled(migrations)
	if err != nil {
		return err
	}
	return db.migrate(ctx, source)
}

// filled is the migrations as templates filled in: with the name of the database
// where a view needs it, as a client may ask for one from another database, with
// what several views have in common, and with where the tables lie.
func (l layout) filled(source fs.FS) (fs.FS, error) {
	out := fstest.MapFS{}
	files, err := fs.Glob(source, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(source, file)
		if err != nil {
			return nil, err
		}
		t, err := template.New(file).Funcs(template.FuncMap{
			"database":   func() string { return quoting.Replace(l.database) },
			"rollup":     func(table, month string) rollupView { return rollupView{table, month} },
			"cluster":    func() string { return l.cluster },
			"shard":      l.shard,
			"on":         l.onCluster,
			"everywhere": l.everywhere,
			"sharded":    l.sharded,
		}).Parse(string(text))
		if err != nil {
			return nil, err
		}
		var filled bytes.Buffer
		if err := t.Execute(&filled, nil); err != nil {
			return nil, err
		}
		out[path.Base(file)] = &fstest.MapFile{Data: filled.Bytes()}
	}
	return out, nil
}

// rollupView is what the views of roll-ups differ in: the table, and its month as
// an expression.
type rollupView struct{ Table, Month string }

// Quoted is the table as a text of SQL.
func (v rollupView) Quoted() string { return "'" + v.Table + "'" }

func (db *DB) migrate(ctx context.Context, source fs.FS) error {
	attempts := 0
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := db.up(ctx, source)
		attempts++
		switch Classify(err) {
		case None, Overloaded, Full, Away:
			if errors.Is(err, ErrNewer) || errors.Is(err, ErrLayout) {
				return struct{}{}, backoff.Permanent(err)
			}
			return struct{}{}, err
		}
		if attempts < 5 { // two processes at the same statement
			return struct{}{}, err
		}
		return struct{}{}, backoff.Permanent(err)
	}, backoff.WithBackOff(pauses()), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, pause time.Duration) {
			db.log.Warn("migration failed, trying again", "dsn", db.name, "pause", pause, "error", err)
		}))
	if err != nil {
		return fmt.Errorf("migrate %s: %w", db.name, err)
	}
	return nil
}

func (db *DB) up(ctx context.Context, source fs.FS) (err error) {
	if err := db.create(ctx); err != nil {
		return err
	}
	if err := db.asConfigured(ctx); err != nil {
		return err
	}
	if err := db.versions(ctx); err != nil {
		return err
	}
	std := driver.OpenDB(db.opts)
	std.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, std.Close()) }()
	p, err := goose.NewProvider(goose.DialectClickHouse, std, source,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	if err := known(ctx, p); err != nil {
		return err
	}
	done, err := p.Up(ctx)
	for _, m := range done {
		db.log.Info("migrated", "dsn", db.name, "version", m.Source.Version, "took", m.Duration)
	}
	if err != nil {
		return err
	}
	return known(ctx, p) // a newer program may have been at it meanwhile
}

// known refuses a version of the database that the program has no migration for.
func known(ctx context.Context, p *goose.Provider) error {
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > target {
		return fmt.Errorf("%w: it has version %d, the program knows up to %d; start the newer program, or use another database",
			ErrNewer, current, target)
	}
	return nil
}

// create makes the database. It asks first, so that a user who may not create
// databases can use one that exists.
func (db *DB) create(ctx context.Context) (err error) {
	if err := db.conn.Ping(ctx); err == nil || code(err) != codeUnknownDatabase {
		return err
	}
	opts := *db.opts
	opts.Auth.Database = "default"
	conn, err := driver.Open(&opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS `"+db.Database()+"`"+db.layout.onCluster())
}

// Package clickhousetest gives tests a real ClickHouse: the server that
// $WHOKNOCKS_TEST_CLICKHOUSE names, or else the embedded engine, started once
// for each test process. Suite is what either must be able to do.
package clickhousetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/cenkalti/backoff/v5"

	"github.com/whoknocks/whoknocks/services/internal/assets"
)

// EnvDSN names the environment variable with the DSN of a server to test
// against instead of the embedded engine. Its user must be allowed to create
// databases.
const EnvDSN = "WHOKNOCKS_TEST_CLICKHOUSE"

// DSN returns the DSN of a fresh, empty database, which is dropped when the test
// ends. Without the engine's files the test is skipped, and fails where the
// environment says CI=true.
func DSN(t testing.TB) string {
	t.Helper()
	server := os.Getenv(EnvDSN)
	if server == "" {
		e, err := shared()
		if errors.Is(err, assets.ErrNotFound) {
			missing(t, err)
		}
		if err != nil {
			t.Fatalf("start the embedded engine: %v", err)
		}
		server = e.DSN
	}
	dsn, err := url.Parse(server)
	if err != nil {
		t.Fatalf("$%s is no DSN: %v", EnvDSN, err)
	}
	// The name begins as that of the real database: readers may read it.
	name := "whoknocks_test_" + strings.ToLower(rand.Text()[:12])
	admin := *dsn
	admin.Path = "/"
	conn := Open(t, admin.String())
	run(t, conn, "CREATE DATABASE "+name)
	t.Cleanup(func() { drop(t, conn, name) })
	dsn.Path = "/" + name
	return dsn.String()
}

// Open connects to a DSN and closes the connection when the test ends.
func Open(t testing.TB, dsn string) driver.Conn {
	t.Helper()
	conn, err := open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func open(dsn string) (driver.Conn, error) {
	opts, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("parse the DSN: %w", err)
	}
	if opts.DialTimeout == 0 {
		opts.DialTimeout = 10 * time.Second
	}
	return clickhouse.Open(opts)
}

func run(t testing.TB, conn driver.Conn, sql string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := conn.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("%.200s: %v", sql, err)
	}
}

// drop drops a database. A statement whose client is gone may make a table in it
// meanwhile; the server refuses then, and says to try again.
func drop(t testing.TB, conn driver.Conn, database string) {
	t.Helper()
	const notEmpty = 219
	_, err := backoff.Retry(context.Background(), func() (struct{}, error) {
		err := conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+database+" SYNC")
		if e := (*clickhouse.Exception)(nil); err == nil || errors.As(err, &e) && e.Code == notEmpty {
			return struct{}{}, err
		}
		return struct{}{}, backoff.Permanent(err)
	}, backoff.WithMaxElapsedTime(time.Minute))
	if err != nil {
		t.Errorf("drop database %s: %v", database, err)
	}
}

// missing ends a test that cannot run here.
func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("the embedded engine is needed in CI: %v", err)
	}
	t.Skipf("no embedded engine, and $%s names no server: %v", EnvDSN, err)
}

// Cluster is a cluster that the engine of DSN knows: one shard, itself. Tables that are
// replicated can be made there, but no more: nothing can be put into them.
const Cluster = "home"

const cluster = `<clickhouse>
  <zookeeper><implementation>testkeeper</implementation></zookeeper>
  <macros><shard>1</shard><replica>a</replica></macros>
  <tcp_port>9000</tcp_port>
  <interserver_http_port>9009</interserver_http_port>
  <remote_servers><home><shard>
    <internal_replication>true</internal_replication>
    <replica><host>127.0.0.1</host><port>9000</port></replica>
  </shard></home></remote_servers>
</clickhouse>
`

// shared starts the engine of this test process. It ends with the process.
var shared = sync.OnceValues(func() (*Engine, error) {
	dir, err := os.MkdirTemp("", "whoknocks-engine-")
	if err != nil {
		return nil, err
	}
	// Beside the configuration that the engine writes.
	more := filepath.Join(dir, "config", "config.d")
	if err := errors.Join(os.MkdirAll(more, 0o700), os.WriteFile(filepath.Join(more, "cluster.xml"), []byte(cluster), 0o600)); err != nil {
		return nil, err
	}
	return startEngine(dir, "--temporary")
})

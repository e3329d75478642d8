package clickhouse

import (
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	ok := func(dsn, database string) {
		t.Helper()
		opts, err := Config{DSN: dsn}.options()
		if err != nil {
			t.Errorf("DSN %q refused: %v", dsn, err)
			return
		}
		if opts.Auth.Database != database || opts.Settings["final"] != 1 {
			t.Errorf("DSN %q: database %q, settings %v", dsn, opts.Auth.Database, opts.Settings)
		}
	}
	ok(DefaultConfig().DSN, "whoknocks")
	ok("http://127.0.0.1:8123", "whoknocks")
	ok("http://127.0.0.1:8123/other", "other")
	ok("clickhouse://user:pass@127.0.0.1:9000/other?dial_timeout=1s", "other")

	bad := func(dsn string) {
		t.Helper()
		err := Config{DSN: dsn}.Validate()
		if err == nil {
			t.Errorf("DSN %q accepted", dsn)
			return
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error tells the password: %v", err)
		}
	}
	bad("")
	bad("http:///whoknocks")
	bad("https://user:hunter2@example.org:8443/whoknocks") // TLS needs secure=true
	bad("http://user:hunter2@127.0.0.1:8123/a`b")
	bad("http://127.0.0.1:8123/x?dial_timeout=fast&password=hunter2")
	bad("http://user:hunter2@127.0.0.1:81 23/x")

	if got := (Config{DSN: "http://u:hunter2@h:1/d?password=hunter2&final=0"}).Redacted(); strings.Contains(got, "hunter2") {
		t.Errorf("Redacted() = %q tells the password", got)
	}
	opts, err := Config{DSN: "http://h:1/d?final=0"}.options()
	if err != nil || opts.Settings["final"] != 0 {
		t.Errorf("a setting of the DSN is overridden: %v %v", opts.Settings, err)
	}
}

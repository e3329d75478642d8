package clickhouse_test

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
)

// What is true of one server is true of a cluster: the same tests, with the events in
// a Distributed table over a cluster of one shard.
func TestOnCluster(t *testing.T) {
	needCluster(t)
	cluster = clickhousetest.Cluster
	defer func() { cluster = "" }()
	for name, test := range map[string]func(*testing.T){
		"MigrateConcurrently":         TestMigrateConcurrently,
		"InsertKeepsEveryField":       TestInsertKeepsEveryField,
		"InsertRepeats":               TestInsertRepeats,
		"Check":                       TestCheck,
		"Reattribute":                 TestReattribute,
		"ReattributeIsExactMeanwhile": TestReattributeIsExactMeanwhile,
		"Revise":                      TestRevise,
		"KeepLines":                   TestKeepLines,
		"DropEvents":                  TestDropEvents,
		"Forget":                      TestForget,
		"RollupsAreExact":             TestRollupsAreExact,
		"SourcesAndCountries":         TestSourcesAndCountries,
		"Spikes":                      TestSpikes,
	} {
		t.Run(name, test)
	}
}

// needCluster skips a test on a server of the user's own, which has no such cluster.
func needCluster(t *testing.T) {
	t.Helper()
	conn := clickhousetest.Open(t, clickhousetest.DSN(t))
	var n uint64
	if err := conn.QueryRow(t.Context(), "SELECT count() FROM system.clusters WHERE cluster = ?", clickhousetest.Cluster).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Skipf("the server knows no cluster %q", clickhousetest.Cluster)
	}
}

// statements are those of the migrations of a cluster, in their order.
func statements(t *testing.T, database string, spread bool) (all []string) {
	t.Helper()
	source, err := clickhouse.ClusterMigrations(database, clickhousetest.Cluster, spread)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(source, "*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations, %v", len(files), err)
	}
	comments := regexp.MustCompile(`(?m)^--.*$`)
	for _, file := range files {
		text, err := fs.ReadFile(source, file)
		if err != nil {
			t.Fatal(err)
		}
		for s := range strings.SplitSeq(comments.ReplaceAllString(string(text), ""), ";\n") {
			if s = strings.TrimSpace(s); s != "" {
				all = append(all, s)
			}
		}
	}
	return all
}

// The engine makes every table as a cluster has it, but for sending the statement to
// other servers, which it cannot: its parser says that this is right, too.
func TestClusterTables(t *testing.T) {
	needCluster(t)
	db := open(t)
	for _, s := range statements(t, db.Database(), false) {
		if strings.HasPrefix(s, "ALTER") || strings.Contains(s, " gaps ") {
			continue // waits for a replica that is active, or for what that does
		}
		exec(t, db, s)
	}
	got := map[string]string{}
	rows, err := db.Conn().Query(t.Context(), "SELECT name, engine FROM system.tables WHERE database = currentDatabase() AND engine != 'View'")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name, engine string
		if err := rows.Scan(&name, &engine); err != nil {
			t.Fatal(err)
		}
		got[name] = engine
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"events": "Distributed", "events_shard": "ReplicatedReplacingMergeTree", "shard_parts": "Distributed",
		"rejected": "ReplicatedReplacingMergeTree", "attributions": "ReplicatedReplacingMergeTree", "revisions": "ReplicatedMergeTree",
	}
	for _, name := range []string{"source_month", "address_month", "owner_month", "owner_day", "port_day", "port_month", "campaign_month"} {
		want[name] = "ReplicatedMergeTree"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables mismatch (-want +got)\n%s", diff)
	}

	for _, s := range statements(t, db.Database(), true) {
		if !strings.Contains(s, " ON CLUSTER `"+clickhousetest.Cluster+"`") && !strings.HasPrefix(s, "ALTER TABLE rejected") {
			t.Errorf("not for every server: %s", s)
		}
		if made := text(t, db, "SELECT formatQuerySingleLine($1)", s); !strings.HasPrefix(made, "CREATE ") && !strings.HasPrefix(made, "ALTER ") {
			t.Errorf("%s is parsed as %s", s, made)
		}
	}
}

// Whoever takes a cluster for one server would be told that an insert is done before
// it is.
func TestMigrateRefusesAnotherLayout(t *testing.T) {
	needCluster(t)
	f := func(made, opened string) {
		t.Helper()
		defer func() { cluster = "" }()
		dsn := clickhousetest.DSN(t)
		cluster = made
		if err := openDSN(t, dsn).Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		cluster = opened
		if err := openDSN(t, dsn).Migrate(t.Context()); !errors.Is(err, clickhouse.ErrLayout) {
			t.Errorf("Migrate() of cluster %q as %q = %v, want ErrLayout", made, opened, err)
		}
	}
	f(clickhousetest.Cluster, "")
	f("", clickhousetest.Cluster)
}

package clickhouse_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
)

// The views and what they must be equal to at every moment.
var views = map[string]string{
	"source_months": "exact_source_month", "sources_by_month": "exact_address_month", "owners_by_month": "exact_owner_month",
	"owner_days": "exact_owner_day", "ports_by_day": "exact_port_day", "ports_by_month": "exact_port_month", "campaigns": "exact_campaign_month",
}

// buildStale brings every roll-up up to date.
func buildStale(t testing.TB, db *clickhouse.DB) (built int) {
	t.Helper()
	months, err := db.Stale(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range months {
		if err := db.Build(t.Context(), m.Month); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := db.Stale(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("after all were built %v are stale, %v", left, err)
	}
	return len(months)
}

// read waits until the views read what was built.
func read() { time.Sleep(6500 * time.Millisecond) }

// right holds every view to the events.
func right(t testing.TB, db *clickhouse.DB, when string) {
	t.Helper()
	for view, truth := range views {
		got, want := digest(t, db, view), digest(t, db, truth)
		if got != want {
			t.Errorf("%s: %s is %s, the events say %s", when, view, got, want)
		}
		// What reads no column, ClickHouse may answer without looking at the rows.
		if n, _, _ := strings.Cut(want, " "); n != text(t, db, "SELECT toString(count()) FROM "+view) {
			t.Errorf("%s: count() of %s is not %s", when, view, n)
		}
	}
}

// A campaign is one owner's attempts from three sources, until a day's pause.
func TestCampaigns(t *testing.T) {
	db := migrated(t)
	var events []scan.Enriched
	at := time.Date(2026, 4, 10, 20, 0, 0, 0, time.UTC)
	add := func(owner, src string, after time.Duration, cause scan.Cause) {
		e := event(len(events)+1, src, "", owner, scan.BasisASN, asOf, at.Add(after))
		e.Cause, e.DstPort = cause, scan.Some(uint16(1000+len(events)%4))
		events = append(events, e)
	}
	const hour = time.Hour
	for i := range 9 { // two evenings, then one four days later
		add("CDN", fmt.Sprintf("192.0.2.%d", i%3), []time.Duration{0, 24 * hour, 120 * hour}[i/3]+time.Duration(i%3)*hour, scan.CausePeer)
	}
	add("CDN", "192.0.2.0", 121*hour, scan.CauseScan)
	add("CDN", "192.0.2.9", 122*hour, scan.CauseReply)
	add("Two", "198.51.100.1", 0, scan.CauseScan)
	add("Two", "198.51.100.2", 0, scan.CauseScan)
	for i := range 3 {
		add("", fmt.Sprintf("203.0.113.%d", i), 0, scan.CauseScan)
	}
	for i := range 6 { // the last hours of April and the first of May
		add("Edge", fmt.Sprintf("203.0.113.%d", 10+i%3), 24*20*hour+time.Duration(i)*hour, scan.CauseScan)
	}
	for i := range 6 { // a day to the millisecond is no pause, one more is
		add("Pause", fmt.Sprintf("203.0.113.%d", 30+i%3), time.Duration(i/3)*24*hour+10*time.Minute, scan.CauseScan)
		add("Split", fmt.Sprintf("203.0.113.%d", 40+i%3), time.Duration(i/3)*(24*hour+time.Millisecond)+10*time.Minute, scan.CauseScan)
	}
	insert(t, db, events...)
	want := "CDN 2026-04-10 20:00:00.000 2026-04-11 22:00:00.000 12 6 3 4 4 0\n" +
		"CDN 2026-04-15 20:00:00.000 2026-04-15 22:00:00.000 10 5 4 4 4 2\n" +
		"Edge 2026-04-30 20:00:00.000 2026-04-30 23:00:00.000 8 4 3 4 4 0\n" +
		"Pause 2026-04-10 20:10:00.000 2026-04-11 20:10:00.000 12 6 3 2 4 0\n" +
		"Split 2026-04-10 20:10:00.000 2026-04-10 20:10:00.000 6 3 3 2 2 0\n" +
		"Split 2026-04-11 20:10:00.001 2026-04-11 20:10:00.001 6 3 3 2 2 0"
	got := func() string {
		return text(t, db, `SELECT arrayStringConcat(groupArray(concat(owner, ' ', toString(first_seen), ' ', toString(last_seen), ' ',
			toString(attempts), ' ', toString(events), ' ', toString(sources), ' ', toString(ports), ' ', toString(most), ' ', toString(answers))), '\n')
			FROM (SELECT * FROM campaigns ORDER BY owner, first_seen)`)
	}
	if diff := cmp.Diff(want, got()); diff != "" {
		t.Errorf("campaigns mismatch (-want +got)\n%s", diff)
	}
	buildStale(t, db)
	read()
	if diff := cmp.Diff(want, got()); diff != "" {
		t.Errorf("campaigns from the roll-up mismatch (-want +got)\n%s", diff)
	}
}

// A source has one row under each owner, with the last that is known of it; a country
// counts addresses of both kinds once.
func TestSourcesAndCountries(t *testing.T) {
	db := migrated(t)
	at := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	var events []scan.Enriched
	add := func(src, owner, network, country string) {
		e := event(len(events)+1, src, network, owner, scan.BasisWHOIS, asOf, at.Add(time.Duration(len(events))*time.Hour))
		e.Country = country
		events = append(events, e)
	}
	add("192.0.2.1", "CDN", "192.0.2.0/25", "DE")
	add("192.0.2.1", "CDN", "192.0.2.0/24", "AT")
	add("192.0.2.1", "CDN", "", "")
	add("192.0.2.1", "Edge", "192.0.2.0/24", "AT")
	add("2001:db8::1", "Edge", "2001:db8::/32", "AT")
	add("2001:db8::1", "", "2001:db8::/48", "AT")
	add("198.51.100.7", "", "", "AT")
	events[1].Time = events[0].Time // the later id counts
	insert(t, db, events...)
	f := func(query, want string) {
		t.Helper()
		if diff := cmp.Diff(want, text(t, db, query)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", query, diff)
		}
	}
	all := func() {
		t.Helper()
		f(`SELECT arrayStringConcat(groupArray(concat(src, ' ', owner, ' ', country, ' ', network, ' ', toString(attempts), ' ', toString(events), ' ',
			formatDateTime(first_seen, '%H'), '-', formatDateTime(last_seen, '%H'))), '\n') FROM (SELECT * FROM sources_by_month ORDER BY src_ip, owner)`,
			"192.0.2.1 CDN AT 192.0.2.0/24 6 3 12-14\n"+
				"192.0.2.1 Edge AT 192.0.2.0/24 2 1 15-15\n"+
				"198.51.100.7  AT  2 1 18-18\n"+
				"2001:db8::1  AT 2001:db8::/48 2 1 17-17\n"+
				"2001:db8::1 Edge AT 2001:db8::/32 2 1 16-16")
		f(`SELECT arrayStringConcat(groupArray(concat(country, ' ', toString(attempts), ' ', toString(events), ' ', toString(sources), ' ', toString(owners))), '\n')
			FROM (SELECT * FROM countries_by_month ORDER BY country)`,
			" 2 1 1 1\nAT 10 5 3 2\nDE 2 1 1 1")
	}
	all()
	buildStale(t, db)
	read()
	all()
}

// An owner three times as busy in the last seven days as in the 28 before.
func TestSpikes(t *testing.T) {
	db := migrated(t)
	var events []scan.Enriched
	add := func(owner string, day, n int, direction scan.Direction) {
		for range n {
			e := event(len(events)+1, "192.0.2.1", "", owner, scan.BasisASN, asOf, time.Date(2026, 4, 1, 12, 0, len(events)%60, 0, time.UTC).AddDate(0, 0, day))
			e.Packets, e.Direction = 1, direction
			events = append(events, e)
		}
	}
	add("Steady", 5, 40, scan.DirectionIn)
	add("Steady", 33, 40, scan.DirectionIn)
	add("New", 32, 20, scan.DirectionIn)
	add("Few", 33, 19, scan.DirectionIn)
	insert(t, db, events...)
	f := func(when, want string) {
		t.Helper()
		got := text(t, db, "SELECT arrayStringConcat(groupArray(concat(owner, ' ', toString(attempts), ' ', toString(since), ' ', toString(until))), '; ') FROM (SELECT * FROM spikes ORDER BY owner)")
		if got != want {
			t.Errorf("%s: spikes are %q, want %q", when, got, want)
		}
	}
	f("at first", "New 20 2026-04-28 2026-05-04; Steady 40 2026-04-28 2026-05-04")
	buildStale(t, db)
	read()
	f("built", "New 20 2026-04-28 2026-05-04; Steady 40 2026-04-28 2026-05-04")
	events = events[:0]
	add("Own", 40, 30, scan.DirectionOut) // a week without a knock
	insert(t, db, events...)
	f("a week later", "")
	// Events that are dropped leave their roll-ups, which know of knocks alone.
	if _, err := db.DropEvents(t.Context(), asOf.AddDate(10, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if n := number(t, db, "SELECT count() FROM events"); n != 0 {
		t.Errorf("%d events are left", n)
	}
	f("dropped", "New 20 2026-04-28 2026-05-04; Steady 40 2026-04-28 2026-05-04")
}

// Those of older states go when a newer one has been there for a while.
func TestTidy(t *testing.T) {
	db := migrated(t)
	labels := func() uint64 {
		return number(t, db, "SELECT uniqExact(table, partition_id) FROM system.parts WHERE active AND database = currentDatabase() AND table IN ('owner_month', 'port_day')")
	}
	for i := range 3 {
		insert(t, db, event(i+1, "192.0.2.1", "", "owner", scan.BasisASN, asOf, asOf))
		buildStale(t, db)
	}
	tidy := func(grace time.Duration, want uint64) {
		t.Helper()
		if err := db.Tidy(t.Context(), grace); err != nil {
			t.Fatal(err)
		}
		if n := labels(); n != want {
			t.Errorf("%d roll-ups of two tables are left after %v, want %d", n, grace, want)
		}
		right(t, db, "tidied")
	}
	tidy(time.Hour, 6)
	tidy(0, 2)
	tidy(0, 2)
	if _, err := db.DropEvents(t.Context(), asOf.AddDate(1, 0, 0)); err != nil { // what is kept is another label
		t.Fatal(err)
	}
	if n := labels(); n != 4 {
		t.Errorf("%d roll-ups of two tables, want 4", n)
	}
	if err := db.Tidy(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if n := labels(); n != 2 || number(t, db, "SELECT sum(attempts) FROM owners_by_month") != 6 {
		t.Errorf("%d roll-ups of two tables, want 2 that say 6 attempts", n)
	}
}

// Roll-ups that say something else are found.
func TestDiffer(t *testing.T) {
	db := migrated(t)
	events := clickhouse.Sample(2000)
	for i := range events {
		events[i].Time = time.Date(2026, time.Month(1+i%8), 1, 0, 0, i, 0, time.UTC)
		if i%8 == 3 {
			events[i].DstPort = scan.Opt[uint16]{} // a month without ports
		}
	}
	insert(t, db, events...)
	buildStale(t, db)
	f := func(when string, want ...string) {
		t.Helper()
		compared, months, err := db.Differ(t.Context())
		var got []string
		for _, m := range months {
			got = append(got, m.Format("2006-01"))
		}
		if diff := cmp.Diff(want, got); err != nil || compared != 8 || diff != "" {
			t.Errorf("%s: Differ() = %d months, %v, (-want +got)\n%s", when, compared, err, diff)
		}
	}
	f("as built")
	for i, rollup := range clickhouse.Rollups() {
		month := 1 + i
		if i > 2 { // April stays as it is
			month++
		}
		exec(t, db, fmt.Sprintf("ALTER TABLE %s UPDATE attempts = attempts + 1 WHERE %s = '2026-%02d-01' SETTINGS mutations_sync = 2", rollup[0], rollup[1], month))
	}
	read()
	f("after somebody changed some", "2026-01", "2026-02", "2026-03", "2026-05", "2026-06", "2026-07", "2026-08")
}

// digest is the number of rows and a hash of all of them, whatever their order.
func digest(t testing.TB, db *clickhouse.DB, view string) string {
	t.Helper()
	return text(t, db, "SELECT concat(toString(count()), ' ', toString(sum(attempts)), ' ', hex(groupBitXor(cityHash64(toString(tuple(*)))))) FROM "+view)
}

func TestRollupsAreExact(t *testing.T) {
	db := migrated(t)
	events := clickhouse.Sample(20_000)
	for i := range events { // five months of it
		events[i].Time = events[i].Time.AddDate(0, i%5, 0)
		events[i].Packets = uint32(1 + i%3)
		events[i].OwnerAsOf = events[i].Time.AddDate(0, 0, i%200)
		if i%50 == 0 {
			events[i].DstPort = scan.Opt[uint16]{}
		}
		if i%70 == 0 {
			events[i].Direction = scan.DirectionOut // no knock
		}
	}
	right(t, db, "empty")
	insert(t, db, events[:15_000]...)
	right(t, db, "inserted")
	if n := buildStale(t, db); n < 5 {
		t.Errorf("%d months were built, want 5 at least", n)
	}
	right(t, db, "built")
	read()
	right(t, db, "built a while ago")
	total := number(t, db, "SELECT sum(attempts) FROM source_month")
	if want := number(t, db, "SELECT sum(packets) FROM knocks"); total != want || total == 0 {
		t.Errorf("the roll-up holds %d attempts, the events %d", total, want)
	}

	// An overlapping replay in other batches, with a later state of the facts.
	for i := range events[14_000:] {
		events[14_000+i].Owner = "changed"
	}
	insert(t, db, events[14_000:]...)
	right(t, db, "replayed")
	buildStale(t, db)
	right(t, db, "built after a replay")
	if n := buildStale(t, db); n != 0 {
		t.Errorf("%d months are built again for nothing", n)
	}

	// A change of owner.
	a := answer(events[0].SrcIP.String(), events[0].SrcIP.String(), events[0].SrcIP.String()+"/32", "New Owner", scan.BasisOverride, asOf)
	if n, err := db.Reattribute(t.Context(), a); err != nil || n == 0 {
		t.Fatalf("Reattribute() = %d, %v", n, err)
	}
	right(t, db, "re-attributed")
	buildStale(t, db)
	read()
	right(t, db, "built after a re-attribution")
	if n := number(t, db, "SELECT sum(attempts) FROM owner_month WHERE owner = 'New Owner'"); n == 0 {
		t.Error("the new owner has no attempts")
	}

	// Deleted rows, and a month that is gone.
	exec(t, db, "ALTER TABLE "+db.Shard()+" DELETE WHERE src_ip = toIPv6('"+events[1].SrcIP.String()+"') SETTINGS mutations_sync = 2")
	right(t, db, "deleted")
	exec(t, db, "ALTER TABLE "+db.Shard()+" DROP PARTITION ID '201206'")
	right(t, db, "a month dropped")
	buildStale(t, db)
	read()
	right(t, db, "built after deletions")
	if n := number(t, db, "SELECT count() FROM owner_day WHERE toYYYYMM(day) = 201206"); n != 0 {
		t.Errorf("%d rows are left of a month that is gone", n)
	}
	// Merges change nothing.
	exec(t, db, "OPTIMIZE TABLE "+db.Shard()+" FINAL")
	if n := buildStale(t, db); n != 0 {
		t.Errorf("%d months are built because of merges", n)
	}
}

// A reader sees all that was inserted, and nothing twice, while months are built.
func TestRollupsAreExactMeanwhile(t *testing.T) {
	db := migrated(t)
	// A month is busy for a while, then still until it is read from its roll-ups, and
	// then busy again.
	const months, phases, batches, each = 3, 5, 12, 500
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			months, err := db.Stale(ctx)
			for _, m := range months {
				err = db.Build(ctx, m.Month)
			}
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	reads := 0
	wg.Go(func() {
		last := uint64(0)
		for ; ctx.Err() == nil; reads++ {
			var n uint64
			if err := db.Conn().QueryRow(context.Background(), "SELECT sum(attempts) FROM owners_by_month").Scan(&n); err != nil {
				t.Error(err)
				return
			}
			// Inserts are of one month each, and whole.
			if n < last || n%each != 0 {
				t.Errorf("a reader sees %d attempts after %d", n, last)
				return
			}
			last = n
		}
	})
	for i := range phases * batches {
		var batch []scan.Enriched
		for j := range each {
			e := event(i*each+j+1, fmt.Sprintf("192.0.2.%d", j%250), "192.0.2.0/24", "owner", scan.BasisWHOIS, asOf, time.Date(2026, time.Month(1+i/batches%months), 1, 0, 0, j, 0, time.UTC))
			e.Packets = 1
			batch = append(batch, e)
		}
		insert(t, db, batch...)
		if i%batches == batches-1 {
			time.Sleep(3500 * time.Millisecond)
		}
	}
	cancel()
	wg.Wait()
	if reads < 10 {
		t.Errorf("only %d reads: the test shows nothing", reads)
	}
	buildStale(t, db)
	right(t, db, "at the end")
	if n := number(t, db, "SELECT sum(attempts) FROM owners_by_month"); n != phases*batches*each {
		t.Errorf("%d attempts, want %d", n, phases*batches*each)
	}
}

// What a build that was cut off has left is swept away, and nothing else.
func TestSweep(t *testing.T) {
	db := migrated(t)
	exec(t, db, "CREATE TABLE tmp_owner_day_201204_1 AS owner_day")
	exec(t, db, "CREATE TABLE mine (x UInt8) ENGINE = MergeTree ORDER BY x")
	if err := db.Sweep(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if n := number(t, db, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'tmp_')"); n != 1 {
		t.Errorf("%d tables are left of one that may be at work", n)
	}
	if err := db.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	got := text(t, db, "SELECT arrayStringConcat(arraySort(groupArray(name)), ' ') FROM system.tables WHERE database = currentDatabase() AND (startsWith(name, 'tmp_') OR name = 'mine')")
	if diff := cmp.Diff("mine", got); diff != "" {
		t.Errorf("tables (-want +got)\n%s", diff)
	}
}

// A view is asked from another database, as stock clients do.
func TestViewsFromElsewhere(t *testing.T) {
	dsn := clickhousetest.DSN(t)
	db := openDSN(t, dsn)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	insert(t, db, event(1, "192.0.2.1", "", "owner", scan.BasisASN, asOf, asOf))
	buildStale(t, db)
	insert(t, db, event(2, "192.0.2.1", "", "owner", scan.BasisASN, asOf, asOf))
	name := db.Database()
	elsewhere := openDSN(t, strings.Replace(dsn, "/"+name, "/default", 1))
	if n := number(t, elsewhere, "SELECT sum(attempts) FROM `"+name+"`.owners_by_month"); n != 4 {
		t.Errorf("%d attempts, want 4", n)
	}
}

// What is written while they are compared makes no difference between them.
func TestDifferMeanwhile(t *testing.T) {
	db := migrated(t)
	events := clickhouse.Sample(5_000)
	done := make(chan error, 1)
	go func() {
		var err error
		for list := range slices.Chunk(events, 50) {
			if err == nil {
				err = db.InsertEvents(context.Background(), list)
			}
		}
		done <- err
	}()
	looks := 0
	for {
		compared, months, err := db.Differ(t.Context())
		if err != nil || len(months) != 0 {
			t.Errorf("look %d: Differ() = %d months, %v, %v", looks, compared, months, err)
		}
		looks++
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d looks", looks)
			return
		default:
		}
	}
}

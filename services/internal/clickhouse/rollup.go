package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"regexp"
	"slices"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// rollups are the tables that hold the answers to questions over years, a
// partition a month and state of its events. What each of them is made of says the
// view exact_ and its name.
var rollups = [...]struct{ table, time string }{
	{"source_month", "month"}, {"address_month", "month"}, {"owner_month", "month"}, {"owner_day", "day"},
	{"port_day", "day"}, {"port_month", "month"}, {"campaign_month", "month"},
}

// Stale is a month whose roll-ups are not those of its events. Readers of the
// views get such a month from the events themselves.
type Stale struct {
	Month   time.Time // its first day
	Version uint64    // of the events now, 0 if there are none left
}

// Stale returns the months whose roll-ups have to be built, the oldest first.
func (db *DB) Stale(ctx context.Context) (months []Stale, err error) {
	rows, err := db.conn.Query(exact(ctx), "SELECT month, version FROM stale_months ORDER BY month")
	if err != nil {
		return nil, fmt.Errorf("look for stale roll-ups: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var m Stale
		if err := rows.Scan(&m.Month, &m.Version); err != nil {
			return nil, fmt.Errorf("look for stale roll-ups: %w", err)
		}
		m.Month = m.Month.UTC()
		months = append(months, m)
	}
	return months, rows.Err()
}

// Build computes the roll-ups of a month from its events and puts each in, in one
// step. It blocks for some 3 s a million events. Several may build at the same
// time: what each puts in says of which state it is. Those of older states stay until
// Tidy.
func (db *DB) Build(ctx context.Context, month time.Time) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("build roll-ups of %s: %w", month.Format("2006-01"), err)
		}
	}()
	version, err := db.version(ctx, month) // before anything is read
	if err != nil {
		return err
	}
	if version == 0 { // the month is gone
		return db.dropRollups(ctx, fmt.Sprintf("startsWith(partition_id, '%s-') AND label > 0", month.Format("200601")))
	}
	for _, r := range rollups {
		if err := db.build(ctx, r.table, r.time, month, version, version); err != nil {
			return err
		}
	}
	return nil
}

// Tidy drops the roll-ups of older states of the events. A statement that found an
// older one to be right may be about to read it, so they go only when a newer one
// has been there for grace.
func (db *DB) Tidy(ctx context.Context, grace time.Duration) error {
	return db.dropPartitions(ctx, fmt.Sprintf(`SELECT name, concat(month, '-', toString(label.1)), label.1 FROM
		(
			SELECT toString(table) AS name, substring(partition_id, 1, 6) AS month,
				groupUniqArray((toUInt64OrZero(substring(partition_id, 8)), modification_time)) AS labels
			FROM system.parts WHERE %s GROUP BY name, month
		)
		ARRAY JOIN labels AS label
		WHERE label.1 > 0 AND arrayExists(l -> (l.1 > label.1 OR l.1 = 0) AND l.2 <= now() - %d, labels)`, ofRollups, int(grace.Seconds())))
}

// version is the state of a month's events, 0 if there are none.
func (db *DB) version(ctx context.Context, month time.Time) (version uint64, err error) {
	if db.layout.cluster != "" {
		return db.level(ctx, month)
	}
	err = db.conn.QueryRow(ctx, "SELECT max(version) FROM month_states WHERE month = '"+month.Format(time.DateOnly)+"'").Scan(&version)
	return version, err
}

// build makes one roll-up of a month of the state version, unless it is there, and
// puts it in under a label.
func (db *DB) build(ctx context.Context, table, column string, month time.Time, version, label uint64) (err error) {
	partition := fmt.Sprintf("%s-%d", month.Format("200601"), label)
	there, err := db.count(ctx, fmt.Sprintf("system.parts WHERE active AND database = currentDatabase() AND table = '%s' AND partition_id = '%s'", table, partition))
	if err != nil || there > 0 {
		return err
	}
	tmp := fmt.Sprintf("%s%s_%s_%d_%x", tmpPrefix, table, month.Format("200601"), version, maphash.String(maphash.MakeSeed(), ""))
	engine, err := db.engine(ctx, table)
	if err != nil {
		return err
	}
	if err := db.conn.Exec(ctx, fmt.Sprintf("CREATE TABLE %s AS %s ENGINE = %s", tmp, table, replicaOf.ReplaceAllString(engine, "MergeTree"))); err != nil {
		return err
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, db.conn.Exec(late, "DROP TABLE IF EXISTS "+tmp+" SYNC"))
	}()
	first := month.Format(time.DateOnly)
	bounds := fmt.Sprintf("%[1]s >= '%[2]s' AND %[1]s < '%[3]s'", column, first, month.AddDate(0, 1, 0).Format(time.DateOnly))
	quiet := driver.Context(ctx, driver.WithSettings(driver.Settings{
		"final": 0, // the view says where, and the optimiser sees more
		// What does not fit goes to the disk.
		"max_bytes_before_external_group_by": 200 << 20, "max_bytes_before_external_sort": 200 << 20,
	}))
	if err := db.conn.Exec(quiet, fmt.Sprintf("INSERT INTO %s SELECT *, %d FROM exact_%s WHERE %s", tmp, label, table, bounds)); err != nil {
		return err
	}
	rows, err := db.count(ctx, tmp)
	if err == nil && rows == 0 { // own traffic alone: a row that the views pass over says so
		err = db.conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s, version) VALUES ('%s', %d)", tmp, column, first, label))
	}
	if err != nil {
		return err
	}
	return db.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s REPLACE PARTITION ID '%s' FROM %s", table, partition, tmp))
}

// replicaOf is how the engine of a table begins that is replicated.
var replicaOf = regexp.MustCompile(`^ReplicatedMergeTree\([^)]*\)`)

func (db *DB) count(ctx context.Context, from string) (n uint64, err error) {
	err = db.conn.QueryRow(ctx, "SELECT count() FROM "+from).Scan(&n)
	return n, err
}

// ofRollups selects the parts of roll-ups from system.parts.
var ofRollups = func() string {
	var names []string
	for _, r := range rollups {
		names = append(names, "'"+r.table+"'")
	}
	return "active AND database = currentDatabase() AND table IN (" + strings.Join(names, ", ") + ")"
}()

// dropRollups drops the partitions of roll-ups that a condition selects by table,
// partition_id and label.
func (db *DB) dropRollups(ctx context.Context, where string) (err error) {
	return db.dropPartitions(ctx, "SELECT DISTINCT toString(table), partition_id, toUInt64OrZero(substring(partition_id, 8)) AS label FROM system.parts WHERE "+ofRollups+" AND "+where)
}

// dropPartitions drops the partitions of which a query returns the table, the id and
// the label.
func (db *DB) dropPartitions(ctx context.Context, query string) error {
	rows, err := db.conn.Query(ctx, query)
	if err != nil {
		return err
	}
	var drops [][2]string
	for rows.Next() {
		var table, partition string
		var label uint64
		if err := rows.Scan(&table, &partition, &label); err != nil {
			return errors.Join(err, rows.Close())
		}
		drops = append(drops, [2]string{table, partition})
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, d := range drops {
		if err := db.drop(ctx, d[0], d[1]); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) drop(ctx context.Context, table, partition string) error {
	return db.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s DROP PARTITION ID '%s'", db.layout.altered(table), partition))
}

// tmpPrefix is that of tables that live as long as one statement or two.
const tmpPrefix = "tmp_"

// Sweep drops what was made for a while longer ago than age: statements that were
// cut off have left it behind.
func (db *DB) Sweep(ctx context.Context, age time.Duration) (err error) {
	rows, err := db.conn.Query(ctx, "SELECT name FROM system.tables WHERE database = ? AND startsWith(name, ?) AND metadata_modification_time <= now() - ?",
		db.Database(), tmpPrefix, int64(age.Seconds()))
	if err != nil {
		return fmt.Errorf("look for unfinished work: %w", err)
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return errors.Join(err, rows.Close())
		}
		names = append(names, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range names {
		if strings.ContainsAny(name, "`\\") {
			continue // none of ours
		}
		if err := db.conn.Exec(ctx, "DROP TABLE IF EXISTS `"+name+"` SYNC"); err != nil {
			return err
		}
	}
	return nil
}

// Differ compares what the views over roll-ups count with the events, month by
// month, and returns the months that differ: none, ever. Months whose events were
// dropped on purpose are not compared. It reads every event three times.
func (db *DB) Differ(ctx context.Context) (compared int, months []time.Time, err error) {
	rows, err := db.conn.Query(exact(ctx), `SELECT month, min(same) FROM
		(
			SELECT month, what, uniqExact(attempts) = 1 AND count() = if(what = 'all', 5, 3) AS same FROM
			(
				SELECT toStartOfMonth(time) AS month, 'all' AS what, sum(k.packets) AS attempts FROM knocks AS k GROUP BY month
				UNION ALL SELECT month, 'all', sum(m.attempts) FROM owners_by_month AS m GROUP BY month
				UNION ALL SELECT toStartOfMonth(day) AS month, 'all', sum(d.attempts) FROM owner_days AS d GROUP BY month
				UNION ALL SELECT month, 'all', sum(s.attempts) FROM source_months AS s GROUP BY month
				UNION ALL SELECT month, 'all', sum(a.attempts) FROM sources_by_month AS a GROUP BY month
				UNION ALL SELECT toStartOfMonth(time) AS month, 'ports', sum(k.packets) FROM knocks AS k WHERE dst_port IS NOT NULL GROUP BY month
				UNION ALL SELECT toStartOfMonth(day) AS month, 'ports', sum(p.attempts) FROM ports_by_day AS p GROUP BY month
				UNION ALL SELECT month, 'ports', sum(q.attempts) FROM ports_by_month AS q GROUP BY month
			)
			GROUP BY month, what
		)
		WHERE month NOT IN (SELECT month FROM month_states WHERE kept > 0) GROUP BY month ORDER BY month`)
	if err != nil {
		return 0, nil, fmt.Errorf("compare roll-ups: %w", err)
	}
	var alike []time.Time
	for rows.Next() {
		var month time.Time
		var same bool
		if err := rows.Scan(&month, &same); err != nil {
			return compared, months, errors.Join(fmt.Errorf("compare roll-ups: %w", err), rows.Close())
		}
		if compared++; same {
			alike = append(alike, month.UTC())
		} else {
			months = append(months, month.UTC())
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return compared, months, fmt.Errorf("compare roll-ups: %w", err)
	}
	for _, month := range alike { // one by one: looking for campaigns takes memory
		var same bool
		err := db.conn.QueryRow(exact(ctx), fmt.Sprintf(`SELECT (SELECT (count(), sum(c.attempts)) FROM campaigns AS c WHERE month = '%[1]s')
			= (SELECT (count(), sum(e.attempts)) FROM exact_campaign_month AS e WHERE month = '%[1]s')`, month.Format(time.DateOnly))).Scan(&same)
		if err != nil {
			return compared, months, fmt.Errorf("compare campaigns of %s: %w", month.Format("2006-01"), err)
		}
		if !same {
			months = append(months, month)
		}
	}
	slices.SortFunc(months, time.Time.Compare)
	return compared, months, nil
}

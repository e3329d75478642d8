package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// rollups are the tables that hold the answers to questions over years, a
// partition a month. What each of them is made of says the view exact_ and its
// name. In this order a month is built.
var rollups = [...]struct{ table, time string }{
	{"source_month", "month"}, {"owner_month", "month"}, {"owner_day", "day"}, {"port_day", "day"}, {"port_month", "month"},
}

// Stale is a month whose roll-ups are not those of its events. Readers of the
// views get such a month from the events themselves.
type Stale struct {
	Month   time.Time // its first day
	Version int64     // of the events now, 0 if there are none left
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

// Build computes the roll-ups of a month from its events, swaps them in, each in
// one step, and then says of which state of the events they are: until then
// readers go on with the events. It blocks for some 0.6 s a million events.
//
// One process at a time should build: two cost double, and only the state that is
// noted last counts.
func (db *DB) Build(ctx context.Context, month time.Time) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("build roll-ups of %s: %w", month.Format("2006-01"), err)
		}
	}()
	begin, partition := time.Now(), month.Format("200601")
	version, err := db.version(ctx, partition) // before anything is read
	if err != nil {
		return err
	}
	if version == 0 { // the month is gone
		for _, r := range rollups {
			if err := db.drop(ctx, r.table, partition); err != nil {
				return err
			}
		}
		return nil
	}
	for _, r := range rollups {
		if err := db.build(ctx, r.table, r.time, month, partition); err != nil {
			return err
		}
	}
	// What is noted is what is there: if another process has swapped meanwhile,
	// the numbers are its, and it will note them, too.
	return db.conn.Exec(ctx, fmt.Sprintf(`INSERT INTO rollups (month, version, blocks, built, took)
		SELECT month, %d, blocks, now64(3), %d FROM month_states WHERE month = %s`, version, time.Since(begin).Milliseconds(), partition))
}

func (db *DB) version(ctx context.Context, partition string) (version int64, err error) {
	err = db.conn.QueryRow(ctx, "SELECT max(version) FROM month_states WHERE month = "+partition).Scan(&version)
	return version, err
}

func (db *DB) drop(ctx context.Context, table, partition string) error {
	return db.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s DROP PARTITION ID '%s'", table, partition))
}

// build makes one roll-up of a month beside the old one and swaps them.
func (db *DB) build(ctx context.Context, table, column string, month time.Time, partition string) (err error) {
	tmp := fmt.Sprintf("%s%s_%s_%x", tmpPrefix, table, partition, maphash.String(maphash.MakeSeed(), ""))
	if err := db.conn.Exec(ctx, fmt.Sprintf("CREATE TABLE %s AS %s", tmp, table)); err != nil {
		return err
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, db.conn.Exec(late, "DROP TABLE IF EXISTS "+tmp+" SYNC"))
	}()
	bounds := fmt.Sprintf("%[1]s >= '%[2]s' AND %[1]s < '%[3]s'", column, month.Format(time.DateOnly), month.AddDate(0, 1, 0).Format(time.DateOnly))
	quiet := driver.Context(ctx, driver.WithSettings(driver.Settings{
		"final": 0, // the view says where, and the optimiser sees more
		// What does not fit goes to the disk.
		"max_bytes_before_external_group_by": 200 << 20, "max_bytes_before_external_sort": 200 << 20,
	}))
	if err := db.conn.Exec(quiet, fmt.Sprintf("INSERT INTO %s SELECT * FROM exact_%s WHERE %s", tmp, table, bounds)); err != nil {
		return err
	}
	var rows uint64
	if err := db.conn.QueryRow(ctx, "SELECT count() FROM "+tmp).Scan(&rows); err != nil {
		return err
	}
	if rows == 0 { // ClickHouse replaces nothing by nothing
		return db.drop(ctx, table, partition)
	}
	return db.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s REPLACE PARTITION ID '%s' FROM %s", table, partition, tmp))
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

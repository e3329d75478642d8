package report

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// envEvents says how many events BenchmarkYears generates, a million unless told.
const envEvents = "WHOKNOCKS_BENCH_EVENTS"

// years fills five years with events: 30,000 owners, the n-th with an n-th of the
// sources of the first, two million sources, 3 % of them IPv6, 8 events a burst, 65,000 ports.
func years(b *testing.B, db *clickhouse.DB, events int) {
	b.Helper()
	const months = 60
	begin := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	took := time.Now()
	for m := range months {
		first, n := begin.AddDate(0, m, 0), events/months
		seconds := first.AddDate(0, 1, 0).Sub(first).Seconds()
		err := db.Conn().Exec(b.Context(), fmt.Sprintf(`
			INSERT INTO events (src_ip, time, id, sensor, format, direction, proto, src_port, dst_port, tcp_flags, packets, owner, registrant, netname, network, country, carrier, asn, as_name,
				owner_basis, owner_as_of, owner_why, cause, cause_why, origin, received, enriched_at)
			WITH intDiv(number, 8) + %[1]d * 100000000 AS burst, cityHash64(burst) %% 2000000 AS source, toUInt32(pow(30000, (cityHash64(source) %% 1000000) / 1000000.)) AS o
			SELECT if(source %% 33 = 0, toIPv6(concat('2001:db8:', hex(toUInt16(intDiv(source, 65536))), ':', hex(toUInt16(source)), '::1')), toIPv6(IPv4NumToString(toUInt32(16777216 + source * 1500)))),
				toDateTime64('%[2]s', 3, 'UTC') + toIntervalMillisecond(toUInt64(intDiv(number, 8) * 8 * %[3]f) + number %% 8 * 700), bitOr(cityHash64(number, %[1]d), 1), 'home', 'netfilter', 'in',
				if(burst %% 5 = 0, 'udp', 'tcp'), 1024 + cityHash64(burst, 1) %% 60000, toUInt16(65000 * pow((cityHash64(number, 3) %% 1000000) / 1000000., 6)), 'S', 1,
				concat('Owner ', toString(o)), concat('Owner ', toString(o), ', Inc.'), concat('NET-', toString(source %% 90000)), concat('net ', toString(source %% 90000)),
				arrayElement(['US','DE','CN','NL','FR','BR','RU','IN','GB','JP'], 1 + source %% 10), concat('Carrier ', toString(o %% 500)), o + 64496, concat('OWNER-', toString(o)),
				'whois', toDateTime64('%[2]s', 3, 'UTC'), 'registrant without its legal form', if(burst %% 7 = 0, 'reply', 'scan'), 'TCP SYN without ACK', concat('fw.log:', toString(number)),
				toDateTime('%[2]s', 'UTC'), now()
			FROM numbers(%[4]d)`, m, first.Format(time.DateTime), seconds*1000/float64(n), n))
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d events generated in %v", events, time.Since(took).Round(time.Millisecond))
	took = time.Now()
	if err := db.Conn().Exec(b.Context(), "OPTIMIZE TABLE events FINAL"); err != nil {
		b.Fatal(err)
	}
	b.Logf("merged in %v", time.Since(took).Round(time.Millisecond))
	took = time.Now()
	stale, err := db.Stale(b.Context())
	for _, m := range stale {
		if err == nil {
			err = db.Build(b.Context(), m.Month)
		}
	}
	if err != nil || len(stale) != months {
		b.Fatalf("%d months built: %v", len(stale), err)
	}
	b.Logf("roll-ups of %d months built in %v", months, time.Since(took).Round(time.Millisecond))
	time.Sleep(6500 * time.Millisecond) // until they are read
	rows, err := db.Conn().Query(b.Context(), "SELECT toString(table), sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table ORDER BY table")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var all, own uint64
	for rows.Next() {
		var table string
		var n, bytes uint64
		if err := rows.Scan(&table, &n, &bytes); err != nil {
			b.Fatal(err)
		}
		all += bytes
		if table == "events" {
			own = bytes
		}
		b.Logf("%-14s %10d rows %8.1f MB", table, n, float64(bytes)/1e6)
	}
	b.Logf("%.1f bytes an event, %.1f with all roll-ups", float64(own)/float64(events), float64(all)/float64(events))
}

// BenchmarkYears asks the questions of five years, by the views that users have.
func BenchmarkYears(b *testing.B) {
	events := 1_000_000
	if text := os.Getenv(envEvents); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		events = n
	}
	db, readOnly := openDB(b)
	years(b, db, events)
	ask := func(name, query string) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				rows, err := readOnly.Conn().Query(b.Context(), query)
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for rows.Next() {
					n++
				}
				if err := rows.Close(); err != nil || rows.Err() != nil || n == 0 {
					b.Fatalf("%d rows, %v, %v", n, err, rows.Err())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms")
		})
	}
	ask("1_month_all_owners", "SELECT owner, attempts, sources, ports FROM owners_by_month WHERE month = '2024-05-01' ORDER BY attempts DESC LIMIT 100")
	ask("1_60_months_all_owners", "SELECT owner, sum(attempts) AS n FROM owners_by_month GROUP BY owner ORDER BY n DESC LIMIT 100")
	ask("2_days_largest_owner", "SELECT day, sum(attempts) FROM owner_days WHERE owner = 'Owner 1' GROUP BY day ORDER BY day")
	ask("2_days_mid_owner", "SELECT day, sum(attempts) FROM owner_days WHERE owner = 'Owner 400' GROUP BY day ORDER BY day")
	ask("3_top_owners_by_proto_90_days", "SELECT owner, proto, sum(attempts) AS n FROM owner_days WHERE day >= '2025-10-01' GROUP BY owner, proto ORDER BY n DESC LIMIT 20")
	ask("3_top_owners_by_proto_5_years", "SELECT owner, proto, sum(attempts) AS n FROM owner_days GROUP BY owner, proto ORDER BY n DESC LIMIT 20")
	ask("3_5_years_sources_of_top_20", `SELECT owner, sum(m.attempts) AS n, uniqExact(src_ip) FROM source_months AS m
		WHERE owner IN (SELECT owner FROM owners_by_month GROUP BY owner ORDER BY sum(attempts) DESC LIMIT 20) GROUP BY owner ORDER BY n DESC`)
	ask("3_5_years_sources_of_top_20_nearly", `SELECT owner, sum(m.attempts) AS n, uniqCombined64(12)(src_ip) FROM sources_by_month AS m
		WHERE owner IN (SELECT owner FROM owners_by_month GROUP BY owner ORDER BY sum(attempts) DESC LIMIT 20) GROUP BY owner ORDER BY n DESC`)
	ask("4_sources_largest_owner_month", "SELECT src, attempts FROM sources_by_month WHERE month = '2024-05-01' AND owner = 'Owner 1' ORDER BY attempts DESC LIMIT 1000")
	ask("4_sources_largest_owner_5_years", "SELECT src_ip, sum(m.attempts) AS n FROM source_months AS m WHERE owner = 'Owner 1' GROUP BY src_ip ORDER BY n DESC LIMIT 1000")
	ask("4_whole_month", "SELECT src, owner, attempts FROM sources_by_month WHERE month = '2024-05-01' ORDER BY attempts DESC LIMIT 1000")
	ask("5_top_ports_90_days", "SELECT proto, dst_port, sum(attempts) AS n FROM ports_by_day WHERE day >= '2025-10-01' GROUP BY proto, dst_port ORDER BY n DESC LIMIT 20")
	ask("5_top_ports_5_years", "SELECT proto, dst_port, sum(attempts) AS n FROM ports_by_month GROUP BY proto, dst_port ORDER BY n DESC LIMIT 20")
	ask("6_new_owners", "SELECT owner, attempts FROM new_owners WHERE month = '2021-03-01'")
	ask("7_spikes", "SELECT count() FROM spikes")
	ask("8_raw_port_and_country_year", "SELECT count() FROM knocks WHERE dst_port = 23 AND country = 'CN' AND time >= '2024-01-01' AND time < '2025-01-01'")
	ask("8_raw_one_source_5_years", "SELECT count() FROM events WHERE src_ip = toIPv6('1.0.5.220')")
	ask("raw_2_for_comparison", "SELECT toDate(time) AS day, sum(packets) FROM knocks WHERE owner = 'Owner 1' GROUP BY day")
	reader := NewReader(readOnly.Conn())
	may := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	page := func(name string, f Filter) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if t, err := reader.Owners(b.Context(), f); err != nil || len(t.Rows) == 0 {
					b.Fatalf("%d rows, %v", len(t.Rows), err)
				}
				if t, err := reader.Sources(b.Context(), f); err != nil || len(t.Rows) == 0 {
					b.Fatalf("%d rows, %v", len(t.Rows), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms")
		})
	}
	page("page_month", Filter{Since: may, Until: may.AddDate(0, 1, 0), Limit: 100})
	page("page_month_one_owner", Filter{Since: may, Until: may.AddDate(0, 1, 0), Limit: 100, Owner: "owner 1"})
}

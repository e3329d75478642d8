package clickhouse_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// row reads the event with this id as people see it: one text, NULL for absent.
func row(t *testing.T, db *clickhouse.DB, id scan.ID) string {
	t.Helper()
	return text(t, db, `SELECT toString((time, time_basis, received, sensor, format, verdict, direction, proto, src, src_port, dst, dst_port,
tcp_flags, icmp_type, icmp_code, packets, label, network, owner, registrant, netname, country, carrier, asn, as_name, owner_basis,
owner_as_of, owner_why, cause, cause_why, line, origin, knock)) FROM events WHERE id = $1`, uint64(id))
}

func TestInsertKeepsEveryField(t *testing.T) {
	t.Run("stream", func(t *testing.T) { testEveryField(t, migrated(t)) })
	t.Run("batch", func(t *testing.T) {
		db := migrated(t)
		db.UseBatches()
		testEveryField(t, db)
	})
}

func testEveryField(t *testing.T, db *clickhouse.DB) {
	t.Helper()
	at := time.Date(2012, 4, 10, 6, 7, 8, 123e6, time.UTC)
	full := scan.Enriched{
		Event: scan.Event{
			ID: 0xffff_ffff_ffff_fffe, Time: at, TimeBasis: scan.TimeZoneAssumed, Received: at.Add(2 * time.Second), Sensor: "home-adsl",
			Format: "netgear-dg834", Verdict: scan.VerdictDrop, Direction: scan.DirectionIn, Proto: "tcp",
			SrcIP: netip.MustParseAddr("192.0.2.1"), SrcPort: scan.Some(uint16(80)), DstIP: netip.MustParseAddr("2001:db8::7"),
			DstPort: scan.Some(uint16(65535)), TCPFlags: scan.Some(scan.SYN | scan.ACK), Packets: 3,
			Label: `it's "a" \ rule`, Line: "a line\twith\x00bytes", Origin: "a.log:7",
		},
		Facts: scan.Facts{
			Network: "192.0.2.0/24", Owner: "Example", Registrant: "Example, Inc.", Netname: "EX", Country: "US", Carrier: "Carrier", ASN: 64500,
			ASName: "EXAMPLE-AS", OwnerBasis: scan.BasisWHOIS, OwnerAsOf: at.Add(time.Hour), OwnerWhy: "why", Cause: scan.CauseReply, CauseWhy: "SYN-ACK from 80",
		},
	}
	bare := scan.Enriched{Event: scan.Event{ID: 1, Time: at, SrcIP: netip.MustParseAddr("2001:db8::1"), Packets: 1}}
	zero := bare // 0 is a value where there are such things as port 0
	zero.ID, zero.SrcIP, zero.Proto = 2, netip.MustParseAddr("10.0.0.1"), "icmp"
	zero.SrcPort, zero.DstPort, zero.TCPFlags = scan.Some(uint16(0)), scan.Some(uint16(0)), scan.Some(scan.TCPFlags(0))
	zero.ICMPType, zero.ICMPCode = scan.Some(uint8(0)), scan.Some(uint8(0))
	zero.Direction = scan.DirectionUnknown
	insert(t, db, full, bare, zero)

	for _, c := range []struct {
		id   scan.ID
		want string
	}{
		{full.ID, `('2012-04-10 06:07:08.123','zone_assumed','2012-04-10 06:07:10','home-adsl','netgear-dg834','drop','in','tcp','192.0.2.1',80,'2001:db8::7',65535,` +
			`'SA',NULL,NULL,3,'it\'s "a" \\ rule','192.0.2.0/24','Example','Example, Inc.','EX','US','Carrier',64500,'EXAMPLE-AS','whois',` +
			`'2012-04-10 07:07:08','why','reply','SYN-ACK from 80','a line\twith\0bytes','a.log:7',true)`},
		{bare.ID, `('2012-04-10 06:07:08.123','',NULL,'','','','','','2001:db8::1',NULL,NULL,NULL,NULL,NULL,NULL,1,'','','','','','','',0,'','',NULL,'','','','','',false)`},
		{zero.ID, `('2012-04-10 06:07:08.123','',NULL,'','','','unknown','icmp','10.0.0.1',0,NULL,0,'',0,0,1,'','','','','','','',0,'','',NULL,'','','','','',false)`},
	} {
		if diff := cmp.Diff(c.want, row(t, db, c.id)); diff != "" {
			t.Errorf("row %s mismatch (-want +got)\n%s", c.id, diff)
		}
	}
	if n := number(t, db, "SELECT count() FROM knocks WHERE src = '192.0.2.1'"); n != 1 {
		t.Errorf("view knocks has %d rows of 192.0.2.1, want 1", n)
	}
	if n := number(t, db, "SELECT count() FROM knocks"); n != 1 {
		t.Errorf("view knocks has %d rows, want 1", n)
	}
	if n := number(t, db, "SELECT count() FROM events WHERE src_ip = '192.0.2.1' AND src_ip BETWEEN '192.0.2.0' AND '192.0.2.255'"); n != 1 {
		t.Errorf("%d rows of 192.0.2.1 by src_ip, want 1", n)
	}
}

// Counts are exact whatever is repeated, for a plain SELECT and before ClickHouse
// has merged anything.
func TestInsertRepeats(t *testing.T) {
	db := migrated(t)
	exec(t, db, "SYSTEM STOP MERGES events")
	events := clickhouse.Sample(3000)
	insert(t, db, events[:1000]...)
	insert(t, db, events[500:2500]...) // overlaps, cut otherwise
	insert(t, db, events...)           // the whole again
	slices.Reverse(events)
	insert(t, db, events[:100]...)
	if n := number(t, db, "SELECT count() FROM events"); n != 3000 {
		t.Errorf("%d events, want 3000", n)
	}
	knocks := uint64(0)
	for i := range events {
		if events[i].Knock() {
			knocks++
		}
	}
	if n := number(t, db, "SELECT count() FROM knocks"); n != knocks || n == 0 {
		t.Errorf("%d knocks, want %d", n, knocks)
	}
	if n := number(t, db, "SELECT count() FROM events SETTINGS final = 0"); n != 6100 {
		t.Fatalf("%d rows, want 6100: something merged, so the test shows nothing", n)
	}
}

// An insert is never taken for an earlier one: of that one there may be nothing, though
// ClickHouse has noted it (see TestKilledEngineLosesNothing). Readers see no repeat.
func TestInsertIsTakenForNoOther(t *testing.T) {
	db := migrated(t)
	exec(t, db, "ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 1000") // as it once was made
	exec(t, db, "SYSTEM STOP MERGES events")
	events := clickhouse.Sample(100)
	for i := range uint64(3) {
		insert(t, db, events...)
		rows, seen := number(t, db, "SELECT count() FROM events SETTINGS final = 0"), number(t, db, "SELECT count() FROM events SETTINGS final = 1")
		if want := 100 * (i + 1); rows != want || seen != 100 {
			t.Errorf("after %d inserts there are %d rows, of which %d are seen, want %d and 100", i+1, rows, seen, want)
		}
	}
}

func TestInsertEachFindsTheRefused(t *testing.T) {
	db := migrated(t)
	events := clickhouse.Sample(1000)
	bad := []int{0, 77, 78, 500, 999}
	events[0].SrcIP = netip.Addr{}
	events[77].Packets = 0
	events[78].ID = 0
	events[500].Time = time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)
	events[999].Time = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	b := clickhouse.NewEvents()
	for i := range events {
		b.Add(&events[i], time.Now())
	}
	if err := db.Insert(t.Context(), b); !clickhouse.Refused(err) {
		t.Fatalf("Insert() = %v, want it refused", err)
	}
	for range 2 { // the second time repeats
		var refused []int
		err := db.InsertEach(t.Context(), b, 10, func(i int, reason error) error {
			refused = append(refused, i)
			if !clickhouse.Refused(reason) {
				t.Errorf("event %d refused with %v", i, reason)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(bad, refused); diff != "" {
			t.Errorf("refused mismatch (-want +got)\n%s", diff)
		}
		if n := number(t, db, "SELECT count() FROM events"); n != 995 {
			t.Errorf("%d events, want 995", n)
		}
	}
	if err := db.InsertEach(t.Context(), b, 3, func(int, error) error { return nil }); !clickhouse.Refused(err) {
		t.Errorf("InsertEach() with more refused than allowed = %v, want an error", err)
	}
}

// Events of many years in one batch, more months than ClickHouse allows by default.
func TestInsertManyMonths(t *testing.T) {
	db := migrated(t)
	events := clickhouse.Sample(120)
	for i := range events {
		events[i].Time = time.Date(2000, time.Month(1+i), 1, 0, 0, 0, 0, time.UTC)
	}
	insert(t, db, events...)
	if n := number(t, db, "SELECT uniqExact(toYYYYMM(time)) FROM events"); n != 120 {
		t.Errorf("%d months, want 120", n)
	}
}

// Column knock must judge every address as package scan does.
func TestKnockIsScanPublic(t *testing.T) {
	db := migrated(t)
	var addrs []netip.Addr
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15",
		"224.0.0.0/4", "240.0.0.0/4", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
		"2001:db8::/32", "::ffff:0:0:0/96", "64:ff9b::/96", "::2/127",
	} {
		p := netip.MustParsePrefix(s)
		first, b := p.Addr(), p.Addr().AsSlice()
		for bit := p.Bits(); bit < 8*len(b); bit++ {
			b[bit/8] |= 0x80 >> (bit % 8)
		}
		last, _ := netip.AddrFromSlice(b)
		addrs = append(addrs, first.Prev(), first, first.Next(), last.Prev(), last, last.Next())
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 20_000 {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], rnd.Uint64())
		binary.BigEndian.PutUint64(b[8:], rnd.Uint64())
		addrs = append(addrs, netip.AddrFrom16(b), netip.AddrFrom4([4]byte(b[:4])))
	}
	directions := []scan.Direction{scan.DirectionIn, scan.DirectionOut, scan.DirectionLocal, scan.DirectionUnknown}
	var events []scan.Enriched
	knocks := map[uint64]bool{}
	for _, a := range addrs {
		if !a.IsValid() || a.Unmap() == netip.IPv6Unspecified() {
			continue
		}
		e := scan.Enriched{Event: scan.Event{ID: scan.ID(len(events) + 1), SrcIP: a.Unmap(), Packets: 1,
			Direction: directions[len(events)%4], Time: time.Unix(1e9, 0)}}
		knocks[uint64(e.ID)] = e.Knock()
		events = append(events, e)
	}
	insert(t, db, events...)
	rows, err := db.Conn().Query(t.Context(), "SELECT id, src, knock FROM events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	n := 0
	for rows.Next() {
		var id uint64
		var src string
		var knock bool
		if err := rows.Scan(&id, &src, &knock); err != nil {
			t.Fatal(err)
		}
		n++
		if knock != knocks[id] {
			t.Errorf("%s: knock is %v, package scan says %v", src, knock, knocks[id])
		}
		if want := events[id-1].SrcIP.String(); src != want && netip.MustParseAddr(src) != events[id-1].SrcIP {
			t.Errorf("src is %q, want %q", src, want)
		}
	}
	if err := rows.Err(); err != nil || n != len(events) {
		t.Errorf("%d rows of %d, %v", n, len(events), err)
	}
}

func TestInsertRejected(t *testing.T) {
	db := migrated(t)
	lines := []scan.Rejected{
		{ID: 1, Kind: scan.KindRejected, Stage: "ingest", Reason: "no such port", Received: time.Unix(1e9, 0), Sensor: "home-adsl", Format: "netfilter", Line: "x", Origin: "a.log:1"},
		{ID: 2, Kind: scan.KindUnrecognised, Stage: "ingest", Sensor: "home-adsl", Line: "DHCP"},
	}
	for range 3 {
		if err := db.InsertRejected(t.Context(), lines); err != nil {
			t.Fatal(err)
		}
	}
	got := text(t, db, "SELECT toString(groupArray((sensor, id, kind, stage, reason, received, format, line, origin))) FROM (SELECT * FROM rejected ORDER BY id)")
	want := `[('home-adsl',1,'rejected','ingest','no such port','2001-09-09 01:46:40.000','netfilter','x','a.log:1'),('home-adsl',2,'unrecognised','ingest','',NULL,'','DHCP','')]`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rejected lines mismatch (-want +got)\n%s", diff)
	}
}

func TestOpenWaits(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	db, err := clickhouse.Open(ctx, clickhouse.Config{DSN: "http://user:hunter2@127.0.0.1:1/whoknocks"})
	if err == nil {
		_ = db.Close()
		t.Fatal("Open() of nothing = nil")
	}
	if time.Since(start) < 200*time.Millisecond {
		t.Errorf("Open() gave up after %s: %v", time.Since(start), err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error tells the password: %v", err)
	}
}

package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// sampler makes events that look like a firewall's: a few owners knock most,
// each in bursts of one source over a few seconds, IPv6 is rare, and the log
// lines repeat themselves. It is the same for the same seed.
type sampler struct {
	rnd    *rand.Rand
	zipf   *rand.Zipf
	ports  *rand.Zipf
	time   time.Time
	left   int // of the burst
	burst  scan.Enriched
	n      uint64
	live   bool // received right away rather than read from a file later
	step   time.Duration
	owners []scan.Facts
}

const sampleOwners = 30_000

func newSampler(seed uint64, step time.Duration, live bool) *sampler {
	rnd := rand.New(rand.NewPCG(seed, 1))
	s := &sampler{
		rnd: rnd, step: step, live: live,
		zipf:  rand.NewZipf(rnd, 1.2, 8, sampleOwners-1),
		ports: rand.NewZipf(rnd, 1.3, 4, 65_000),
		time:  time.Date(2012, 4, 10, 0, 0, 0, 0, time.UTC),
	}
	for i := range sampleOwners {
		s.owners = append(s.owners, sampleFacts(i))
	}
	return s
}

func sampleFacts(i int) scan.Facts {
	network := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(1 + i>>8%200), byte(i), byte(i >> 3), 0}), 22).Masked()
	if i%33 == 0 {
		network = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, byte(i >> 8), byte(i)}), 48).Masked()
	}
	owner := fmt.Sprintf("Example Owner %d", i/3)
	return scan.Facts{
		Network: network.String(), Owner: owner, Registrant: owner + ", Inc.", Netname: fmt.Sprintf("EXAMPLE-NET-%d", i),
		Country: string([]byte{byte('A' + i%26), byte('A' + i/26%26)}), Carrier: fmt.Sprintf("Example Carrier %d", i/40),
		ASN: uint32(64_496 + i/7), ASName: fmt.Sprintf("EXAMPLE-AS-%d", i/7), OwnerBasis: scan.BasisWHOIS,
		OwnerAsOf: time.Date(2026, 11, 1+i%20, 0, 0, 0, 0, time.UTC), OwnerWhy: "registrant without its legal form",
	}
}

func (s *sampler) next(e *scan.Enriched) {
	if s.left == 0 {
		s.left = 1 + s.rnd.IntN(15)
		f := s.owners[s.zipf.Uint64()]
		p := netip.MustParsePrefix(f.Network)
		b := p.Addr().As16()
		b[15], b[14] = byte(s.rnd.IntN(256)), b[14]|byte(s.rnd.IntN(4))
		s.burst = scan.Enriched{Facts: f, Event: scan.Event{
			SrcIP: netip.AddrFrom16(b).Unmap(), DstIP: netip.MustParseAddr("203.0.113.7"), Sensor: "home-adsl", Format: "netfilter",
			TimeBasis: scan.TimeYearInferred, Verdict: scan.VerdictDrop, Direction: scan.DirectionIn, Proto: "tcp",
			SrcPort: scan.Some(uint16(1024 + s.rnd.IntN(64_000))), TCPFlags: scan.Some(scan.SYN), Packets: 1, Label: "[UFW BLOCK]",
		}}
		s.burst.Cause, s.burst.CauseWhy = scan.CauseScan, "SYN to a port that offers nothing"
		s.time = s.time.Add(time.Duration(s.rnd.Int64N(int64(2*s.step))) * 8)
	}
	s.left--
	s.n++
	*e = s.burst
	e.Time = s.time.Add(time.Duration(s.rnd.IntN(3000)) * time.Millisecond).Truncate(time.Second)
	e.ID = scan.ID(s.rnd.Uint64() | 1)
	e.DstPort = scan.Some(uint16(s.ports.Uint64()))
	e.Received = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	if s.live {
		e.Received = e.Time.Add(time.Duration(s.rnd.IntN(1500)) * time.Millisecond)
	}
	e.Line = fmt.Sprintf("%s router kernel: [%d.%06d] [UFW BLOCK] IN=ppp0 OUT= MAC= SRC=%s DST=%s LEN=%d TOS=0x00 PREC=0x00 TTL=%d ID=%d DF PROTO=TCP SPT=%d DPT=%d WINDOW=%d RES=0x00 SYN URGP=0",
		e.Time.Format(time.Stamp), s.n/3, s.rnd.IntN(1e6), e.SrcIP, e.DstIP, 40+4*s.rnd.IntN(5), 40+s.rnd.IntN(80), s.rnd.IntN(65536),
		e.SrcPort.V, e.DstPort.V, []int{1024, 8192, 14600, 65535}[s.rnd.IntN(4)])
	e.Origin = fmt.Sprintf("ufw-2012.log:%d", s.n)
}

// sample is the first n events of a sampler: a log of some months.
func sample(n int) []scan.Enriched {
	s := newSampler(1, 10*time.Second, false)
	events := make([]scan.Enriched, n)
	for i := range events {
		s.next(&events[i])
	}
	return events
}

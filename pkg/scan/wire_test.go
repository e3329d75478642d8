package scan

import (
	"net/netip"
	"time"
)

// wire is the wire form as encoding/json reads and writes it: the slow model
// that the codec is compared with.
type wire struct {
	V         int        `json:"v,omitempty"`
	ID        string     `json:"id,omitempty"`
	Time      *time.Time `json:"time,omitempty"`
	TimeBasis TimeBasis  `json:"time_basis,omitempty"`
	Received  *time.Time `json:"received,omitempty"`
	Sensor    string     `json:"sensor,omitempty"`
	Format    string     `json:"format,omitempty"`
	Verdict   Verdict    `json:"verdict,omitempty"`
	Direction Direction  `json:"direction,omitempty"`
	Proto     string     `json:"proto,omitempty"`
	SrcIP     netip.Addr `json:"src_ip,omitzero"`
	SrcPort   *uint16    `json:"src_port,omitempty"`
	DstIP     netip.Addr `json:"dst_ip,omitzero"`
	DstPort   *uint16    `json:"dst_port,omitempty"`
	TCPFlags  *string    `json:"tcp_flags,omitempty"`
	ICMPType  *uint8     `json:"icmp_type,omitempty"`
	ICMPCode  *uint8     `json:"icmp_code,omitempty"`
	Packets   *uint32    `json:"packets,omitempty"`
	Label     string     `json:"label,omitempty"`
	Line      string     `json:"line,omitempty"`
	Origin    string     `json:"origin,omitempty"`

	Network    string     `json:"network,omitempty"`
	Owner      string     `json:"owner,omitempty"`
	Registrant string     `json:"registrant,omitempty"`
	Netname    string     `json:"netname,omitempty"`
	Country    string     `json:"country,omitempty"`
	Carrier    string     `json:"carrier,omitempty"`
	ASN        uint32     `json:"asn,omitempty"`
	ASName     string     `json:"as_name,omitempty"`
	OwnerBasis Basis      `json:"owner_basis,omitempty"`
	OwnerAsOf  *time.Time `json:"owner_as_of,omitempty"`
	OwnerWhy   string     `json:"owner_why,omitempty"`
	Cause      Cause      `json:"cause,omitempty"`
	CauseWhy   string     `json:"cause_why,omitempty"`
}

// model returns e as the model has it.
func model(e *Enriched) *wire {
	w := &wire{
		V: Version, Time: present(e.Time), TimeBasis: e.TimeBasis, Received: present(e.Received),
		Sensor: e.Sensor, Format: e.Format, Verdict: e.Verdict, Direction: e.Direction, Proto: e.Proto,
		SrcIP: e.SrcIP, SrcPort: pointer(e.SrcPort), DstIP: e.DstIP, DstPort: pointer(e.DstPort),
		ICMPType: pointer(e.ICMPType), ICMPCode: pointer(e.ICMPCode), Packets: &e.Packets,
		Label: e.Label, Line: e.Line, Origin: e.Origin,
		Network: e.Network, Owner: e.Owner, Registrant: e.Registrant, Netname: e.Netname, Country: e.Country,
		Carrier: e.Carrier, ASN: e.ASN, ASName: e.ASName, OwnerBasis: e.OwnerBasis, OwnerAsOf: present(e.OwnerAsOf),
		OwnerWhy: e.OwnerWhy, Cause: e.Cause, CauseWhy: e.CauseWhy,
	}
	if e.ID != 0 {
		w.ID = e.ID.String()
	}
	if e.TCPFlags.OK {
		s := e.TCPFlags.V.String()
		w.TCPFlags = &s
	}
	return w
}

func present(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func pointer[T ~uint8 | ~uint16](o Opt[T]) *T {
	if !o.OK {
		return nil
	}
	return &o.V
}

// sample is an event as a home router's line makes it, with everything that a
// registry tells about its source.
func sample() Enriched {
	return Enriched{
		Event: Event{
			ID: 0x9a3c5e7102d4b6f8, Time: time.Date(2012, 4, 10, 18, 22, 1, 0, time.UTC), TimeBasis: TimeZoneAssumed,
			Received: time.Date(2026, 6, 1, 7, 30, 12, 345e6, time.UTC),
			Sensor:   "home-adsl", Format: "netgear-dos", Verdict: VerdictDrop, Direction: DirectionIn, Proto: "tcp",
			SrcIP: netip.MustParseAddr("203.0.113.77"), SrcPort: Some[uint16](80),
			DstIP: netip.MustParseAddr("192.0.2.15"), DstPort: Some[uint16](51413), TCPFlags: Some(SYN | ACK), Packets: 1,
			Label:  "TCP SYN-ACK scan",
			Line:   `[DoS Attack: SYN/ACK Scan] from source: 203.0.113.77, port 80, Tuesday, April 10,2012 20:22:01`,
			Origin: "router-2012-04.log:10482",
		},
		Facts: Facts{
			Network: "203.0.113.64/26", Owner: "Example CDN", Registrant: "Example CDN International B.V.",
			Netname: "EXAMPLE-CDN-HEL", Country: "FI", Carrier: "Example Telecom", ASN: 64500, ASName: "EXAMPLE-TELECOM-AS",
			OwnerBasis: BasisWHOIS, OwnerAsOf: time.Date(2026, 5, 30, 12, 0, 0, 0, time.UTC),
			OwnerWhy: "registrant begins with Example CDN", Cause: CauseReply, CauseWhy: "SYN-ACK from port 80",
		},
	}
}

// Package scan says what a scan event is: one packet that a router, firewall
// or host logged, or one line that stands for several of them, together with
// what is known of whoever sent it.
//
// It holds plain values, their wire form (one JSON object a line) and the rules
// a value must keep. How events travel is left to package bus; where they come
// from and where they are kept is left to the services. It uses the standard
// library only.
package scan

import (
	"net/netip"
	"time"
)

// Version is the wire version that this package writes in the key "v". Readers
// accept every version whose keys they know and ignore keys they do not: a key
// is never renamed or given another meaning, so a new version only adds.
const Version = 1

// MaxLine is the most bytes of a log line that an event or a rejected line
// carries. The identity of an event is made from the whole line before the cut.
const MaxLine = 4096

// TimeBasis says how the time of an event was got.
type TimeBasis string

// The time bases, from the most to the least trustworthy.
const (
	TimeGiven        TimeBasis = "given"         // date, year and zone stood in the line
	TimeZoneAssumed  TimeBasis = "zone_assumed"  // local time of the device, its zone taken from the configuration
	TimeYearInferred TimeBasis = "year_inferred" // the line has no year (its zone may be assumed as well)
	TimeReceived     TimeBasis = "received"      // no time, or that of a clock that was never set: when it was received
)

// Verdict is what the device did with the packet.
type Verdict string

// The verdicts.
const (
	VerdictDrop    Verdict = "drop"
	VerdictReject  Verdict = "reject"
	VerdictAllow   Verdict = "allow"
	VerdictAlert   Verdict = "alert"
	VerdictUnknown Verdict = "unknown"
)

// Direction is where the packet went as the device saw it.
type Direction string

// The directions. Owners and sources are counted from DirectionIn and
// DirectionUnknown only.
const (
	DirectionIn      Direction = "in"
	DirectionOut     Direction = "out"
	DirectionLocal   Direction = "local"
	DirectionUnknown Direction = "unknown"
)

// Basis says what an attribution rests on.
type Basis string

// The bases of an attribution.
const (
	BasisOverride Basis = "override" // the user's owner rules
	BasisWHOIS    Basis = "whois"
	BasisRDAP     Basis = "rdap"
	BasisASN      Basis = "asn" // IP-to-ASN data only
	BasisNone     Basis = "none"
)

// Cause is what a packet most likely is.
type Cause string

// The causes. CauseUnknown is better than wrong certainty.
const (
	CauseScan        Cause = "scan"
	CauseReply       Cause = "reply"       // answer to the owner's own traffic
	CausePeer        Cause = "peer"        // peer-to-peer helper, NAT traversal
	CauseBackscatter Cause = "backscatter" // answer to somebody else's forged packets
	CauseResearch    Cause = "research"    // known scanning projects
	CauseNoise       Cause = "noise"       // own LAN, multicast, DHCP
	CauseUnknown     Cause = "unknown"
)

// Opt is a small number that may be absent: its zero value is absent, so that
// port 0 and "no port in the line" stay two things. It is a plain value; copy it.
type Opt[T ~uint8 | ~uint16] struct {
	V  T
	OK bool
}

// Some returns the present value v.
func Some[T ~uint8 | ~uint16](v T) Opt[T] { return Opt[T]{V: v, OK: true} }

// ID is the 64-bit content hash that identifies an event together with its
// source address and time. Its text is 16 lower-case hexadecimal digits.
type ID uint64

// Event is what ingest observed. Strings that are empty, addresses and times
// that are zero and options that are not OK are absent on the wire. Addresses
// are canonical (netip.Addr.Unmap, no zone); times are UTC, cut to milliseconds.
// Keys on the wire and columns in ClickHouse have the names in the comments.
type Event struct {
	ID        ID            // id
	Time      time.Time     // time
	TimeBasis TimeBasis     // time_basis
	Received  time.Time     // received
	Sensor    string        // sensor: one subject token, see ValidSensor
	Format    string        // format
	Verdict   Verdict       // verdict
	Direction Direction     // direction
	Proto     string        // proto: lower-case IANA keyword, or the number in decimal
	SrcIP     netip.Addr    // src_ip
	SrcPort   Opt[uint16]   // src_port
	DstIP     netip.Addr    // dst_ip
	DstPort   Opt[uint16]   // dst_port
	TCPFlags  Opt[TCPFlags] // tcp_flags: present and empty is a NULL scan
	ICMPType  Opt[uint8]    // icmp_type
	ICMPCode  Opt[uint8]    // icmp_code
	Packets   uint32        // packets: 1 or more
	Label     string        // label: the device's own words or rule
	Line      string        // line: as read, at most MaxLine bytes
	Origin    string        // origin: file or listener, and position
}

// Facts is what enrich adds: the attribution of the remote address, and the
// likely cause. The zero value says that nothing is known.
type Facts struct {
	Network    string    // network: CIDR, or "first-last" where the block is not one prefix
	Owner      string    // owner: the family
	Registrant string    // registrant: the name as registered
	Netname    string    // netname
	Country    string    // country: ISO 3166 alpha-2
	Carrier    string    // carrier: owner of the next larger block
	ASN        uint32    // asn: origin AS; 0 is absent
	ASName     string    // as_name
	OwnerBasis Basis     // owner_basis
	OwnerAsOf  time.Time // owner_as_of: when the attribution was true, to the second
	OwnerWhy   string    // owner_why: the rule that made the family
	Cause      Cause     // cause
	CauseWhy   string    // cause_why: the evidence
}

// Enriched is an event with the facts about it.
type Enriched struct {
	Event
	Facts
}

// RejectKind tells a damaged line from one that no format claims and from one
// about packets that were never logged.
type RejectKind string

// The kinds of rejected lines.
const (
	KindRejected     RejectKind = "rejected"     // a format claims it but it is damaged or impossible; or a later stage refused it
	KindUnrecognised RejectKind = "unrecognised" // no format claims it; samples are kept
	KindGap          RejectKind = "gap"          // the device says that it has logged fewer packets than it saw
)

// Rejected is a line that became no event, with the reason.
type Rejected struct {
	ID       ID         // id: content hash as an event's
	Kind     RejectKind // kind
	Stage    string     // stage: ingest, enrich or store
	Reason   string     // reason
	Received time.Time  // received
	Sensor   string     // sensor
	Format   string     // format: the one that claimed it, or empty
	Packets  uint32     // packets: of a gap, those not logged; 0 if nobody knows
	Line     string     // line: at most MaxLine bytes
	Origin   string     // origin
}

// Attributed tells that a block's attribution was learnt or has changed. First
// and Last bound the addresses it covers, both included. Facts' Cause and
// CauseWhy are not used.
type Attributed struct {
	First netip.Addr // first
	Last  netip.Addr // last
	Facts
}

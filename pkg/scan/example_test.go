package scan_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// A batch as it comes from a subject: one event a line.
const batch = `{"v":1,"id":"9a3c5e7102d4b6f8","time":"2012-04-10T18:22:01.000Z","sensor":"home","direction":"in","proto":"tcp","src_ip":"203.0.113.77","src_port":80,"dst_port":51413,"tcp_flags":"SA","packets":1,"owner":"Example CDN","cause":"reply"}
{"v":1,"id":"9a3c5e7102d4b6f9","time":"2012-04-10T18:22:04.000Z","sensor":"home","direction":"in","proto":"icmp","src_ip":"198.51.100.9","icmp_type":8,"packets":3}
{"v":1,"id":"9a3c5e7102d4b6fa","time":"2012-04-10T18:22:05.000Z","sensor":"home","direction":"local","proto":"udp","src_ip":"192.168.1.4","dst_port":0,"packets":1}
`

// Reading a batch with one Decoder and one Enriched, both used again for each line.
func ExampleDecoder_Enriched() {
	var dec scan.Decoder
	var e scan.Enriched
	for line := range scan.Lines([]byte(batch)) {
		if err := dec.Enriched(line, &e); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%s %s %q knock=%v\n", e.Time.Format(time.TimeOnly), e.SrcIP, e.Owner, e.Knock())
		if e.DstPort.OK { // port 0 is a port too
			fmt.Println("  to port", e.DstPort.V)
		}
	}
	// Output:
	// 18:22:01 203.0.113.77 "Example CDN" knock=true
	//   to port 51413
	// 18:22:04 198.51.100.9 "" knock=true
	// 18:22:05 192.168.1.4 "" knock=false
	//   to port 0
}

func ExampleDecoder_Event() {
	var dec scan.Decoder
	var e scan.Event
	fmt.Println(dec.Event([]byte(`{"v":1,"src_port":70000}`), &e))
	fmt.Println(dec.Event([]byte(`{"v":1,"src_ip":"203.0.113.300"}`), &e))
	fmt.Println(dec.Event([]byte(`{"v":2,"proto":"udp","mood":{"calm":true}}`), &e), e.Proto)
	// Output:
	// decode event: key "src_port": "70000" is not a whole number from 0 to 65535
	// decode event: key "src_ip": "203.0.113.300" is not an IP address without zone
	// <nil> udp
}

func ExampleEvent_AppendJSON() {
	e := scan.Event{
		ID: 0x9a3c5e7102d4b6f8, Time: time.Date(2012, 4, 10, 20, 22, 1, 0, time.FixedZone("", 2*60*60)), TimeBasis: scan.TimeGiven,
		Sensor: "home", Format: "netgear-dos", Verdict: scan.VerdictDrop, Direction: scan.DirectionIn, Proto: "tcp",
		SrcIP: netip.MustParseAddr("203.0.113.77"), SrcPort: scan.Some[uint16](80), TCPFlags: scan.Some(scan.SYN | scan.ACK), Packets: 1,
	}
	var buf []byte // grows once, then is used again
	buf = append(e.AppendJSON(buf[:0]), '\n')
	fmt.Print(string(buf))
	// Output:
	// {"v":1,"id":"9a3c5e7102d4b6f8","time":"2012-04-10T18:22:01.000Z","time_basis":"given","sensor":"home","format":"netgear-dos","verdict":"drop","direction":"in","proto":"tcp","src_ip":"203.0.113.77","src_port":80,"tcp_flags":"SA","packets":1}
}

func ExampleEvent_Validate() {
	e := scan.Event{ID: 1, Time: time.Unix(1334082121, 0), SrcIP: netip.MustParseAddr("203.0.113.77"), Packets: 1, Sensor: "my router"}
	fmt.Println(e.Validate())
	// Output:
	// sensor: "my router" is not 1 to 64 letters, digits, - and _
}

func ExampleParseTCPFlags() {
	flags, err := scan.ParseTCPFlags("AS")
	fmt.Println(flags, flags&scan.ACK != 0, err)
	// Output:
	// SA true <nil>
}

func ExamplePublic() {
	for _, s := range []string{"203.0.113.77", "192.168.1.4", "100.64.0.1", "2001:db8::1", "fe80::1"} {
		fmt.Println(s, scan.Public(netip.MustParseAddr(s)))
	}
	// Output:
	// 203.0.113.77 true
	// 192.168.1.4 false
	// 100.64.0.1 false
	// 2001:db8::1 true
	// fe80::1 false
}

package juniper

import (
	"testing"

	"github.com/whoknocks/whoknocks/services/ingest/internal/parse/parsetest"
)

func TestGolden(t *testing.T) { parsetest.Golden(t, Parse) }

func TestCut(t *testing.T) {
	f := func(line string) {
		t.Helper()
		parsetest.Cut(t, Parse, line)
	}
	f(`<11>1 2019-02-11T15:40:27.118-05:00 srx RT_IDS - RT_SCREEN_TCP [junos@2636.1.1.1.2.39 attack-name="TCP sweep!" source-address="192.0.2.112" source-port="60001" destination-address="198.51.100.122" destination-port="1433" source-zone-name="untrust" interface-name="ge-0/0/0.0" action="drop"]`)
	f(`RT_IDS: RT_SCREEN_TCP: TCP sweep! source: 192.0.2.112:60001, destination: 198.51.100.122:1433, zone name: untrust, interface name: ge-0/0/0.0, action: drop`)
	f(`RT_FLOW: RT_FLOW_SESSION_DENY: session denied 192.0.2.112/51234->198.51.100.122/2323 junos-telnet 17(0) default-deny untrust trust UNKNOWN`)
	f(`/kernel: PFE_FW_SYSLOG_IP: FW: ge-0/0/0.0   D tcp 192.0.2.112 198.51.100.122 51234 2323 (1 packets)`)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Parse) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, Parse) }

package netgeardos

import "strings"

// kinds are the attack names whose protocol is beyond doubt. "TCP/UDP Chargen",
// "TCP/UDP Echo", STORM and ARP Attack are left out: the first two may be either,
// the others say nothing.
var kinds = [...]struct{ kind, proto string }{
	{"RST Scan", "tcp"},
	{"SYN/ACK Scan", "tcp"},
	{"ACK Scan", "tcp"},
	{"FIN Scan", "tcp"},
	{"NULL Scan", "tcp"},
	{"Xmas Scan", "tcp"},
	{"Xmas Tree Scan", "tcp"},
	{"SYN Scan", "tcp"},
	{"TCP Port Scan", "tcp"},
	{"TCP SYN Flood", "tcp"},
	{"SYN Flood", "tcp"},
	{"WinNuke Attack", "tcp"},
	{"Land Attack", "tcp"},
	{"UDP Port Scan", "udp"},
	{"UDP Scan", "udp"},
	{"UDP Flood", "udp"},
	{"ICMP Scan", "icmp"},
	{"ICMP Flood", "icmp"},
	{"Ping Sweep", "icmp"},
	{"Ping Of Death", "icmp"},
	{"Smurf", "icmp"},
}

func proto(kind string) string {
	for i := range kinds {
		if strings.EqualFold(kinds[i].kind, kind) {
			return kinds[i].proto
		}
	}
	return ""
}

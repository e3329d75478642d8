package ciscoasa

import (
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// literals are the names that Cisco's firewalls print for ports, from the table
// "TCP and UDP Ports" of their command reference.
var literals = [...]struct {
	name string
	port uint16
}{
	{"ssh", 22}, {"telnet", 23}, {"https", 443}, {"www", 80}, {"http", 80}, {"snmp", 161}, {"domain", 53},
	{"ntp", 123}, {"bootps", 67}, {"bootpc", 68}, {"netbios-ns", 137}, {"netbios-dgm", 138}, {"netbios-ssn", 139},
	{"isakmp", 500}, {"rip", 520}, {"syslog", 514}, {"snmptrap", 162}, {"sip", 5060}, {"smtp", 25}, {"ftp", 21},
	{"ftp-data", 20}, {"tftp", 69}, {"pop3", 110}, {"imap4", 143}, {"sunrpc", 111}, {"bgp", 179}, {"ldap", 389},
	{"ldaps", 636}, {"kerberos", 88}, {"sqlnet", 1521}, {"pptp", 1723}, {"radius", 1645}, {"radius-acct", 1646},
	{"tacacs", 49}, {"citrix-ica", 1494}, {"h323", 1720}, {"rtsp", 554}, {"nfs", 2049}, {"finger", 79}, {"gopher", 70},
	{"ident", 113}, {"irc", 194}, {"login", 513}, {"lpd", 515}, {"nntp", 119}, {"whois", 43}, {"echo", 7},
	{"discard", 9}, {"daytime", 13}, {"chargen", 19}, {"pcanywhere-data", 5631}, {"pcanywhere-status", 5632},
}

// port reads a port that is a number or one of Cisco's names.
func port(s string) scan.Opt[uint16] {
	if s == "" || s[0]-'0' <= 9 {
		return parse.Port(s)
	}
	for i := range literals {
		if literals[i].name == s {
			return scan.Some(literals[i].port)
		}
	}
	return scan.Opt[uint16]{}
}

package reply

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func fixture(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// tell writes a reply as one line.
func tell(r Reply) string {
	var b strings.Builder
	fmt.Fprint(&b, r.Kind)
	n := r.Net
	if n.Block.Valid() {
		fmt.Fprintf(&b, " %v %q %q %s", n.Block, n.Registrant, n.Netname, n.Country)
	}
	if n.Leaf {
		b.WriteString(" leaf")
	}
	if n.Private {
		b.WriteString(" private")
	}
	if r.Parent.Block.Valid() {
		fmt.Fprintf(&b, " in %v %q", r.Parent.Block, r.Parent.Registrant)
	}
	if r.Route != "" {
		fmt.Fprintf(&b, " route %q", r.Route)
	}
	if r.Kind == Elsewhere {
		fmt.Fprintf(&b, " held %v by %q", r.Held, r.Refer)
	}
	if n.Abuse != "" {
		b.WriteString(" abuse " + n.Abuse)
	}
	if r.Server != "" {
		b.WriteString(" server " + r.Server)
	}
	return b.String()
}

func TestParse(t *testing.T) {
	f := func(file, addr, want string) {
		t.Helper()
		text := fixture(t, file)
		if got := tell(Parse(netip.MustParseAddr(addr), text)); got != want {
			t.Errorf("%s for %s:\n got %s\nwant %s", file, addr, got, want)
		}
		// The same with the line ends of the wire.
		crlf := strings.ReplaceAll(text, "\n", "\r\n")
		if got := tell(Parse(netip.MustParseAddr(addr), crlf)); got != want {
			t.Errorf("%s for %s with CRLF:\n got %s\nwant %s", file, addr, got, want)
		}
	}
	f("arin-child-first.txt", "198.51.100.100", `answer 198.51.100.64/26 "Example Customer, Inc." "EXAMPLE-CUST" NL leaf in 198.51.100.0/24 "Example Carrier, LLC"`)
	f("arin-child-first.txt", "198.51.100.200", `answer 198.51.100.0/24 "Example Carrier, LLC" "EXAMPLE" US`)
	f("arin-child-first.txt", "203.0.113.1", `unusable`)
	f("arin-placeholder.txt", "192.0.2.1", `elsewhere held 192.0.0.0/8 by "ripe"`)
	f("arin-private.txt", "203.0.113.9", `answer 203.0.113.8/29 "Private Customer" "EXAMPLE-203-0-113-8" US leaf private in 203.0.113.0/24 "Example Carrier"`)
	f("ripe-cache-in-carrier.txt", "192.0.2.9", `answer 192.0.2.0/24 "EXAMPLE-CDN" "EXAMPLE-CDN"  leaf route "Example Telecom" abuse abuse@example.net`)
	f("ripe-org.txt", "2001:db8:d0::1", `answer 2001:db8:d0::/48 "University of Example at Exampletown" "UNI-EXAMPLE" GB`)
	f("ripe-blocked.txt", "192.0.2.1", `blocked`)
	f("ripe-not-managed.txt", "192.0.2.1", `elsewhere held 192.0.0.0/16 by ""`)
	f("apnic-erx.txt", "198.51.100.1", `elsewhere 198.51.0.0/16 "Early registration addresses" "ERX-NETBLOCK" AU held 198.51.0.0/16 by ""`)
	f("apnic-transferred.txt", "203.0.113.1", `elsewhere held 203.0.113.0/24 by "arin"`)
	f("jpnic.txt", "198.51.100.17", `answer 198.51.100.16/28 "Example Works K.K." "EXAMPLE-NET" JP leaf in 198.51.100.0/24 "Example Telecom Corporation"`)
	f("jpnic.txt", "198.51.100.99", `answer 198.51.100.0/24 "Example Telecom Corporation" "" JP`)
	f("krnic.txt", "198.51.100.70", `answer 198.51.100.64/26 "Example Bakery" "" KR leaf in 198.51.100.0/24 "Example Telecom" abuse abuse@customer.example.net`)
	f("krnic.txt", "198.51.100.1", `answer 198.51.100.0/24 "Example Telecom" "EXAMPLENET" KR abuse abuse@example.net`)
	f("rwhois.txt", "198.51.100.70", `answer 198.51.100.64/26 "Example Dentists" "" US leaf`)
	f("rwhois.txt", "198.51.100.1", `none`)
	f("nicbr.txt", "198.51.100.1", `answer 198.51.100.0/24 "Provedor de Exemplo Ltda. Conexão" "" BR abuse abuse@example.net`)
	f("lacnic-arin.txt", "192.0.2.1", `elsewhere held  by "arin"`)
	f("iana.txt", "198.51.100.1", `elsewhere held 198.0.0.0/8 by "apnic"`)
	f("arin-rwhois.txt", "198.51.100.1", `answer 198.51.100.0/24 "Example Carrier, LLC" "EXAMPLE" US abuse net-abuse@example.net server rwhois.example.net:4321`)
	f("apnic-liar.txt", "203.0.113.1", `answer 203.0.113.0/24 "Transferred to the RIPE region on 2018-05-01T01:02:03Z." "LIAR-NET" JP leaf`)
}

// What a holder writes sends nobody anywhere.
func TestReferrals(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	f := func(field, want string) {
		t.Helper()
		r := Parse(addr, "NetRange: 192.0.2.0 - 192.0.2.255\nNetName: X\nNetType: Direct Allocation\nOrganization: Example (EX)\n"+field+"\n")
		if r.Server != want {
			t.Errorf("%s: server %q, want %q", field, r.Server, want)
		}
	}
	f("ReferralServer: rwhois://rwhois.example.net:4321", "rwhois.example.net:4321")
	f("ReferralServer: rwhois://rwhois.example.net", "rwhois.example.net:4321")
	f("ReferralServer: rwhois://rwhois.example.net:43/", "rwhois.example.net:43")
	f("ReferralServer: rwhois://rwhois.example.net:25", "")
	f("ReferralServer: rwhois://localhost:4321", "")
	f("ReferralServer: rwhois://user@rwhois.example.net:4321", "")
	f("ReferralServer: rwhois://[::1]:4321", "")
	f("ReferralServer: http://rwhois.example.net:4321", "")
	f("Comment: ReferralServer: rwhois://rwhois.example.net:4321", "")
	f("Comment: x\n ReferralServer: rwhois://rwhois.example.net:4321", "")
	r := Parse(addr, "inetnum: 192.0.2.0/24\nnetname: X\nremarks: refer: whois.apnic.net\ndescr: % IANA WHOIS server\nstatus: ASSIGNED PI\n")
	if r.Kind != Answer || r.Refer != "" {
		t.Errorf("a holder's text refers: %s", tell(r))
	}
}

func TestMailbox(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		if got := Mailbox(s); got != want {
			t.Errorf("Mailbox(%q) = %q, want %q", s, got, want)
		}
	}
	f("abuse@example.net", "abuse@example.net")
	f(" <abuse@example.net> ", "abuse@example.net")
	for _, bad := range []string{"", "abuse", "@example.net", "abuse@net", "a b@example.net", "a@b@example.net", "a@example.net,b@example.net", "<script>@example.net", "ä@example.net", strings.Repeat("a", 250) + "@example.net"} {
		f(bad, "")
	}
}

func TestParseShort(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	f := func(text, want string) {
		t.Helper()
		if got := tell(Parse(addr, text)); got != want {
			t.Errorf("Parse(%.60q):\n got %s\nwant %s", text, got, want)
		}
	}
	f("", "unusable")
	f("%ERROR:101: no entries found\n%\n% No entries found in source RIPE.\n", "none")
	f("\nNo match found for n + 192.0.2.1.\n", "none")
	f("# Query limit of 100 exceeded\n", "blocked")
	f("Query rate limit exceeded\n", "blocked")
	f("You have exceeded your query limit, wait a while and try again", "blocked")
	f("inetnum: 0.0.0.0 - 255.255.255.255\nnetname: IANA-BLK\n", `elsewhere held  by ""`)
	f("inetnum: 192.0.2/24\nowner: Example S.A.\nstatus: assigned\ncountry: BR\n", `answer 192.0.2.0/24 "Example S.A." "" BR leaf`)
	f("inetnum: 192.0.2.0 - 192.0.3.9\n", `answer 192.0.2.0-192.0.3.9 "" "" `)
	f("inetnum: 192.0.2.9 - 192.0.2.1\nnetname: BACKWARDS\n", "unusable")
	f("inetnum: 192.0.2.0 - 2001:db8::\nnetname: MIXED\n", "unusable")
	// No newline at the end, and none at all.
	f("inetnum: 192.0.2.0 - 192.0.2.255\nnetname: CUT", `answer 192.0.2.0/24 "CUT" "CUT" `)
	// Two equal blocks: the one that changed later.
	f("inetnum: 192.0.2.0/24\nnetname: OLD\nlast-modified: 2010-01-01T00:00:00Z\n\ninetnum: 192.0.2.0/24\nnetname: NEW\nlast-modified: 2020-01-01T00:00:00Z\n\ninetnum: 192.0.2.0/24\nnetname: OLDEST\n",
		`answer 192.0.2.0/24 "NEW" "NEW" `)
	// What a holder writes stays text.
	f("inetnum: 192.0.2.0/24\nnetname: X\ndescr: No match found\nremarks: query limit exceeded\nstatus: ASSIGNED PI\n", `answer 192.0.2.0/24 "No match found" "X"  leaf`)
	f("inetnum: 192.0.2.0/24\nnetname: \x1b[31mRED\ndescr: Z\xfcrich\x00Net\n", `answer 192.0.2.0/24 "Zürich Net" "[31mRED" `)
}

// TestHostileSizes holds the parser to its bounds.
func TestHostileSizes(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	many := strings.Repeat("inetnum: 192.0.2.0/24\nnetname: X\n\n", 100_000)
	if r := Parse(addr, many); r.Kind != Answer || r.Net.Netname != "X" {
		t.Errorf("a hundred thousand blocks: %s", tell(r))
	}
	long := "inetnum: 192.0.2.0/24\nnetname: " + strings.Repeat("x", 1<<20) + "\n" + strings.Repeat("+ more\n", 100_000)
	if r := Parse(addr, long); len(r.Net.Netname) > 256 || len(r.Net.Registrant) > 256 {
		t.Errorf("a name of %d bytes leaves the parser", len(r.Net.Netname))
	}
	wide := "inetnum: 192.0.2.0/24\n" + strings.Repeat("descr: 1 Example Street\n", 100_000) + "\n"
	if r := Parse(addr, wide); r.Kind != Answer {
		t.Errorf("a hundred thousand lines: %s", tell(r))
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "192.0.2.1")
		f.Add(string(text), "2001:db8:d0::1")
	}
	f.Fuzz(func(t *testing.T, text, from string) {
		addr, err := netip.ParseAddr(from)
		if err != nil {
			return
		}
		addr = addr.Unmap().WithZone("")
		r := Parse(addr, text)
		if r.Kind == Answer && !r.Net.Block.Contains(addr) {
			t.Fatalf("the answer %v does not hold %v", r.Net.Block, addr)
		}
		if p := r.Parent.Block; p.Valid() && (!p.Covers(r.Net.Block) || p == r.Net.Block) {
			t.Fatalf("the parent %v does not hold %v", p, r.Net.Block)
		}
		if r.Server != "" && !strings.HasSuffix(r.Server, ":43") && !strings.HasSuffix(r.Server, ":4321") {
			t.Fatalf("server %q", r.Server)
		}
		for _, s := range []string{r.Net.Handle, r.Net.Abuse, r.Net.Netname, r.Net.Registrant, r.Net.Country, r.Route, r.Parent.Registrant} {
			if len(s) > 256 || strings.ContainsAny(s, "\n\r\x00\x1b") {
				t.Fatalf("text %q leaves the parser", s)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := fixture(b, "arin-child-first.txt")
	addr := netip.MustParseAddr("198.51.100.100")
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Parse(addr, text)
	}
}

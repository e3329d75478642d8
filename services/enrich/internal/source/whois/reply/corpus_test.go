package reply

import (
	"html"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// corpus finds the recorded replies, which lie beside the repository and are
// not part of it: they name people.
func corpus(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Skip("no go.work above this package, so the recorded replies cannot be found")
		}
		dir = parent
	}
	dir = filepath.Join(filepath.Dir(dir), "shared", "corpus", "whois")
	if _, err := os.Stat(dir); err != nil {
		tb.Skip("the recorded WHOIS replies are not on this machine")
	}
	return dir
}

// TestCorpus checks the facts that a careful reader takes from each reply.
func TestCorpus(t *testing.T) {
	dir := corpus(t)
	type want struct {
		block, registrant, netname, country string
		leaf                                bool
		parent, route                       string
	}
	f := func(file, addr string, w want) {
		t.Helper()
		r := Parse(netip.MustParseAddr(addr), recorded(t, dir, file))
		if r.Kind != Answer {
			t.Errorf("%s: kind %v, want an answer", file, r.Kind)
		}
		got := want{r.Net.Block.String(), r.Net.Registrant, r.Net.Netname, r.Net.Country, r.Net.Leaf, r.Parent.Registrant, r.Route}
		if got != w {
			t.Errorf("%s:\n got %+v\nwant %+v", file, got, w)
		}
	}
	akamai, amazon := "Akamai Technologies, Inc.", "Amazon Technologies Inc."
	google := "Google LLC"

	f("arin/lab5-104.112.180.175.txt", "104.112.180.175", want{"104.64.0.0/10", akamai, "AKAMAI", "US", false, "", ""})
	f("arin/lab5-184.30.55.215.txt", "184.30.55.215", want{"184.24.0.0/13", akamai, "AKAMAI", "US", false, "", ""})
	f("arin/lab5-23.35.97.7.txt", "23.35.97.7", want{"23.32.0.0-23.67.255.255", akamai, "AKAMAI", "US", false, "", ""})
	f("arin/lab5-104.27.35.249.txt", "104.27.35.249", want{"104.16.0.0/12", "Cloudflare, Inc.", "CLOUDFLARENET", "US", true, "", ""})
	// Child after its parent, child before its parent.
	f("arin/lab5-13.33.66.112.txt", "13.33.66.112", want{"13.32.0.0/15", "Amazon.com, Inc.", "AMAZO-CF", "US", false, amazon, ""})
	f("arin/lab5-3.120.95.169.txt", "3.120.95.169", want{"3.120.0.0/14", "A100 ROW GmbH", "AMAZO-ZFRA", "DE", false, amazon, ""})
	f("arin/lab5-52.220.231.36.txt", "52.220.231.36", want{"52.220.0.0/15", "Amazon Data Services Singapore", "AMAZON-SIN", "SG", false, amazon, ""})
	f("arin/lab5-35.177.59.17.txt", "35.177.59.17", want{"35.176.0.0/15", "Amazon Data Services UK", "AMAZON-LHR", "GB", false, amazon, ""})
	f("arin/lab5-35.241.12.248.txt", "35.241.12.248", want{"35.208.0.0-35.247.255.255", google, "GOOGLE-CLOUD", "US", false, "", ""})
	f("arin/query-8.8.8.8-client.txt", "8.8.8.8", want{"8.8.8.0/24", google, "GOGL", "US", false, "", ""})
	f("arin/query-n_full_exact_2001-4860-4860--8888-client.txt", "2001:4860:4860::8888", want{"2001:4860::/32", google, "GOOGLE-IPV6", "US", false, "", ""})
	f("arin/phpwhois-63.95.254.3.txt", "63.95.254.3", want{"63.95.254.0/23", "GEORGIA PUBLIC WEB, INC.", "UU-63-95-254-D4", "US", false, "", ""})
	f("arin/likexian-whois_arin_net_174.txt", "174.0.0.1", want{"174.0.0.0/13", "Shaw Communications Inc.", "SHAW-COMM", "CA", false, "", ""})
	f("arin/phpwhois-70.84.47.210.txt", "70.84.47.210", want{"70.84.0.0/14", "SoftLayer Technologies Inc.", "NETBLK-THEPLANET-BLK-13", "US", false, "", ""})

	// Two registries' replies in one: the placeholder of the first is no answer.
	f("arin/query-1.1.1.1-client.txt", "1.1.1.1", want{"1.1.1.0/24", "APNIC Research and Development", "APNIC-LABS", "AU", true, "", "APNIC Research and Development"})
	f("arin/query-200.0.0.1-client.txt", "200.0.0.1", want{"200.0.0.0/21", "HOCOL S.A.", "", "CO", false, "", ""})

	f("ripencc/akamai-in-otenet-212.205.126.11.txt", "212.205.126.11", want{"212.205.126.0/24", "AKAMAI", "AKAMAI", "DE", true, "", "OTEnet"})
	f("ripencc/lab5-2.18.111.79.txt", "2.18.111.79", want{"2.18.96.0/20", "Akamai Technologies", "AKAMAI-PA", "", true, "", "Akamai Technologies"})
	f("ripencc/62.239.237.1.txt", "62.239.237.1", want{"62.239.237.0/24", "UDC", "BT-CORPORATE", "GB", true, "", "BTL"})
	f("ripencc/2a00-2381-ffff--1.txt", "2a00:2381:ffff::1", want{"2a00:2381:ffff::/64", "BT World IPv6 Launch", "BT-WORLD-IPVSIX-LAUNCH", "GB", true, "", "BT UK aggregate"})
	f("ripencc/phpwhois-151.99.187.181.txt", "151.99.187.181", want{"151.99.187.0/24", "Telecom Italia SPA", "INTERBUSINESS", "IT", true, "", "INTERBUSINESS"})
	f("ripencc/phpwhois-2001-630-d0-f111-203-93ff-fed1-f454.txt", "2001:630:d0:f111:203:93ff:fed1:f454", want{"2001:630:d0::/48", "University of Southampton", "UNI-SOTON", "GB", true, "", "JANET"})
	f("ripencc/phpwhois-62.97.102.115.txt", "62.97.102.115", want{"62.97.102.112/29", "Avancem amb Voste S.L.", "NET-ES-AVANCEM-AMB-VOSTE-SL", "ES", true, "", "COLT Espana Customer Networks"})

	f("apnic/lab5-36.90.184.82.txt", "36.90.184.82", want{"36.64.0.0/11", "Telekomunikasi Indonesia (PT)", "TELKOMNET", "ID", false, "", "PT. Telekomunikasi Indonesia"})
	f("apnic/2001-240-10c-1--ca20-9d1d.txt", "2001:240:10c:1::ca20:9d1d", want{"2001:240:10c::/48", "Internet Initiative Japan Inc.", "IIJ-PRJNET", "JP", false, "Japan Network Information Center", ""})
	f("apnic/phpwhois-218.165.121.114.txt", "218.165.121.114", want{"218.165.0.0/16", "Chunghwa Telecom Co.,Ltd.", "HINET-NET", "TW", true, "Data Communication Business Group", ""})
	f("apnic/likexian-whois_apnic_net_171.txt", "171.0.0.1", want{"171.0.0.0/15", "Starhub Ltd.", "STARHUBINTERNET-SG", "SG", false, "", "Starhub Internet Pte Ltd"})

	f("afrinic/196.11.240.215.txt", "196.11.240.215", want{"196.11.239.0-196.11.246.255", "MTN SA", "NET-196-11-239-0", "ZA", true, "", ""})
	f("afrinic/2001-43f8-7b0--.txt", "2001:43f8:7b0::1", want{"2001:43f8:7b0::/48", "Telecommunication Sevice Providers Association of Kenya - TESPOK", "Tespok", "KE", true, "", ""}) //nolint:misspell // as registered
	f("afrinic/phpwhois-66.18.70.6.txt", "66.18.70.6", want{"66.18.70.0/24", "Sentech Ltd - ISP Mail", "SENTECH-ISP9-ZA", "ZA", true, "", "Sentech SoC Ltd"})

	f("lacnic/200.57.141.161.txt", "200.57.141.161", want{"200.57.128.0/19", "Triara.com, S.A. de C.V.", "", "MX", false, "", ""})
	f("lacnic/likexian-whois_lacnic_net_170.txt", "170.0.0.1", want{"170.0.0.0/22", "Coopercitrus Cooperativa de Produtores Rurais", "", "BR", false, "", ""})
	f("lacnic/2801-10-c000--.txt", "2801:10:c000::1", want{"2801:10:c000::/48", "Universidad Catolica de Oriente", "", "CO", true, "", ""})
	f("lacnic/phpwhois-200.44.33.31.txt", "200.44.33.31", want{"200.44.0.0/16", "CANTV Servicios, Venezuela", "", "VE", false, "", ""})
	f("nicbr/phpwhois-200.165.206.74.txt", "200.165.206.74", want{"200.165.0.0/16", "V tal", "", "BR", false, "", ""})
	f("jpnic/133.1.2.5-web.html", "133.1.2.5", want{"133.1.0.0/16", "Osaka University", "OSAKAU-NET", "JP", true, "", ""})
	f("krnic/115.1.2.3-web.html", "115.1.2.3", want{"115.1.2.0/26", "KT", "", "KR", true, "Korea Telecom", ""})
	f("krnic/115.1.2.3-web.html", "115.1.3.3", want{"115.0.0.0-115.23.255.255", "Korea Telecom", "KORNET", "KR", false, "", ""})
	f("rwhois/insightbb-74.140.192.0.txt", "74.140.192.9", want{"74.140.192.0/19", "Insight Communications", "INSIGHTBB-74.140.192.0-19", "", true, "Insight Communications", ""})
	f("rwhois/krypt-67.229.101.40.txt", "67.229.101.41", want{"67.229.101.40/29", "VPLS Inc.", "Standard Network Master IP Assignment", "US", true, "", ""})
	f("rwhois/singlehop-184.154.139.0.txt", "184.154.139.7", want{"184.154.139.0/26", "Innovative Business Services (dba SiteLock)", "", "US", true, "", ""})
}

func TestCorpusOtherKinds(t *testing.T) {
	dir := corpus(t)
	f := func(file, addr string, kind Kind, refer Registry, held string) {
		t.Helper()
		r := Parse(netip.MustParseAddr(addr), recorded(t, dir, file))
		if r.Kind != kind || r.Refer != refer || r.Held.String() != held {
			t.Errorf("%s: %v, refer %q for %v; want %v, %q for %q", file, r.Kind, r.Refer, r.Held, kind, refer, held)
		}
	}
	f("arin/query-n_full_exact_2.0.0.1-client.txt", "2.0.0.1", Elsewhere, RIPE, "2.0.0.0/8")
	f("arin/query-n_full_exact_1.1.1.1-v6transport.txt", "1.1.1.1", Elsewhere, APNIC, "1.0.0.0/8")
	f("arin/query-n_full_exact_143.128.0.0-client.txt", "143.128.0.0", Elsewhere, AFRINIC, "143.128.0.0/16")
	f("arin/query-n_full_exact_200.0.0.1-client.txt", "200.0.0.1", Elsewhere, LACNIC, "200.0.0.0/8")
	f("arin/likexian-whois_arin_net_170.txt", "170.0.0.1", Elsewhere, LACNIC, "170.0.0.0/22")
	f("arin/query-1.1.1.0_24-client.txt", "1.1.1.1", None, "", "")
	// A national registry may tell of smaller blocks; IANA knows who to ask.
	f("apnic/210.107.73.73.txt", "210.107.73.73", Elsewhere, KRNIC, "210.107.0.0/17")
	f("iana/likexian-whois_iana_org_171.txt", "171.0.0.1", Elsewhere, APNIC, "171.0.0.0/8")
	f("rwhois/likexian-rwhois_shawcable_net_4321_174.txt", "174.0.0.1", None, "", "")
	// An AS, and a list without details: nothing to learn for an address.
	f("arin/query-AS15169-client.txt", "8.8.8.8", Unusable, "", "")
	f("arin/query-8.8.8.0_24-v6transport.txt", "8.8.8.8", Unusable, "", "")
	// The answer to another question must not be taken.
	f("ripencc/lab5-2.18.111.79.txt", "192.0.2.1", Unusable, "", "")
}

// recorded reads a reply. Two of them are pages, of which the text is the reply.
func recorded(t *testing.T, dir, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(file, ".html") {
		return html.UnescapeString(tags.ReplaceAllString(string(text), ""))
	}
	return string(text)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// TestCorpusContacts: where complaints go, and the organisation's handle.
func TestCorpusContacts(t *testing.T) {
	dir := corpus(t)
	f := func(file, addr, handle, domain string, server ...string) {
		t.Helper()
		r := Parse(netip.MustParseAddr(addr), recorded(t, dir, file))
		if want := strings.Join(server, ""); r.Server != want {
			t.Errorf("%s: server %q, want %q", file, r.Server, want)
		}
		n := r.Net
		_, got, _ := strings.Cut(strings.ToLower(n.Abuse), "@")
		if n.Handle != handle || got != domain {
			t.Errorf("%s: handle %q, mailbox at %q; want %q, %q", file, n.Handle, got, handle, domain)
		}
	}
	f("arin/lab5-23.35.97.7.txt", "23.35.97.7", "AKAMAI", "akamai.com")
	f("arin/phpwhois-63.95.254.3.txt", "63.95.254.3", "GPW", "accelecom.net", "rwhois.gapublicweb.net:4321")
	f("arin/likexian-whois_arin_net_174.txt", "174.0.0.1", "SHAWC", "sjrb.ca", "rwhois.shawcable.net:4321")
	f("ripencc/lab5-2.18.111.79.txt", "2.18.111.79", "", "akamai.com")
	f("ripencc/62.239.237.1.txt", "62.239.237.1", "", "bt.com")
	f("apnic/lab5-36.90.184.82.txt", "36.90.184.82", "ORG-TI10-AP", "telkom.co.id")
	f("afrinic/196.11.240.215.txt", "196.11.240.215", "ORG-VSA1-AFRINIC", "")
	f("lacnic/200.57.141.161.txt", "200.57.141.161", "", "triara.com")
	f("nicbr/phpwhois-200.165.206.74.txt", "200.165.206.74", "", "vtal.com")
	f("krnic/115.1.2.3-web.html", "115.1.2.3", "", "kt.com")
	f("rwhois/krypt-67.229.101.40.txt", "67.229.101.41", "", "vpls.net")
}

// TestCorpusNamesNobody reads every recorded reply: no person's name, telephone
// or mail address may leave the parser.
func TestCorpusNamesNobody(t *testing.T) {
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, file := range files {
		if strings.HasSuffix(file, ".source.txt") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		people := map[string]bool{}
		for line := range strings.Lines(string(text)) {
			key, value, ok := strings.Cut(line, ":")
			switch strings.ToLower(key) {
			case "person", "responsible", "e-mail", "phone", "orgtechphone", "orgtechemail":
				if value = strings.Join(strings.Fields(value), " "); ok && value != "" {
					people[value] = true
				}
			}
		}
		for _, addr := range addressesIn(file) {
			read++
			r := Parse(addr, string(text))
			for _, s := range []string{r.Net.Registrant, r.Net.Netname, r.Parent.Registrant, r.Parent.Netname, r.Route} {
				if people[s] || strings.Contains(s, "@") {
					t.Errorf("%s: a person's details leave the parser", filepath.Base(file))
				}
			}
		}
	}
	if read < 40 {
		t.Errorf("read %d replies, want at least 40", read)
	}
}

// addressesIn finds the address in a file's name, with "--" for "::".
func addressesIn(file string) (out []netip.Addr) {
	name := strings.TrimSuffix(filepath.Base(file), ".txt")
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '_' })
	parts = append(parts, strings.SplitN(name, "-", 2)...)
	parts = append(parts, strings.Split(name, "-")...)
	for _, p := range parts {
		if a, err := netip.ParseAddr(p); err == nil {
			return []netip.Addr{a}
		}
		if a, err := netip.ParseAddr(strings.ReplaceAll(strings.ReplaceAll(p, "--", "::"), "-", ":")); err == nil {
			return []netip.Addr{a}
		}
	}
	return nil
}

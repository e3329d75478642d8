package enrich

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

const networkJSON = `{"objectClassName": "ip network", "handle": "192.0.2.0 - 192.0.2.31", "startAddress": "192.0.2.0", "endAddress": "192.0.2.31",
	"name": "EX-NET", "type": "ASSIGNED PA", "country": "NL", "status": ["active"], "port43": "whois.ripe.net",
	"entities": [{"objectClassName": "entity", "handle": "ORG-EX1-RIPE", "roles": ["registrant"],
		"vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", "Sample Networks B.V."], ["kind", {}, "text", "org"]]]}]}`

// Where the WHOIS server refuses, the same registry is asked by RDAP, and what it
// says counts as much.
func TestRDAP(t *testing.T) {
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		w.Header().Set("Content-Type", "application/rdap+json")
		_, _ = w.Write([]byte(networkJSON))
	}))
	t.Cleanup(srv.Close)
	f := func(name string, ask []string, whoisServer, want string) {
		t.Helper()
		asked = nil
		cfg := asking(t, "")
		cfg.WHOIS.Servers["arin"], cfg.WHOIS.Servers["ripe"] = "", whoisServer
		cfg.Ask = ask
		cfg.RDAP.Servers = map[string]string{"ripe": srv.URL + "/rdap/"}
		for _, r := range []string{"arin", "apnic", "afrinic", "lacnic", "nicbr"} {
			cfg.RDAP.Servers[r] = ""
		}
		b := natstest.Connect(t, natstest.Start(t))
		s, reg := newService(t, cfg, b)
		stop := run(t, s)
		defer stop()
		answers := read(t, b, bus.StreamAttributed)
		publish(t, b, batchOf(event("192.0.2.1", "2026-07-01")))
		line := answers.wait(t, 1)[0]
		for _, part := range []string{`"owner":"Sample Networks"`, `"owner_basis":"rdap"`, `"first":"192.0.2.0"`, `"last":"192.0.2.31"`} {
			if !strings.Contains(line, part) {
				t.Errorf("%s: %s is not in %s", name, part, line)
			}
		}
		if len(asked) != 1 || asked[0] != "/rdap/ip/192.0.2.1" {
			t.Errorf("%s: asked by RDAP: %q", name, asked)
		}
		if n := value(t, reg, "whoknocks_enrich_whois_questions_total", "registry=ripe.rdap", "outcome=answer"); n != 1 {
			t.Errorf("%s: %v questions by RDAP are counted", name, n)
		}
		if want != "" {
			eventually(t, name+": how the servers stand", func() bool {
				l, err := ReadLookups(t.Context(), b, cfg)
				return err == nil && len(l.Servers) == 2 && l.Servers[0].Server == "ripe" && l.Servers[0].Why == want && l.Servers[1].Server == "ripe.rdap" && l.Servers[1].Asked == 1
			})
		}
	}
	f("WHOIS refuses", []string{wayWHOIS, wayRDAP}, refusing(t), "refused to answer")
	f("WHOIS is away", []string{wayWHOIS, wayRDAP}, "127.0.0.1:1", "")
	f("RDAP first", []string{wayRDAP, wayWHOIS}, "127.0.0.1:1", "")
	f("RDAP only", []string{wayRDAP}, "127.0.0.1:1", "")

	bad := DefaultConfig()
	bad.Ask = []string{"finger", wayRDAP, wayRDAP}
	bad.RDAP.Servers = map[string]string{"ripe": "gopher://example.org"}
	err := bad.Validate()
	for _, part := range []string{`ask: "finger" is neither`, "ask: rdap stands there twice", "rdap.servers: server of ripe"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("Validate() = %v, want %q in it", err, part)
		}
	}
}

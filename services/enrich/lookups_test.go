package enrich

import (
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/whoistest"
)

// refusing is the address of a WHOIS server that has had enough of everybody.
func refusing(t *testing.T) string {
	t.Helper()
	return whoistest.Text(t, "%ERROR:201: access denied for 192.0.2.1\n").Addr
}

func TestReadLookups(t *testing.T) {
	cfg := testConfig(t)
	cfg.WHOIS.Enabled, cfg.WHOIS.Interval, cfg.WHOIS.PerDay = true, time.Millisecond, 77
	cfg.WHOIS.Servers = map[string]string{}
	for _, r := range whois.Registries() {
		cfg.WHOIS.Servers[r] = ""
	}
	cfg.WHOIS.Servers["ripe"] = refusing(t)
	cfg.StaleAfter = time.Hour
	b := natstest.Connect(t, natstest.Start(t))
	get := func() Lookups {
		t.Helper()
		l, err := ReadLookups(t.Context(), b, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := get(); l.Services != 0 || l.Answers != 0 || len(l.Servers) != 0 {
		t.Errorf("before anything has run: %+v", l)
	}
	s, reg := newService(t, cfg, b)
	stop := run(t, s)
	publish(t, b, batchOf(event("192.0.2.1", "2026-07-01"), event("203.0.113.5", "2026-07-01")))
	eventually(t, "the server to be left alone", func() bool {
		l := get()
		return len(l.Servers) == 1 && l.Servers[0].Why == "refused to answer"
	})
	if err := s.shared.set(t.Context(), statusPrefix+s.id, mustJSON(t, s.status())); err != nil { // now, not in 5 s
		t.Fatal(err)
	}
	l := get()
	server := l.Servers[0]
	if server.Server != "ripe" || server.Asked != 1 || server.Budget != 77 || server.Waiting == 0 {
		t.Errorf("server %+v, want ripe, asked once of 77, with some that wait", server)
	}
	if left := time.Until(server.Paused); left < 23*time.Hour || left > 25*time.Hour {
		t.Errorf("left alone for %v, want a day", left)
	}
	for name, want := range map[string]float64{"whois_asked_questions": 1, "whois_budget_questions": 77} {
		if got := value(t, reg, "whoknocks_enrich_"+name, "registry=ripe"); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if got := value(t, reg, "whoknocks_enrich_whois_paused_seconds", "registry=ripe"); got < 23*3600 {
		t.Errorf("whois_paused_seconds is %v, want a day", got)
	}
	if l.Services != 1 || len(l.Data) != 2 || l.Data[0].What != "asn" || !l.Data[0].Stale || !l.Data[0].AsOf.Equal(dataDate) {
		t.Errorf("services and data: %+v", l)
	}
	stop()
	if l := get(); l.Services != 0 || l.Servers[0].Why != "refused to answer" {
		t.Errorf("after the service has stopped: %+v", l)
	}
}

func TestLookupsOfAnAnsweredBlock(t *testing.T) {
	b := natstest.Connect(t, natstest.Start(t))
	cfg := testConfig(t)
	s, _ := newService(t, cfg, b)
	s.open(t.Context())
	if _, err := s.shared.put(t.Context(), &whois.Answer{First: worldAddr(1, 0), Last: worldAddr(1, 9), Asked: time.Now()}); err != nil {
		t.Fatal(err)
	}
	spent := func(u whois.Usage) whois.Usage { u.Day, u.Count = time.Now(), cfg.WHOIS.PerDay; return u }
	if err := s.shared.Update(t.Context(), "arin", spent); err != nil {
		t.Fatal(err)
	}
	l, err := ReadLookups(t.Context(), b, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if l.Answers != 1 || len(l.Servers) != 1 || l.Servers[0].Why != "budget used up" || l.Servers[0].Paused.IsZero() {
		t.Errorf("got %+v", l)
	}
}

package enrich

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
)

// TestSharedLedger: the limits of a registry are one for all who ask from here,
// at the same time and later.
func TestSharedLedger(t *testing.T) {
	srv := natstest.Start(t)
	var ledgers [3]*shared
	for i := range ledgers {
		ledgers[i] = newShared()
		if err := ledgers[i].open(t.Context(), natstest.Connect(t, srv), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	const each = 5
	var wg sync.WaitGroup
	var retried atomic.Int32
	for _, l := range ledgers {
		wg.Go(func() {
			for range each {
				// Every change counts, whoever is faster.
				for l.Update(t.Context(), "ripe", func(u whois.Usage) whois.Usage { u.Count++; return u }) != nil {
					retried.Add(1)
				}
			}
		})
	}
	wg.Wait()
	var got whois.Usage
	look := func(u whois.Usage) whois.Usage { got = u; return u }
	if err := ledgers[0].Update(t.Context(), "ripe", look); err != nil || got.Count != each*len(ledgers) {
		t.Errorf("%d changes counted, %v, want %d (%d tried again)", got.Count, err, each*len(ledgers), retried.Load())
	}
	// Of another server nothing is known.
	if err := ledgers[0].Update(t.Context(), "arin", look); err != nil || got.Count != 0 {
		t.Errorf("another server has %+v, %v", got, err)
	}
	// Without the bucket the caller is told, and goes by its own memory.
	ledgers[1].close()
	if err := ledgers[1].Update(t.Context(), "ripe", look); err == nil {
		t.Error("Update() without a bucket = nil")
	}
}

// TestSharedPassesOverWhatItCannotRead: another version may have written it.
func TestSharedPassesOverWhatItCannotRead(t *testing.T) {
	b := natstest.Bus(t)
	s := newShared()
	if err := s.open(t.Context(), b, time.Hour); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"answers.a": "not JSON", "answers.b": `{"first":"192.0.2.9","last":"192.0.2.1"}`, "answers.c": `{"first":"192.0.2.9","last":"2001:db8::"}`,
		"answers.d": `{}`, "limits.ripe": `{"count":3}`,
	} {
		if _, err := s.kv.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	good := answerFor(t, "2001:db8::/48", func(a *whois.Answer) { a.Registrant = "Example" })
	if _, err := s.put(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	svc, _ := newService(t, testConfig(t), b)
	stop := run(t, svc)
	eventually(t, "the answer is loaded", func() bool { return svc.answers.Len() == 1 })
	stop()
	if a, ok := svc.answers.Get(good.First); !ok || a.Registrant != "Example" {
		t.Errorf("loaded %+v", a)
	}
}

func TestForget(t *testing.T) {
	b := natstest.Connect(t, natstest.Start(t))
	cfg := testConfig(t)
	s, _ := newService(t, cfg, b)
	s.open(t.Context())
	addr := netip.MustParseAddr("2001:db8::7")
	for range 2 { // the second time there is nothing
		if err := Forget(t.Context(), b, cfg, addr); err != nil {
			t.Fatal(err)
		}
		keys := func() (list []string) {
			t.Helper()
			kv, err := s.shared.bucket()
			if err != nil {
				t.Fatal(err)
			}
			w, err := kv.WatchAll(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = w.Stop() }()
			for e := range w.Updates() {
				if e == nil {
					return list
				}
				list = append(list, e.Key())
			}
			return list
		}
		if got := keys(); len(got) != 0 {
			t.Errorf("keys %q are left, marks included", got)
		}
		if _, err := s.shared.put(t.Context(), &whois.Answer{First: addr, Last: addr, Asked: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if got := keys(); len(got) != 1 {
			t.Errorf("keys %q, want one", got)
		}
	}
}

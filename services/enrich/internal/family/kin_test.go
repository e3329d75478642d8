package family

import (
	"fmt"
	"testing"
	"time"
)

func TestKin(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	old := Name{Text: "Old Name Ltd", Registry: "ripe", Handle: "ORG-1", AbuseDomain: "abuse@old.example", Country: "NL"}
	renamed := Name{Text: "New Name B.V.", Registry: "ripe", Handle: "ORG-1", Country: "NL"}
	words := Name{Text: "OLD NAME Holding", AbuseDomain: "noc@old.example"}
	for name, order := range map[string][]Name{"forwards": {old, renamed, words}, "backwards": {words, renamed, old}} {
		var k Kin
		if _, ok := k.Of(old); ok {
			t.Error("the zero Kin knows somebody")
		}
		for _, n := range order {
			when := at.Add(time.Hour)
			if n == old {
				when = at
			}
			k.Learn(n, when)
			if k.Learn(n, when) {
				t.Errorf("%s: %q is new a second time", name, n.Text)
			}
		}
		for _, n := range []Name{renamed, words} {
			if first, ok := k.Of(n); !ok || first != old {
				t.Errorf("%s: kin of %q is %q, %t", name, n.Text, first.Text, ok)
			}
		}
		if first, ok := k.Of(old); ok {
			t.Errorf("%s: the first has %q before it", name, first.Text)
		}
	}
	f := func(what string, n Name) {
		t.Helper()
		var k Kin
		k.Learn(old, at)
		if first, ok := k.Of(n); ok {
			t.Errorf("%s: kin is %q", what, first.Text)
		}
	}
	f("another registry", Name{Text: "X", Registry: "arin", Handle: "ORG-1"})
	f("another handle", Name{Text: "X", Registry: "ripe", Handle: "ORG-2"})
	f("a mailbox alone", Name{Text: "Somebody else", AbuseDomain: "abuse@old.example"})
	f("nothing", Name{})

	var k Kin
	for i := range 2 * maxKin {
		k.Learn(Name{Text: "X", Registry: "ripe", Handle: fmt.Sprint(i)}, at)
	}
	if len(k.first) != maxKin {
		t.Errorf("%d keys are remembered, want %d at most", len(k.first), maxKin)
	}
}

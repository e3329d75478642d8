package bus

import "testing"

func TestOverlap(t *testing.T) {
	f := func(a, b string, want bool) {
		t.Helper()
		if overlap(a, b) != want || overlap(b, a) != want {
			t.Errorf("overlap(%q, %q) = %v, want %v", a, b, !want, want)
		}
	}
	f("a", "a", true)
	f("a", "b", false)
	f("a", "a.b", false)
	f("scans.enriched.>", "scans.enriched.home", true)
	f("scans.enriched.>", "scans.enriched.>", true)
	f("scans.enriched.>", "scans.*.home", true)
	f("scans.enriched.>", ">", true)
	f("scans.enriched.>", "scans.observed.home", false)
	f("scans.*.home", "*.enriched.*", true)
	f("scans.*", "scans.a.b", false)
	f("owners.attributed", "owners.*", true)
}

func TestSensorOf(t *testing.T) {
	f := func(subject, want string) {
		t.Helper()
		if got := sensorOf(subject); got != want {
			t.Errorf("sensorOf(%q) = %q, want %q", subject, got, want)
		}
	}
	f(Observed("home-adsl"), "home-adsl")
	f(Enriched("a"), "a")
	f(Rejected("a"), "a")
	f("dead.scans.observed.a", "a")
	f(SubjectAttributed, "")
	f("dead.owners.attributed", "")
	f("", "")
}

package name

import (
	"strings"
	"testing"
)

func TestShort(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Short(in); got != want {
			t.Errorf("Short(%q) = %q, want %q", in, got, want)
		}
	}
	f("Example Networks, Inc.", "Example Networks")
	f("Example LLC", "Example")
	f("Example Online GmbH", "Example Online")
	f("Example International B.V.", "Example International")
	f("Example International B. V.", "Example International")
	f("Example Co., Ltd.", "Example")
	f("Example Co.,Ltd", "Example")
	f("Example (Pty) Ltd", "Example")
	f("Example Telecom S.p.A.", "Example Telecom")
	f("Example Pte. Ltd.", "Example")
	f("Example UG (haftungsbeschrankt)", "Example")
	f("Example, S.A. de C.V.", "Example")
	f("Example Sp. z o.o.", "Example")
	f("Example Sdn. Bhd.", "Example")
	f("Example", "Example")
	f("Inc.", "Inc.")
	f("Co. Ltd.", "Co.")
	f("& BV", "& BV")
	f("Example\r BV", "Example")
	f("AS 64496", "AS 64496")
	f("University of Example", "University of Example")
	f("Vitamin C", "Vitamin C")
	f("", "")
}

func TestSystem(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := System(in); got != want {
			t.Errorf("System(%q) = %q, want %q", in, got, want)
		}
	}
	f("AS64496 - Example, Inc.", "Example")
	f("AS64496", "AS64496")
	f("ASTRA - Example", "ASTRA - Example")
	f("EXAMPLE-AS - Example LLC", "EXAMPLE-AS - Example")
}

func TestIsAddress(t *testing.T) {
	f := func(in string, want bool) {
		t.Helper()
		if got := IsAddress(in); got != want {
			t.Errorf("IsAddress(%q) = %v, want %v", in, got, want)
		}
	}
	f("Examplestrasse 10B", true)
	f("D-12345 Exampletown", true)
	f("No.21, Sec.1, Example Rd., Exampletown", true)
	f("1 Example Street", true)
	f("12345 Exampletown", true)
	f("PO Box 12", true)
	f("Jl. Example No. 12", true)
	f("15 Example Lane", true)
	f("Example Networks", false)
	f("Example 24 GmbH", false)
	f("2000 Example Street Ltd", false)
	f("Studio 54", false)
	f("Extranet 2010", false)
	f("AS64496 - Example", false)
	f("Level 3 Communications", false)
	f("Example Street", false)
	f("3 Example", false)
	f("", false)
}

func FuzzShort(f *testing.F) {
	f.Add("Example, S.A. de C.V.")
	f.Add("PO Box 12, D-12345")
	f.Fuzz(func(t *testing.T, s string) {
		IsAddress(s)
		got := Short(s)
		if len(got) > len(s) || got == "" && strings.TrimSpace(s) != "" || Short(got) != got {
			t.Fatalf("Short(%q) = %q", s, got)
		}
		System(s)
	})
}

func TestWithoutForm(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := strings.Join(WithoutForm(strings.Fields(in)), " "); got != want {
			t.Errorf("WithoutForm(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("acme gmbh co kg", "acme")
	f("acme sp z o o", "acme")
	f("pt acme tbk", "acme")
	f("joint stock company acme", "acme")
	f("acme gesellschaft mit beschrankter haftung", "acme")
	f("ltd inc", "ltd")
}

package source

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("Example, Inc.", "Example, Inc.")
	f("  Example \t Inc.\r\n", "Example Inc.")
	f("Zürich", "Zürich")
	f("Z\xfcrich", "Zürich") // ISO-8859-1
	f("a\x00b\x1b[31mc", "a b [31mc")
	f("a\u202eb", "a b") // would turn the text around on a terminal
	f(strings.Repeat("x", 300), strings.Repeat("x", MaxText))
	f(strings.Repeat("ü", 200), strings.Repeat("ü", MaxText/2))
}

func TestCountry(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, ok := Country(in)
		if got != want || ok != (want != "") {
			t.Errorf("Country(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
	f("nl", "NL")
	f(" US ", "US")
	f("UK", "GB")
	f("EU", "")
	f("AP", "")
	f("ZZ", "")
	f("NLD", "")
	f("1A", "")
	f("", "")
}

func FuzzText(f *testing.F) {
	f.Add("Z\xfcrich  GmbH\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if !utf8.ValidString(got) || len(got) > MaxText {
			t.Fatalf("Text(%q) = %q", s, got)
		}
		if again := Text(got); again != got {
			t.Fatalf("Text(%q) = %q, and of that %q", s, got, again)
		}
	})
}

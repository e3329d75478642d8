package report

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("Akamai Technologies, Inc.", "Akamai Technologies, Inc.")
	f("Société Générale – ИП Иванов 株式会社", "Société Générale – ИП Иванов 株式会社")
	f("שלום", "שלום") // right to left by its own letters is honest
	f("\x1b[31mred\x1b[0m", "[31mred[0m")
	f("\x9b2J", "\ufffd2J") // C1 as a byte is no UTF-8
	f("\u009b2J", "2J")     // and as a character it is a control
	f("a\tb\r\nc\u2028d\u0085e", "a b  c d e")
	f("evil\u202egpj.exe", "evilgpj.exe")
	f("zero\u200bwidth\ufeff", "zerowidth")
	f("pri\ue000vate \U000e0041tag", "private tag")
	f("half\xff", "half\ufffd")
	f("  margin ", "margin")
	f("\x00", "")
}

func FuzzPrintable(f *testing.F) {
	for _, s := range evil {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Printable(s)
		if !utf8.ValidString(got) {
			t.Errorf("Printable(%q) = %q is no UTF-8", s, got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("Printable(%q) = %q has something that does not print", s, got)
		}
		if again := Printable(got); again != got {
			t.Errorf("Printable(Printable(%q)) = %q, want %q", s, again, got)
		}
		if n := utf8.RuneCountInString(cut(got, 10)); n > 10 {
			t.Errorf("cut(%q, 10) has %d characters", got, n)
		}
	})
}

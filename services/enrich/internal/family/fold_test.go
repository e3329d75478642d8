package family

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Fold(in); got != want {
			t.Errorf("Fold(%.80q) = %q, want %q", in, got, want)
		}
		if again := Fold(want); again != want {
			t.Errorf("Fold(%q) = %q: not stable", want, again)
		}
	}
	f("", "")
	f(" -,. ", "")
	f("Example Networks, Inc.", "example networks")
	f("AS64496 - ÅCME, s.r.o.", "acme")
	f("AS64496 Acme", "acme")
	f("ACME-AS-AP - Acme (Australia) Pty Ltd", "acme australia")
	f("Acme Limited - Acme Limited", "acme")
	f("PT. Acme, Tbk", "acme")
	f("OOO \"Acme\"", "acme")
	f("Acme Spółka Akcyjna", "acme")
	f("Acme Sp. z o.o. Sp. K.", "acme")
	f("Acme GmbH & Co. KG", "acme")
	f("Acme Gesellschaft mit beschränkter Haftung", "acme")
	f("Acme S.p.A.", "acme")
	f("Acme A/S", "acme")
	f("Acme, S.A. de C.V.", "acme")
	f("ACME ANONİM ŞİRKETİ", "acme")
	f("Straße Ørsted Łódź Æon Œuvre Þór Đuro", "strasse orsted lodz aeon oeuvre thor duro")
	f("ＡＣＭＥ ﬁber", "acme fiber")
	f("AT&T Corp.", "att")
	f("J.P. Morgan", "jp morgan")
	f("Amazon.com, Inc.", "amazon com")
	f("Orange Côte d'Ivoire", "orange cote divoire")
	f("Ltd", "ltd")
	f("Inc. LLC", "inc")
	f("Яндекс ООО", "яндекс ооо")
	f("شركة", "شركة")
	f("<b>Acme</b><script>", "b acme b script")
	f("Ac\u200bme \u202eABC\u202c", "ac me abc")
	f("Z\u0301\u0302\u0303a\u0300lgo", "zalgo")
	f("bad\xff\xfeutf8", "bad utf8")
	f("a\x00b\nc", "a b c")
}

func TestCore(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Core(in); got != want {
			t.Errorf("Core(%.80q) = %q, want %q", in, got, want)
		}
	}
	f("Vodafone Portugal - Comunicacoes Pessoais S.A.", "vodafone")
	f("Telefonica de España S.A.U.", "telefonica")
	f("Telefonica del Sur S.A.", "telefonica sur")
	f("Digicel Trinidad and Tobago Ltd.", "digicel")
	f("American Honda Motor Company, Inc.", "american honda motor")
	f("Honda Canada Inc.", "honda")
	f("Shanghai UCloud Information Technology Company Limited", "ucloud")
	f("Siemens Energy", "siemens energy")
	f("Cornell University", "cornell university")
	f("Équinix (Germany) GmbH", "equinix")
	// Places, trades and institutions alone are nobody.
	for _, s := range []string{
		"", "Ltd", "Network", "Global Network International Ltd", "Internet Services Inc.", "Telecom", "Cloud Data Center", "Broadband Communications LLC",
		"Europe", "Asia Pacific", "Hong Kong Broadband Network Limited", "Telecom Italia S.p.A.", "Deutsche Telekom AG", "United Kingdom", "New York Internet", "London Hosting",
		"University of Virginia", "National Bank of Pakistan", "Banco de Chile", "Ministry of Education", "American University", "Central Bank of the United Arab Emirates",
		"1234", "A B C", "7", "+++", "d.o.o.", "\xff\xfe", "\u0301\u0302",
	} {
		f(s, "")
	}
}

func TestHostile(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("a", 1<<20), strings.Repeat("a ", 1<<19), strings.Repeat("\u0301", 1<<18), "a" + strings.Repeat("\u0301", 1<<18), strings.Repeat("ﷺ", 1<<10), strings.Repeat("ltd ", 1<<16),
		strings.Repeat("\xff", 1<<16), strings.Repeat("ß", 1<<10), strings.Repeat("as1 ", 1<<12), strings.Repeat("hong kong ", 1<<12), strings.Repeat("a.", 1<<12), strings.Repeat("&", 1<<12),
	} {
		check(t, s)
	}
}

func check(t *testing.T, s string) {
	t.Helper()
	once := Fold(s)
	if len(once) > maxFold || !utf8.ValidString(once) {
		t.Errorf("Fold(%.60q) has %d bytes: %.60q", s, len(once), once)
	}
	if twice := Fold(once); twice != once {
		t.Errorf("Fold(%.60q) = %.60q, and again %.60q", s, once, twice)
	}
	if c := Core(s); len(c) > len(once) {
		t.Errorf("Core(%.60q) = %.60q is longer than Fold", s, c)
	}
}

func FuzzCore(f *testing.F) {
	for _, s := range []string{"", "Example Networks, Inc.", "AS64496 - ÅCME, s.r.o.", "Acme Sp. z o.o.", "AT&T", "J.P. Morgan A/S", "<b>", "\xff", "ﷺ İ ſ K", "Hong Kong", "OOO \"A\" - OOO", "a.b/c'd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		check(t, s)
		if _, ok := new(Index).Same(Name{Text: s}, Name{Text: s}); ok {
			t.Errorf("a name alone joins %q", s)
		}
	})
}

package scan

import (
	"slices"
	"strings"
	"testing"
)

func TestTCPFlags(t *testing.T) {
	f := func(in string, want TCPFlags, text string) {
		t.Helper()
		got, err := ParseTCPFlags(in)
		if err != nil || got != want {
			t.Errorf("ParseTCPFlags(%q) = %v, %v, want %v", in, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%08b.String() = %q, want %q", got, got, text)
		}
	}
	f("", 0, "")
	f("F", 0x01, "F")
	f("S", 0x02, "S")
	f("R", 0x04, "R")
	f("P", 0x08, "P")
	f("A", 0x10, "A")
	f("U", 0x20, "U")
	f("E", 0x40, "E")
	f("C", 0x80, "C")
	f("SA", SYN|ACK, "SA")
	f("AS", SYN|ACK, "SA")
	f("UPF", FIN|PSH|URG, "FPU")
	f("SS", SYN, "S")
	f("CEUAPRSF", FIN|SYN|RST|PSH|ACK|URG|ECE|CWR, "FSRPAUEC")

	for _, in := range []string{"s", "X", "SYN", "S A", "0x12", "\x00"} {
		if got, err := ParseTCPFlags(in); err == nil {
			t.Errorf("ParseTCPFlags(%q) = %v, want an error", in, got)
		}
	}
}

func TestID(t *testing.T) {
	f := func(id ID, want string) {
		t.Helper()
		if got := id.String(); got != want {
			t.Errorf("String() = %s, want %s", got, want)
		}
		for _, s := range []string{want, strings.ToUpper(want)} {
			if got, err := ParseID(s); err != nil || got != id {
				t.Errorf("ParseID(%s) = %v, %v", s, got, err)
			}
		}
	}
	f(0, "0000000000000000")
	f(1, "0000000000000001")
	f(0x0123456789abcdef, "0123456789abcdef")
	f(1<<64-1, "ffffffffffffffff")

	for _, in := range []string{"", "1", "000000000000000", "00000000000000000", "000000000000000g", "0x00000000000000", "+000000000000001"} {
		if got, err := ParseID(in); err == nil {
			t.Errorf("ParseID(%q) = %v, want an error", in, got)
		}
	}
}

func TestLines(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		var got []string
		for line := range Lines([]byte(in)) {
			got = append(got, string(line))
		}
		if !slices.Equal(got, want) {
			t.Errorf("Lines(%q) = %q, want %q", in, got, want)
		}
	}
	f("")
	f("\n")
	f("\n \r\n\n")
	f("a", "a")
	f("a\n", "a")
	f("a\nb", "a", "b")
	f("a\r\nb\r\n", "a", "b")
	f("\n\na\n\nb\n\n", "a", "b")
	f(" a \n\tb\t", " a", "\tb")

	for range Lines([]byte("a\nb\n")) {
		break // must stop without a panic
	}
}

// TestLinesCannotOverwrite appends to a line, which must not reach the next one.
func TestLinesCannotOverwrite(t *testing.T) {
	batch := []byte("a\nb\n")
	for line := range Lines(batch) {
		_ = append(line, "xyz"...)
	}
	if string(batch) != "a\nb\n" {
		t.Errorf("the batch became %q", batch)
	}
}

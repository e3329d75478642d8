package report

import (
	"fmt"
	"net/netip"
)

// Mask returns the table with letters for the hidden part of each address, as
// in 217.212.238.a: in IPv4 the last octet, in IPv6 all but the first 48 bits,
// which is what one customer is usually given (2001:db8:1:*:a). The letters are
// given in the table's order and anew in each network, after z comes aa: the
// same address has the same letter within one table and another one elsewhere.
// No masked text parses as an address.
func (t Sources) Mask() Sources {
	networks := map[netip.Prefix]map[netip.Addr]string{}
	masked := make([]SourceRow, len(t.Rows))
	for i, row := range t.Rows {
		bits := 48
		if row.Addr.Is4() {
			bits = 24
		}
		prefix, err := row.Addr.Prefix(bits)
		if err != nil || !row.Addr.IsValid() { // masked before
			masked[i] = row
			continue
		}
		given := networks[prefix]
		if given == nil {
			given = map[netip.Addr]string{}
			networks[prefix] = given
		}
		letter, known := given[row.Addr]
		if !known {
			letter = letters(len(given))
			given[row.Addr] = letter
		}
		row.Address, row.Addr = hidden(prefix, letter), netip.Addr{}
		masked[i] = row
	}
	t.Rows = masked
	return t
}

// hidden writes the open part of an address and a letter for the rest.
func hidden(prefix netip.Prefix, letter string) string {
	if prefix.Addr().Is4() {
		b := prefix.Addr().As4()
		return fmt.Sprintf("%d.%d.%d.%s", b[0], b[1], b[2], letter)
	}
	b := prefix.Addr().As16()
	return fmt.Sprintf("%x:%x:%x:*:%s",
		uint16(b[0])<<8|uint16(b[1]), uint16(b[2])<<8|uint16(b[3]), uint16(b[4])<<8|uint16(b[5]), letter)
}

// letters counts a, b … z, aa, ab … like the columns of a sheet.
func letters(n int) string {
	var text []byte
	for n++; n > 0; n = (n - 1) / 26 {
		text = append([]byte{byte('a' + (n-1)%26)}, text...)
	}
	return string(text)
}

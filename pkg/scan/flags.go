package scan

import "fmt"

// TCPFlags are the flags of a TCP segment, each bit where the TCP header has it
// (RFC 9293, section 3.1). The zero value is a segment without flags, a NULL
// scan; that a line told no flags is said by [Opt].
type TCPFlags uint8

// The flags.
const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// flagLetters has the letter of each flag, the lowest bit first.
const flagLetters = "FSRPAUEC"

// String returns the letters of the flags in the order FSRPAUEC: "SA" for a
// segment with SYN and ACK, "" for one without flags.
func (f TCPFlags) String() string { return string(f.append(nil)) }

func (f TCPFlags) append(dst []byte) []byte {
	for bit := range len(flagLetters) {
		if f>>bit&1 != 0 {
			dst = append(dst, flagLetters[bit])
		}
	}
	return dst
}

// ParseTCPFlags reads letters of FSRPAUEC in any order; a repeated letter is the
// same flag. The empty text is no flags. Device spellings such as "SYN ACK" or
// "0x12" are for the formats to translate.
func ParseTCPFlags(s string) (TCPFlags, error) {
	if f, ok := parseTCPFlags([]byte(s)); ok {
		return f, nil
	}
	return 0, fmt.Errorf("tcp flags %s: not letters of %s", quote([]byte(s)), flagLetters)
}

func parseTCPFlags(b []byte) (f TCPFlags, ok bool) {
next:
	for _, c := range b {
		for bit := range len(flagLetters) {
			if c == flagLetters[bit] {
				f |= 1 << bit
				continue next
			}
		}
		return 0, false
	}
	return f, true
}

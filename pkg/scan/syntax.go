package scan

import (
	"unicode/utf16"
	"unicode/utf8"
)

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// space steps over white space. Services write none, so the common case is kept
// small enough to be inlined.
func (d *Decoder) space() {
	if d.pos < len(d.data) && d.data[d.pos] <= ' ' {
		d.spaces()
	}
}

func (d *Decoder) spaces() {
	for d.pos < len(d.data) && isSpace(d.data[d.pos]) {
		d.pos++
	}
}

// take steps over c if it is next.
func (d *Decoder) take(c byte) bool {
	if d.pos < len(d.data) && d.data[d.pos] == c {
		d.pos++
		return true
	}
	return false
}

// guesses is how many fields after the last one may be absent for the next to
// be recognised at a glance: a TCP packet's event skips the two of ICMP, that
// of a rejected line far more, which costs it a search.
const guesses = 4

// field reads a member's key up to the start of its value. It first tries the
// next fields in the order of the appenders.
func (d *Decoder) field(next field) field {
	rest := d.data[d.pos:]
	for f := next; f < min(next+guesses, fields); f++ {
		if s := starts[f]; len(rest) >= len(s) && string(rest[:len(s)]) == s {
			d.pos += len(s)
			d.space()
			return f
		}
	}
	d.key, d.keys = d.str(d.keys)
	d.space()
	if d.err == nil && !d.take(':') {
		d.err, d.key = errSyntax, nil
	}
	d.space()
	return fieldOf(d.key)
}

// str reads a JSON string. The text is a part of the line where it is written
// plainly, and of buf, which may have grown, where not. It is never nil unless
// d.err is set.
func (d *Decoder) str(buf []byte) (text, grown []byte) {
	if !d.take('"') {
		d.err = errSyntax
		return nil, buf
	}
	n := plain(d.data[d.pos:])
	text = d.data[d.pos : d.pos+n]
	if d.pos += n; d.take('"') {
		return text, buf
	}
	buf = append(buf[:0], text...)
	for d.err == nil && !d.take('"') {
		buf = d.special(buf)
		n = plain(d.data[d.pos:])
		buf = append(buf, d.data[d.pos:d.pos+n]...)
		d.pos += n
	}
	if d.err != nil {
		return nil, buf
	}
	return buf, buf
}

// special appends the character at d.pos, which is not plain.
func (d *Decoder) special(buf []byte) []byte {
	b := d.data[d.pos:]
	switch {
	case len(b) > 0 && b[0] >= utf8.RuneSelf:
		r, n := utf8.DecodeRune(b)
		d.pos += n
		return utf8.AppendRune(buf, r) // an invalid byte is RuneError of size 1
	case len(b) < 2 || b[0] != '\\':
		d.err = errSyntax // the end of the line, or a control character
		return buf
	}
	c := b[1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r, n := escaped(b)
		if n == 0 {
			d.err = errSyntax
		}
		d.pos += n
		return utf8.AppendRune(buf, r)
	default:
		d.err = errSyntax
		return buf
	}
	d.pos += 2
	return append(buf, c)
}

// escaped reads the \uXXXX at the start of b, and a second one if the two are a
// surrogate pair. Half a pair is U+FFFD. It returns the number of bytes read,
// 0 when there are not four hexadecimal digits.
func escaped(b []byte) (rune, int) {
	r, ok := unit(b)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := unit(b[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
		r = utf8.RuneError
	}
	return r, 6
}

func unit(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	return hexadecimal[rune](b[2:6])
}

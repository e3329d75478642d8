package scan

// maxDepth is how deep the value of an unknown key may nest, so that a line
// cannot use up the stack.
const maxDepth = 100

// skip reads a value of any type, inside depth others, and forgets it.
func (d *Decoder) skip(depth int) {
	if d.pos == len(d.data) {
		d.err = errSyntax
		return
	}
	switch d.data[d.pos] {
	case '"':
		_, d.scratch = d.str(d.scratch)
	case '{':
		d.skipList('}', depth)
	case '[':
		d.skipList(']', depth)
	case 't':
		d.word("true")
	case 'f':
		d.word("false")
	case 'n':
		d.word("null")
	default:
		d.skipNumber()
	}
}

// skipList reads an array, or an object if end is the curly bracket.
func (d *Decoder) skipList(end byte, depth int) {
	if depth == maxDepth {
		d.err = errDepth
		return
	}
	d.pos++
	if d.space(); d.take(end) {
		return
	}
	for {
		if end == '}' {
			_, d.scratch = d.str(d.scratch)
			if d.space(); d.err == nil && !d.take(':') {
				d.err = errSyntax
			}
			d.space()
		}
		if d.err == nil {
			d.skip(depth + 1)
		}
		if d.err != nil {
			return
		}
		if d.space(); d.take(end) {
			return
		}
		if !d.take(',') {
			d.err = errSyntax
			return
		}
		d.space()
	}
}

func (d *Decoder) skipNumber() {
	d.take('-')
	if !d.take('0') && !d.digits() {
		d.err = errSyntax
		return
	}
	if d.take('.') && !d.digits() {
		d.err = errSyntax
		return
	}
	if d.take('e') || d.take('E') {
		if !d.take('+') {
			d.take('-')
		}
		if !d.digits() {
			d.err = errSyntax
		}
	}
}

func (d *Decoder) digits() bool {
	start := d.pos
	for d.pos < len(d.data) && d.data[d.pos]-'0' <= 9 {
		d.pos++
	}
	return d.pos > start
}

// word reads one of the words of JSON. True says that it was there.
func (d *Decoder) word(w string) bool {
	if b := d.data[d.pos:]; len(b) < len(w) || string(b[:len(w)]) != w {
		d.err = errSyntax
		return false
	}
	d.pos += len(w)
	return true
}

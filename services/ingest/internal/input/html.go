package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// shown appends the text that a page shows, a line ending where a block or a row
// ends.
func shown(r io.Reader, out *bytes.Buffer) error {
	z := html.NewTokenizer(io.LimitReader(r, maxMail))
	z.SetMaxBuf(1 << 20)
	hidden := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				return fmt.Errorf("the mail's page is damaged: %w", z.Err())
			}
			return nil
		case html.TextToken:
			if hidden == 0 {
				out.Write(bytes.ReplaceAll(z.Text(), []byte("\u00a0"), []byte(" ")))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			switch tag(z) {
			case atom.Script, atom.Style, atom.Title:
				hidden++
			case atom.Br:
				out.WriteByte('\n')
			case atom.Td, atom.Th:
				out.WriteByte(' ')
			}
		case html.EndTagToken:
			switch tag(z) {
			case atom.Script, atom.Style, atom.Title:
				hidden = max(0, hidden-1)
			case atom.P, atom.Div, atom.Tr, atom.Li, atom.Pre, atom.Table, atom.H1, atom.H2, atom.H3:
				out.WriteByte('\n')
			}
		}
	}
}

func tag(z *html.Tokenizer) atom.Atom {
	name, _ := z.TagName()
	return atom.Lookup(name)
}

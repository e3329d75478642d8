package chdb

import "strings"

// statement is what this front must know of a text before it hands it on: whether it is an INSERT
// with data behind it, and where an output format is named.
type statement struct {
	text string // as sent, without what ends it

	insert bool   // an INSERT whose data follows the text
	format string // the format named in the text: of the data for an insert, of the output otherwise
	head   string // for an insert: the text up to FORMAT or VALUES; otherwise up to the output's FORMAT
	tail   string // for an insert: data inside the text; otherwise from FORMAT on
}

// parseStatement reads sql just so far. It never fails: whatever it misunderstands, the engine's
// own parser refuses.
func parseStatement(sql string) statement {
	tokens := lex(sql)
	for len(tokens) > 0 && tokens[len(tokens)-1].text == ";" {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		return statement{}
	}
	if tokens[0].is("INSERT") {
		if st, ok := parseInsert(sql, tokens); ok {
			return st
		}
	}
	end := tokens[len(tokens)-1].end
	st := statement{text: sql[:end], head: sql[:end]}
	// The output's format is the last FORMAT outside parentheses, followed by one name and then by
	// nothing or by settings. A column of that name is not.
	for i := len(tokens) - 2; i > 0; i-- {
		if t := tokens[i]; !t.is("FORMAT") || t.depth > 0 {
			continue
		}
		if tokens[i+1].word && (i+2 == len(tokens) || tokens[i+2].is("SETTINGS")) {
			st.format = tokens[i+1].text
			st.head, st.tail = sql[:tokens[i].start], sql[tokens[i].start:end]
		}
		break
	}
	return st
}

// parseInsert finds where the data of an INSERT begins; there is none after SELECT, nor when the
// data comes from a file.
func parseInsert(sql string, tokens []token) (statement, bool) {
	i := 1
	for i < len(tokens) && (tokens[i].is("INTO") || tokens[i].is("TABLE") || tokens[i].is("FUNCTION")) {
		i++
	}
	i++ // the table's name, which may be any word
	for i+1 < len(tokens) && tokens[i].text == "." {
		i += 2
	}
	for ; i < len(tokens); i++ {
		t := tokens[i]
		if t.depth > 0 {
			// INSERT INTO t (SELECT 1) has no data; (a, b) is the list of columns.
			if t.is("SELECT") || t.is("WITH") {
				return statement{}, false
			}
			continue
		}
		switch {
		case t.is("SELECT"), t.is("WITH"), t.is("FROM"), t.is("WATCH"), t.text == ";":
			return statement{}, false
		case t.is("VALUES"):
			return statement{text: sql, insert: true, format: "Values", head: sql[:t.start], tail: sql[t.end:]}, true
		case t.is("FORMAT") && i+1 < len(tokens) && tokens[i+1].word:
			// The data begins after one line end, as binary data may begin with anything.
			name := tokens[i+1]
			data := strings.TrimLeft(sql[name.end:], " \t\r")
			data = strings.TrimPrefix(data, "\n")
			return statement{text: sql, insert: true, format: name.text, head: sql[:t.start], tail: data}, true
		}
	}
	return statement{text: sql, insert: true, head: sql}, true
}

// token is a word, a quoted text or a sign of a statement. The text is upper case for bare words
// only in comparisons: text keeps what was written.
type token struct {
	text       string
	start, end int
	depth      int  // open parentheses around it
	word       bool // a bare word: a keyword or an unquoted name
}

func (t token) is(keyword string) bool { return t.word && strings.EqualFold(t.text, keyword) }

// lex cuts sql into tokens, leaving out space and comments. It stops at the data of an INSERT only
// by accident, so binary data must not be given to it beyond the first piece.
func lex(sql string) []token {
	var tokens []token
	depth := 0
	for i := 0; i < len(sql); {
		start := i
		switch c := sql[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			i++
			continue
		case strings.HasPrefix(sql[i:], "--"), c == '#' && i+1 < len(sql) && (sql[i+1] == ' ' || sql[i+1] == '!'):
			i = after(sql, i, "\n")
			continue
		case strings.HasPrefix(sql[i:], "/*"):
			i = after(sql, i+2, "*/")
			continue
		case c == '\'' || c == '"' || c == '`':
			i = quoted(sql, i)
			tokens = append(tokens, token{text: sql[start:i], start: start, end: i, depth: depth})
		case c == '$' && heredoc(sql[i:]) != "":
			tag := heredoc(sql[i:])
			i = after(sql, i+len(tag), tag)
			tokens = append(tokens, token{text: sql[start:i], start: start, end: i, depth: depth})
		case wordByte(c):
			for i < len(sql) && wordByte(sql[i]) {
				i++
			}
			tokens = append(tokens, token{text: sql[start:i], start: start, end: i, depth: depth, word: true})
		default:
			i++
			if c == ')' || c == ']' || c == '}' {
				depth = max(depth-1, 0)
			}
			tokens = append(tokens, token{text: sql[start:i], start: start, end: i, depth: depth})
			if c == '(' || c == '[' || c == '{' {
				depth++
			}
		}
	}
	return tokens
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// after returns the position behind the next mark, or the end.
func after(sql string, from int, mark string) int {
	if n := strings.Index(sql[from:], mark); n >= 0 {
		return from + n + len(mark)
	}
	return len(sql)
}

// quoted returns the position behind the quoted text that begins at i. A backslash escapes, and so
// does the quote itself when doubled.
func quoted(sql string, i int) int {
	q := sql[i]
	for i++; i < len(sql); i++ {
		switch sql[i] {
		case '\\':
			i++
		case q:
			if i+1 == len(sql) || sql[i+1] != q {
				return i + 1
			}
			i++
		}
	}
	return len(sql)
}

// heredoc returns the mark $tag$ that s begins with, or nothing.
func heredoc(s string) string {
	for i := 1; i < len(s); i++ {
		if s[i] == '$' {
			return s[:i+1]
		}
		if !wordByte(s[i]) {
			break
		}
	}
	return ""
}

package envelope

import "strings"

// header reads what stands between the time and the message of RFC 3164, as it
// is met: host, facility.level and tag, each of which may be missing, and the
// host twice. A word is taken for the host only if what follows shows it: the
// ADSL routers write no host, and their first word would be lost.
func (l *Line) header(s string) string {
	for range 4 {
		w, rest := word(s)
		if len(rest) > len(kernel) && rest[:len(kernel)] == kernel && isPlain(w) { // nearly every line
			l.Host, l.Tag = w, "kernel"
			return after(rest, len(kernel))
		}
		switch {
		case w == "":
			return s
		case w == ":": // "host : message"
			return rest
		case l.tag(w):
			return rest
		case isSequence(w):
			return rest
		case l.Level == "" && isLevel(w):
			l.Level = w
		case strings.HasPrefix(w, "kernel:"): // no blank after it
			l.Tag = "kernel"
			return s[len("kernel:"):]
		case l.Host != "":
			if w != l.Host {
				return s
			}
		case isHost(w, rest):
			l.Host = w
		default:
			return s
		}
		s = rest
	}
	return s
}

const kernel = "kernel: "

// isPlain reports whether w can be nothing but a host.
func isPlain(w string) bool {
	for i := 0; i < len(w); i++ {
		if c := w[i]; (c|0x20)-'a' >= 26 && c-'0' > 9 && c != '-' && c != '_' {
			return false
		}
	}
	return w != ""
}

// host reads the host where the header always has one, unless it is plainly
// something else.
func (l *Line) host(s string) string {
	w, rest := word(s)
	if w == "" || w[0] == '[' || w[len(w)-1] == ':' || strings.IndexByte(w, '=') >= 0 || isUpper(w) && !isTag(first(rest)) {
		return s
	}
	l.Host = w
	return rest
}

// kernel skips "kernel:" at the start of a line that has no other header.
func (l *Line) kernel(s string) string {
	if !strings.HasPrefix(s, "kernel:") {
		return s
	}
	l.Tag = "kernel"
	return strings.TrimLeft(s[len("kernel:"):], " ")
}

// sequence skips the line numbers that Cisco devices put first.
func (l *Line) sequence(s string) string {
	if w, rest := word(s); isSequence(w) {
		return rest
	}
	return s
}

func (l *Line) tag(w string) bool {
	if !isTag(w) {
		return false
	}
	w = w[:len(w)-1]
	if i := strings.IndexByte(w, '['); i > 0 {
		w = w[:i]
	}
	l.Tag = w
	return true
}

// isTag reports whether w is "program:" or "program[pid]:". A program has a
// small letter or a process id: "DROP:" is what a firewall's owner called a rule.
func isTag(w string) bool {
	if len(w) < 2 || len(w) > 64 || w[len(w)-1] != ':' {
		return false
	}
	w = w[:len(w)-1]
	small := false
	if w[len(w)-1] == ']' {
		i := strings.IndexByte(w, '[')
		if i <= 0 {
			return false
		}
		w, small = w[:i], true
	}
	for i := 0; i < len(w); i++ {
		switch c := w[i]; {
		case c-'a' < 26:
			small = true
		case c-'A' < 26 || c-'0' <= 9 || c == '-' || c == '_' || c == '.' || c == '/' || c == '@':
		default:
			return false
		}
	}
	return small
}

// isHost judges w by itself and by what follows it.
func isHost(w, rest string) bool {
	if isAddr(w) || strings.HasPrefix(rest, lastMessage) || strings.HasPrefix(rest, "CEF:") || strings.HasPrefix(rest, "LEEF:") || strings.HasPrefix(rest, "0|") {
		return true
	}
	if strings.IndexByte(w, '=') >= 0 || w[0] == '[' || w[0] == '%' {
		return false
	}
	next := first(rest)
	switch {
	case next == "":
		return false
	case next == w || next == ":" || isTag(next) || isLevel(next) || isSequence(next) || strings.HasPrefix(next, "kernel:"):
		return true
	case next[0] == '[' || next[0] == '%':
		return !isUpper(w)
	}
	return false
}

// isLevel reports whether w is facility.level as busybox writes it.
func isLevel(w string) bool {
	facility, level, ok := strings.Cut(w, ".")
	if !ok || len(w) > 16 {
		return false
	}
	switch level {
	case "emerg", "alert", "crit", "err", "error", "warn", "warning", "notice", "info", "debug", "panic":
	default:
		return false
	}
	switch facility {
	case "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp":
		return true
	}
	return len(facility) == 6 && strings.HasPrefix(facility, "local")
}

// isSequence reports whether w is a number with a colon.
func isSequence(w string) bool {
	if len(w) < 2 || len(w) > 20 || w[len(w)-1] != ':' {
		return false
	}
	for i := range len(w) - 1 {
		if w[i]-'0' > 9 {
			return false
		}
	}
	return true
}

// isUpper reports whether w has neither a small letter nor a digit.
func isUpper(w string) bool {
	for i := 0; i < len(w); i++ {
		if w[i]-'a' < 26 || w[i]-'0' <= 9 {
			return false
		}
	}
	return true
}

func word(s string) (w, rest string) {
	i := strings.IndexByte(s, ' ')
	if i < 0 {
		return s, ""
	}
	return s[:i], after(s, i)
}

func first(s string) string {
	if i := strings.IndexByte(s, ' '); i >= 0 {
		return s[:i]
	}
	return s
}

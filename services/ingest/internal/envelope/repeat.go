package envelope

import (
	"strings"

	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
)

const lastMessage = "last message repeated "

// Repeated reports whether the line stands for l.Repeats more of the line before
// it, which it does not quote.
func (l *Line) Repeated() bool { return l.Repeats > 0 && l.Payload == "" }

// repeated reads what syslogd writes in place of equal lines:
//
//	last message repeated 3 times
//	-- last message repeated 3 times --
//	message repeated 3 times: [ [1234.5] DROP IN=eth0 ... ]
//
// The last form quotes the message, which then is the payload.
func (l *Line) repeated() {
	s := strings.TrimPrefix(l.Payload, "-- ")
	if s == "" || s[0] != 'l' && s[0] != 'm' {
		return
	}
	s = strings.TrimPrefix(s, "last ")
	s, ok := strings.CutPrefix(s, "message repeated ")
	if !ok {
		return
	}
	count, n := clock.Digits(s)
	if n == 0 || count < 1 || count > 1_000_000_000 {
		return
	}
	s, ok = strings.CutPrefix(s[n:], " time")
	if !ok {
		return
	}
	s = strings.TrimPrefix(s, "s")
	if quoted, ok := strings.CutPrefix(s, ": ["); ok {
		l.Payload = uptime(strings.Trim(strings.TrimSuffix(quoted, "]"), " "))
	} else {
		l.Payload = ""
	}
	l.Repeats = uint32(count)
}

package reply

import (
	"strings"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
)

// maxMailbox is the longest mailbox that mail has (RFC 5321, section 4.5.3.1).
const maxMailbox = 254

// Mailbox returns s if it is one, without the brackets around it, else "".
func Mailbox(s string) string {
	s = strings.Trim(strings.TrimSpace(s), "<>")
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || !strings.Contains(domain, ".") || len(s) > maxMailbox {
		return ""
	}
	for _, r := range s {
		if r <= ' ' || r > '~' || strings.ContainsRune(`"'(),:;<>[\]|`, r) {
			return ""
		}
	}
	if strings.Contains(domain, "@") {
		return ""
	}
	return s
}

// complaint is where a registry says that complaints about a block go.
type complaint struct {
	block   block.Block
	mailbox string
}

// abuseComment reads what RIPE NCC and its family say before the objects:
//
//	% Abuse contact for '192.0.2.0 - 192.0.2.255' is 'abuse@example.net'
func (d *document) abuseComment(line string) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(line, "% "), "Abuse contact for '")
	if !ok || len(d.complaints) >= maxOrgs {
		return
	}
	what, rest, ok := strings.Cut(rest, "' is '")
	if !ok {
		return
	}
	b, ok := Range(what)
	if m := Mailbox(strings.TrimRight(rest, "' ")); ok && m != "" {
		d.complaints = append(d.complaints, complaint{b, m})
	}
}

// contact reads an object that is about people for nothing but where complaints
// go: APNIC's response teams, LACNIC's and NIC.br's handles.
func (d *document) contact(handle string) {
	m := Mailbox(d.get("abuse-mailbox"))
	if m == "" {
		m = Mailbox(d.get("e-mail"))
	}
	if m != "" && len(d.contacts) < maxOrgs {
		d.contacts[strings.ToUpper(handle)] = m
	}
}

// abuse is where complaints about a block go, if the reply says.
func (d *document) abuse(n *net) string {
	if n.Abuse != "" {
		return n.Abuse
	}
	found := complaint{}
	for _, c := range d.complaints {
		if c.block.Covers(n.Block) && (found.mailbox == "" || c.block.Narrower(found.block)) {
			found = c
		}
	}
	if found.mailbox != "" {
		return found.mailbox
	}
	return d.contacts[strings.ToUpper(n.contact)]
}

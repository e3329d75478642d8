package rdap

import (
	"encoding/json"
	"strings"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// maxProperties is how many properties of one card are read.
const maxProperties = 64

// card is what is read of a jCard. Telephones and postal addresses are not, but
// for the country.
type card struct {
	kind    string // in lower case: org, group, individual
	name    string // fn
	org     string
	country string
	mail    string // the mailbox that is most likely for complaints
}

// person says whether the card is somebody's. That is what it is without a kind
// (RFC 6350, section 6.1.4); but some servers leave out the kind of organisations.
func (c card) person() bool { return c.kind == "individual" || c.kind == "" && c.org == "" }

// readCard reads a jCard (RFC 7095), which is an array of arrays:
//
//	["vcard", [["version", {}, "text", "4.0"],
//	  ["fn", {}, "text", "Example Networks B.V."], ["kind", {}, "text", "org"],
//	  ["adr", {"label": "1 Example Street\nExampletown\nNetherlands"}, "text", ["", "", "", "", "", "", ""]]]]
//
// What is in no such form is skipped.
func readCard(data json.RawMessage) (c card) {
	var outer, properties []json.RawMessage
	if len(data) == 0 || json.Unmarshal(data, &outer) != nil || len(outer) < 2 || json.Unmarshal(outer[1], &properties) != nil {
		return card{}
	}
	best := 0
	for _, p := range properties[:min(len(properties), maxProperties)] {
		var parts []json.RawMessage
		if json.Unmarshal(p, &parts) != nil || len(parts) < 4 {
			continue
		}
		switch strings.ToLower(text(parts[0])) {
		case "kind":
			c.kind = strings.ToLower(source.Text(text(parts[3])))
		case "fn":
			c.name = source.Text(text(parts[3]))
		case "org":
			c.org = source.Text(text(parts[3]))
		case "adr":
			if c.country == "" {
				c.country = addressCountry(parts[1], parts[3])
			}
		case "email":
			if m := reply.Mailbox(text(parts[3])); m != "" {
				if n := forComplaints(m, parts[1]); n > best {
					best, c.mail = n, m
				}
			}
		}
	}
	return c
}

// forComplaints says how likely a mailbox is the one for complaints, 1 to 4.
func forComplaints(mailbox string, params json.RawMessage) int {
	var p struct {
		Type any
		Pref any
	}
	_ = json.Unmarshal(params, &p) // what is not in this form says nothing
	kinds, _ := p.Type.([]any)
	switch {
	case p.Type == "abuse" || len(kinds) > 0 && kinds[0] == "abuse":
		return 4
	case strings.HasPrefix(strings.ToLower(mailbox), "abuse"):
		return 3
	case p.Pref != nil:
		return 2
	}
	return 1
}

// addressCountry finds the country of a postal address: a code of its own (RFC
// 8605), the last of its seven parts, or the last line of its label.
func addressCountry(params, value json.RawMessage) string {
	var p struct{ CC, Label string }
	_ = json.Unmarshal(params, &p) // what is not in this form says nothing
	if c := countryOf(p.CC); c != "" {
		return c
	}
	var parts []json.RawMessage
	if json.Unmarshal(value, &parts) == nil && len(parts) == 7 {
		if c := countryOf(text(parts[6])); c != "" {
			return c
		}
	}
	label := strings.TrimSpace(strings.ReplaceAll(p.Label, `\n`, "\n")) // some escape it twice
	return countryOf(label[strings.LastIndexByte(label, '\n')+1:])
}

// text reads a string, or the first of an array of them.
func text(data json.RawMessage) string {
	var s string
	if json.Unmarshal(data, &s) == nil {
		return s
	}
	var list []string
	if json.Unmarshal(data, &list) == nil && len(list) > 0 {
		return list[0]
	}
	return ""
}

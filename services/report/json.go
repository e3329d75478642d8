package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
)

// The JSON of the tables. Keys are only ever added; null is "not known". Times
// are as in the events, counts are integers.
type (
	ownersJSON struct {
		Owners []ownerJSON `json:"owners"`
		Total  totalJSON   `json:"total"`
	}
	ownerJSON struct {
		Owner     *string           `json:"owner"`
		Attempts  uint64            `json:"attempts"`
		Sources   uint64            `json:"sources"`
		Networks  uint64            `json:"networks"`
		Countries map[string]uint64 `json:"countries"` // attempts by country
		Causes    map[string]uint64 `json:"causes"`    // attempts by cause
		FirstSeen *string           `json:"first_seen"`
		LastSeen  *string           `json:"last_seen"`
		OwnerAsOf *string           `json:"owner_as_of"`
		Late      uint64            `json:"learnt_late"` // attempts whose owner was learnt long after them
	}
	sourcesJSON struct {
		Sources []sourceJSON `json:"sources"`
		Total   totalJSON    `json:"total"`
	}
	sourceJSON struct {
		Address   string  `json:"address"`
		Country   *string `json:"country"`
		Owner     *string `json:"owner"`
		Attempts  uint64  `json:"attempts"`
		FirstSeen *string `json:"first_seen"`
		LastSeen  *string `json:"last_seen"`
		OwnerAsOf *string `json:"owner_as_of"`
		Late      uint64  `json:"learnt_late"`
	}
	// totalJSON counts everything that matched; Limited says that the rows are
	// fewer.
	totalJSON struct {
		Attempts  uint64  `json:"attempts"`
		Sources   uint64  `json:"sources"`
		Networks  *uint64 `json:"networks,omitempty"`
		Owners    *uint64 `json:"owners,omitempty"`
		FirstSeen *string `json:"first_seen"`
		LastSeen  *string `json:"last_seen"`
		Late      uint64  `json:"learnt_late"`
		Limited   bool    `json:"limited"`
	}
)

func (t Owners) writeJSON(w io.Writer) error {
	out := ownersJSON{Owners: make([]ownerJSON, len(t.Rows)), Total: t.Total.json(t.Limited())}
	out.Total.Networks, out.Total.Owners = &t.Total.Networks, &t.Total.Owners
	for i, r := range t.Rows {
		out.Owners[i] = ownerJSON{
			Owner: known(r.Owner), Attempts: r.Attempts, Sources: r.Sources, Networks: r.Networks,
			Countries: byName(r.Countries), Causes: byName(r.Causes),
			FirstSeen: known(FormatJSON.moment(r.FirstSeen)), LastSeen: known(FormatJSON.moment(r.LastSeen)),
			OwnerAsOf: known(FormatJSON.moment(r.OwnerAsOf)), Late: r.Late,
		}
	}
	return encode(w, out)
}

func (t Sources) writeJSON(w io.Writer) error {
	out := sourcesJSON{Sources: make([]sourceJSON, len(t.Rows)), Total: t.Total.json(t.Limited())}
	for i, r := range t.Rows {
		out.Sources[i] = sourceJSON{
			Address: r.Address, Country: known(r.Country), Owner: known(r.Owner), Attempts: r.Attempts,
			FirstSeen: known(FormatJSON.moment(r.FirstSeen)), LastSeen: known(FormatJSON.moment(r.LastSeen)),
			OwnerAsOf: known(FormatJSON.moment(r.OwnerAsOf)), Late: r.Late,
		}
	}
	return encode(w, out)
}

func (t Total) json(limited bool) totalJSON {
	return totalJSON{
		Attempts: t.Attempts, Sources: t.Sources, Limited: limited, Late: t.Late,
		FirstSeen: known(FormatJSON.moment(t.FirstSeen)), LastSeen: known(FormatJSON.moment(t.LastSeen)),
	}
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func byName(list []Share) map[string]uint64 {
	m := make(map[string]uint64, len(list))
	for _, s := range list {
		m[s.Name] = s.Attempts
	}
	return m
}

// encode writes one object and a newline. JSON keeps names whole, so what a
// terminal would obey is written as \u escapes, which mean the same.
func encode(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.Grow(len(text) + 1)
	for _, r := range string(text) {
		switch {
		case r == '\n' || harmless(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

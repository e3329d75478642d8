package report

import (
	"context"
	_ "embed"
	"io"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var (
	//go:embed queries/why.sql
	whySQL string
	//go:embed queries/names.sql
	namesSQL string
)

// WhyRow is one reason for which attempts have their owner.
type WhyRow struct {
	Owner      string    `json:"owner"`
	Basis      string    `json:"owner_basis"` // override, whois, rdap, asn or none
	Why        string    `json:"owner_why"`   // the rule that made the family
	Registrant string    `json:"registrant"`
	Netname    string    `json:"netname"`
	ASN        uint32    `json:"asn"`
	ASName     string    `json:"as_name"`
	Attempts   uint64    `json:"attempts"`
	Sources    uint64    `json:"sources"`
	AsOf       time.Time `json:"owner_as_of,omitzero"` // the newest
}

// Why is the table of reasons.
type Why struct{ Rows []WhyRow }

// Why returns why the attempts that f selects have the owners that they have, the
// most attempts first.
func (r *Reader) Why(ctx context.Context, f Filter) (Why, error) {
	table := Why{Rows: []WhyRow{}}
	if err := f.Validate(); err != nil {
		return table, err
	}
	err := r.each(ctx, "reasons", whySQL, f.args(), func(rows driver.Rows) error {
		var row WhyRow
		var asOf *time.Time
		err := rows.Scan(&row.Owner, &row.Basis, &row.Why, &row.Registrant, &row.Netname, &row.ASN, &row.ASName, &row.Attempts, &row.Sources, &asOf)
		if asOf != nil {
			row.AsOf = *asOf
		}
		table.Rows = append(table.Rows, row)
		return err
	})
	return table, err
}

// Write writes the table. Nothing a stranger wrote is more than text in it.
func (t Why) Write(w io.Writer, format Format) error {
	if format == FormatJSON {
		return encode(w, struct {
			Reasons []WhyRow `json:"reasons"`
		}{t.Rows})
	}
	g := grid{
		titles: []string{"Owner", "Basis", "Why", "Registrant", "Net name", "AS", "AS name", "Attempts", "Sources", "As of (UTC)"},
		keys:   []string{"owner", "owner_basis", "owner_why", "registrant", "netname", "asn", "as_name", "attempts", "sources", "owner_as_of"},
		right:  []int{7, 8},
		ours:   []int{1, 5, 7, 8, 9},
	}
	var attempts uint64
	for _, r := range t.Rows {
		asn := ""
		if r.ASN != 0 {
			asn = strconv.FormatUint(uint64(r.ASN), 10)
		}
		g.rows = append(g.rows, []string{r.Owner, r.Basis, r.Why, r.Registrant, r.Netname, asn, r.ASName, count(r.Attempts), count(r.Sources), format.moment(r.AsOf)})
		attempts += r.Attempts
	}
	g.total = []string{"Total", "", "", "", "", "", "", count(attempts), "", ""}
	return g.write(w, format)
}

// OwnerNames is an owner with the names that it was registered under.
type OwnerNames struct {
	Owner    string
	Names    []string // some of them
	Attempts uint64
}

// OwnerNames returns the owners of the attempts that f selects but for those that
// the user's rules name, the most attempts first. f.Owner does not count.
func (r *Reader) OwnerNames(ctx context.Context, f Filter) (list []OwnerNames, err error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	err = r.each(ctx, "names of owners", namesSQL, f.args(), func(rows driver.Rows) error {
		var o OwnerNames
		err := rows.Scan(&o.Owner, &o.Names, &o.Attempts)
		list = append(list, o)
		return err
	})
	return list, err
}

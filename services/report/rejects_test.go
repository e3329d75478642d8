package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

func TestRejects(t *testing.T) {
	db, reader := openDB(t)
	lines := []scan.Rejected{
		{Kind: scan.KindRejected, Format: "netfilter", Reason: `source address is masked: "x.x.2.7"`, Line: "line 1"},
		{Kind: scan.KindRejected, Format: "netfilter", Reason: `source address is masked: "192.*.\"*"…`, Line: "line 2"},
		{Kind: scan.KindRejected, Format: "netfilter", Reason: "line of 70000 bytes is too long", Line: evilEscape},
		{Kind: scan.KindUnrecognised, Reason: "no format claims the line", Line: "DHCP", Sensor: "office"},
		{Kind: scan.KindGap, Format: "cisco-ios", Reason: "missed 18 packets", Packets: 18, Line: "gap 1"},
		{Kind: scan.KindGap, Format: "cisco-ios", Reason: "missed 4 packets", Packets: 4, Line: "gap 2"},
	}
	for i := range lines {
		lines[i].ID, lines[i].Stage, lines[i].Received, lines[i].Origin = scan.ID(i+1), "ingest", lastSeen, "a.log:1"
		if lines[i].Sensor == "" {
			lines[i].Sensor = "home"
		}
	}
	for range 2 { // the same again changes nothing
		if err := db.InsertRejected(t.Context(), lines); err != nil {
			t.Fatal(err)
		}
	}
	f := func(filter RejectFilter, want ...string) {
		t.Helper()
		table, err := NewReader(reader.Conn()).Rejects(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range table.Rows {
			text := strings.Join([]string{string(r.Kind), r.Format, r.Reason, count(r.Lines), missed(r)}, "|")
			for _, s := range r.Samples {
				text += "|" + s.Line
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Rejects(%+v) mismatch (-want +got):\n%s", filter, diff)
		}
	}
	const (
		gap     = `gap|cisco-ios|missed # packets|2|22`
		masked  = `rejected|netfilter|source address is masked: "…"|2|`
		long    = `rejected|netfilter|line of # bytes is too long|1|`
		unknown = `unrecognised||no format claims the line|1|`
	)
	f(RejectFilter{}, gap, masked, long, unknown)
	f(RejectFilter{Kind: scan.KindGap, Samples: 1}, gap+"|gap 1")
	f(RejectFilter{Kind: scan.KindRejected, Samples: 9}, masked+"|line 1|line 2", long+"|"+evilEscape)
	f(RejectFilter{Sensor: "office"}, unknown)
	f(RejectFilter{LogFormat: "cisco-ios"}, gap)
	f(RejectFilter{Since: lastSeen.Add(1)}, gap, masked, long, unknown)
	f(RejectFilter{Until: lastSeen})
	f(RejectFilter{Limit: 1}, gap)
	for _, bad := range []RejectFilter{{Kind: "x"}, {Samples: -1}, {Samples: 101}, {Limit: -1}} {
		if _, err := NewReader(reader.Conn()).Rejects(t.Context(), bad); err == nil {
			t.Errorf("Rejects(%+v) is accepted", bad)
		}
	}
	table, err := NewReader(reader.Conn()).Rejects(t.Context(), RejectFilter{Samples: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []Format{FormatTable, FormatCSV, FormatJSON, FormatMarkdown} {
		var out bytes.Buffer
		if err := table.Write(&out, format); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\x07") {
			t.Errorf("%s holds what a terminal obeys: %q", format, out.String())
		}
		golden(t, "rejects."+string(format), out.String())
	}
}

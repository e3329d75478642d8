package stream

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format"
	"github.com/whoknocks/whoknocks/services/ingest/internal/identity"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// corpus finds the real log files beside the repository.
func corpus(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skip("no workspace around the test, so no place to look for real logs")
		}
		dir = parent
	}
	logs := filepath.Join(filepath.Dir(dir), "shared", "corpus", "logs")
	if _, err := os.Stat(logs); err != nil {
		t.Skipf("the real logs are not beside the repository: %v", err)
	}
	return logs
}

// tally counts what a file's lines became.
type tally struct {
	Lines, Events, Unrecognised, Rejected int64
	Sources                               int // different public source addresses
}

// What each real file holds, counted by hand and grep in the raw files.
var files = map[string]tally{
	"netgear-dg834/dg834-dos-2010.log":                  {15, 4, 11, 0, 3},
	"netgear-dg834/dg834gt-syslog-2011.log":             {31, 26, 5, 0, 14},
	"netgear-dg834/dg834n-rule-2010-masked.log":         {4, 0, 0, 4, 0},
	"netgear-dos/jxmot-readme-2021.log":                 {9, 3, 6, 0, 3},
	"netgear-dos/r6220-2022.log":                        {16, 14, 2, 0, 13},
	"netgear-dos/r7000-2016-2018.log":                   {640, 200, 440, 0, 92},
	"netgear-dos/wndr4500-2012.log":                     {916, 468, 448, 0, 174},
	"netgear-dos/wnr-last20sec.log":                     {7, 3, 4, 0, 1},
	"netgear-dos/wnr-wrapped-2010.log":                  {4, 2, 2, 0, 2}, // two entries over two lines each
	"netfilter/beats-iptables.log":                      {6, 6, 0, 0, 4},
	"netfilter/broadcom-intrusion.log":                  {2, 2, 0, 0, 2},
	"netfilter/crowdsec-iptables-portscan.log":          {49, 49, 0, 0, 1},
	"netfilter/crowdsec-iptables.log":                   {4, 4, 0, 0, 1}, // "XX=" for "IN=" loses the interface, not the packet
	"netfilter/proxmox-pvefw.log":                       {10, 10, 0, 0, 1},
	"netfilter/psad-fin_scan_1000_1150.log":             {80, 80, 0, 0, 0},
	"netfilter/psad-invalid_icmp_type_code.log":         {5, 5, 0, 0, 0},
	"netfilter/psad-ipv4_igmp.log":                      {4, 4, 0, 0, 0},
	"netfilter/psad-ipv4_valid_ping.log":                {5, 5, 0, 0, 0},
	"netfilter/psad-ipv6_invalid_icmp6_type_code.log":   {2, 2, 0, 0, 1},
	"netfilter/psad-ipv6_ms_sql_server_sig_match.log":   {1, 1, 0, 0, 1},
	"netfilter/psad-ipv6_ping_scan.log":                 {2, 2, 0, 0, 1},
	"netfilter/psad-mirai_default_credentials_scan.log": {11, 11, 0, 0, 0},
	"netfilter/psad-ms_sql_server_sig_match.log":        {2, 2, 0, 0, 0},
	"netfilter/psad-proto_scan.log":                     {60, 60, 0, 0, 0},
	"netfilter/psad-reputation_scan.log":                {7, 7, 0, 0, 4},
	"netfilter/psad-syn_sweep.log":                      {12, 12, 0, 0, 0},
	"netfilter/psad-syslog_time_fmt1.log":               {6, 6, 0, 0, 2},
	"netfilter/psad-udp_scan_1000_1150.log":             {160, 160, 0, 0, 0},
	"netfilter/router-variants.log":                     {14, 14, 0, 0, 12},
	"netfilter/sekoia-netfilter.log":                    {5, 5, 0, 0, 2},
	"netfilter/tomato-2014.log":                         {13, 12, 1, 0, 11}, // the last line is cut down to "D"
	"unifi/beats-edgerouter.log":                        {3, 3, 0, 0, 0},    // the kernel's own lines
	"unifi/crowdsec-unifi.log":                          {4, 3, 1, 0, 0},
	"unifi/sc4s-usg.log":                                {2, 1, 1, 0, 0},
}

type tallySink struct {
	t       *testing.T
	sources identity.Addrs
	ids     map[scan.ID]bool
}

func (s *tallySink) Event(ev *scan.Event) error {
	if err := ev.Validate(); err != nil {
		s.t.Errorf("event is not valid: %v: %s", err, ev.AppendJSON(nil))
	}
	if s.ids[ev.ID] {
		s.t.Errorf("ID %s comes twice: %s", ev.ID, ev.AppendJSON(nil))
	}
	s.ids[ev.ID] = true
	if ev.Knock() {
		s.sources.Add(ev.SrcIP)
	}
	return nil
}

func (s *tallySink) Rejected(*scan.Rejected) error { return nil }

// Every line of every real file becomes what it should, and the sums add up.
// Files of other formats give no event at all.
func TestCorpus(t *testing.T) {
	root := corpus(t)
	names, err := filepath.Glob(filepath.Join(root, "*", "*.log"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in %s: %v", root, err)
	}
	for _, name := range names {
		rel, _ := filepath.Rel(root, name)
		t.Run(rel, func(t *testing.T) {
			in, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sink := &tallySink{t: t, ids: make(map[scan.ID]bool)}
			s := feed(t, Config{Sensor: "home", Name: rel, Join: true, Daily: true, Reference: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, sink, string(in))
			c := s.Counts()
			got := tally{c.Lines, c.Events, c.Unrecognised, c.Rejected, sink.sources.Len()}
			if got.Lines != got.Events+got.Unrecognised+got.Rejected {
				t.Errorf("%v: does not add up", c)
			}
			want, ok := files[filepath.ToSlash(rel)]
			if !ok {
				want = tally{Lines: got.Lines, Unrecognised: got.Lines}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("lines of %s mismatch (-want +got):\n%s", rel, diff)
			}
			var days Counts
			s.Days(func(_ string, c Counts) { days.Add(c) })
			if days != c {
				t.Errorf("days sum up to %v, want %v", days, c)
			}
		})
	}
}

// No line is claimed by two formats, so that the order in which they are tried
// changes nothing.
func TestCorpusOneClaim(t *testing.T) {
	names, _ := filepath.Glob(filepath.Join(corpus(t), "*", "*.log"))
	for _, name := range names {
		in, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(in)) {
			var claims []string
			for _, f := range format.All() {
				var l envelope.Line
				var ev scan.Event
				envelope.Unwrap(line, &l)
				if err := f.Parse(&l, &ev); !errors.Is(err, parse.ErrNotMine) {
					claims = append(claims, f.Name)
				}
			}
			if len(claims) > 1 {
				t.Errorf("%v claim %q", claims, line)
			}
		}
	}
}

// feed reads a whole text.
func feed(t *testing.T, cfg Config, sink Sink, text string) *Stream {
	t.Helper()
	s, err := New(cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	n := int64(0)
	for line := range strings.Lines(text) {
		n++
		if err := s.Line(strings.TrimSuffix(line, "\n"), n, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(now); err != nil {
		t.Fatal(err)
	}
	return s
}

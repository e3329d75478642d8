package rules

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
)

// Version is the version of the file format that this package reads.
const Version = 1

// maxFile is the most bytes of one file.
const maxFile = 16 << 20

// Load reads the files, of which the first has the last word. An error names
// the file, the line and the column. Keys that are not known are errors.
func Load(files ...string) (*Set, error) {
	s := &Set{asns: map[uint32][]*rule{}, handles: map[string][]*rule{}}
	for _, file := range files {
		data, err := readFile(file)
		if err != nil {
			return nil, err
		}
		if err := s.add(filepath.Base(file), data); err != nil {
			return nil, fmt.Errorf("owner rules %s:%w", file, err)
		}
	}
	slices.Sort(s.bounds)
	s.bounds = slices.Compact(s.bounds)
	return s, nil
}

func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("owner rules: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("owner rules: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("owner rules %s: larger than %d bytes", file, maxFile)
	}
	return data, nil
}

// document is the file. The types in node.go keep where a value stands.
type document struct {
	Version number  `yaml:"version"`
	Owners  []owner `yaml:"owners"`
}

type owner struct {
	Name       text     `yaml:"name"`
	Source     text     `yaml:"source"`
	ValidFrom  date     `yaml:"valid_from"`
	ValidUntil date     `yaml:"valid_until"`
	Prefixes   []prefix `yaml:"prefixes"`
	ASNs       []number `yaml:"asns"`
	Names      []text   `yaml:"names"`
	Handles    []text   `yaml:"handles"`
	Hosts      []text   `yaml:"hosts"`
}

// add reads one file into the set. Errors begin with "line:column: ".
func (s *Set) add(file string, data []byte) (err error) {
	defer func() {
		// The YAML library is large and the file may be anything.
		if p := recover(); p != nil {
			err = fmt.Errorf("1:1: not YAML: %v", p)
		}
	}()
	var doc document
	if err := yaml.UnmarshalWithOptions(data, &doc, yaml.Strict()); err != nil {
		return place(err)
	}
	if doc.Version.value != Version {
		if doc.Version.line == 0 {
			return fmt.Errorf("1:1: key version is missing: want version: %d", Version)
		}
		return doc.Version.errorf("version %d is not known: want %d", doc.Version.value, Version)
	}
	for i := range doc.Owners {
		if err := s.addOwner(file, i+1, &doc.Owners[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) addOwner(file string, nth int, o *owner) error {
	name := source.Text(o.Name.value)
	if name == "" {
		if o.Name.line == 0 {
			return fmt.Errorf("1:1: owner %d has no name", nth)
		}
		return o.Name.errorf("owner %d has an empty name", nth)
	}
	if len(o.Prefixes)+len(o.ASNs)+len(o.Names)+len(o.Handles)+len(o.Hosts) == 0 {
		return o.Name.errorf("owner %q has neither prefixes nor asns nor names nor handles nor hosts", name)
	}
	from, until := int64(math.MinInt64), int64(math.MaxInt64)
	if o.ValidFrom.line != 0 {
		from = o.ValidFrom.value.Unix()
		s.bounds = append(s.bounds, from)
	}
	if o.ValidUntil.line != 0 {
		until = o.ValidUntil.value.Unix()
		s.bounds = append(s.bounds, until)
	}
	if until <= from {
		return o.ValidUntil.errorf("owner %q: valid_until is not after valid_from", name)
	}
	add := func(m Match) *rule {
		m.Owner = name
		return &rule{Match: m, from: from, until: until, entry: s.owners}
	}
	for _, p := range o.Prefixes {
		r := add(p.match)
		r.Why = file + ": prefix " + p.match.Network.String()
		list, _ := s.prefixes.Get(p.match.Network)
		s.prefixes.Insert(p.match.Network, append(slices.Clip(list), r))
	}
	for _, n := range o.ASNs {
		asn := uint32(n.value)
		if n.value < 1 || n.value > math.MaxUint32 {
			return n.errorf("AS number %d: want 1 to %d", n.value, uint32(math.MaxUint32))
		}
		s.asns[asn] = append(s.asns[asn], add(Match{Why: asnWhy(file, asn)}))
	}
	for _, t := range o.Handles {
		handle := strings.TrimSpace(t.value)
		registry, rest, ok := strings.Cut(handle, ":")
		if !ok || registry == "" || rest == "" || len(handle) > source.MaxText {
			return t.errorf("handle %.80q is not a registry and its handle like ripe:ORG-EX1-RIPE", t.value)
		}
		key := strings.ToUpper(handle)
		s.handles[key] = append(s.handles[key], add(Match{Why: file + ": handle " + source.Text(handle)}))
	}
	for _, list := range []struct {
		word     string
		patterns []text
		rules    *[]nameRule
	}{{"name", o.Names, &s.names}, {"host", o.Hosts, &s.hosts}} {
		for _, t := range list.patterns {
			pattern := strings.ToLower(strings.TrimSpace(t.value))
			if strings.Trim(pattern, "*? .") == "" {
				return t.errorf("%s pattern %q fits everything", list.word, t.value)
			}
			if len(pattern) > source.MaxText {
				return t.errorf("%s pattern is longer than %d bytes", list.word, source.MaxText)
			}
			why := fmt.Sprintf("%s: %s %q", file, list.word, source.Text(t.value))
			*list.rules = append(*list.rules, nameRule{pattern: pattern, rule: add(Match{Why: why})})
		}
	}
	s.owners++
	return nil
}

// place turns an error of the YAML library into "line:column: message".
func place(err error) error {
	var at *posError
	if errors.As(err, &at) {
		return at
	}
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil && e.GetToken().Position != nil {
		pos := e.GetToken().Position
		return fmt.Errorf("%d:%d: %s", pos.Line, pos.Column, e.GetMessage())
	}
	return fmt.Errorf("1:1: %w", err)
}

func parsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%.80q is not a prefix like 192.0.2.0/24", s)
	}
	if p.Masked() != p {
		return p, fmt.Errorf("prefix %s has host bits set: did you mean %s?", p, p.Masked())
	}
	if p.Addr().Is4In6() {
		return p, fmt.Errorf("prefix %s is IPv4 written as IPv6", p)
	}
	return p, nil
}

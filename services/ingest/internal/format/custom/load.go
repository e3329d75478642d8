package custom

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
)

// Version is the version of the file format that this package reads.
const Version = 1

const (
	maxFile    = 1 << 20
	maxFormats = 100
	maxRegex   = 4 << 10
)

type document struct {
	Version int      `yaml:"version"`
	Formats []format `yaml:"formats"`
}

type format struct {
	Name     string            `yaml:"name"`
	Patterns []expression      `yaml:"patterns"`
	Time     string            `yaml:"time"`
	Verdicts map[string]string `yaml:"verdicts"`
	Samples  []sample          `yaml:"samples"`
}

type expression struct {
	Regex string            `yaml:"regex"`
	Grok  string            `yaml:"grok"`
	Set   map[string]string `yaml:"set"`
}

type sample struct {
	Line  string            `yaml:"line"`
	Event map[string]string `yaml:"event"`
}

// Load reads files, in which patterns such as formats/*.yaml may stand. An error
// names the file, and the line where the YAML is wrong, or the format; a sample
// that does not give its event is one, too.
func Load(files ...string) ([]*Format, error) {
	var out []*Format
	for _, pattern := range files {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			names = []string{pattern}
		}
		for _, name := range names {
			formats, err := load(name)
			if err != nil {
				return nil, fmt.Errorf("log formats %s: %w", name, err)
			}
			out = append(out, formats...)
		}
	}
	for i, f := range out {
		if slices.ContainsFunc(out[:i], func(g *Format) bool { return g.Name == f.Name }) {
			return nil, fmt.Errorf("log formats: %q is described twice", f.Name)
		}
	}
	if len(out) > maxFormats {
		return nil, fmt.Errorf("log formats: %d are described, %d are the most", len(out), maxFormats)
	}
	return out, nil
}

func load(name string) (out []*Format, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, plain(err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, plain(err)
	}
	var doc document
	if err := unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if doc.Version != Version {
		return nil, fmt.Errorf("version is %d, want %d", doc.Version, Version)
	}
	for i := range doc.Formats {
		f, err := build(&doc.Formats[i])
		if err != nil {
			return nil, fmt.Errorf("format %.40q: %w", doc.Formats[i].Name, err)
		}
		out = append(out, f)
	}
	return out, nil
}

// plain drops what *fs.PathError repeats of the path.
func plain(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

func unmarshal(data []byte, doc *document) (err error) {
	defer func() {
		if p := recover(); p != nil { // the YAML library is large and the file may be anything
			err = fmt.Errorf("not YAML: %v", p)
		}
	}()
	err = yaml.UnmarshalWithOptions(data, doc, yaml.Strict())
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil && e.GetToken().Position != nil {
		at := e.GetToken().Position
		return fmt.Errorf("%d:%d: %s", at.Line, at.Column, e.GetMessage())
	}
	return err
}

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func build(in *format) (*Format, error) {
	if !validName.MatchString(in.Name) {
		return nil, errors.New("the name must be of small letters, digits and hyphens, 40 at most")
	}
	f := &Format{Name: in.Name, layout: in.Time, verdicts: make(map[string]scan.Verdict)}
	if in.Time != "" {
		if _, err := time.Parse(in.Time, time.Now().Format(in.Time)); err != nil {
			return nil, fmt.Errorf("time %q is no layout of Go's package time: %w", in.Time, err)
		}
	}
	for word, v := range in.Verdicts {
		switch verdict := scan.Verdict(v); verdict {
		case scan.VerdictDrop, scan.VerdictReject, scan.VerdictAllow, scan.VerdictAlert, scan.VerdictUnknown:
			f.verdicts[strings.ToLower(word)] = verdict
		default:
			return nil, fmt.Errorf("verdict %.40q is none of drop, reject, allow, alert, unknown", v)
		}
	}
	if len(in.Patterns) == 0 {
		return nil, errors.New("there are no patterns")
	}
	for i, e := range in.Patterns {
		p, err := compile(e)
		if err != nil {
			return nil, fmt.Errorf("pattern %d: %w", i+1, err)
		}
		f.patterns = append(f.patterns, p)
	}
	for i, s := range in.Samples {
		if err := f.check(s); err != nil {
			return nil, fmt.Errorf("sample %d: %w", i+1, err)
		}
	}
	return f, nil
}

func compile(e expression) (p pattern, err error) {
	switch {
	case len(e.Regex)+len(e.Grok) > maxRegex:
		return p, fmt.Errorf("longer than %d bytes", maxRegex)
	case (e.Regex == "") == (e.Grok == ""):
		return p, errors.New("want either regex or grok")
	case e.Regex != "":
		p, err = regex(e.Regex)
	default:
		p, err = groks(e.Grok)
	}
	if err != nil {
		return p, err
	}
	for key := range e.Set {
		if !groups[key] || key == "src_ip" || key == "time" {
			return p, fmt.Errorf("set: %.40q cannot be set", key)
		}
	}
	p.set = e.Set
	return p, nil
}

// check reads a sample, and compares what it says of the event.
func (f *Format) check(s sample) error {
	var l envelope.Line
	var ev scan.Event
	envelope.Unwrap(s.Line, &l)
	if err := f.Parse(&l, &ev); err != nil {
		return fmt.Errorf("%.80q: %w", s.Line, err)
	}
	got := map[string]string{
		"verdict": string(ev.Verdict), "direction": string(ev.Direction), "proto": ev.Proto, "src_ip": ev.SrcIP.String(), "label": ev.Label,
		"src_port": option(ev.SrcPort), "dst_port": option(ev.DstPort), "icmp_type": option(ev.ICMPType), "icmp_code": option(ev.ICMPCode),
		"packets": fmt.Sprint(ev.Packets), "time": l.Stamp.String(), "dst_ip": "",
	}
	if ev.DstIP.IsValid() {
		got["dst_ip"] = ev.DstIP.String()
	}
	if ev.TCPFlags.OK {
		got["tcp_flags"] = ev.TCPFlags.V.String()
	}
	for key, want := range s.Event {
		if value, ok := got[key]; !groups[key] {
			return fmt.Errorf("%.40q is no key of an event", key)
		} else if value != want || !ok {
			return fmt.Errorf("%.80q: %s is %q, want %q", s.Line, key, value, want)
		}
	}
	return nil
}

func option[T uint8 | uint16](o scan.Opt[T]) string {
	if !o.OK {
		return ""
	}
	return fmt.Sprint(o.V)
}

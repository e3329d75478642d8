package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
)

// pos is where a value stands in its file; line 0 means that it is absent.
type pos struct{ line, column int }

type posError struct {
	pos
	msg string
}

func (e *posError) Error() string { return fmt.Sprintf("%d:%d: %s", e.line, e.column, e.msg) }

func (p pos) errorf(format string, args ...any) error {
	return &posError{pos: p, msg: fmt.Sprintf(format, args...)}
}

func posOf(n ast.Node) pos {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return pos{line: t.Position.Line, column: t.Position.Column}
	}
	return pos{line: 1, column: 1}
}

// scalar returns the text of a plain or quoted value.
func scalar(n ast.Node, what string) (string, pos, error) {
	at := posOf(n)
	s, ok := n.(ast.ScalarNode)
	if !ok || n.Type() == ast.NullType {
		return "", at, at.errorf("want %s", what)
	}
	switch v := s.GetValue().(type) {
	case string:
		return v, at, nil
	default:
		return fmt.Sprint(v), at, nil
	}
}

type text struct {
	pos
	value string
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (t *text) UnmarshalYAML(n ast.Node) (err error) {
	t.value, t.pos, err = scalar(n, "a text")
	return err
}

type number struct {
	pos
	value int64
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (v *number) UnmarshalYAML(n ast.Node) error {
	v.pos = posOf(n)
	if n.Type() != ast.IntegerType {
		return v.errorf("want a whole number")
	}
	if err := yaml.NodeToValue(n, &v.value); err != nil {
		return v.errorf("want a whole number")
	}
	return nil
}

// date is a day (2012-01-01, midnight UTC) or an RFC 3339 time.
type date struct {
	pos
	value time.Time
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (d *date) UnmarshalYAML(n ast.Node) error {
	s, at, err := scalar(n, "a date")
	d.pos = at
	if err != nil {
		return err
	}
	if d.value, err = time.Parse(time.DateOnly, s); err == nil {
		return nil
	}
	if d.value, err = time.Parse(time.RFC3339, s); err != nil {
		return at.errorf("%.80q is neither a date like 2012-01-31 nor a time like 2012-01-31T12:00:00Z", s)
	}
	return nil
}

// prefix is a prefix alone or with what is known about it.
type prefix struct {
	match Match
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (p *prefix) UnmarshalYAML(n ast.Node) (err error) {
	if n.Type() != ast.MappingType {
		s, at, err := scalar(n, "a prefix")
		if err != nil {
			return err
		}
		if p.match.Network, err = parsePrefix(strings.TrimSpace(s)); err != nil {
			return at.errorf("%s", err)
		}
		return nil
	}
	var m struct {
		Prefix     text `yaml:"prefix"`
		Country    text `yaml:"country"`
		Carrier    text `yaml:"carrier"`
		Registrant text `yaml:"registrant"`
		Netname    text `yaml:"netname"`
	}
	if err := yaml.NodeToValue(n, &m, yaml.Strict()); err != nil {
		return err
	}
	if m.Prefix.line == 0 {
		return posOf(n).errorf("key prefix is missing")
	}
	if p.match.Network, err = parsePrefix(strings.TrimSpace(m.Prefix.value)); err != nil {
		return m.Prefix.errorf("%s", err)
	}
	if m.Country.line != 0 {
		c, ok := source.Country(m.Country.value)
		if !ok {
			return m.Country.errorf("country %.20q is not a two-letter code", m.Country.value)
		}
		p.match.Country = c
	}
	p.match.Carrier = source.Text(m.Carrier.value)
	p.match.Registrant = source.Text(m.Registrant.value)
	p.match.Netname = source.Text(m.Netname.value)
	return nil
}

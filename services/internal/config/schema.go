package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// tagName is the struct tag that names a key. Beside it a field may carry
// `help:"…"`, which Dump prints above it, and `secret:"true"`, which passwords
// need not.
const tagName = "koanf"

// schema is what keys a configuration struct has.
type schema struct {
	leaves   map[string]reflect.Type // dotted key -> type of the value
	sections map[string]bool         // dotted key of every struct in between
}

// field is one field of a struct as the configuration sees it.
type field struct {
	key    string // empty for an embedded struct whose fields are the parent's
	index  []int
	typ    reflect.Type
	help   string
	secret bool
}

func schemaOf(dst any) (schema, error) {
	t := reflect.TypeOf(dst)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return schema{}, fmt.Errorf("configuration must be a struct, not %T", dst)
	}
	s := schema{leaves: map[string]reflect.Type{}, sections: map[string]bool{}}
	s.add("", t)
	return s, nil
}

func (s schema) add(path string, t reflect.Type) {
	for _, f := range fieldsOf(t) {
		key := join(path, f.key)
		switch {
		case isLeaf(f.typ):
			s.leaves[key] = f.typ
		default:
			if f.key != "" {
				s.sections[key] = true
			}
			s.add(key, f.typ)
		}
	}
}

// unknown returns the keys of values that the schema lacks, sorted.
func (s schema) unknown(path string, values map[string]any) []string {
	var keys []string
	for name, value := range values {
		key := join(path, name)
		if _, ok := s.leaves[key]; ok {
			continue
		}
		inner, isMap := value.(map[string]any)
		if s.sections[key] && isMap {
			keys = append(keys, s.unknown(key, inner)...)
			continue
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// settable reports whether --set may name key: a leaf, or an entry of a map.
func (s schema) settable(key string) bool {
	if _, ok := s.leaves[key]; ok {
		return true
	}
	for parent := key; ; {
		cut := strings.LastIndexByte(parent, '.')
		if cut < 0 {
			return false
		}
		parent = parent[:cut]
		if t, ok := s.leaves[parent]; ok {
			return t.Kind() == reflect.Map
		}
	}
}

// claims reports whether an environment variable's name starts with the name of
// one of the top sections.
func (s schema) claims(name string) bool {
	for section := range s.sections {
		if !strings.Contains(section, ".") && strings.HasPrefix(name, EnvName(section)+"_") {
			return true
		}
	}
	return false
}

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get(tagName), ",")
		if name == "-" || !sf.IsExported() {
			continue
		}
		f := field{key: name, index: sf.Index, typ: sf.Type, help: sf.Tag.Get("help")}
		if name == "" && options != "squash" {
			f.key = snakeCase(sf.Name)
		}
		f.secret, _ = strconv.ParseBool(sf.Tag.Get("secret"))
		f.secret = f.secret || f.key == "password" || strings.HasSuffix(f.key, "_password")
		fields = append(fields, f)
	}
	return fields
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// isLeaf reports whether a type is one value rather than a section.
func isLeaf(t reflect.Type) bool {
	return t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(textUnmarshaler)
}

func join(path, key string) string {
	switch {
	case path == "":
		return key
	case key == "":
		return path
	}
	return path + "." + key
}

// snakeCase turns a Go name into a key: MaxEvents and URLPath become max_events
// and url_path. A key stays as it is.
func snakeCase(name string) string {
	runes := []rune(name)
	var b strings.Builder
	for i, r := range runes {
		startsWord := i > 0 && unicode.IsUpper(r) &&
			(!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if startsWord && runes[i-1] != '_' && runes[i-1] != '.' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// lineOf says where in a YAML text a dotted key stands, as " in line N"; it is
// empty where that cannot be told.
func lineOf(text []byte, key string) string {
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) == 0 {
		return ""
	}
	node, line := doc.Content[0], 0
	for part := range strings.SplitSeq(key, ".") {
		found := false
		for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
			if node.Content[i].Value == part {
				line, node, found = node.Content[i].Line, node.Content[i+1], true
				break
			}
		}
		if !found {
			break
		}
	}
	if line == 0 {
		return ""
	}
	return " in line " + strconv.Itoa(line)
}

package config

import (
	"encoding"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// hidden stands in a dump for a secret that is set.
const hidden = "xxxxx"

// Dump writes cfg, a struct or a pointer to one, as a YAML file that Load reads
// back, in the order of its fields and with their help text as comments.
// Secrets are hidden: fields with the tag `secret:"true"` or whose key is or ends
// in password, and the password of any value that is a URL.
func Dump(w io.Writer, cfg any) error {
	if _, err := schemaOf(cfg); err != nil {
		return err
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(structNode(reflect.Indirect(reflect.ValueOf(cfg)))); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return enc.Close()
}

func structNode(v reflect.Value) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fieldsOf(v.Type()) {
		value := valueNode(v.FieldByIndex(f.index), f.secret)
		if f.key == "" {
			node.Content = append(node.Content, value.Content...)
			continue
		}
		key := &yaml.Node{Kind: yaml.ScalarNode, Value: f.key, HeadComment: f.help}
		node.Content = append(node.Content, key, value)
	}
	return node
}

func valueNode(v reflect.Value, secret bool) *yaml.Node {
	switch {
	case secret && !v.IsZero():
		return textNode(hidden)
	case v.Type() == durationType:
		return textNode(v.Interface().(time.Duration).String())
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		text, err := m.MarshalText()
		if err != nil {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", LineComment: err.Error()}
		}
		return textNode(string(text))
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
		}
		return valueNode(v.Elem(), secret)
	case reflect.Struct:
		return structNode(v)
	case reflect.Slice, reflect.Array:
		node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for i := range v.Len() {
			item := valueNode(v.Index(i), secret)
			if item.Kind == yaml.MappingNode {
				node.Style = 0
			}
			node.Content = append(node.Content, item)
		}
		return node
	case reflect.Map:
		return mapNode(v, secret)
	case reflect.String:
		return textNode(redact(v.String()))
	}
	return scalarNode(v.Interface())
}

func mapNode(v reflect.Value, secret bool) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		return strings.Compare(fmt.Sprint(a.Interface()), fmt.Sprint(b.Interface()))
	})
	for _, key := range keys {
		node.Content = append(node.Content, textNode(fmt.Sprint(key.Interface())), valueNode(v.MapIndex(key), secret))
	}
	return node
}

func textNode(text string) *yaml.Node {
	node := &yaml.Node{}
	node.SetString(text) // quotes what would read back as something else
	return node
}

func scalarNode(value any) *yaml.Node {
	node := &yaml.Node{}
	if err := node.Encode(value); err != nil {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", LineComment: err.Error()}
	}
	return node
}

// redact hides the password of a URL, in its user part and in its query.
func redact(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return text
	}
	if _, ok := u.User.Password(); ok {
		u.User = url.UserPassword(u.User.Username(), hidden)
	}
	if q := u.Query(); q.Get("password") != "" {
		q.Set("password", hidden)
		u.RawQuery = q.Encode()
	}
	return u.String()
}

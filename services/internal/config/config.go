// Package config fills a program's configuration struct: from the defaults that
// stand in it already, a YAML file, the environment and --set flags, each of
// which overrides the one before.
//
// A key nobody knows is an error that names it, whichever way it came, so that
// a typing mistake never leaves a setting silently at its default. What the
// settings mean is left to the packages whose structs they are.
package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
)

// EnvPrefix opens the name of every environment variable that Load reads.
const EnvPrefix = "WHOKNOCKS_"

// fileSuffix closes the name of a variable that names a file with the value.
const fileSuffix = "_FILE"

// Validator is what a configuration, or a section of one, implements to check
// itself once everything is read. It should report every mistake, not the first.
type Validator interface{ Validate() error }

// Load overwrites the fields of dst, a pointer to a struct that holds the
// defaults, with what the sources say: the YAML file (none if the name is
// empty), env in the form of os.Environ, and sets, each "section.key=value".
// Then it calls Validate on every section that has it and on dst.
//
// Keys are the koanf tags joined by dots; a field without a tag has its name in
// snake case. The variable of store.batch_size is WHOKNOCKS_STORE_BATCH_SIZE. A
// variable whose first word is no section of dst is somebody else's and is
// passed over, so that one environment can serve several programs; an empty one
// counts as not set. With _FILE behind it, the variable names a file whose
// content, without the line ends behind it, is the value: secrets are handed over
// so. Lists may be written as text with commas.
//
// Load blocks on reading files only. After an error the state of dst is
// undefined. It keeps nothing and may be called concurrently.
func Load(dst any, file string, env, sets []string) error {
	known, err := schemaOf(dst)
	if err != nil {
		return err
	}
	k := koanf.New(".")
	if file != "" {
		if err := loadFile(k, known, file); err != nil {
			return err
		}
	}
	if err := loadEnv(k, known, env); err != nil {
		return err
	}
	if err := loadSets(k, known, sets); err != nil {
		return err
	}
	err = k.UnmarshalWithConf("", dst, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		DecodeHook:      convert,
		ErrorUnused:     true, // keys inside lists, which the schema does not see
		ZeroFields:      true, // a list or map that is given replaces the default one
		TagName:         tagName,
		SquashTagOption: "squash",
		MatchName:       func(key, field string) bool { return key == snakeCase(field) },
	}})
	if err != nil {
		return errors.Join(mistakes(err)...)
	}
	return validate(reflect.ValueOf(dst), "")
}

// mistakes takes the decoder's tree of errors apart: one error a key, named as
// it is written in a file.
func mistakes(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range many.Unwrap() {
			errs = append(errs, mistakes(e)...)
		}
		return errs
	}
	var inside *mapstructure.DecodeError
	switch inner := errors.Unwrap(err); {
	case inner != nil && errors.As(inner, &inside):
		return mistakes(inner)
	case errors.As(err, &inside):
		return []error{fmt.Errorf("configuration of %s: %w", snakeCase(inside.Name()), inner)}
	}
	return []error{fmt.Errorf("configuration: %w", err)}
}

func loadFile(k *koanf.Koanf, known schema, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	layer := koanf.New(".")
	if err := layer.Load(rawbytes.Provider(text), yaml.Parser()); err != nil {
		return fmt.Errorf("configuration file %q: %w", file, err)
	}
	values := withoutNulls(layer.Raw())
	var errs []error
	for _, key := range known.unknown("", values) {
		errs = append(errs, fmt.Errorf("configuration file %q: unknown key %q%s", file, key, lineOf(text, key)))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return k.Load(confmap.Provider(values, ""), nil)
}

// loadEnv builds the variable names from the known keys rather than keys from
// the names: an underscore in a name may then be a dot or an underscore.
func loadEnv(k *koanf.Koanf, known schema, env []string) error {
	keys := make(map[string]string, len(known.leaves))
	for key := range known.leaves {
		keys[EnvName(key)] = key
	}
	values, fromFiles := map[string]any{}, map[string]any{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, EnvPrefix) || value == "" {
			continue
		}
		key, ok := keys[name]
		from, isFile := keys[strings.TrimSuffix(name, fileSuffix)]
		switch {
		case ok:
			values[key] = value
		case isFile:
			text, err := os.ReadFile(value)
			if err != nil {
				return fmt.Errorf("environment variable %s: %w", name, err)
			}
			fromFiles[from] = strings.TrimRight(string(text), "\r\n")
		case known.claims(name):
			return fmt.Errorf("environment variable %s: no such key", name)
		}
	}
	for key, value := range fromFiles {
		if _, both := values[key]; both {
			return fmt.Errorf("environment variables %s and %[1]s%s: want one of them", EnvName(key), fileSuffix)
		}
		values[key] = value
	}
	return k.Load(confmap.Provider(values, "."), nil)
}

func loadSets(k *koanf.Koanf, known schema, sets []string) error {
	for _, set := range sets {
		key, value, ok := strings.Cut(set, "=")
		if !ok {
			return fmt.Errorf("--set %q: want section.key=value", set)
		}
		key = strings.TrimSpace(key)
		if !known.settable(key) {
			return fmt.Errorf("--set %q: unknown key %q", set, key)
		}
		if err := k.Load(confmap.Provider(map[string]any{key: value}, "."), nil); err != nil {
			return fmt.Errorf("--set %q: %w", set, err)
		}
	}
	return nil
}

// EnvName returns the environment variable of a dotted key.
func EnvName(key string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// Keys returns every dotted key that dst, a struct or a pointer to one, has,
// sorted.
func Keys(dst any) []string {
	known, err := schemaOf(dst)
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(known.leaves))
}

// withoutNulls drops keys without a value: a section whose every line is
// commented out is not meant to erase the defaults.
func withoutNulls(m map[string]any) map[string]any {
	for key, value := range m {
		switch v := value.(type) {
		case nil:
			delete(m, key)
		case map[string]any:
			withoutNulls(v)
		}
	}
	return m
}

// validate calls Validate on the sections first: their mistakes name the key.
func validate(v reflect.Value, path string) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	var errs []error
	if v.Kind() == reflect.Struct && !isLeaf(v.Type()) {
		for _, f := range fieldsOf(v.Type()) {
			errs = append(errs, validate(v.FieldByIndex(f.index), join(path, f.key)))
		}
	}
	if v.CanAddr() {
		if check, ok := v.Addr().Interface().(Validator); ok && !isLeaf(v.Type()) {
			if err := check.Validate(); err != nil {
				errs = append(errs, prefixed(path, err))
			}
		}
	}
	return errors.Join(errs...)
}

func prefixed(path string, err error) error {
	if path == "" {
		return fmt.Errorf("configuration: %w", err)
	}
	return fmt.Errorf("configuration of %s: %w", path, err)
}

package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var durationType = reflect.TypeFor[time.Duration]()

// convert is the decode hook: it turns what YAML, the environment or a flag
// gave into a value of exactly the target's type, with checks that the decoder
// does not make (overflow, a duration without unit, text that YAML took for a
// number). What it leaves alone is the decoder's.
func convert(_, to reflect.Type, data any) (any, error) {
	text, isText := data.(string)
	text = strings.TrimSpace(text)
	switch {
	case reflect.PointerTo(to).Implements(textUnmarshaler):
		if !isText {
			if reflect.TypeOf(data) == to {
				return data, nil
			}
			text = fmt.Sprint(data)
		}
		v := reflect.New(to)
		if err := v.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return nil, err
		}
		return v.Elem().Interface(), nil
	case to == durationType:
		return duration(data, text, isText)
	case to.Kind() == reflect.Slice && isText:
		return list(text), nil
	case to.Kind() == reflect.String:
		if !isText && reflect.TypeOf(data).Kind() != reflect.String {
			return nil, fmt.Errorf("want text, found %v: put it in quotes", data)
		}
		return data, nil
	case to.Kind() == reflect.Bool && isText:
		return strconv.ParseBool(text)
	case to.Kind() >= reflect.Int && to.Kind() <= reflect.Uint64:
		return integer(to, data, text, isText)
	case (to.Kind() == reflect.Float64 || to.Kind() == reflect.Float32) && isText:
		return strconv.ParseFloat(text, 64)
	}
	return data, nil
}

func duration(data any, text string, isText bool) (any, error) {
	if d, ok := data.(time.Duration); ok {
		return d, nil
	}
	if isText {
		return time.ParseDuration(text)
	}
	if n, ok := data.(int); ok && n == 0 {
		return time.Duration(0), nil
	}
	return nil, fmt.Errorf("want a duration with its unit, such as \"50ms\" or \"2h\", found %v", data)
}

// list splits text at commas; empty text is the empty list.
func list(text string) []string {
	items := []string{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// integer accepts numbers and sizes ("64KiB") for every integer type and
// refuses what the type cannot hold.
func integer(to reflect.Type, data any, text string, isText bool) (any, error) {
	var n int64
	var err error
	switch v := reflect.ValueOf(data); {
	case isText:
		var size Bytes
		err = size.UnmarshalText([]byte(text))
		n = int64(size)
	case v.CanInt():
		n = v.Int()
	case v.CanUint():
		if v.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("%d is out of range", v.Uint())
		}
		n = int64(v.Uint())
	case v.CanFloat():
		if n = int64(v.Float()); float64(n) != v.Float() {
			err = fmt.Errorf("want a whole number, found %v", data)
		}
	default:
		err = fmt.Errorf("want a number, found %v", data)
	}
	if err != nil {
		return nil, err
	}
	result := reflect.New(to).Elem()
	switch {
	case result.CanInt() && !result.OverflowInt(n):
		result.SetInt(n)
	case result.CanUint() && n >= 0 && !result.OverflowUint(uint64(n)):
		result.SetUint(uint64(n))
	default:
		return nil, fmt.Errorf("%d is out of range", n)
	}
	return result.Interface(), nil
}

// Bytes is a size in bytes that reads and prints as "512KiB", "1GiB" or a plain
// number. KB, MB and so on are powers of 1000.
type Bytes int64

var units = []struct {
	suffix string
	size   int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// UnmarshalText reads a size; letter case and a space before the unit are free.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, factor := strings.TrimSpace(string(text)), int64(1)
	for _, u := range units {
		if len(number) > len(u.suffix) && strings.EqualFold(number[len(number)-len(u.suffix):], u.suffix) {
			number, factor = strings.TrimSpace(number[:len(number)-len(u.suffix)]), u.size
			break
		}
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(number, "_", ""), 10, 64)
	if err != nil {
		return fmt.Errorf("want a number or a size such as \"64MiB\", found %q: %w", clip(string(text)), errors.Unwrap(err))
	}
	if n > math.MaxInt64/factor || n < math.MinInt64/factor {
		return fmt.Errorf("%q is out of range", clip(string(text)))
	}
	*b = Bytes(n * factor)
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// String prints the size in the largest binary unit that divides it.
func (b Bytes) String() string {
	for _, u := range units[:4] {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

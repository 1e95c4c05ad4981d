package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Bytes is a size. Written as a number of bytes or with a unit: kB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024.
type Bytes int64

var units = []struct {
	name string
	size int64
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
}

// ParseBytes reads a size such as 32MiB.
func ParseBytes(s string) (Bytes, error) {
	number, size := strings.TrimSpace(s), int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, size = strings.TrimSpace(rest), u.size
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !(f >= 0 && f*float64(size) < 1<<62) {
		return 0, fmt.Errorf("%q is no size such as 32MiB or 512MB", s)
	}
	return Bytes(f * float64(size)), nil
}

// String is the shortest exact form.
func (b Bytes) String() string {
	for _, u := range units {
		if b != 0 && int64(b)%u.size == 0 && u.size > 1 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Field is one setting.
type Field struct {
	// Key is the path in the file, Env the environment variable, Flag the option without dashes.
	Key, Env, Flag string
	Default, Doc   string
	// Type is text, list, size, duration, number or yes/no.
	Type   string
	Secret bool
	value  reflect.Value
}

// Fields lists all settings in the order of the tree.
func Fields() []Field {
	var c Config
	return fieldsOf(&c)
}

func fieldsOf(c *Config) []Field {
	return appendFields(nil, "", reflect.ValueOf(c).Elem())
}

func appendFields(fs []Field, prefix string, v reflect.Value) []Field {
	for i := range v.NumField() {
		t := v.Type().Field(i)
		key := prefix + t.Tag.Get("yaml")
		if v.Field(i).Kind() == reflect.Struct {
			fs = appendFields(fs, key+".", v.Field(i))
			continue
		}
		word := strings.NewReplacer(".", "_").Replace(key)
		fs = append(fs, Field{
			Key: key, Env: "FRESHET_" + strings.ToUpper(word), Flag: strings.ReplaceAll(word, "_", "-"),
			Default: t.Tag.Get("default"), Doc: t.Tag.Get("doc"), Type: typeName(v.Field(i)),
			Secret: t.Tag.Get("secret") == "true", value: v.Field(i),
		})
	}
	return fs
}

func typeName(v reflect.Value) string {
	switch v.Interface().(type) {
	case Bytes:
		return "size"
	case time.Duration:
		return "duration"
	case int:
		return "number"
	case bool:
		return "yes/no"
	case []string:
		return "list"
	default:
		return "text"
	}
}

// set gives the field a value from text; lists are separated by commas.
func (f *Field) set(s string) error {
	switch f.value.Interface().(type) {
	case Bytes:
		b, err := ParseBytes(s)
		if err != nil {
			return err
		}
		f.value.SetInt(int64(b))
	case time.Duration:
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is no duration such as 100ms, 10s, 5m or 24h", s)
		}
		f.value.SetInt(int64(d))
	case int:
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is no whole number", s)
		}
		f.value.SetInt(int64(n))
	case bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		f.value.SetBool(b)
	case []string:
		var list []string
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		f.value.Set(reflect.ValueOf(list))
	default:
		f.value.SetString(s)
	}
	return nil
}

// shown is the value as it may be printed: secrets and passwords in URLs are masked.
func (f *Field) shown() any {
	switch v := f.value.Interface().(type) {
	case Bytes:
		return v.String()
	case time.Duration:
		return shortDuration(v)
	case []string:
		if v == nil {
			return []string{}
		}
		return v
	case string:
		if f.Secret && v != "" {
			return "********"
		}
		return maskURL(v)
	default:
		return v
	}
}

// shortDuration drops the zero parts that time.Duration prints: 5m, not 5m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// maskURL hides the passwords of a URL: that of its user, which may have any character in it if it was not written as it should
// be, and those among its parameters.
func maskURL(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	place, parameters, given := strings.Cut(rest, "?")
	if at := strings.LastIndexByte(place, '@'); at >= 0 {
		if user, _, secret := strings.Cut(place[:at], ":"); secret {
			place = user + ":********" + place[at:]
		}
	}
	if given {
		all := strings.Split(parameters, "&")
		for i, p := range all {
			if name, _, _ := strings.Cut(p, "="); strings.Contains(strings.ToLower(name), "password") {
				all[i] = name + "=********"
			}
		}
		place += "?" + strings.Join(all, "&")
	}
	return scheme + "://" + place
}

package archive

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/freshet/freshet/internal/event"
)

// appendProperties appends properties as one JSON object. It tells whether parseProperties gives back the same ones: it
// does not when a name is there twice, when a trait has an operation, or when the text of a value would be taken for
// one of another type.
func appendProperties(b []byte, ps []event.Property) (out []byte, exact bool) {
	exact = distinct(ps)
	b = append(b, '{')
	for i := range ps {
		p := &ps[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(event.AppendJSONString(b, p.Key), ':')
		switch p.Type {
		case event.Null:
			b = append(b, "null"...)
		case event.Bool:
			b = strconv.AppendBool(b, p.Num != 0)
		case event.Number:
			if math.IsNaN(p.Num) || math.IsInf(p.Num, 0) {
				b, exact = append(b, "null"...), false
			} else {
				b = appendNumber(b, p.Num)
			}
		case event.String:
			b = event.AppendJSONString(b, p.Str)
		case event.JSON:
			b = append(b, p.Str...)
			exact = exact && keepsType(p.Str)
		}
		exact = exact && p.Op == event.Set
	}
	return append(b, '}'), exact
}

// distinct tells that no name is there twice.
func distinct(ps []event.Property) bool {
	const few = 24
	if len(ps) > few {
		names := make(map[string]struct{}, len(ps))
		for i := range ps {
			names[ps[i].Key] = struct{}{}
		}
		return len(names) == len(ps)
	}
	for i := range ps {
		for j := range i {
			if ps[i].Key == ps[j].Key {
				return false
			}
		}
	}
	return true
}

// keepsType tells whether the text of a JSON value is read back as one: nested, or a number that float64 does not hold.
func keepsType(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == '{' || s[0] == '[' {
		return true
	}
	_, plain := number(s)
	return (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && !plain
}

// appendNumber writes the shortest text that reads back as the number.
func appendNumber(b []byte, f float64) []byte {
	const most = 1 << 53
	if f == math.Trunc(f) && math.Abs(f) < most && (f != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(b, int64(f), 10)
	}
	form := byte('g')
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		form = 'f'
	}
	return strconv.AppendFloat(b, f, form, -1, 64)
}

// number reads a number, and tells whether appendNumber writes it in the same way.
func number(s string) (f float64, plain bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, false
	}
	var room [32]byte
	return f, string(appendNumber(room[:0], f)) == s
}

// parseProperties reads what appendProperties wrote.
func parseProperties(ps []event.Property, s string) ([]event.Property, error) {
	if s == "" {
		return ps, nil
	}
	if s[0] != '{' || s[len(s)-1] != '}' {
		return ps, fmt.Errorf("%w: properties are no object", errDamaged)
	}
	for at := 1; at < len(s)-1; at++ {
		key, next, err := text(s, at)
		if err != nil {
			return ps, err
		}
		if next >= len(s) || s[next] != ':' {
			return ps, fmt.Errorf("%w: no value for a property", errDamaged)
		}
		from := next + 1
		if at, err = valueEnd(s, from); err != nil {
			return ps, err
		}
		p := event.Property{Key: key}
		if err := setValue(&p, s[from:at]); err != nil {
			return ps, err
		}
		ps = append(ps, p)
	}
	return ps, nil
}

func setValue(p *event.Property, s string) error {
	switch s[0] {
	case 'n':
		p.Type = event.Null
	case 't':
		p.Type, p.Num = event.Bool, 1
	case 'f':
		p.Type = event.Bool
	case '"':
		v, _, err := text(s, 0)
		p.Type, p.Str = event.String, v
		return err
	case '{', '[':
		p.Type, p.Str = event.JSON, s
	default:
		f, plain := number(s)
		if p.Type, p.Num = event.Number, f; !plain {
			p.Type, p.Num, p.Str = event.JSON, 0, s
		}
	}
	return nil
}

// text reads the string at an offset and returns the offset behind it.
func text(s string, at int) (string, int, error) {
	if at >= len(s) || s[at] != '"' {
		return "", at, fmt.Errorf("%w: no string where one was due", errDamaged)
	}
	for i := at + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			end, err := stringEnd(s, i)
			if err != nil {
				return "", at, err
			}
			var v string
			if err := json.Unmarshal([]byte(s[at:end]), &v); err != nil {
				return "", at, fmt.Errorf("%w: %w", errDamaged, err)
			}
			return v, end, nil
		case '"':
			return s[at+1 : i], i + 1, nil
		}
	}
	return "", at, fmt.Errorf("%w: a string without an end", errDamaged)
}

// stringEnd is the offset behind the string that an offset is within.
func stringEnd(s string, at int) (int, error) {
	for ; at < len(s); at++ {
		switch s[at] {
		case '\\':
			at++
		case '"':
			return at + 1, nil
		}
	}
	return at, fmt.Errorf("%w: a string without an end", errDamaged)
}

// valueEnd is the offset behind the value at an offset.
func valueEnd(s string, at int) (int, error) {
	depth, from := 0, at
	for at < len(s) {
		switch s[at] {
		case '"':
			end, err := stringEnd(s, at+1)
			if err != nil {
				return at, err
			}
			at = end
			continue
		case '{', '[':
			depth++
		case '}', ']', ',':
			if depth == 0 && at > from {
				return at, nil
			}
			if s[at] != ',' {
				depth--
			}
		}
		at++
	}
	return at, fmt.Errorf("%w: a value without an end", errDamaged)
}

package event

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

const hexDigits = "0123456789abcdef"

// AppendValue appends the value of a property as JSON.
func AppendValue(b []byte, p *Property) []byte {
	switch p.Type {
	case Bool:
		return strconv.AppendBool(b, p.Num != 0)
	case Number:
		return strconv.AppendFloat(b, p.Num, 'g', -1, 64)
	case String:
		return AppendJSONString(b, p.Str)
	case JSON:
		return append(b, p.Str...)
	default:
		return append(b, "null"...)
	}
}

// AppendJSONString appends s as a JSON string. Every valid UTF-8 text stays what it is.
func AppendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(b, s[from:i]...)
				b = append(b, `\ufffd`...)
				from = i + 1
			}
			i += n
			continue
		}
		if c < 0x20 || c == '"' || c == '\\' {
			b = append(b, s[from:i]...)
			b = appendEscape(b, c)
			from = i + 1
		}
		i++
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	default:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}

// AppendJSON appends a parsed value as JSON. Numbers keep their text. The parser takes some numbers that JSON does not
// have, such as NaN; they become strings.
func AppendJSON(b []byte, v *fastjson.Value) []byte {
	switch v.Type() {
	case fastjson.TypeString:
		s, _ := v.StringBytes()
		return AppendJSONString(b, string(s))
	case fastjson.TypeNumber:
		at := len(b)
		b = v.MarshalTo(b)
		if text := b[at:]; !json.Valid(text) {
			return AppendJSONString(b[:at], string(text))
		}
		return b
	case fastjson.TypeArray:
		list, _ := v.Array()
		b = append(b, '[')
		for i, item := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendJSON(b, item)
		}
		return append(b, ']')
	case fastjson.TypeObject:
		o, _ := v.Object()
		b = append(b, '{')
		first := true
		o.Visit(func(k []byte, v *fastjson.Value) {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = AppendJSONString(b, string(k))
			b = append(b, ':')
			b = AppendJSON(b, v)
		})
		return append(b, '}')
	default:
		return v.MarshalTo(b)
	}
}

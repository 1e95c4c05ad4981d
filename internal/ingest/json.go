package ingest

import (
	"github.com/freshet/freshet/internal/jsontree"
)

// AppendJSON appends the JSON text of a value with as few escapes as there can be. Bytes that are no UTF-8 stay what they
// are.
func AppendJSON(dst []byte, v *jsontree.Value) []byte {
	switch v.Type() {
	case jsontree.TypeString:
		b, _ := v.StringBytes()
		return appendText(dst, b)
	case jsontree.TypeArray:
		items, _ := v.Array()
		dst = append(dst, '[')
		for i, item := range items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, item)
		}
		return append(dst, ']')
	case jsontree.TypeObject:
		o, _ := v.Object()
		dst = append(dst, '{')
		first := true
		o.Visit(func(k []byte, v *jsontree.Value) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(appendText(dst, k), ':')
			dst = AppendJSON(dst, v)
		})
		return append(dst, '}')
	default:
		return v.MarshalTo(dst)
	}
}

func appendText(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

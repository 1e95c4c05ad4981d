package jsontree

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape is a text without its escapes. One that JSON does not have stays as it is, and so does half a surrogate pair that
// stands alone.
func unescape(s string) []byte {
	out := make([]byte, 0, len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			return append(out, s...)
		}
		out = append(out, s[:i]...)
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			var n int
			out, n = appendUnit(out, s)
			s = s[n:]
		default:
			out = append(out, '\\', c)
		}
	}
}

// appendUnit appends the character whose digits a text begins with, and returns how much of the text that took.
func appendUnit(out []byte, s string) ([]byte, int) {
	unit, ok := codeUnit(s)
	switch {
	case !ok:
		return append(out, '\\', 'u'), 0
	case !utf16.IsSurrogate(unit):
		return utf8.AppendRune(out, unit), 4
	}
	if len(s) >= 10 && s[4:6] == `\u` {
		if low, ok := codeUnit(s[6:]); ok {
			return utf8.AppendRune(out, utf16.DecodeRune(unit, low)), 10
		}
	}
	return append(append(out, '\\', 'u'), s[:4]...), 4
}

// codeUnit reads four hexadecimal digits.
func codeUnit(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(v), err == nil
}

package ingest

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/jsontree"
)

// The parser is fast and forgiving; what it forgives is decided here. Refused, one event at a time: bytes that are no
// UTF-8, NUL, half a surrogate pair, an escape that JSON does not have, a name given twice in one object, numbers that
// are none or that a 64-bit float does not reach. Taken: control characters in strings, which are kept and written
// properly, and members of any case, which mean nothing unless the case is right.

// Malformed is the error for a body that the parser refuses.
func Malformed(err error) *event.Error {
	e := &event.Error{Kind: event.Invalid, Code: "malformed_json", Message: "the body is not JSON", Err: err}
	switch {
	case errors.Is(err, jsontree.ErrDepth):
		e.Code, e.Message = "too_deep", "the body is nested too deeply"
	case errors.Is(err, jsontree.ErrTail):
		e.Code, e.Message = "trailing_data", "something follows the JSON of the body"
	}
	return e
}

// flaw tells what a JSON text has that the parser lets pass without a trace.
func flaw(text []byte) (code, reason string) {
	if !utf8.Valid(text) {
		return "invalid_utf8", "the event has bytes that are not UTF-8"
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return "nul_byte", "the event has a NUL character"
	}
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return "", ""
		}
		text = text[i+1:]
		switch text[0] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			text = text[1:]
			continue
		}
		n, c, r := unicodeEscape(text)
		if c != "" {
			return c, r
		}
		text = text[n:]
	}
}

// unicodeEscape reads what follows a backslash, one unit or a pair of surrogates, and returns its length.
func unicodeEscape(text []byte) (n int, code, reason string) {
	unit, ok := codeUnit(text)
	switch {
	case !ok:
		return 0, "malformed_json", "the event has an escape that JSON does not know"
	case unit == 0:
		return 0, "nul_byte", "the event has a NUL character"
	case unit < 0xd800 || unit > 0xdfff:
		return 5, "", ""
	}
	if len(text) > 6 && unit < 0xdc00 && text[5] == '\\' {
		if low, ok := codeUnit(text[6:]); ok && low >= 0xdc00 && low <= 0xdfff {
			return 11, "", ""
		}
	}
	return 0, "invalid_unicode", "the event has half a surrogate pair"
}

// codeUnit reads "u" and four hexadecimal digits.
func codeUnit(text []byte) (uint64, bool) {
	if len(text) < 5 || text[0] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(text[1:5]), 16, 16)
	return v, err == nil
}

// Sound sets an event aside whose text has a flaw, and then is false. A decoder asks before it looks into the event,
// because the parser forgets how a text was spelled once it has been read.
func (s *Sink) Sound(v *jsontree.Value) bool {
	if !s.suspects() {
		return true
	}
	text := v.MarshalTo(nil)
	code, reason := flaw(text)
	if code != "" {
		s.Dead(code, reason, text)
	}
	return code == ""
}

// Flaw is what Sound would find in a part that several events share.
func (s *Sink) Flaw(v *jsontree.Value) (code, reason string) {
	if !s.suspects() || v == nil {
		return "", ""
	}
	return flaw(v.MarshalTo(nil))
}

// maxNumber is the length of the longest number, in bytes: far beyond any that a program prints.
const maxNumber = 400

// number holds the value of a number to what can be computed with; text is its JSON form.
func (s *Sink) number(v *jsontree.Value, text string) float64 {
	f, err := v.Float64()
	switch {
	case err != nil || math.IsNaN(f) || math.IsInf(f, 0):
		s.fail("bad_number", "a number is none, or is beyond what a 64-bit float holds")
	case len(text) > maxNumber:
		s.fail("bad_number", "a number is longer than 400 bytes")
	}
	return f
}

// Nested appends the JSON text of a value within the event's properties or context.
func (s *Sink) Nested(dst []byte, v *jsontree.Value) []byte { return s.nested(dst, v, 3) }

// nested writes a value that lies at the given depth of the event.
func (s *Sink) nested(dst []byte, v *jsontree.Value, level int) []byte {
	switch v.Type() {
	case jsontree.TypeString:
		b, _ := v.StringBytes()
		return appendText(dst, b)
	case jsontree.TypeNumber:
		at := len(dst)
		dst = v.MarshalTo(dst)
		s.number(v, alias(dst[at:]))
		if fastjson.ValidateBytes(dst[at:]) != nil {
			s.fail("bad_number", "a number is not written as JSON has it")
		}
		return dst
	case jsontree.TypeArray, jsontree.TypeObject:
		if level > s.limits.Depth {
			s.fail("too_deep", "the event is nested deeper than the limit")
			return append(dst, "null"...)
		}
		return s.inner(dst, v, level)
	default:
		return v.MarshalTo(dst)
	}
}

func (s *Sink) inner(dst []byte, v *jsontree.Value, level int) []byte {
	if items, err := v.Array(); err == nil {
		dst = append(dst, '[')
		for i, item := range items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = s.nested(dst, item, level+1)
		}
		return append(dst, ']')
	}
	o, _ := v.Object()
	dst = append(dst, '{')
	names := s.names(level)
	first := true
	o.Visit(func(k []byte, v *jsontree.Value) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if names.again(k) {
			s.twice()
		}
		dst = append(appendText(dst, k), ':')
		dst = s.nested(dst, v, level+1)
	})
	return append(dst, '}')
}

// Member notes a member of the event itself.
func (s *Sink) Member(key []byte) {
	if s.top.again(key) {
		s.twice()
	}
}

func (s *Sink) twice() { s.fail("duplicate_key", "the event has an object with the same name twice") }

// fail notes the first thing that is wrong with the event.
func (s *Sink) fail(code, reason string) {
	if s.fault.Code == "" {
		s.fault = Result{code, reason}
	}
}

// names returns the set for the names of an object at a level.
func (s *Sink) names(level int) *names {
	for len(s.levels) <= level {
		s.levels = append(s.levels, new(names))
	}
	n := s.levels[level]
	n.reset()
	return n
}

// names is a set of the names in one object. Most objects are small: a name is compared with the others only when a
// bit says that it may be among them.
type names struct {
	seen [][]byte
	bits uint64
	many map[string]struct{}
}

// fewNames is up to where comparing is cheaper than hashing.
const fewNames = 32

func (n *names) reset() {
	n.seen, n.bits = n.seen[:0], 0
	if n.many != nil {
		n.many = nil
	}
}

// again adds a name and tells whether it was there.
func (n *names) again(name []byte) bool {
	if n.many != nil {
		before := len(n.many)
		n.many[string(name)] = struct{}{}
		return len(n.many) == before
	}
	h := uint(len(name)) * 7
	if len(name) > 0 {
		h += uint(name[0])*31 + uint(name[len(name)-1])
	}
	bit := uint64(1) << (h & 63)
	if n.bits&bit != 0 {
		for _, other := range n.seen {
			if string(other) == string(name) {
				return true
			}
		}
	}
	n.bits |= bit
	if n.seen = append(n.seen, name); len(n.seen) > fewNames {
		n.many = make(map[string]struct{}, 4*fewNames)
		for _, other := range n.seen {
			n.many[string(other)] = struct{}{}
		}
	}
	return false
}

// maxAgent is how much of a user agent is kept.
const maxAgent = 1024

// header makes the value of an HTTP header fit to be stored.
func header(text string) string {
	text = text[:min(len(text), maxAgent)]
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "")
}

package jsontree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"unsafe"
)

// maxDepth is how deeply values may be nested.
const maxDepth = 300

// ErrDepth is wrapped by the error for a text that is nested deeper than 300, ErrTail by that for one behind which there is more.
var (
	ErrDepth = errors.New("nested too deeply")
	ErrTail  = errors.New("something follows")
)

// Parser turns texts into values. It has one user at a time; the zero value is ready.
type Parser struct {
	// text is a copy of what is parsed, with padding behind it, and end where that begins.
	text []byte
	end  int
	// values are those of the text in its order: what is within a value is behind it.
	values []Value
	err    error
	// bits are those of all bytes within quotes and of some others, escapes tells of escapes.
	bits    uint64
	escapes bool
}

// padding lets eight bytes be read at once wherever the text goes on, and ends whatever has no end.
const padding = 8

// Parse returns the value that a text has; it is valid until the next call.
func (p *Parser) Parse(text string) (*Value, error) {
	return p.ParseBytes(unsafe.Slice(unsafe.StringData(text), len(text))) //nolint:gosec // it is copied
}

// ParseBytes is Parse of bytes, which are not kept.
func (p *Parser) ParseBytes(text []byte) (*Value, error) {
	p.text = append(append(p.text[:0], text...), make([]byte, padding)...)
	p.end, p.values, p.err, p.bits, p.escapes = len(text), p.values[:0], nil, 0, false
	i := p.value(p.skip(0), 1)
	if i < 0 {
		return nil, p.err
	}
	if i = p.skip(i); i < p.end {
		return nil, fmt.Errorf("byte %d: %w", i, ErrTail)
	}
	return &p.values[0], nil
}

// fail notes what is wrong at a byte.
func (p *Parser) fail(i int, what string) int {
	p.err = fmt.Errorf("byte %d: %s", i, what)
	return -1
}

// skip passes over blanks.
func (p *Parser) skip(i int) int {
	for p.text[i] <= ' ' && i < p.end {
		switch p.text[i] {
		case ' ', '\n', '\t', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// add makes a value, the next one.
func (p *Parser) add(kind Type, escaped bool, from, to int) {
	n := len(p.values)
	if n == cap(p.values) {
		p.values = append(p.values, Value{})
	}
	p.values = p.values[:n+1]
	v := &p.values[n]
	v.kind, v.escaped, v.keyEscaped, v.size = kind, escaped, false, 1
	v.key, v.text = "", p.piece(from, to)
}

func (p *Parser) piece(from, to int) string {
	return unsafe.String(&p.text[from], to-from) //nolint:gosec // the copy does not change before the next text
}

// value reads the value that begins at a byte and returns what is behind it, or -1.
func (p *Parser) value(i, depth int) int {
	if depth > maxDepth {
		p.err = fmt.Errorf("byte %d: %w: more than %d levels", i, ErrDepth, maxDepth)
		return -1
	}
	switch p.text[i] {
	case '{':
		return p.object(i, depth)
	case '[':
		return p.array(i, depth)
	case '"':
		end, escaped := p.quoted(i + 1)
		if end < 0 {
			return -1
		}
		p.add(TypeString, escaped, i+1, end)
		return end + 1
	case 't':
		return p.word(i, "true", TypeTrue)
	case 'f':
		return p.word(i, "false", TypeFalse)
	case 'n':
		if p.text[i+1] != 'u' {
			return p.number(i)
		}
		return p.word(i, "null", TypeNull)
	default:
		return p.number(i)
	}
}

func (p *Parser) word(i int, word string, kind Type) int {
	if i+len(word) > p.end || string(p.text[i:i+len(word)]) != word {
		return p.fail(i, "no value")
	}
	p.add(kind, false, i, i+len(word))
	return i + len(word)
}

// number takes what looks like a number: whether it is one its user finds out. As other parsers do, it takes infinities and
// what is no number.
func (p *Parser) number(i int) int {
	from := i
	for numeric[p.text[i]] {
		i++
	}
	if i == from || i == from+1 && (p.text[from] == '-' || p.text[from] == '+') {
		if i+3 > p.end || !named(p.text[i:i+3]) {
			return p.fail(from, "no value")
		}
		i += 3
	}
	p.add(TypeNumber, false, from, i)
	return i
}

// numeric are the bytes of numbers.
var numeric = [256]bool{
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'.': true, '-': true, '+': true, 'e': true, 'E': true,
}

// named tells whether three bytes are inf or nan.
func named(b []byte) bool {
	word := string([]byte{b[0] | 0x20, b[1] | 0x20, b[2] | 0x20})
	return word == "inf" || word == "nan"
}

// Eight bytes at once.
const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = ones * '"'
	slants = ones * '\\'
)

// Plain tells that the text parsed last, which was JSON, has no escapes and nothing but ASCII in its strings and names.
func (p *Parser) Plain() bool { return !p.escapes && p.bits&highs == 0 }

// quoted finds the end of the text in quotes that begins at a byte, and tells whether it has escapes.
func (p *Parser) quoted(i int) (end int, escaped bool) {
	for i < p.end {
		w := binary.LittleEndian.Uint64(p.text[i:])
		p.bits |= w
		quote, slant := w^quotes, w^slants
		found := ((quote-ones)&^quote | (slant-ones)&^slant) & highs
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) >> 3
		if p.text[i] == '"' {
			return i, escaped
		}
		escaped, p.escapes = true, true
		i += 2
	}
	return p.fail(p.end, "a text has no end"), false
}

func (p *Parser) array(i, depth int) int {
	at := len(p.values)
	p.add(TypeArray, false, i, i)
	if i = p.skip(i + 1); p.text[i] == ']' {
		return i + 1
	}
	for {
		if i = p.value(i, depth+1); i < 0 {
			return -1
		}
		i = p.skip(i)
		switch p.text[i] {
		case ',':
			i = p.skip(i + 1)
		case ']':
			p.values[at].size = uint32(len(p.values) - at)
			return i + 1
		default:
			return p.fail(i, "an array does not go on")
		}
	}
}

func (p *Parser) object(i, depth int) int {
	at := len(p.values)
	p.add(TypeObject, false, i, i)
	if i = p.skip(i + 1); p.text[i] == '}' {
		return i + 1
	}
	for {
		if p.text[i] != '"' {
			return p.fail(i, "a member has no name")
		}
		from := i + 1
		to, escaped := p.quoted(from)
		if to < 0 {
			return -1
		}
		if i = p.skip(to + 1); p.text[i] != ':' {
			return p.fail(i, "a member has no value")
		}
		member := len(p.values)
		if i = p.value(p.skip(i+1), depth+1); i < 0 {
			return -1
		}
		v := &p.values[member]
		v.key, v.keyEscaped = p.piece(from, to), escaped
		i = p.skip(i)
		switch p.text[i] {
		case ',':
			i = p.skip(i + 1)
		case '}':
			p.values[at].size = uint32(len(p.values) - at)
			return i + 1
		default:
			return p.fail(i, "an object does not go on")
		}
	}
}

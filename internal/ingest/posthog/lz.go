package posthog

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/event"
)

// alphabet has what a letter of packed text stands for: six bits, the highest first.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

// The codes that are no entry of the dictionary: a unit of eight or of sixteen bits follows, or nothing.
const (
	codeByte = iota
	codeWide
	codeEnd
	firstEntry
)

// lz reads LZ-string as base64, the compression "lz64" of old browser SDKs: UTF-16 units, and codes whose width grows
// with the dictionary. Whatever gets into the dictionary has just been written, so its entries are places of the output.
type lz struct {
	text string
	// at and left are the letter that is next and how many of its bits are.
	at   int
	left uint
	bad  bool

	out   []uint16
	dict  [][2]int
	width uint
	// room is the number of entries until codes get wider.
	room int
}

func errLZ() error {
	return event.Errorf(event.Invalid, "bad_compression", "the data is no LZ-string")
}

// maxUnpacked bounds what is unpacked, in units. A few bytes of LZ-string can be any amount of text, and the old SDKs
// never sent more than the events of a page.
const maxUnpacked = 4 << 20

// unpackLZ returns the text as UTF-8, of up to limit units.
func unpackLZ(text string, limit int) ([]byte, error) {
	z := lz{text: strings.ReplaceAll(strings.TrimSpace(text), " ", "+"), width: 2, room: 1, dict: make([][2]int, firstEntry)}
	last := [2]int{}
	for {
		code := z.read(z.width)
		if code == codeEnd && !z.bad {
			return z.utf8(), nil
		}
		entry, ok := z.entry(int(code), last)
		if !ok || z.bad {
			return nil, errLZ()
		}
		if len(z.out) > limit {
			return nil, event.Errorf(event.TooLarge, "body_too_large", "the body is larger than %d bytes", limit)
		}
		if last != [2]int{} {
			z.add([2]int{entry[0] - (last[1] - last[0]), entry[0] + 1})
		}
		last = entry
	}
}

func (z *lz) utf8() []byte {
	out := make([]byte, 0, len(z.out)+len(z.out)/8)
	for i := 0; i < len(z.out); i++ {
		r := rune(z.out[i])
		if utf16.IsSurrogate(r) {
			pair := utf8.RuneError
			if i+1 < len(z.out) {
				pair = utf16.DecodeRune(r, rune(z.out[i+1]))
			}
			if r = pair; r != utf8.RuneError {
				i++
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// entry writes what a code stands for and returns its place in the output.
func (z *lz) entry(code int, last [2]int) (place [2]int, ok bool) {
	from := len(z.out)
	switch {
	case code == codeByte:
		z.out = append(z.out, uint16(z.read(8)))
		z.add([2]int{from, from + 1})
	case code == codeWide:
		z.out = append(z.out, uint16(z.read(16)))
		z.add([2]int{from, from + 1})
	case code < len(z.dict):
		z.out = append(z.out, z.out[z.dict[code][0]:z.dict[code][1]]...)
	case code == len(z.dict) && last[1] > last[0]:
		z.out = append(z.out, z.out[last[0]:last[1]]...)
		z.out = append(z.out, z.out[last[0]])
	default:
		return place, false
	}
	return [2]int{from, len(z.out)}, true
}

// add makes a dictionary entry.
func (z *lz) add(place [2]int) {
	z.dict = append(z.dict, place)
	if z.room--; z.room == 0 {
		z.room = 1 << z.width
		z.width++
	}
}

// read returns a code, the lowest bit first.
func (z *lz) read(width uint) (code uint) {
	for i := range width {
		if z.left == 0 {
			z.left = 6
		}
		six := -1
		if z.at < len(z.text) {
			six = strings.IndexByte(alphabet, z.text[z.at])
		}
		if six < 0 {
			z.bad = true
			return 0
		}
		z.left--
		code |= uint(six) >> z.left & 1 << i
		if z.left == 0 {
			z.at++
		}
	}
	return code
}

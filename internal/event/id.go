package event

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/zeebo/xxh3"
)

// Key is the 128-bit form of an event id: the UUID itself when the id is one, otherwise a hash (XXH3) of its text.
type Key [16]byte

// KeyOf returns the key of an event id, and whether the id was a UUID, in which case KeyText gives back its lower-case form.
func KeyOf(id string) (Key, bool) {
	if k, ok := parseUUID(id, &hexValue); ok {
		return k, true
	}
	h := xxh3.HashString128(id)
	var k Key
	binary.BigEndian.PutUint64(k[:8], h.Hi)
	binary.BigEndian.PutUint64(k[8:], h.Lo)
	return k, false
}

// String formats k as a UUID.
func (k Key) String() string {
	var b [36]byte
	hex.Encode(b[0:8], k[0:4])
	hex.Encode(b[9:13], k[4:6])
	hex.Encode(b[14:18], k[6:8])
	hex.Encode(b[19:23], k[8:10])
	hex.Encode(b[24:36], k[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

const noHex = 0xff

var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = noHex
	}
	for i := range 10 {
		t['0'+i] = byte(i)
	}
	for i := range 6 {
		t['a'+i] = byte(10 + i)
	}
	return t
}()

// hexUpper is hexValue for capitals.
var hexUpper = func() (t [256]byte) {
	t = hexValue
	for i := range 6 {
		t['a'+i], t['A'+i] = noHex, byte(10+i)
	}
	return t
}()

// UUIDOf reads a UUID that is spelled in lower case or, as on iOS, in capitals, and tells which: that spelling of k is
// the text again. It takes no other spelling.
func UUIDOf(text []byte) (k Key, capitals, ok bool) {
	if k, ok = parseUUID(text, &hexValue); ok {
		return k, false, true
	}
	k, ok = parseUUID(text, &hexUpper)
	return k, true, ok
}

// parseUUID accepts the canonical form with the given digits only: any other spelling is another id.
func parseUUID[T string | []byte](s T, digits *[256]byte) (k Key, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return k, false
	}
	j := 0
	for i := range k {
		if j == 8 || j == 13 || j == 18 || j == 23 {
			j++
		}
		hi, lo := digits[s[j]], digits[s[j+1]]
		if hi == noHex || lo == noHex {
			return k, false
		}
		k[i] = hi<<4 | lo
		j += 2
	}
	return k, true
}

// Space separates the numbers of different sorts of ids: user u1 and device u1 are not the same person.
type Space byte

// The spaces of ids.
const (
	SpaceUser      Space = 'u'
	SpaceAnonymous Space = 'a'
	SpaceDevice    Space = 'd'
	SpaceSession   Space = 's'
)

// IDNumber is the 64-bit number of an id within its space (XXH3 with the space as seed). It is never 0, which means
// "nobody". Two of a million ids collide with a chance of 1 in 37 million.
func IDNumber(space Space, id string) uint64 {
	n := xxh3.HashStringSeed(id, uint64(space))
	if n == 0 {
		return 1
	}
	return n
}

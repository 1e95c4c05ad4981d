package event

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// reader reads the format; after the first error it returns zero values.
type reader struct {
	b []byte
	// at is how much of b has been read. A number, not b cut short: a decoder is on the heap, where the collector would be
	// told of every step of a pointer.
	at  int
	err error
}

// left is how many bytes are still to be read.
func (r *reader) left() int { return len(r.b) - r.at }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrCodec}, args...)...)
	}
	r.at = len(r.b)
}

func (r *reader) byte() byte {
	if r.at == len(r.b) {
		r.fail("cut short")
		return 0
	}
	v := r.b[r.at]
	r.at++
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 {
		r.fail("bad integer")
		return 0
	}
	r.at += n
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b[r.at:])
	if n <= 0 {
		r.fail("bad integer")
		return 0
	}
	r.at += n
	return v
}

func (r *reader) float() float64 {
	b := r.bytes(8)
	if r.err != nil {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(r.left()) {
		r.fail("%d bytes wanted, %d left", n, r.left())
		return nil
	}
	end := r.at + int(n)
	v := r.b[r.at:end:end]
	r.at = end
	return v
}

// string returns text that shares the payload's memory: the payload of a log entry is never written again. Most of an event is
// short texts, so these are taken in one step.
func (r *reader) string() string {
	if at := r.at; at < len(r.b) {
		if n := int(r.b[at]); n < 0x80 && n < len(r.b)-at {
			r.at = at + 1 + n
			if n == 0 {
				return ""
			}
			return unsafe.String(&r.b[at+1], n) //nolint:gosec // the bytes do not change
		}
	}
	return r.longString()
}

func (r *reader) longString() string {
	b := r.bytes(r.uvarint())
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b)) //nolint:gosec // the bytes do not change
}

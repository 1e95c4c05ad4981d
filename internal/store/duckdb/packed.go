package duckdb

import (
	"encoding/binary"
	"math/bits"

	"github.com/freshet/freshet/internal/store"
)

// packed is a column of the rows in memory. They wait there for a flush, a few hundred thousand at a time, so they are kept
// small: a row without a value takes a bit or two, and a text that comes again takes a number of one, two or four bytes. In
// Arrow's layout, which DuckDB reads, a row of a shop takes three times as much. Only those on their way to DuckDB have it.
//
// A copy of the struct is a view: what is appended later does not change it, once it has been settled.
type packed struct {
	name  string
	typ   store.Type
	rows  int
	nulls int
	// valid has a bit for each row, 1 for one with a value, and ranks the number of those before each 64 rows. Both mean nothing
	// while there are no nulls.
	valid []byte
	ranks []uint32
	// words are the values of fixed size of the rows that have one, or, when there are codes, those that the codes stand for.
	words []byte
	textValues
}

// width is the number of bytes of a value of fixed size.
func (c *packed) width() int {
	switch c.typ {
	case store.Boolean:
		return 1
	case store.UUID:
		return 16
	default:
		return 8
	}
}

func isText(t store.Type) bool { return t == store.Text || t == store.JSON }

// extend appends the rows of a column of the same type behind the first n rows, and returns the bytes that they have in Arrow's
// layout: a flush unpacks them, so what is to be flushed at a time is bounded by these.
func (c *packed) extend(n int, from *column) (unpacked int) {
	if from.rows == 0 {
		return 0
	}
	unpacked = (n+from.rows-c.rows)*from.width() + len(from.data)
	c.appendValid(n, from)
	switch {
	case isText(c.typ):
		c.textValues.extend(from, c.rows-c.nulls)
	case c.typ == store.Boolean:
		for r := range from.rows {
			if from.has(r) {
				c.words = append(c.words, from.words[r>>3]>>(r&7)&1)
			}
		}
	case from.nulls == 0:
		c.words = append(c.words, from.words...)
	default:
		w := c.width()
		for r := range from.rows {
			if from.has(r) {
				c.words = append(c.words, from.words[w*r:w*r+w]...)
			}
		}
	}
	return unpacked
}

// appendValid notes which rows have a value: none of those up to n that are missing, and those that from has one for.
func (c *packed) appendValid(n int, from *column) {
	total := n + from.rows
	if c.nulls == 0 && c.rows == n && from.nulls == 0 {
		c.rows = total
		return
	}
	if c.nulls == 0 {
		c.valid, c.ranks = appendOnes(c.valid[:0], 0, c.rows), c.ranks[:0]
	}
	c.nulls += n - c.rows + from.nulls
	c.valid = zeros(c.valid, (n+7)/8)
	if from.nulls > 0 {
		c.valid = appendBits(c.valid, n, from.valid, from.rows)
	} else {
		c.valid = appendOnes(c.valid, n, from.rows)
	}
	c.rows = total
	if len(c.ranks) == 0 {
		c.ranks = append(c.ranks, 0)
	}
	for b := len(c.ranks); 64*b <= total; b++ {
		c.ranks = append(c.ranks, c.ranks[b-1]+uint32(bits.OnesCount64(binary.LittleEndian.Uint64(c.valid[8*b-8:]))))
	}
}

// has tells whether a row has a value.
func (c *packed) has(i int) bool {
	return i < c.rows && (c.nulls == 0 || c.valid[i>>3]>>(i&7)&1 == 1)
}

// place is which of the rows with a value a row is that has one.
func (c *packed) place(i int) int {
	if c.nulls == 0 {
		return i
	}
	n, first := int(c.ranks[i>>6]), i>>6<<3
	for ; first < i>>3; first++ {
		n += bits.OnesCount8(c.valid[first])
	}
	return n + bits.OnesCount8(c.valid[first]&(1<<(i&7)-1))
}

// settle gives a view bits of its own: what is appended later begins in the byte that the last of them are in.
func (c *packed) settle() {
	if c.nulls > 0 {
		c.valid = append([]byte(nil), c.valid...)
	}
}

func (c *packed) reset() {
	c.rows, c.nulls = 0, 0
	c.valid, c.ranks, c.words = c.valid[:0], c.ranks[:0], c.words[:0]
	c.textValues.reset()
}

// field is how Arrow knows the column.
func (c *packed) field() column { return column{name: c.name, typ: c.typ} }

// gather makes out, whose memory is used again, the rows that the keys name, in their order and Arrow's layout. A column that
// ends early has nulls there. places is memory to be used again too.
func (c *packed) gather(out *column, keys []key, places *[]int32) {
	n := len(keys)
	*out = column{name: c.name, typ: c.typ, rows: n, valid: out.valid[:0], words: out.words[:0], offsets: out.offsets[:0], data: out.data[:0]}
	at := c.find(out, keys, (*places)[:0])
	*places = at
	switch w := c.width(); {
	case isText(c.typ):
		c.textValues.gather(out, at, c.rows-c.nulls)
	case c.typ == store.Boolean:
		out.words = sized(out.words, (n+7)/8)
		clear(out.words)
		for r, i := range at {
			if i >= 0 {
				out.words[r>>3] |= c.words[i] << (r & 7)
			}
		}
	case w == 8:
		out.words = sized(out.words, 8*n)
		for r, i := range at {
			v := [8]byte{}
			if i >= 0 {
				v = *(*[8]byte)(c.words[8*int(i):])
			}
			*(*[8]byte)(out.words[8*r:]) = v
		}
	default:
		out.words = sized(out.words, 16*n)
		for r, i := range at {
			v := [16]byte{}
			if i >= 0 {
				v = *(*[16]byte)(c.words[16*int(i):])
			}
			*(*[16]byte)(out.words[16*r:]) = v
		}
	}
}

// find appends where the values of rows are, -1 for a row without one, and notes in out which those are.
func (c *packed) find(out *column, keys []key, at []int32) []int32 {
	some := c.nulls > 0
	for r := 0; r < len(keys) && !some; r++ {
		some = int(keys[r].row) >= c.rows
	}
	if !some {
		for r := range keys {
			at = append(at, keys[r].row)
		}
		return c.decode(at)
	}
	out.valid = sized(out.valid, (len(keys)+7)/8)
	clear(out.valid)
	for r := range keys {
		i := int(keys[r].row)
		if !c.has(i) {
			at = append(at, -1)
			out.nulls++
			continue
		}
		out.valid[r>>3] |= 1 << (r & 7)
		at = append(at, int32(c.place(i)))
	}
	return c.decode(at)
}

// only takes the values away that are not to be kept, by their numbers. What c is a view of stays as it is.
func (c *packed) only(keep func(i int) bool) {
	from := *c
	c.valid, c.ranks, c.nulls = make([]byte, (c.rows+7)/8), nil, c.rows
	var kept []int32
	for r := range from.rows {
		if r&63 == 0 {
			c.ranks = append(c.ranks, uint32(len(kept)))
		}
		if !from.has(r) {
			continue
		}
		if i := from.at(from.place(r)); keep(i) {
			c.valid[r>>3] |= 1 << (r & 7)
			kept = append(kept, int32(i))
		}
	}
	c.nulls -= len(kept)
	c.codes, c.wide, c.plain = make([]byte, 0, 4*len(kept)), 4, false
	for _, i := range kept {
		c.codes = binary.LittleEndian.AppendUint32(c.codes, uint32(i))
	}
}

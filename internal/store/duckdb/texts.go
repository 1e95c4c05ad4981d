package duckdb

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// textValues are those of the rows of a column that have one. Most columns of most apps have a few texts that come again and again,
// so each is kept once, and rows have its number. A column whose texts turn out to be nearly all different keeps them one
// after the other: numbers would only come on top.
//
// Only whoever appends reads the index, and everything else is appended to or replaced, so that a copy of the struct is a view.
type textValues struct {
	// plain tells that there are no codes: each row has a text of its own.
	plain bool
	// codes are the numbers of the rows' texts, of wide bytes each: 1, 2 or 4, and 0 while there is none.
	codes []byte
	wide  int
	// ends are where each text ends in data.
	ends []uint32
	data []byte
	// index finds the number of a text, plus 1, by its hash; 0 is free. It has twice as many places as there are texts, or more.
	index []uint32
}

const (
	// judgedAt is after how many rows it is looked at, each time, whether texts come again; leastAgain how often each has to, on average.
	judgedAt   = 16_384
	leastAgain = 2
)

// seed is the process's own: nobody can know which texts have the same place in an index.
var seed = maphash.MakeSeed()

func (t *textValues) reset() {
	clear(t.index)
	*t = textValues{codes: t.codes[:0], ends: t.ends[:0], data: t.data[:0], index: t.index}
}

func (t *textValues) text(i int) []byte {
	if i == 0 {
		return t.data[:t.ends[0]]
	}
	return t.data[t.ends[i-1]:t.ends[i]]
}

// extend appends the texts of a column's rows. total is how many rows have one then.
func (t *textValues) extend(from *column, total int) {
	was := total - (from.rows - from.nulls)
	last, code := []byte(nil), -1
	for r := range from.rows {
		if !from.has(r) {
			continue
		}
		s := from.data[from.offset(r):from.offset(r+1)]
		if t.plain {
			t.append(s)
			continue
		}
		if code < 0 || !bytes.Equal(s, last) {
			last, code = s, t.number(s)
		}
		t.code(code)
		was++
		if was%judgedAt == 0 && len(t.ends) > was/leastAgain {
			t.spell()
		}
	}
}

func (t *textValues) append(s []byte) {
	t.data = append(t.data, s...)
	t.ends = append(t.ends, uint32(len(t.data)))
}

// number is that of a text, which may be new.
func (t *textValues) number(s []byte) int {
	if 2*len(t.ends) >= len(t.index) {
		t.reindex(max(4*len(t.ends), 64))
	}
	mask := uint64(len(t.index) - 1)
	for at := maphash.Bytes(seed, s) & mask; ; at = (at + 1) & mask {
		n := int(t.index[at])
		if n == 0 {
			t.append(s)
			t.index[at] = uint32(len(t.ends))
			return len(t.ends) - 1
		}
		if bytes.Equal(t.text(n-1), s) {
			return n - 1
		}
	}
}

// reindex makes the index anew with at least so many places.
func (t *textValues) reindex(places int) {
	size := 64
	for size < places {
		size *= 2
	}
	t.index = make([]uint32, size)
	mask := uint64(size - 1)
	for i := range t.ends {
		at := maphash.Bytes(seed, t.text(i)) & mask
		for t.index[at] != 0 {
			at = (at + 1) & mask
		}
		t.index[at] = uint32(i + 1)
	}
}

// code appends a row's number.
func (t *textValues) code(n int) {
	switch {
	case t.wide == 0:
		t.wide = 1
	case t.wide == 1 && n > 0xff:
		t.widen(2)
	case t.wide == 2 && n > 0xffff:
		t.widen(4)
	}
	switch t.wide {
	case 1:
		t.codes = append(t.codes, byte(n))
	case 2:
		t.codes = binary.LittleEndian.AppendUint16(t.codes, uint16(n))
	default:
		t.codes = binary.LittleEndian.AppendUint32(t.codes, uint32(n))
	}
}

// widen makes codes of another width, in memory of their own.
func (t *textValues) widen(wide int) {
	n := len(t.codes) / t.wide
	wider := make([]byte, n*wide, 2*n*wide)
	for i := range n {
		switch v := t.at(i); wide {
		case 2:
			binary.LittleEndian.PutUint16(wider[2*i:], uint16(v))
		default:
			binary.LittleEndian.PutUint32(wider[4*i:], uint32(v))
		}
	}
	t.codes, t.wide = wider, wide
}

// at is the number of the i-th row's text.
func (t *textValues) at(i int) int {
	switch t.wide {
	case 0:
		return i
	case 1:
		return int(t.codes[i])
	case 2:
		return int(binary.LittleEndian.Uint16(t.codes[2*i:]))
	}
	return int(binary.LittleEndian.Uint32(t.codes[4*i:]))
}

// spell writes the text of each row in place of its number, in memory of its own.
func (t *textValues) spell() {
	n := len(t.codes) / t.wide
	out := textValues{plain: true, ends: make([]uint32, 0, 2*n), data: make([]byte, 0, 4*len(t.data))}
	for i := range n {
		out.append(t.text(t.at(i)))
	}
	*t = out
}

// decode makes of places of rows those of their values.
func (t *textValues) decode(at []int32) []int32 {
	if t.wide == 0 {
		return at
	}
	for r, i := range at {
		if i >= 0 {
			at[r] = int32(t.at(int(i)))
		}
	}
	return at
}

// gather makes the texts at some places those of a column; -1 is none. rows is how many rows have one.
func (t *textValues) gather(out *column, at []int32, rows int) {
	out.offsets = sized(out.offsets, 4*(len(at)+1))
	binary.LittleEndian.PutUint32(out.offsets, 0)
	data := slices.Grow(out.data[:0], len(t.data)/max(len(t.ends), 1)*min(len(at), rows))
	for r, i := range at {
		if i >= 0 {
			data = append(data, t.text(int(i))...)
		}
		binary.LittleEndian.PutUint32(out.offsets[4*(r+1):], uint32(len(data)))
	}
	out.data = data
}

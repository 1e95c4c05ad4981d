package duckdb

import (
	"encoding/binary"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/store"
)

// column collects the values of one column for the open batch, in Arrow's layout. Rows that get no value are padded
// with nulls in one go, and a column that got no value at all is not sent: most columns of most batches are empty.
type column struct {
	name  string
	typ   store.Type
	rows  int
	nulls int
	// valid has a bit for each row, 1 for one with a value. It means nothing while there are no nulls: most columns that have
	// a value have one in every row.
	valid []byte
	// words holds fixed-size values, offsets and data those of text.
	words   []byte
	offsets []byte
	data    []byte
}

func (c *column) width() int {
	switch c.typ {
	case store.Text, store.JSON:
		return 4
	case store.UUID:
		return 16
	case store.Boolean:
		return 0
	default:
		return 8
	}
}

// pad appends nulls until the column has n rows.
func (c *column) pad(n int) {
	if c.rows >= n {
		return
	}
	if c.nulls == 0 {
		c.valid = appendOnes(c.valid[:0], 0, c.rows)
	}
	c.valid = zeros(c.valid, (n+7)/8)
	missing := n - c.rows
	c.nulls += missing
	switch {
	case isText(c.typ):
		c.begin()
		for range missing {
			c.offsets = appendInt32(c.offsets, len(c.data))
		}
	case c.typ == store.Boolean:
		c.words = zeros(c.words, (n+7)/8)
	default:
		c.words = zeros(c.words, n*c.width())
	}
	c.rows = n
}

// start makes room for the value of row r, which must follow the rows that are there.
func (c *column) start(r int) {
	if c.rows < r {
		c.pad(r)
	}
	if c.nulls > 0 {
		c.valid = zeros(c.valid, r>>3+1)
		c.valid[r>>3] |= 1 << (r & 7)
	}
	c.rows = r + 1
}

// begin makes the offset that the first text begins at.
func (c *column) begin() {
	if len(c.offsets) == 0 {
		c.offsets = append(c.offsets, 0, 0, 0, 0)
	}
}

func zeros(b []byte, n int) []byte {
	if len(b) >= n {
		return b
	}
	if cap(b) >= n {
		tail := b[len(b):n]
		clear(tail)
		return b[:n]
	}
	grown := make([]byte, n, max(2*cap(b), n, 64))
	copy(grown, b)
	return grown
}

func (c *column) text(r int, s string) {
	c.start(r)
	c.begin()
	c.data = append(c.data, s...)
	c.offsets = appendInt32(c.offsets, len(c.data))
}

func (c *column) bytes(r int, s []byte) {
	c.start(r)
	c.begin()
	c.data = append(c.data, s...)
	c.offsets = appendInt32(c.offsets, len(c.data))
}

func (c *column) word(r int, v uint64) {
	c.start(r)
	c.words = appendWord(c.words, v)
}

func appendWord(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

func (c *column) uuid(r int, v [16]byte) {
	c.start(r)
	c.words = append(c.words, v[:]...)
}

func (c *column) boolean(r int, v bool) {
	c.start(r)
	c.words = zeros(c.words, (r+8)/8)
	if v {
		c.words[r>>3] |= 1 << (r & 7)
	}
}

// word reads the i-th value of 8 bytes.
func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }

func (c *column) offset(i int) int { return int(binary.LittleEndian.Uint32(c.offsets[4*i:])) }

// appendOnes appends m bits that are 1 behind the first n.
func appendOnes(dst []byte, n, m int) []byte {
	dst = zeros(dst[:min(len(dst), (n+7)/8)], (n+m+7)/8)
	for i := n; i < n+m; {
		if i&7 == 0 && i+8 <= n+m {
			dst[i>>3] = 0xff
			i += 8
			continue
		}
		dst[i>>3] |= 1 << (i & 7)
		i++
	}
	return dst
}

// appendBits appends m bits behind the first n.
func appendBits(dst []byte, n int, src []byte, m int) []byte {
	dst = zeros(dst[:min(len(dst), (n+7)/8)], (n+m+7)/8)
	shift := n & 7
	at := n >> 3
	for i := range (m + 7) / 8 {
		b := src[i]
		if left := m - 8*i; left < 8 {
			b &= 1<<left - 1
		}
		dst[at+i] |= b << shift
		if rest := b >> (8 - shift); shift > 0 && rest != 0 {
			dst[at+i+1] |= rest
		}
	}
	return dst
}

// sized is b with n bytes, of which nothing is known.
func sized(b []byte, n int) []byte { return slices.Grow(b[:0], n)[:n] }

func (c *column) has(i int) bool {
	return i < c.rows && (c.nulls == 0 || c.valid[i>>3]>>(i&7)&1 == 1)
}

// slice is a view of the rows from first to end of a column that has at least as many.
func (c *column) slice(first, end int) arrow.Array {
	a := c.array()
	defer a.Release()
	return array.NewSlice(a, int64(first), int64(end))
}

func appendInt32(b []byte, v int) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func (c *column) reset() {
	c.rows, c.nulls = 0, 0
	c.valid, c.words, c.offsets, c.data = c.valid[:0], c.words[:0], c.offsets[:0], c.data[:0]
}

// array is the column as Arrow sees it; it shares the column's memory.
func (c *column) array() arrow.Array {
	return array.MakeFromData(array.NewData(c.arrowType(), c.rows, c.buffers(memory.NewBufferBytes), nil, c.nulls, 0))
}

// buffers are the column's memory as wrap makes buffers of it, without one for nulls when there are none.
func (c *column) buffers(wrap func([]byte) *memory.Buffer) []*memory.Buffer {
	var valid *memory.Buffer
	if c.nulls > 0 {
		valid = wrap(c.valid)
	}
	if isText(c.typ) {
		return []*memory.Buffer{valid, wrap(c.offsets), wrap(c.data)}
	}
	return []*memory.Buffer{valid, wrap(c.words)}
}

func (c *column) arrowType() arrow.DataType {
	switch c.typ {
	case store.Float:
		return arrow.PrimitiveTypes.Float64
	case store.Boolean:
		return arrow.FixedWidthTypes.Boolean
	case store.Time:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case store.Int:
		return arrow.PrimitiveTypes.Int64
	case store.Number64:
		return arrow.PrimitiveTypes.Uint64
	case store.UUID:
		return &arrow.FixedSizeBinaryType{ByteWidth: 16}
	default:
		return arrow.BinaryTypes.String
	}
}

func (c *column) field() arrow.Field {
	f := arrow.Field{Name: c.name, Type: c.arrowType(), Nullable: true}
	if c.typ == store.UUID {
		f.Metadata = arrow.NewMetadata([]string{"ARROW:extension:name", "ARROW:extension:metadata"}, []string{"arrow.uuid", ""})
	}
	return f
}

// sqlType is the DuckDB type of a column type.
func sqlType(t store.Type) string {
	switch t {
	case store.Float:
		return "DOUBLE"
	case store.Boolean:
		return "BOOLEAN"
	case store.Time:
		return "TIMESTAMP"
	case store.Int:
		return "BIGINT"
	case store.Number64:
		return "UBIGINT"
	case store.UUID:
		return "UUID"
	default:
		return "VARCHAR"
	}
}

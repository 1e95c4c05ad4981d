package duckdb

import (
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

func (c *column) isText() bool { return c.typ == store.Text || c.typ == store.JSON }

// pad appends nulls until the column has n rows.
func (c *column) pad(n int) {
	if c.rows >= n {
		return
	}
	missing := n - c.rows
	c.nulls += missing
	c.grow(n)
	switch {
	case c.isText():
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
	c.pad(r)
	c.grow(r + 1)
	c.valid[r>>3] |= 1 << (r & 7)
	c.rows = r + 1
}

func (c *column) grow(n int) {
	c.valid = zeros(c.valid, (n+7)/8)
	if c.isText() && len(c.offsets) == 0 {
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
	c.data = append(c.data, s...)
	c.offsets = appendInt32(c.offsets, len(c.data))
}

func (c *column) word(r int, v uint64) {
	c.start(r)
	c.words = append(c.words, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
}

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

func appendInt32(b []byte, v int) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func (c *column) reset() {
	c.rows, c.nulls = 0, 0
	c.valid, c.words, c.offsets, c.data = c.valid[:0], c.words[:0], c.offsets[:0], c.data[:0]
}

// array is the column as Arrow sees it; it shares the column's memory.
func (c *column) array() arrow.Array {
	buffers := []*memory.Buffer{memory.NewBufferBytes(c.valid)}
	if c.isText() {
		buffers = append(buffers, memory.NewBufferBytes(c.offsets), memory.NewBufferBytes(c.data))
	} else {
		buffers = append(buffers, memory.NewBufferBytes(c.words))
	}
	return array.MakeFromData(array.NewData(c.arrowType(), c.rows, buffers, nil, c.nulls, 0))
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

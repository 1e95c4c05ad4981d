package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/freshet/freshet/internal/store"
)

// Batches implements store.Cut. The vectors of DuckDB are read where they are: turning them into Arrow arrays first
// cost more than the rest of the way.
func (c *cut) Batches(ctx context.Context, query string, args ...any) iter.Seq2[*store.Batch, error] {
	return func(yield func(*store.Batch, error) bool) {
		if c.failed != nil {
			yield(nil, c.store.told(c.failed))
			return
		}
		rows, err := c.chunks(ctx, query, args)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.close()
		for {
			b := rows.next()
			if b == nil {
				// What could not be fetched looks like the end.
				if err := ctx.Err(); err != nil {
					yield(nil, err)
				}
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// chunkRows are the rows of a statement, a chunk of DuckDB's at a time.
type chunkRows struct {
	chunkColumns
	cut    *cut
	rows   driver.Rows
	result mapping.Result
	chunk  mapping.DataChunk
	held   bool
}

// chunkColumns turn chunks into batches, whose memory is used again.
type chunkColumns struct {
	types   []mapping.Type
	batch   store.Batch
	columns []vectorMemory
}

// set is for chunks of columns of these types.
func (k *chunkColumns) set(types []mapping.Type) error {
	for i, t := range types {
		if !readable(t) {
			return fmt.Errorf("column %d of the statement is of a type that batches do not have", i+1)
		}
	}
	k.types, k.columns, k.batch.Columns = types, make([]vectorMemory, len(types)), make([]store.Vector, len(types))
	return nil
}

// read is the batch of a chunk without its first columns. Texts are copied, or lent like the rest.
func (k *chunkColumns) read(chunk mapping.DataChunk, skip int, lendTexts bool) *store.Batch {
	k.batch.Rows = int(mapping.DataChunkGetSize(chunk))
	for i := range k.types {
		vector := mapping.DataChunkGetVector(chunk, mapping.IdxT(i+skip))
		v, m := &k.batch.Columns[i], &k.columns[i]
		*v = store.Vector{}
		v.Null = m.nulls(mapping.VectorGetValidity(vector), k.batch.Rows)
		m.read(v, k.types[i], mapping.VectorGetData(vector), k.batch.Rows, lendTexts)
	}
	return &k.batch
}

// vectorMemory is what a column that has to be copied is copied to.
type vectorMemory struct {
	signed   []int64
	unsigned []uint64
	texts    []string
	null     []bool
}

// chunks runs a statement.
func (c *cut) chunks(ctx context.Context, query string, args []any) (*chunkRows, error) {
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	r := &chunkRows{cut: c}
	err := c.conn.Raw(func(raw any) (err error) {
		r.rows, err = raw.(driver.QueryerContext).QueryContext(ctx, query, named)
		return err
	})
	if err != nil {
		return nil, c.store.told(err)
	}
	result, err := resultOf(r.rows)
	if err != nil {
		r.close()
		return nil, err
	}
	r.result = *result
	types := make([]mapping.Type, mapping.ColumnCount(&r.result))
	for i := range types {
		types[i] = mapping.ColumnType(&r.result, mapping.IdxT(i))
	}
	if err := r.set(types); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// resultOf is DuckDB's result behind the driver's rows. The driver keeps it to itself, so it is read out of them;
// the suite of the port fails when a new version moves it.
func resultOf(rows driver.Rows) (*mapping.Result, error) {
	if v := reflect.ValueOf(rows); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		if f := v.Elem().FieldByName("res"); f.IsValid() && f.Type() == reflect.TypeFor[mapping.Result]() {
			return (*mapping.Result)(f.Addr().UnsafePointer()), nil
		}
	}
	return nil, errors.New("this version of the DuckDB driver keeps its results elsewhere")
}

func (r *chunkRows) close() {
	r.release()
	_ = r.cut.conn.Raw(func(any) error { return r.rows.Close() })
}

func (r *chunkRows) release() {
	if r.held {
		mapping.DestroyDataChunk(&r.chunk)
		r.held = false
	}
}

// next is the next chunk, nil after the last.
func (r *chunkRows) next() *store.Batch {
	r.release()
	r.chunk = mapping.FetchChunk(r.result)
	if r.chunk.Ptr == nil {
		return nil
	}
	r.held = true
	return r.read(r.chunk, 0, false)
}

// nulls turns DuckDB's bits, one a row that is not null, into a slice; nil when all bits are set.
func (m *vectorMemory) nulls(mask unsafe.Pointer, rows int) []bool {
	if mask == nil {
		return nil
	}
	m.null = m.null[:0]
	words, some := lent[uint64](mask, (rows+63)/64), false
	for i := range rows {
		null := words[i/64]&(1<<(i%64)) == 0
		some = some || null
		m.null = append(m.null, null)
	}
	if !some {
		return nil
	}
	return m.null
}

func readable(t mapping.Type) bool {
	switch t {
	case mapping.TypeBigInt, mapping.TypeInteger, mapping.TypeSmallInt, mapping.TypeTinyInt, mapping.TypeTimestamp,
		mapping.TypeUBigInt, mapping.TypeUInteger, mapping.TypeUSmallInt, mapping.TypeUTinyInt,
		mapping.TypeDouble, mapping.TypeBoolean, mapping.TypeVarchar:
		return true
	}
	return false
}

// read points v to the values of a column; narrower numbers are copied, and texts unless they are lent.
func (m *vectorMemory) read(v *store.Vector, t mapping.Type, data unsafe.Pointer, n int, lendTexts bool) {
	switch t {
	case mapping.TypeBigInt, mapping.TypeTimestamp:
		v.Int64 = lent[int64](data, n)
	case mapping.TypeInteger:
		v.Int64 = widened(&m.signed, lent[int32](data, n))
	case mapping.TypeSmallInt:
		v.Int64 = widened(&m.signed, lent[int16](data, n))
	case mapping.TypeTinyInt:
		v.Int64 = widened(&m.signed, lent[int8](data, n))
	case mapping.TypeUBigInt:
		v.Uint64 = lent[uint64](data, n)
	case mapping.TypeUInteger:
		v.Uint64 = widened(&m.unsigned, lent[uint32](data, n))
	case mapping.TypeUSmallInt:
		v.Uint64 = widened(&m.unsigned, lent[uint16](data, n))
	case mapping.TypeUTinyInt:
		v.Uint64 = widened(&m.unsigned, lent[uint8](data, n))
	case mapping.TypeDouble:
		v.Float64 = lent[float64](data, n)
	case mapping.TypeBoolean:
		v.Bool = lent[bool](data, n)
	case mapping.TypeVarchar:
		v.Text = m.read16(lent[text16](data, n), v.Null, lendTexts)
	}
}

// lent is memory of DuckDB's as a slice; it is DuckDB's again when the chunk is released.
func lent[T any](data unsafe.Pointer, n int) []T {
	return unsafe.Slice((*T)(data), n) //nolint:gosec // DuckDB says that n values of the column's type are there
}

// widened copies numbers of a narrower type.
func widened[W int64 | uint64, N int8 | int16 | int32 | uint8 | uint16 | uint32](to *[]W, from []N) []W {
	*to = (*to)[:0]
	for _, n := range from {
		*to = append(*to, W(n))
	}
	return *to
}

// text16 is DuckDB's string: the length, and behind it the text itself if it has at most inlineText bytes, otherwise
// its first four bytes and a pointer to it.
type text16 struct {
	length uint32
	prefix [4]byte
	rest   unsafe.Pointer
}

const inlineText = 12

// read16 reads texts. They are lent, or copied: a text like the one before it is not copied again.
func (m *vectorMemory) read16(from []text16, null []bool, lend bool) []string {
	m.texts = m.texts[:0]
	last := ""
	for i := range from {
		if null != nil && null[i] {
			m.texts = append(m.texts, "")
			continue
		}
		s := &from[i]
		start := &s.prefix[0]
		if s.length > inlineText {
			start = (*byte)(s.rest)
		}
		//nolint:gosec // DuckDB says that so many bytes are there
		if text := unsafe.String(start, s.length); lend {
			last = text
		} else if text != last {
			last = strings.Clone(text)
		}
		m.texts = append(m.texts, last)
	}
	return m.texts
}

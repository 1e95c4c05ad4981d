package sheet

import (
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// Note is a key and a value that go with a file.
type Note struct{ Key, Value string }

// Parquet writes the table as a Parquet file in one row group. Times are in microseconds, UTC.
func (s *Sheet) Parquet(w io.Writer, notes ...Note) error {
	out, err := NewFile(w, s.Columns, notes...)
	if err != nil {
		return err
	}
	for _, row := range s.Rows {
		if err := out.Add(row); err != nil {
			return err
		}
	}
	return out.Close()
}

// File is a Parquet file that is written row by row.
type File struct {
	columns []Column
	rows    *array.RecordBuilder
	out     *pqarrow.FileWriter
}

// NewFile begins a file.
func NewFile(w io.Writer, columns []Column, notes ...Note) (*File, error) {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.Name, Type: c.Type.arrow(), Nullable: true}
	}
	schema := arrow.NewSchema(fields, nil)
	out, err := pqarrow.NewFileWriter(schema, w,
		parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCreatedBy("freshet")),
		pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, fmt.Errorf("begin the Parquet file: %w", err)
	}
	for _, n := range notes {
		if err := out.AppendKeyValueMetadata(n.Key, n.Value); err != nil {
			return nil, fmt.Errorf("note %s: %w", n.Key, err)
		}
	}
	return &File{columns, array.NewRecordBuilder(memory.DefaultAllocator, schema), out}, nil
}

// Add puts a row behind the others, which has a cell for every column.
func (f *File) Add(row []any) error {
	for i, v := range row {
		if err := put(f.rows.Field(i), v); err != nil {
			return fmt.Errorf("write the column %s: %w", f.columns[i].Name, err)
		}
	}
	return nil
}

// Flush writes the rows so far as a row group, so that a long file does not stay in memory.
func (f *File) Flush() error {
	batch := f.rows.NewRecordBatch()
	defer batch.Release()
	if err := f.out.Write(batch); err != nil {
		return fmt.Errorf("write the rows: %w", err)
	}
	return nil
}

// Close writes the rest, and ends the file.
func (f *File) Close() error {
	defer f.rows.Release()
	if err := f.Flush(); err != nil {
		return err
	}
	if err := f.out.Close(); err != nil {
		return fmt.Errorf("end the Parquet file: %w", err)
	}
	return nil
}

func (t Type) arrow() arrow.DataType {
	switch t {
	case Number:
		return arrow.PrimitiveTypes.Float64
	case Integer:
		return arrow.PrimitiveTypes.Int64
	case Time:
		return arrow.FixedWidthTypes.Timestamp_us
	case Truth:
		return arrow.FixedWidthTypes.Boolean
	default:
		return arrow.BinaryTypes.String
	}
}

// put adds a cell to its column. The types of cells are those of Type; another one is a programmer's mistake.
func put(to array.Builder, v any) error {
	if v == nil {
		to.AppendNull()
		return nil
	}
	ok := false
	switch to := to.(type) {
	case *array.StringBuilder:
		ok = with(v, to.Append)
	case *array.Float64Builder:
		ok = with(v, to.Append)
	case *array.Int64Builder:
		ok = with(v, to.Append)
	case *array.BooleanBuilder:
		ok = with(v, to.Append)
	case *array.TimestampBuilder:
		ok = with(v, func(t time.Time) { to.Append(arrow.Timestamp(t.UnixMicro())) })
	}
	if !ok {
		return fmt.Errorf("a %T does not fit", v)
	}
	return nil
}

func with[T any](v any, use func(T)) bool {
	t, ok := v.(T)
	if ok {
		use(t)
	}
	return ok
}

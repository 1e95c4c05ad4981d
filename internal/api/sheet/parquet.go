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
	fields := make([]arrow.Field, len(s.Columns))
	for i, c := range s.Columns {
		fields[i] = arrow.Field{Name: c.Name, Type: c.Type.arrow(), Nullable: true}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for _, row := range s.Rows {
		for i, v := range row {
			if err := put(b.Field(i), v); err != nil {
				return fmt.Errorf("write the column %s: %w", s.Columns[i].Name, err)
			}
		}
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	out, err := pqarrow.NewFileWriter(batch.Schema(), w,
		parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCreatedBy("freshet")),
		pqarrow.NewArrowWriterProperties())
	if err != nil {
		return fmt.Errorf("begin the Parquet file: %w", err)
	}
	for _, n := range notes {
		if err := out.AppendKeyValueMetadata(n.Key, n.Value); err != nil {
			return fmt.Errorf("note %s: %w", n.Key, err)
		}
	}
	if err := out.Write(batch); err != nil {
		return fmt.Errorf("write the rows: %w", err)
	}
	if err := out.Close(); err != nil {
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

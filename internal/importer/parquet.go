package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	parquetfile "github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// parquetSource reads a Parquet file batch by batch.
type parquetSource struct {
	file   *parquetfile.Reader
	reader pqarrow.RecordReader
	batch  arrow.RecordBatch
	at     int
	done   int64
	row    Row
}

const parquetBatch = 2048

func openParquet(ctx context.Context, path string) (source, error) {
	if path == "-" {
		return nil, errors.New("a Parquet file cannot be read from standard input: its index is at the end")
	}
	properties := parquet.NewReaderProperties(memory.DefaultAllocator)
	properties.BufferedStreamEnabled = true
	f, err := parquetfile.OpenParquetFile(path, false, parquetfile.WithReadProps(properties))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: parquetBatch}, memory.DefaultAllocator)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), f.Close())
	}
	records, err := r.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), f.Close())
	}
	s := &parquetSource{file: f, reader: records}
	for _, field := range records.Schema().Fields() {
		s.row.Names = append(s.row.Names, field.Name)
	}
	s.row.Values = make([]Value, len(s.row.Names))
	return s, nil
}

func (s *parquetSource) Next() (*Row, error) {
	for s.batch == nil || s.at == int(s.batch.NumRows()) {
		if !s.reader.Next() {
			if err := s.reader.Err(); err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			return nil, io.EOF
		}
		s.batch, s.at = s.reader.RecordBatch(), 0
	}
	for i := range s.row.Values {
		v, err := arrowValue(s.batch.Column(i), s.at)
		if err != nil {
			s.at++
			s.done++
			return nil, badf("%s: %v", s.row.Names[i], err)
		}
		s.row.Values[i] = v
	}
	s.at++
	s.done++
	return &s.row, nil
}

func (s *parquetSource) Progress() (int64, int64) { return s.done, s.file.NumRows() }

func (s *parquetSource) Close() error {
	s.reader.Release()
	return s.file.Close()
}

func arrowValue(a arrow.Array, i int) (Value, error) {
	if a.IsNull(i) {
		return Value{}, nil
	}
	switch a := a.(type) {
	case *array.String:
		return text(a.Value(i)), nil
	case *array.LargeString:
		return text(a.Value(i)), nil
	case *array.Binary:
		return text(string(a.Value(i))), nil
	case *array.Dictionary:
		return arrowValue(a.Dictionary(), a.GetValueIndex(i))
	case *array.Timestamp:
		unit := a.DataType().(*arrow.TimestampType).Unit
		return text(a.Value(i).ToTime(unit).UTC().Format(time.RFC3339Nano)), nil
	case *array.Date32:
		return text(a.Value(i).ToTime().Format(time.DateOnly)), nil
	case *array.Date64:
		return text(a.Value(i).ToTime().Format(time.DateOnly)), nil
	case *array.Float64:
		if v := a.Value(i); math.IsNaN(v) || math.IsInf(v, 0) {
			return Value{}, nil
		}
	case *array.Float32:
		if v := float64(a.Value(i)); math.IsNaN(v) || math.IsInf(v, 0) {
			return Value{}, nil
		}
	case *array.Decimal128, *array.Decimal256:
		if s := a.ValueStr(i); plainNumber(s) {
			return Value{JSON: s, Text: s}, nil
		}
	}
	b, err := json.Marshal(a.GetOneForMarshal(i))
	if err != nil {
		return Value{}, err
	}
	var s string
	if json.Unmarshal(b, &s) == nil {
		return text(s), nil
	}
	return Value{JSON: string(b), Text: string(b)}, nil
}

func text(s string) Value { return Value{JSON: string(appendString(nil, s)), Text: s} }

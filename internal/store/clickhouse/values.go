package clickhouse

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/store"
)

// parameters are values for the places that Dialect.Parameter names.
func parameters(args []any) ([]proto.Parameter, error) {
	out := make([]proto.Parameter, len(args))
	for i, v := range args {
		text, err := parameter(v)
		if err != nil {
			return nil, fmt.Errorf("parameter %d: %w", i+1, err)
		}
		out[i] = proto.Parameter{Key: "p" + strconv.Itoa(i+1), Value: quoteText(text)}
	}
	return out, nil
}

var escapes = strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n", "\r", "\\r", "\x00", "\\0", "\b", "\\b", "\f", "\\f", "'", "\\'")

func quoteText(s string) string { return "'" + escapes.Replace(s) + "'" }

// parameter is a value as the server reads it out of a quoted text: as what a column of the type would have in a file of
// tabs.
func parameter(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return escapes.Replace(v), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case bool:
		return strconv.FormatBool(v), nil
	case []string:
		list := make([]string, len(v))
		for i, s := range v {
			list[i] = quoteText(s)
		}
		return "[" + strings.Join(list, ",") + "]", nil
	case []float64:
		list := make([]string, len(v))
		for i, f := range v {
			list[i] = strconv.FormatFloat(f, 'g', -1, 64)
		}
		return "[" + strings.Join(list, ",") + "]", nil
	}
	return "", fmt.Errorf("a value of the type %T cannot be bound", v)
}

// batch is store.Batch of a block, whose memory is used again.
type batch struct {
	store.Batch
	// times tells which columns are times.
	times []bool
}

// of takes the columns of a block. Numbers of 64 bits lie where the block has them, so they are good until the next one.
func (b *batch) of(columns proto.Results) error {
	if b.Columns == nil {
		b.Columns, b.times = make([]store.Vector, len(columns)), make([]bool, len(columns))
	}
	b.Rows = columns.Rows()
	for i := range columns {
		v := &b.Columns[i]
		v.Null = nil
		isTime, err := fill(v, columns[i].Data)
		if err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
		b.times[i] = isTime
	}
	return nil
}

// fill makes a vector of a column, and tells whether it is one of times.
func fill(v *store.Vector, column any) (isTime bool, err error) {
	switch c := column.(type) {
	case *proto.ColUInt64:
		v.Uint64 = *c
	case *proto.ColInt64:
		v.Int64 = *c
	case *proto.ColFloat64:
		v.Float64 = *c
	case *proto.ColBool:
		v.Bool = *c
	case *proto.ColUInt8:
		v.Uint64 = widened(v.Uint64, *c)
	case *proto.ColUInt16:
		v.Uint64 = widened(v.Uint64, *c)
	case *proto.ColUInt32:
		v.Uint64 = widened(v.Uint64, *c)
	case *proto.ColInt8:
		v.Int64 = widened(v.Int64, *c)
	case *proto.ColInt16:
		v.Int64 = widened(v.Int64, *c)
	case *proto.ColInt32:
		v.Int64 = widened(v.Int64, *c)
	case *proto.ColFloat32:
		v.Float64 = widened(v.Float64, *c)
	case *proto.ColDateTime64:
		v.Int64 = widened(v.Int64, c.Data)
		return true, nil
	case *proto.ColStr:
		v.Text = texts(v.Text[:0], c)
	case *proto.ColUUID:
		v.Text = v.Text[:0]
		for _, id := range *c {
			v.Text = append(v.Text, id.String())
		}
	case proto.ColNothing, *proto.ColNothing:
		v.Int64 = make([]int64, c.(interface{ Rows() int }).Rows())
	default:
		return nullable(v, column)
	}
	return false, nil
}

// nullable makes a vector of a column of some Nullable type: its fields are those of proto.ColNullable.
func nullable(v *store.Vector, column any) (isTime bool, err error) {
	s := reflect.Indirect(reflect.ValueOf(column))
	if s.Kind() != reflect.Struct || !s.FieldByName("Nulls").IsValid() || !s.FieldByName("Values").IsValid() {
		return false, fmt.Errorf("a value of the type %v is not delivered", column.(interface{ Type() proto.ColumnType }).Type())
	}
	if isTime, err = fill(v, s.FieldByName("Values").Interface()); err != nil {
		return false, err
	}
	nulls := s.FieldByName("Nulls").Interface().(proto.ColUInt8)
	v.Null = make([]bool, len(nulls))
	some := false
	for i, n := range nulls {
		v.Null[i] = n != 0
		some = some || n != 0
	}
	if !some {
		v.Null = nil
	}
	return isTime, nil
}

func widened[T, F interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}](to []T, from []F) []T {
	to = to[:0]
	for _, x := range from {
		to = append(to, T(x))
	}
	return to
}

// texts has all texts of a column in one piece of memory, which may be kept.
func texts(to []string, c *proto.ColStr) []string {
	all := string(c.Buf)
	for _, p := range c.Pos {
		to = append(to, all[p.Start:p.End])
	}
	return to
}

// value is that of a row as store.Cut.Rows delivers it.
func (b *batch) value(column, row int) any {
	v := &b.Columns[column]
	switch {
	case v.IsNull(row):
		return nil
	case b.times[column]:
		return time.UnixMicro(v.Int64[row]).UTC()
	case v.Int64 != nil:
		return v.Int64[row]
	case v.Uint64 != nil:
		return v.Uint64[row]
	case v.Float64 != nil:
		return v.Float64[row]
	case v.Bool != nil:
		return v.Bool[row]
	}
	return v.Text[row]
}

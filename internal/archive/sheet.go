package archive

import "github.com/apache/arrow-go/v18/parquet"

// place is where a file belongs: what came for one project on one day.
type place struct {
	project uint32
	// day is the day of receipt, in days since 1970-01-01 UTC.
	day int64
}

// sheet has the rows of a row group that was read, column by column.
type sheet struct {
	position, received []int64
	events             []int32
	original, sent     optional[int64]
	fresh, links       []bool
	width, height      []int32
	density            optional[float64]
	text               [textCount]optional[parquet.ByteArray]
}

// optional is a column with values for some of the rows.
type optional[T any] struct {
	values []T
	// defined is 1 for each row with a value, 0 for the others.
	defined []int16
}

func (s *sheet) rows() int { return len(s.position) }

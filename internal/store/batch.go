package store

// Batch is a stretch of a statement's rows, column by column.
type Batch struct {
	// Rows is how many there are, at least one.
	Rows    int
	Columns []Vector
}

// Vector is one column of a Batch. The slice of its type has a value a row, the others are nil; what is NULL has
// any value there.
type Vector struct {
	// Int64 has signed whole numbers and times, which are microseconds since 1970 UTC.
	Int64 []int64
	// Uint64 has whole numbers of types without a sign.
	Uint64  []uint64
	Float64 []float64
	Bool    []bool
	Text    []string
	// Null tells which rows are NULL; nil when none is.
	Null []bool
}

// IsNull tells whether a row's value is NULL.
func (v *Vector) IsNull(row int) bool { return v.Null != nil && v.Null[row] }

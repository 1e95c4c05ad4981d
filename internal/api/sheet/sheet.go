// Package sheet turns answers of every kind into tables with one value a cell, for spreadsheets and data tools: rows that
// can be sorted, filtered and added up, instead of lists within lists.
//
// A table has all numbers of its answer. Its columns depend on the question alone, so that the tables of one question can
// be put one below the other. Who may ask, and how a table is delivered, is left to others.
package sheet

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/freshet/freshet/internal/query"
)

// Type is what the cells of a column are. Any cell may be nil, for a number that there is none of.
type Type uint8

// The types of columns, with the Go types of their cells.
const (
	Text    Type = iota // string
	Number              // float64
	Integer             // int64
	Time                // time.Time
	Truth               // bool
)

// Column is a name, unique in its sheet, and a type.
type Column struct {
	Name string
	Type Type
}

// Sheet is a table. Every row has a cell for every column.
type Sheet struct {
	Columns []Column
	Rows    [][]any
}

// Of makes the table of an answer. An answer of a kind that has none is a programmer's mistake, and an error.
func Of(answer query.Answered) (*Sheet, error) {
	switch a := answer.(type) {
	case *query.Answer:
		return trends(a), nil
	case *query.FunnelAnswer:
		return funnel(a), nil
	case *query.RetentionAnswer:
		return retention(a), nil
	case *query.LifecycleAnswer:
		return lifecycle(a), nil
	case *query.StickinessAnswer:
		return stickiness(a), nil
	case *query.PathsAnswer:
		return paths(a), nil
	case *query.SessionsAnswer:
		return sessions(a), nil
	default:
		return nil, fmt.Errorf("make a table of the answer: a %T has none", answer)
	}
}

// of makes a sheet whose first columns are those of a breakdown of n properties.
func of(n int, columns ...Column) *Sheet {
	s := &Sheet{}
	for i := range n {
		s.Columns = append(s.Columns, Column{"breakdown_" + strconv.Itoa(i+1), Text})
	}
	s.Columns = append(s.Columns, columns...)
	return s
}

// add adds a row: the values of the breakdown, and the cells of the other columns, which may come in groups.
func (s *Sheet) add(breakdown []any, cells ...[]any) {
	row := make([]any, 0, len(s.Columns))
	for _, v := range breakdown {
		row = append(row, words(v))
	}
	for _, group := range cells {
		row = append(row, group...)
	}
	s.Rows = append(s.Rows, row)
}

// words shows a value of a property, which may be of any type, as the JSON answer does.
func words(v any) any {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// or is what p points to, nil for nothing.
func or[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// at is the value of a list, nil beyond its end.
func at[T any](list []*T, i int) any {
	if i >= len(list) {
		return nil
	}
	return or(list[i])
}

package duckdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/store"
)

// A row has sixty columns beside its properties, and an app fills some thirty of them. One that is empty costs a flush
// nearly as much as one that is not: DuckDB appends, analyses and compresses its nulls. So a table on disk begins with those
// that every row has, and gets another one with the first row that has a value for it, as it gets those of properties.

// versionOfColumns is the format version since which a table may lack some.
const versionOfColumns = 8

// columnSet are names of columns.
type columnSet map[string]bool

func setOf(columns []string) columnSet {
	out := make(columnSet, len(columns))
	for _, c := range columns {
		out[c] = true
	}
	return out
}

// asNamed reads a column as it is.
func (s columnSet) asNamed(column string) string {
	if s[column] {
		return column
	}
	return ""
}

// layout is what has to be known of a table on disk to read it: which columns it has, and whether some of its rows are of
// the former layout.
type layout struct {
	columns columnSet
	former  bool
}

// value is SQL for the value of a column, "" when no row has one.
func (l layout) value(column string) string {
	switch {
	case isID(column):
		return l.id(column)
	case column != receivedColumn:
		return l.columns.asNamed(column)
	case l.former:
		return "coalesce(make_timestamp(" + millisColumn + " * 1000), " + receivedColumn + ")"
	}
	return "make_timestamp(" + millisColumn + " * 1000)"
}

// orNull is value with a null in place of "". It is for columns of texts, and for those that no table lacks.
func (l layout) orNull(column string) string {
	if value := l.value(column); value != "" {
		return value
	}
	return "NULL::VARCHAR"
}

// id is the text of a column of ids.
func (l layout) id(column string) string {
	var spellings []string
	for _, s := range []struct{ column, text string }{
		{column + lowerEnding, column + lowerEnding + "::VARCHAR"},
		{column, column},
		{column + capitalsEnding, "upper(" + column + capitalsEnding + "::VARCHAR)"},
	} {
		if l.columns[s.column] {
			spellings = append(spellings, s.text)
		}
	}
	if len(spellings) < 2 {
		return strings.Join(spellings, "")
	}
	return "coalesce(" + strings.Join(spellings, ", ") + ")"
}

// everywhere tells whether a table on disk has a column from the beginning.
func everywhere(c store.Column) bool {
	switch c.Name {
	case "id", "event":
		return true
	}
	return !isText(c.Type) && c.Type != store.UUID && c.Name != spanColumn
}

// prepareColumns makes sure that the table on disk exists and has the columns of some rows, but for those of properties. has
// are those it has already, and then all.
func (s *Store) prepareColumns(ctx context.Context, t *table, rows *arrow.Schema, has columnSet) error {
	var defs []string
	for _, c := range tableColumns() {
		if (everywhere(c) || rows.HasField(c.Name)) && !has[c.Name] {
			has[c.Name] = true
			defs = append(defs, c.Name+" "+diskType(c))
		}
	}
	if !t.onDisk {
		if _, err := s.flusher.ExecContext(ctx, "CREATE TABLE "+t.cold+" ("+strings.Join(defs, ", ")+")"); err != nil {
			return fmt.Errorf("create %s: %w", t.cold, err)
		}
		if _, err := s.flusher.ExecContext(ctx, "INSERT INTO tables VALUES (?)", uint32(t.project)); err != nil {
			return fmt.Errorf("note %s: %w", t.cold, err)
		}
		defs = nil
	}
	for _, def := range defs {
		if _, err := s.flusher.ExecContext(ctx, "ALTER TABLE "+t.cold+" ADD COLUMN "+def); err != nil {
			return fmt.Errorf("add column %s to %s: %w", def, t.cold, err)
		}
	}
	return nil
}

// hasValue tells whether a row of a table on disk has a value in a column. It reads none where no row has: the statistics of the
// column say so.
func (s *Store) hasValue(ctx context.Context, table, column string) (has bool, err error) {
	q := "SELECT count(*) > 0 FROM (SELECT 1 FROM " + table + " WHERE " + column + " IS NOT NULL LIMIT 1)"
	if err := s.flusher.QueryRowContext(ctx, q).Scan(&has); err != nil {
		return false, fmt.Errorf("look for a value of %s in %s: %w", column, table, err)
	}
	return has, nil
}

// dropEmpty are the statements that take the columns away in which no row of a file of format 7 or before has a value.
func (s *Store) dropEmpty(ctx context.Context) (string, error) {
	has, err := s.columnsOnDisk(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for p, columns := range has {
		cold := newTable(p, 0).cold
		for _, c := range tableColumns() {
			if everywhere(c) || !columns[c.Name] {
				continue
			}
			used, err := s.hasValue(ctx, cold, c.Name)
			if err != nil {
				return "", err
			}
			if !used {
				fmt.Fprintf(&b, "ALTER TABLE %s DROP COLUMN %s; ", cold, c.Name)
			}
		}
	}
	return b.String(), nil
}

// columnsOnDisk are the columns that the tables of events have in the file.
func (s *Store) columnsOnDisk(ctx context.Context) (map[store.ProjectID]columnSet, error) {
	rows, err := s.flusher.QueryContext(ctx, "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = '"+fileDatabase+"'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[store.ProjectID]columnSet{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, err
		}
		number, isEvents := strings.CutPrefix(table, "events_")
		p, err := strconv.ParseUint(number, 10, 32)
		if !isEvents || err != nil {
			continue
		}
		if out[store.ProjectID(p)] == nil {
			out[store.ProjectID(p)] = columnSet{}
		}
		out[store.ProjectID(p)][column] = true
	}
	return out, rows.Err()
}

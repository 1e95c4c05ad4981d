package duckdb

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// An app has some tens of names of events, and nearly every question is about a few of them. DuckDB keeps such a column as a
// dictionary and a number of as few bits as possible for each row, which it has to unpack and look up. So each row has a number of its own
// for the name as well, a byte that is written as it is and compared many at a time: the first 254 names of a project are numbered
// from 1. A project with more of them has its questions look at the names.

// versionOfNames is the format version that brought the numbers.
const versionOfNames = 7

// mostNames is how many names are numbered; when there are as many, there may be others that are not. These have the number 0.
const mostNames = 255

// nameNumbers are those of one project. Only the processor adds to them.
type nameNumbers struct {
	// list has the names in the order of their numbers; numbers is replaced as a whole, never changed. table.mu guards both.
	list    []string
	numbers map[string]uint8
	// onDisk are how many of them the file has, as the flusher sees it, and onDiskReady those that are committed. Only who holds flushing
	// uses either.
	onDisk, onDiskReady int
}

// numberOf is the number of a name, a new one while there are any.
func (t *table) numberOf(name string) uint8 {
	// Only the processor writes, and it is the caller: reading without the lock is safe here.
	if n, ok := t.names.numbers[name]; ok || len(t.names.list) == mostNames {
		return n
	}
	return t.addName(strings.Clone(name))
}

func (t *table) addName(name string) uint8 {
	t.mu.Lock()
	defer t.mu.Unlock()
	numbers := maps.Clone(t.names.numbers)
	if numbers == nil {
		numbers = map[string]uint8{}
	}
	t.names.list = append(t.names.list, name)
	n := uint8(len(t.names.list))
	numbers[name] = n
	t.names.numbers = numbers
	return n
}

// numbered are the names and their numbers, nil when some rows have a name without one.
func (t *table) numbered() map[string]uint8 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.names.list) == mostNames {
		return nil
	}
	return t.names.numbers
}

// writeNames writes the numbers that the file does not have yet.
func (s *Store) writeNames(ctx context.Context, t *table) error {
	t.mu.RLock()
	list := t.names.list
	t.mu.RUnlock()
	for n := t.names.onDisk; n < len(list); n++ {
		if _, err := s.flusher.ExecContext(ctx, "INSERT INTO names VALUES (?, ?, ?)", uint32(t.project), uint8(n+1), list[n]); err != nil {
			return fmt.Errorf("write name %d of project %d: %w", n+1, t.project, err)
		}
	}
	t.names.onDisk = len(list)
	return nil
}

func (s *Store) loadNames(ctx context.Context) error {
	rows, err := s.flusher.QueryContext(ctx, "SELECT project, event FROM names ORDER BY project, number")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p store.ProjectID
		var name string
		if err := rows.Scan(&p, &name); err != nil {
			return err
		}
		t := s.tables[p]
		t.addName(name)
		t.names.onDisk, t.names.onDiskReady = len(t.names.list), len(t.names.list)
	}
	return rows.Err()
}

// numbersOf is SQL for the number of the name of each row e, of those that the file has.
func (t *table) numbersOf() string {
	return fmt.Sprintf("coalesce((SELECT number FROM names WHERE project = %d AND names.event = e.event), 0)", t.project)
}

// addNames are the statements that number the names in a file of format 6 or before. Its rows have no numbers until their day is
// rewritten.
func (s *Store) addNames(ctx context.Context) (string, error) {
	var b strings.Builder
	b.WriteString("CREATE TABLE names (project UINTEGER NOT NULL, number UTINYINT NOT NULL, event VARCHAR NOT NULL); " +
		"INSERT INTO former_days SELECT DISTINCT project, day FROM runs EXCEPT SELECT project, day FROM former_days; ")
	projects, err := s.projectsOnDisk(ctx)
	for _, p := range projects {
		cold := newTable(p, 0).cold
		// The column of format 5 is one that both are read by, also where it never was.
		fmt.Fprintf(&b, "ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s TIMESTAMP; ", cold, receivedColumn)
		fmt.Fprintf(&b, "ALTER TABLE %s ADD COLUMN %s %s; ", cold, store.EventNumber, numberType)
		fmt.Fprintf(&b, "INSERT INTO names SELECT %d, row_number() OVER (ORDER BY event), event "+
			"FROM (SELECT DISTINCT event FROM %s WHERE event IS NOT NULL ORDER BY event LIMIT %d); ", p, cold, mostNames)
	}
	return b.String(), err
}

// numberType is the type of the column of numbers. DuckDB would pack them into fewer bits.
const numberType = "UTINYINT USING COMPRESSION uncompressed"

// diskType is the type of a column in the table on disk.
func diskType(c store.Column) string {
	if c.Name == store.EventNumber {
		return numberType
	}
	return columnType(c)
}

// columnType is the type of a column in DuckDB's tables in memory.
func columnType(c store.Column) string {
	if c.Name == store.EventNumber {
		return "UTINYINT"
	}
	return sqlType(c.Type)
}

// definitions are those of columns that are wanted, for a new table.
func definitions(columns []store.Column, wanted func(name string) bool) string {
	var defs []string
	for _, c := range columns {
		if wanted(c.Name) {
			defs = append(defs, c.Name+" "+columnType(c))
		}
	}
	return strings.Join(defs, ", ")
}

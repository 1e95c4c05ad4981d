package duckdb

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// When an event was received is told in milliseconds. Up to format 5 it was kept as a TIMESTAMP of microseconds, whose last three
// digits were always zeros and took more than a byte of each row. So on disk there is a column of milliseconds instead. Rows of
// the former layout stay where they are until their day is rewritten (former.go), and are read with the others meanwhile.

// versionOfMillis is the format version that brought them.
const versionOfMillis = 6

const (
	receivedColumn = "received"
	millisColumn   = "received_ms"
)

// tableColumns are the columns that a table of events may have today, but for those of properties.
func tableColumns() []store.Column {
	columns := append(builtins(), uuidColumns()...)
	for i := range columns {
		if columns[i].Name == receivedColumn {
			columns[i] = store.Column{Name: millisColumn, Type: store.Int}
		}
	}
	return columns
}

// onDisk are columns as a table on disk has them.
func onDisk(columns []packed) []packed {
	out := splitUUIDs(columns)
	for i := range out {
		if out[i].name == receivedColumn {
			out[i] = out[i].millis()
		}
	}
	return out
}

// millis is a column of times as whole milliseconds.
func (c *packed) millis() packed {
	out := *c
	out.name, out.typ, out.words = millisColumn, store.Int, make([]byte, 0, len(c.words))
	for i := range len(c.words) / 8 {
		out.words = binary.LittleEndian.AppendUint64(out.words, uint64(int64(word(c.words, i))/1000))
	}
	return out
}

// rewritten is the list of all columns of a row e that is written again, in today's layout if former tells that it may be of another.
func (t *table) rewritten(former bool) string {
	if !former {
		return "*"
	}
	return fmt.Sprintf("* REPLACE (NULL::TIMESTAMP AS %[1]s, coalesce(%[2]s, epoch_ms(%[1]s)) AS %[2]s, coalesce(%[3]s, %[4]s) AS %[3]s)",
		receivedColumn, millisColumn, store.EventNumber, t.numbersOf())
}

// addMillis are the statements that make room for today's layout in a file of format 5 or before, and note which days have rows of
// the former one. It moves no row.
func (s *Store) addMillis(ctx context.Context) (string, error) {
	var b strings.Builder
	b.WriteString("CREATE TABLE former_days (project UINTEGER NOT NULL, day BIGINT NOT NULL); " +
		"INSERT INTO former_days SELECT DISTINCT project, day FROM runs; ")
	projects, err := s.projectsOnDisk(ctx)
	for _, p := range projects {
		fmt.Fprintf(&b, "ALTER TABLE %s ADD COLUMN %s BIGINT; ", newTable(p, 0).cold, millisColumn)
	}
	return b.String(), err
}

package duckdb

import (
	"context"
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// Apps and SDKs mostly make up UUIDs for ids, and those of a device or a person come in runs of rows. As 16 bytes DuckDB
// keeps a run of them as one value; as text it writes 36 characters into a dictionary and a number for each row. So on
// disk a column of ids has two more beside it, for the ids that are UUIDs in lower case and in capitals; in memory, and to
// whoever reads, it is one text.

// versionOfUUIDs is the format version that brought them.
const versionOfUUIDs = 3

// The endings of the names of the columns of UUIDs.
const (
	lowerEnding    = "_lower"
	capitalsEnding = "_capitals"
)

// isID tells whether a column has ids in it.
func isID(column string) bool {
	switch column {
	case "id_text", "user_id", "anonymous_id", "device_id", "session_id":
		return true
	}
	return false
}

// uuidColumns are the columns on disk that are not among store.Columns.
func uuidColumns() (out []store.Column) {
	for _, c := range store.Columns {
		if isID(c.Name) {
			out = append(out, store.Column{Name: c.Name + lowerEnding, Type: store.UUID},
				store.Column{Name: c.Name + capitalsEnding, Type: store.UUID})
		}
	}
	return out
}

// addUUIDs are the statements that give the tables of events of format 2 the columns of format 3.
func (s *Store) addUUIDs(ctx context.Context) (string, error) {
	var b strings.Builder
	projects, err := s.projectsOnDisk(ctx)
	for _, p := range projects {
		cold := newTable(p, 0).cold
		for _, name := range []string{"device_id", "session_id"} {
			fmt.Fprintf(&b, "ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s VARCHAR; ", cold, name)
		}
		for _, c := range uuidColumns() {
			fmt.Fprintf(&b, "ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s %s; ", cold, c.Name, sqlType(c.Type))
		}
	}
	return b.String(), err
}

// splitUUIDs makes of columns those that are on disk.
func splitUUIDs(columns []packed) []packed {
	out := make([]packed, 0, len(columns))
	for i := range columns {
		if isID(columns[i].name) {
			out = append(out, columns[i].splitUUIDs()...)
		} else {
			out = append(out, columns[i])
		}
	}
	return out
}

// The spellings of ids, each of which has a column of its own on disk.
const (
	inLower = iota
	inCapitals
	asText
)

// splitUUIDs is a column of ids as up to three: of lower-case UUIDs, of those in capitals and of other texts.
func (c *packed) splitUUIDs() []packed {
	spelled, keys := make([]byte, len(c.ends)), make([]event.Key, len(c.ends))
	var found [3]int
	for i := range c.ends {
		k, capitals, ok := event.UUIDOf(c.text(i))
		switch {
		case !ok:
			spelled[i] = asText
		case capitals:
			spelled[i], keys[i] = inCapitals, k
		default:
			spelled[i], keys[i] = inLower, k
		}
		found[spelled[i]]++
	}
	words := make([]byte, 0, 16*len(keys))
	for i := range keys {
		words = append(words, keys[i][:]...)
	}
	var out []packed
	for spelling, ending := range []string{lowerEnding, capitalsEnding, ""} {
		if found[spelling] == 0 {
			continue
		}
		some := *c
		some.name += ending
		if spelling != asText {
			some.typ, some.words = store.UUID, words
		}
		if found[spelling] < len(c.ends) {
			some.only(func(i int) bool { return spelled[i] == byte(spelling) })
		}
		out = append(out, some)
	}
	return out
}

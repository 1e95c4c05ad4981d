package duckdb

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store/flat"
)

// picked says which events a relation is wanted for: those at positions or those of persons, all if neither is given.
type picked struct {
	positions []eventlog.Position
	// persons are as rows have them, which may not follow the latest links yet.
	persons []uint64
}

// onDisk is the condition on rows of the file, empty for none.
func (p picked) onDisk() string {
	switch {
	case len(p.positions) > 0:
		return fmt.Sprintf("seq BETWEEN %d AND %d", slices.Min(p.positions), slices.Max(p.positions))
	case len(p.persons) > 0:
		return p.ofPersons()
	}
	return ""
}

// ofPersons is the condition that DuckDB skips row groups by: within a day rows are ordered by person.
func (p picked) ofPersons() string {
	list := make([]string, len(p.persons))
	for i, n := range p.persons {
		list[i] = strconv.FormatUint(n, 10)
	}
	if len(list) == 1 {
		return "person = " + list[0]
	}
	return "person IN (" + strings.Join(list, ", ") + ")"
}

// of has the picked ones among the first rows of a part; some is false when these are all.
func (p picked) of(from *part, rows int) (keys []key, some bool) {
	switch {
	case len(p.positions) > 0:
		return from.at(p.positions), true
	case len(p.persons) > 0:
		return from.of(p.persons, rows), true
	}
	return nil, false
}

// EventsOf implements store.Cut.
func (c *cut) EventsOf(persons []uint64, columns ...string) string {
	if len(columns) == 0 {
		columns = []string{"seq"}
	}
	if len(persons) == 0 {
		return c.nothing(columns)
	}
	pick := picked{persons: slices.Clone(persons)}
	if c.relinks || c.hands() {
		linked, err := c.linkedTo(persons)
		if err != nil {
			c.failed = errors.Join(c.failed, err)
			return c.nothing(columns)
		}
		pick.persons = append(pick.persons, linked...)
	}
	with := columns
	if !slices.Contains(columns, "person") {
		with = append(slices.Clone(columns), "person")
	}
	if !c.relinks && !c.hands() {
		return "(SELECT " + strings.Join(columns, ", ") + " FROM " + c.events(pick, with) + ")"
	}
	// Rows of a person who has become another one were picked by the old number.
	return "(SELECT " + strings.Join(columns, ", ") + " FROM " + c.events(pick, with) + " WHERE " + picked{persons: persons}.ofPersons() + ")"
}

// linkedTo are the persons whose rows belong to others by links that the rows do not follow yet.
func (c *cut) linkedTo(persons []uint64) (out []uint64, err error) {
	q := "SELECT link_from FROM " + latestLinks(c.table.project, c.watermark.Position) +
		" WHERE link_to IN (SELECT person FROM " + c.People(persons) + ")"
	for b, err := range c.Batches(c.ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read pending links: %w", err)
		}
		out = append(out, b.Columns[0].Uint64...)
	}
	if c.hands() {
		handing, err := c.handing(append(slices.Clone(persons), out...))
		if err != nil {
			return nil, err
		}
		out = append(out, handing...)
	}
	return out, nil
}

// of returns which of the first rows are of the persons.
func (p *part) of(persons []uint64, rows int) (keys []key) {
	words := p.builtin[flat.Person].words
	for i := range rows {
		if slices.Contains(persons, word(words, i)) {
			keys = append(keys, key{person: word(words, i), row: int32(i)})
		}
	}
	return keys
}

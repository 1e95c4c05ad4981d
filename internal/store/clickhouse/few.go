package clickhouse

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/eventlog"
)

// Of few rows, only the links that may concern them are looked up: to make lists of all takes a hundred times as long as to read the rows.

// few is a relation of the events of some people, by whose name a statement calls it until it runs: what has been linked to them is read before.
type few struct {
	*history
	columns []string
}

var fewName = regexp.MustCompile(`\bevents_of_few_[0-9]+\b`)

// EventsOf implements store.Cut.
func (c *cut) EventsOf(persons []uint64, columns ...string) string {
	if len(persons) == 0 || c.name == "" {
		return c.nothing(columns)
	}
	if !c.looksUp() {
		of := " AND person IN (" + numbers(persons) + ")"
		return c.events(func(part) string { return of }, nil, columns)
	}
	i := slices.IndexFunc(c.histories, func(h *history) bool { return slices.Equal(h.persons, persons) })
	if i < 0 {
		i = len(c.histories)
		c.histories = append(c.histories, &history{persons: slices.Clone(persons)})
	}
	name := "events_of_few_" + strconv.Itoa(len(c.few)+1)
	c.few[name] = few{c.histories[i], slices.Clone(columns)}
	return name
}

// expand puts relations in the place of their names.
func (c *cut) expand(ctx context.Context, sql string) (string, error) {
	var failed error
	sql = fewName.ReplaceAllStringFunc(sql, func(name string) string {
		f, known := c.few[name]
		if !known || failed != nil {
			return name
		}
		if failed = c.remember(ctx, f.history); failed != nil {
			return name
		}
		return c.eventsOf(&f)
	})
	return sql, failed
}

// history is what has ever been linked to some people.
type history struct {
	persons []uint64
	// known tells that it was read.
	known bool
	// ids were linked to one of them at some time, and spans were theirs; earlier are all people whose those were at some time.
	ids, spans, earlier []uint64
}

// remember reads what was linked to people, once.
func (c *cut) remember(ctx context.Context, h *history) error {
	if h.known {
		return nil
	}
	read := func(table, who string, ids *[]uint64) error {
		sql := fmt.Sprintf("SELECT DISTINCT %[1]s, target FROM %[2]s WHERE %[3]s AND %[1]s IN (SELECT %[1]s FROM %[2]s WHERE %[3]s AND target IN (%[4]s))",
			who, table, c.links, numbers(h.persons))
		for row, err := range c.Rows(ctx, sql) {
			if err != nil {
				return fmt.Errorf("read what was linked to %d people: %w", len(h.persons), err)
			}
			*ids, h.earlier = append(*ids, row[0].(uint64)), append(h.earlier, row[1].(uint64))
		}
		slices.Sort(*ids)
		*ids = slices.Compact(*ids)
		return nil
	}
	if err := read("relinks", "person", &h.ids); err != nil {
		return err
	}
	if c.spanned {
		if err := read("spans", "span", &h.spans); err != nil {
			return err
		}
	}
	// An event has the id's own number as long as that has no link.
	h.earlier = append(append(h.earlier, h.ids...), h.persons...)
	slices.Sort(h.earlier)
	h.earlier = slices.Compact(h.earlier)
	h.known = true
	return nil
}

// eventsOf are the rows that may be of the people, with the people whose they are, of whom it keeps those.
func (c *cut) eventsOf(f *few) string {
	with := f.columns
	if !slices.Contains(with, "person") {
		with = append(slices.Clone(with), "person")
	}
	rows := func(p part) string { return " AND (" + c.mayBe(p, f.history) + ")" }
	// Whose a row of them is says its basis, which was linked to them or is one of them; or its own id if that has links.
	linked := []string{"person IN " + c.list(append(slices.Clone(f.ids), f.persons...))}
	for _, p := range c.parts() {
		if !p.plain {
			linked = append(linked, "person IN (SELECT own FROM "+p.name+" WHERE "+p.where+rows(p)+" AND own <> basis)")
		}
	}
	return "(SELECT " + strings.Join(c.withMembers(f.columns), ", ") + " FROM " + c.events(rows, linked, with) + " WHERE person IN (" + numbers(f.persons) + "))"
}

// mayBe is the condition on rows of a part to be of some people. Where links go by the basis alone, a row has one of the people whose that was at
// some time: with these its rows are found by the order of the table.
func (c *cut) mayBe(p part, h *history) string {
	if p.plain && (!c.spanned || c.spans == spanOfNext) {
		return "person IN " + c.list(h.earlier)
	}
	is := "person IN (" + numbers(h.persons) + ")"
	if len(h.ids) > 0 {
		ids := c.list(h.ids)
		is += " OR own IN " + ids + " OR basis IN " + ids
	}
	if c.spanned {
		is += " OR basis IN (" + numbers(h.persons) + ")"
	}
	if len(h.spans) > 0 {
		is += " OR span IN " + c.list(h.spans)
	}
	return is
}

// list is what a number is among.
func (c *cut) list(of []uint64) string {
	if len(of) <= fewPeople {
		return "(" + numbers(of) + ")"
	}
	return "(SELECT person FROM " + c.People(of) + ")"
}

func numbers[N ~uint64](of []N) string {
	list := make([]string, len(of))
	for i, n := range of {
		list[i] = strconv.FormatUint(uint64(n), 10)
	}
	return strings.Join(list, ", ")
}

// mostAt is up to how many positions a statement names; of more it has the bounds.
const mostAt = 1000

// EventsAt implements store.Cut.
func (c *cut) EventsAt(positions []eventlog.Position, columns ...string) string {
	if len(positions) == 0 || c.name == "" {
		return c.nothing(columns)
	}
	within := fmt.Sprintf(" AND seq >= %d AND seq <= %d", slices.Min(positions), slices.Max(positions))
	if len(positions) > mostAt {
		return c.events(func(part) string { return within }, nil, columns)
	}
	within += " AND seq IN (" + numbers(positions) + ")"
	var linked []string
	for _, p := range c.parts() {
		linked = append(linked, "person IN (SELECT arrayJoin([own, basis]) FROM "+p.name+" WHERE "+p.where+within+")")
	}
	return c.events(func(part) string { return within }, linked, columns)
}

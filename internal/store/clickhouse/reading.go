package clickhouse

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// part is a table with rows of a cut.
type part struct {
	name, where string
	// plain tells that links are looked up by the basis alone: where a row has another own id, that has none.
	plain bool
}

// parts are those that together have every row of the cut once.
func (c *cut) parts() (out []part) {
	where := c.expired
	if c.store.spread() {
		where += " AND " + c.store.sameShards()
	}
	if len(c.sealed.tiers) > 0 {
		out = append(out, part{c.sealedName, c.sealed.rows(c.store.spread()) + where, c.sealed.plain()})
	}
	if len(out) == 0 || c.sealed.position < c.watermark.Position {
		out = append(out, part{c.name, c.where + where, false})
	}
	return out
}

// Events implements store.Cut.
func (c *cut) Events(columns ...string) string { return c.events(all, columns) }

// all is the condition of all rows.
func all(part) string { return "" }

// EventsAt implements store.Cut.
func (c *cut) EventsAt(positions []eventlog.Position, columns ...string) string {
	if len(positions) == 0 {
		return c.nothing(columns)
	}
	within := fmt.Sprintf(" AND seq >= %d AND seq <= %d", slices.Min(positions), slices.Max(positions))
	return c.events(func(part) string { return within }, columns)
}

// EventsOf implements store.Cut.
func (c *cut) EventsOf(persons []uint64, columns ...string) string {
	if len(persons) == 0 {
		return c.nothing(columns)
	}
	list := make([]string, len(persons))
	for i, p := range persons {
		list[i] = strconv.FormatUint(p, 10)
	}
	among := " IN (" + strings.Join(list, ", ") + ")"
	of := "person" + among
	if !c.looksUp() {
		return c.events(func(part) string { return " AND " + of }, columns)
	}
	with := columns
	if !slices.Contains(columns, "person") {
		with = append(slices.Clone(columns), "person")
	}
	return "(SELECT " + strings.Join(c.withMembers(columns), ", ") + " FROM " + c.events(func(p part) string { return c.mayBe(p, of, among) }, with) + " WHERE " + of + ")"
}

// mayBe is the condition on rows of a part to be of some persons, or of somebody who has become one of them since or is by the attribution that is
// asked for. Where links go by the basis alone, a row has the person of one of the links of it, or the basis itself: with these its rows are found by
// the order of the table.
func (c *cut) mayBe(p part, of, among string) string {
	became := c.since() + " AND target" + among
	relinked := "(SELECT person FROM relinks WHERE " + became + ")"
	spans := "(SELECT span FROM spans WHERE " + c.sinceSpans() + " AND target" + among + ")"
	if p.plain {
		earlier := "person IN (SELECT p FROM (SELECT arrayJoin([person, target]) AS p FROM relinks WHERE " + c.links + " AND person IN " + relinked + ")"
		if c.spanned {
			earlier += fmt.Sprintf(" UNION ALL SELECT target FROM spans WHERE %s AND kind = %d AND span IN %s", c.links, spanOfNext, spans)
		}
		return " AND (" + of + " OR " + earlier + "))"
	}
	stored := of + " OR own IN " + relinked + " OR basis IN " + relinked
	if c.spanned {
		stored += " OR span IN " + spans
	}
	return " AND (" + stored + ")"
}

// withMembers are columns with those that have the members of documents among them.
func (c *cut) withMembers(columns []string) []string {
	out := slices.Clone(columns)
	for _, name := range hasMembers {
		if slices.Contains(columns, name) {
			out = append(out, members(name))
		}
	}
	return out
}

// events are the rows of all parts for which more holds.
func (c *cut) events(more func(part) string, columns []string) string {
	if len(columns) == 0 {
		columns = []string{"seq"}
	}
	if c.name == "" {
		return c.nothing(columns)
	}
	columns = c.withMembers(columns)
	lookup := c.looksUp() && slices.Contains(columns, "person")
	var selects []string
	for _, p := range c.parts() {
		from := " FROM " + p.name + " WHERE " + p.where + more(p)
		if lookup {
			selects = append(selects, c.lookedUp(p, columns, from))
		} else {
			selects = append(selects, "SELECT "+strings.Join(c.selected(columns), ", ")+from)
		}
	}
	with := ""
	if lookup {
		with = "WITH " + c.linkLists() + " "
	}
	return "(" + with + strings.Join(selects, " UNION ALL ") + ")"
}

// lookedUp selects columns of rows with the people whose they are now.
func (c *cut) lookedUp(p part, columns []string, from string) string {
	names := rowNames{person: "stored_person", basis: "link_basis"}
	add := []string{"basis AS link_basis"}
	if !p.plain {
		names.own, add = "link_own", append(add, "own AS link_own")
	}
	if c.spanned {
		names.span, add = "link_span", append(add, "span AS link_span")
	}
	otherwise := names.person
	if c.spans != spanOfNext {
		otherwise = names.basis
	}
	outer, inner := slices.Clone(columns), c.selected(columns)
	for i, name := range columns {
		if name == "person" {
			outer[i], inner[i] = names.whose(otherwise)+" AS person", "person AS stored_person"
		}
	}
	return "SELECT " + strings.Join(outer, ", ") + " FROM (SELECT " + strings.Join(append(inner, add...), ", ") + from + ")"
}

// selected are columns as they are read. An overflow that no row has is no column but NULL: what questions make of it is then worked out once
// and not for each row.
func (c *cut) selected(columns []string) []string {
	out := slices.Clone(columns)
	for i, name := range out {
		if !c.overflows && (name == "overflow" || name == members("overflow")) {
			out[i] = "CAST(" + c.none(name) + ") AS " + name
		}
	}
	return out
}

// nothing is a relation without rows.
func (c *cut) nothing(columns []string) string {
	if len(columns) == 0 {
		columns = []string{"seq"}
	}
	list := make([]string, 0, len(columns))
	for _, name := range c.withMembers(columns) {
		list = append(list, "CAST("+c.none(name)+") AS "+name)
	}
	return "(SELECT " + strings.Join(list, ", ") + " FROM numbers(0))"
}

// none is a value of a column's type with the type.
func (c *cut) none(name string) string {
	for _, b := range store.Columns {
		switch {
		case b.Name == name && (b.Type == store.Text || b.Type == store.JSON):
			return "NULL AS Nullable(String)"
		case b.Name == name && b.Type == store.UUID:
			return "'00000000-0000-0000-0000-000000000000' AS UUID"
		case b.Name == name:
			typ, _, _ := strings.Cut(columnType(b), " CODEC")
			return "0 AS " + typ
		}
		if members(b.Name) == name {
			return "map('', '') AS Map(String, String)"
		}
	}
	for _, p := range c.props {
		if p.Column == name {
			return "NULL AS " + propertyType(p.Type)
		}
	}
	return "NULL AS Nullable(String)"
}

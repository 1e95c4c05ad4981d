package clickhouse

import (
	"slices"
	"strings"

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
func (c *cut) Events(columns ...string) string { return c.events(all, nil, columns) }

// all is the condition of all rows.
func all(part) string { return "" }

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

// events are the rows of all parts for which more holds. Links that concern them are those for which one of linked holds, or all.
func (c *cut) events(more func(part) string, linked, columns []string) string {
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
		with = "WITH " + c.linkLists(linked) + " "
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

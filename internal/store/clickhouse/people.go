package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// looksUp tells that rows may be of another person than they say: links have come since, or spans are attributed in the other way.
func (c *cut) looksUp() bool { return c.moved || c.spanned && c.spans != spanOfNext }

// since is the condition on links and spans to have come since rows were sealed.
func (c *cut) since() string { return fmt.Sprintf("%s AND written > %d", c.links, c.sealed.linked()) }

// sinceSpans is the condition on spans to be looked up: rows say whose they are by one attribution only.
func (c *cut) sinceSpans() string {
	where := c.since()
	if c.spans != spanOfNext {
		where = c.links
	}
	return fmt.Sprintf("%s AND kind = %d", where, c.spans)
}

// rowNames are what a statement calls the columns of a row that say whose it is. One without a name is not looked at.
type rowNames struct{ person, own, basis, span string }

// whose is the person of an event now, looked up in link_lists and span_lists, which have what has come since the row was written. Links are
// those of the id that says whose the event is; those of its basis count when that has none. The row's own span goes before both, and
// is of otherwise when it is not in its list.
func (r rowNames) whose(otherwise string) string {
	found := "transform(" + r.basis + ", link_lists.1, link_lists.2, " + r.person + ")"
	if r.own != "" {
		found = "transform(" + r.own + ", link_lists.1, link_lists.2, " + found + ")"
	}
	if r.span != "" {
		found = "if(" + r.span + " <> 0, transform(" + r.span + ", span_lists.1, span_lists.2, " + otherwise + "), " + found + ")"
	}
	return found
}

// linkLists are links, and spans, each as a list from whom and a list to whom, worked out once. For looking up a number in each
// row that takes half of what a join does. Links are those for which one of linked holds, or all.
func (c *cut) linkLists(linked []string) string {
	lists := func(name, from, table, where string) string {
		return listOf(name, "SELECT "+from+" AS f, argMax(target, (written, ord)) AS t FROM "+table+" WHERE "+where+" GROUP BY "+from)
	}
	since := c.since()
	if len(linked) > 0 {
		since += " AND (" + strings.Join(linked, " OR ") + ")"
	}
	out := lists("link_lists", "person", "relinks", since)
	if c.spanned {
		out += ", " + lists("span_lists", "span", "spans", c.sinceSpans())
	}
	return out
}

// listOf has the columns f and t of a statement as two lists. The last number there is is in each, so that none is empty: a list of nothing
// would be NULL.
func listOf(name, of string) string {
	const nobody = "toUInt64(18446744073709551615)"
	return "(SELECT (groupArray(f), groupArray(t)) FROM (" + of + " UNION ALL SELECT " + nobody + ", " + nobody + ")) AS " + name
}

// fewPeople is up to how many numbers a statement holds itself; more of them are sent beside it.
const fewPeople = 64

// People implements store.Cut.
func (c *cut) People(persons []uint64) string {
	if len(persons) == 0 {
		return "(SELECT toUInt64(number) AS person FROM numbers(0))"
	}
	if len(persons) <= fewPeople {
		list := make([]string, len(persons))
		for i, p := range persons {
			list[i] = "toUInt64(" + strconv.FormatUint(p, 10) + ")"
		}
		return "(SELECT arrayJoin([" + strings.Join(list, ", ") + "]) AS person)"
	}
	name := "people_" + strconv.Itoa(len(c.people)+1)
	c.people[name] = slices.Clone(persons)
	return "(SELECT person FROM " + name + ")"
}

// Resolve implements store.Cut.
func (c *cut) Resolve(ctx context.Context, persons []uint64) ([]uint64, error) {
	out := slices.Clone(persons)
	if c.linked && len(persons) > 0 {
		targets := map[uint64]uint64{}
		sql := "SELECT person, argMax(target, (written, ord)) FROM relinks WHERE " + c.links + " AND person IN (SELECT person FROM " + c.People(persons) + ") GROUP BY person"
		for row, err := range c.Rows(ctx, sql) {
			if err != nil {
				return nil, fmt.Errorf("read links: %w", err)
			}
			targets[row[0].(uint64)] = row[1].(uint64)
		}
		for i, p := range out {
			if to, ok := targets[p]; ok {
				out[i] = to
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Links implements store.Cut.
func (c *cut) Links(ctx context.Context, persons []uint64) ([]store.Link, error) {
	found := map[uint64]store.Link{}
	if !c.linked {
		return nil, nil
	}
	for next := slices.Clone(persons); len(next) > 0; {
		sql := "SELECT project, person, argMax(target, (position, written, ord)), max(position) FROM links WHERE " + c.links +
			" AND person IN (SELECT person FROM " + c.People(next) + ") GROUP BY project, person"
		next = next[:0]
		for row, err := range c.Rows(ctx, sql) {
			if err != nil {
				return nil, fmt.Errorf("read links: %w", err)
			}
			l := linkOf(row)
			if _, known := found[l.From]; !known && l.From != l.To {
				found[l.From] = l
				next = append(next, l.To)
			}
		}
	}
	out := make([]store.Link, 0, len(found))
	for _, l := range found {
		out = append(out, l)
	}
	return out, nil
}

package query

import (
	"slices"
	"strconv"
	"strings"
)

// matching is SQL for which of some selectors mean an event: a number with a bit for each one, and the condition that
// any of them does.
func (c *compiler) matching(list []*Selector, where *Filter) (bits, wanted string) {
	if bits, wanted = c.byName(list, where); bits != "" {
		return bits, wanted
	}
	conditions := make([]string, len(list))
	var names []string
	named := true
	for i, s := range list {
		conditions[i] = c.selects(s, where)
		named = named && len(s.Events) > 0
		names = append(names, s.Events...)
	}
	wanted = anyOf(conditions)
	if named {
		// One look at the name spares most events the other conditions.
		slices.Sort(names)
		wanted = c.oneOfTexts(c.column("event"), slices.Compact(names)) + " AND (" + wanted + ")"
	}
	return c.matchBits(conditions), wanted
}

// manyNames is the length from which a list of names is not looked through one by one.
const manyNames = 30

// byName is matching for selectors that go by the name of an event alone; empty when some do not. Each name has its
// bits then, which costs one comparison where the general form makes one for each selector.
func (c *compiler) byName(list []*Selector, where *Filter) (bits, wanted string) {
	var names []string
	masks := map[string]uint64{}
	for i, s := range list {
		if len(s.Events) == 0 || s.Where != nil || where != nil {
			return "", ""
		}
		for _, name := range s.Events {
			if masks[name] == 0 {
				names = append(names, name)
			}
			masks[name] |= 1 << i
		}
	}
	if len(names) > manyNames {
		return "", ""
	}
	narrow := func(n uint64) string { return c.dialect.Unsigned(strconv.FormatUint(n, 10), len(list)) }
	var b strings.Builder
	b.WriteString("CASE " + c.column("event"))
	for _, name := range names {
		b.WriteString(" WHEN " + c.bind(name) + " THEN " + narrow(masks[name]))
	}
	b.WriteString(" ELSE " + narrow(0) + " END")
	if len(names) == 1 {
		return b.String(), c.oneOfTexts("event", names)
	}
	// DuckDB works the number out once for each different name in a stretch of rows, where it would compare every row's name
	// with a list.
	bits = "m" + strconv.Itoa(len(c.derived)+1)
	c.extracts, c.derived = append(c.extracts, b.String()+" AS "+bits), append(c.derived, bits)
	return bits, bits + " <> 0"
}

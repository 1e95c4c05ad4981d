package query

import (
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/store"
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
		wanted = c.named(slices.Compact(names)) + " AND (" + wanted + ")"
	}
	return c.matchBits(conditions), wanted
}

// named is the condition on an event to have one of the names. Where the names have numbers, it compares those.
func (c *compiler) named(names []string) string {
	if c.schema.NumberOf == nil {
		return c.oneOfTexts(c.nameColumn(), names)
	}
	var list []string
	for _, name := range names {
		if number, ok := c.nameValue(name); ok {
			list = append(list, number)
		}
	}
	switch column := c.nameColumn(); len(list) {
	case 0:
		return "FALSE"
	case 1:
		return column + " = " + list[0]
	default:
		return column + " IN (" + strings.Join(list, ", ") + ")"
	}
}

// nameColumn is the column that tells names of events apart.
func (c *compiler) nameColumn() string {
	if c.schema.NumberOf == nil {
		return c.column("event")
	}
	return c.column(store.EventNumber)
}

// nameValue is what nameColumn has for a name; not ok if no event has it.
func (c *compiler) nameValue(name string) (value string, ok bool) {
	if c.schema.NumberOf == nil {
		return c.bind(name), true
	}
	n, ok := c.schema.NumberOf(name)
	return strconv.Itoa(int(n)), ok
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
	bits = c.bitsOf(names, masks, len(list))
	if len(names) == 1 {
		return bits, c.named(names)
	}
	// Of names DuckDB works the number out once for each different one in a stretch of rows, where it would compare every row's with a
	// list. Of numbers this takes less than to look for each in a list, too.
	name := "m" + strconv.Itoa(len(c.derived)+1)
	c.extracts, c.derived = append(c.extracts, bits+" AS "+name), append(c.derived, name)
	return name, name + " <> 0"
}

// bitsOf is SQL for what stands for the name of an event, a number of so many bits, 0 for other names.
func (c *compiler) bitsOf(names []string, masks map[string]uint64, width int) string {
	narrow := func(n uint64) string { return c.dialect.Unsigned(strconv.FormatUint(n, 10), width) }
	var b strings.Builder
	for _, name := range names {
		if value, ok := c.nameValue(name); ok {
			b.WriteString(" WHEN " + value + " THEN " + narrow(masks[name]))
		}
	}
	if b.Len() == 0 {
		return narrow(0)
	}
	return "CASE " + c.nameColumn() + b.String() + " ELSE " + narrow(0) + " END"
}

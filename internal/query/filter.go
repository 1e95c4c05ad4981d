package query

import (
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// where compiles a checked filter. Its SQL is true for the rows that satisfy it, and false or null for others: to
// stand after WHERE, and below AND and OR, but not below NOT.
func (c *compiler) where(f *Filter) string {
	if f == nil {
		return "TRUE"
	}
	group, word := f.And, " AND "
	if f.Or != nil {
		group, word = f.Or, " OR "
	}
	if group == nil {
		return c.comparison(f)
	}
	parts := make([]string, len(group))
	for i, g := range group {
		parts[i] = c.where(g)
	}
	return "(" + strings.Join(parts, word) + ")"
}

// positiveOf is the operator that is true wherever a negative one is not.
func positiveOf(op string) (positive string, negative bool) {
	switch op {
	case "is_not":
		return "is", true
	case "not_contains":
		return "contains", true
	case "not_in":
		return "in", true
	case "is_not_set":
		return "is_set", true
	}
	return op, false
}

func (c *compiler) comparison(f *Filter) string {
	if f.cohort != nil {
		return c.member(f.cohort, f.Op == opNotIn)
	}
	v := c.value(f.PropertyRef)
	op, negative := positiveOf(f.Op)
	if negative {
		return "NOT coalesce(" + c.positive(v, op, f.Value) + ", FALSE)"
	}
	return c.positive(v, op, f.Value)
}

func (c *compiler) positive(v *value, op string, operand any) string {
	switch op {
	case "is":
		return c.equal(v, []any{operand})
	case "in":
		list, _ := operand.([]any)
		return c.equal(v, list)
	case "is_set":
		return any1(notNull(v.text), notNull(v.number), notNull(v.boolean), notNull(v.time), notNull(v.json))
	case "contains", "starts_with", "ends_with":
		text, _ := operand.(string)
		return each(v.texts(), func(x string) string { return c.partly(op, x, c.bind(text)) })
	case "regex":
		text, _ := operand.(string)
		return each(v.texts(), func(x string) string { return c.dialect.Matches(x, c.bind(regexText(text))) })
	case "between":
		list, _ := operand.([]any)
		return "(" + c.ordered(v, ">=", list[0]) + " AND " + c.ordered(v, "<=", list[1]) + ")"
	case "before", "after":
		text, _ := operand.(string)
		return c.beforeAfter(v, op, text)
	}
	return c.ordered(v, sign(op), operand)
}

// partly compares a part of a text, whatever the case.
func (c *compiler) partly(op, x, part string) string {
	d := c.dialect
	x, part = d.Lower(x), d.Lower(part)
	switch op {
	case "starts_with":
		return d.StartsWith(x, part)
	case "ends_with":
		return d.EndsWith(x, part)
	}
	return d.Contains(x, part)
}

func sign(op string) string {
	switch op {
	case "gt", "after":
		return ">"
	case "gte":
		return ">="
	case "lt", "before":
		return "<"
	}
	return "<="
}

func notNull(column string) string {
	if column == "" {
		return ""
	}
	return column + " IS NOT NULL"
}

// any1 is the or of the parts that are not empty.
func any1(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	switch len(out) {
	case 0:
		return "FALSE"
	case 1:
		return out[0]
	}
	return "(" + strings.Join(out, " OR ") + ")"
}

func each(expressions []string, compare func(string) string) string {
	parts := make([]string, len(expressions))
	for i, x := range expressions {
		parts[i] = compare(x)
	}
	return any1(parts...)
}

// manyValues is the length from which a list is bound as one value and looked up in a hash table.
const manyValues = 50

// equal is true when the value is one of a list. Each type is compared with the values of its own.
func (c *compiler) equal(v *value, list []any) string {
	var texts []string
	var numbers []float64
	var times []int64
	var parts []string
	for _, item := range list {
		switch item := item.(type) {
		case string:
			texts = append(texts, item)
			if us, ok := store.ParseTime(item); ok {
				times = append(times, us)
			}
		case float64:
			numbers = append(numbers, item)
		case bool:
			if v.boolean != "" {
				parts = append(parts, v.boolean+" = "+c.bind(item))
			}
			if v.json != "" {
				parts = append(parts, v.jsonBoolean()+" = "+c.bind(item))
			}
		}
	}
	if len(texts) > 0 {
		if v.text != "" {
			parts = append(parts, c.oneOfTexts(v.text, texts))
		}
		if v.json != "" {
			parts = append(parts, c.oneOfTexts(v.jsonText(), texts))
		}
	}
	if len(times) > 0 && v.time != "" {
		parts = append(parts, v.time+" IN ("+c.moments(times)+")")
	}
	if len(numbers) > 0 && (v.number != "" || v.json != "") {
		parts = append(parts, c.oneOfNumbers(v.numeric(), numbers))
	}
	return any1(parts...)
}

func (c *compiler) oneOfTexts(x string, list []string) string {
	switch {
	case len(list) == 1:
		return x + " = " + c.bind(list[0])
	case len(list) > manyValues:
		return c.dialect.Among(x, c.bind(list))
	}
	places := make([]string, len(list))
	for i, s := range list {
		places[i] = c.bind(s)
	}
	return x + " IN (" + strings.Join(places, ", ") + ")"
}

func (c *compiler) oneOfNumbers(x string, list []float64) string {
	if len(list) == 1 {
		return x + " = " + c.bind(list[0])
	}
	return c.dialect.Among(x, c.bind(list))
}

// moments writes times of the engine's own making, in microseconds since 1970.
func (c *compiler) moments(list []int64) string {
	out := make([]string, len(list))
	for i, us := range list {
		out[i] = c.dialect.Moment(us)
	}
	return strings.Join(out, ", ")
}

func (c *compiler) ordered(v *value, op string, operand any) string {
	switch operand := operand.(type) {
	case float64:
		if v.number == "" && v.json == "" {
			return "FALSE"
		}
		return v.numeric() + " " + op + " " + c.bind(operand)
	case string:
		return each(v.texts(), func(x string) string { return x + " " + op + " " + c.bind(operand) })
	}
	return "FALSE"
}

// beforeAfter compares times; those in JSON are text in the one form that counts as a time.
func (c *compiler) beforeAfter(v *value, op, text string) string {
	us, ok := parseInstant(text)
	if !ok {
		return "FALSE"
	}
	var parts []string
	if v.time != "" {
		parts = append(parts, v.time+" "+sign(op)+" "+c.dialect.Moment(us))
	}
	if v.json != "" {
		parts = append(parts, "("+c.dialect.TimeOf(v.jsonText())+") "+sign(op)+" "+c.dialect.Moment(us))
	}
	return any1(parts...)
}

package query

import (
	"context"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// A property may be read as a number: a text that is one then counts as that number. A text is a number if all of it has the
// form of numberPattern and a double can hold it: "12.50" and "-1e3" are, " 1", "1,000", "0x10", "1e999" and "NaN" are
// not. Numbers stay what they are. Everything else (other text, booleans, times, lists, objects and null) counts as not set.

// castNumber is the one type that a property may be read as.
const castNumber = "number"

// Casts lists what a property may be read as.
func Casts() []string { return []string{castNumber} }

// numberPattern is this file's own, without a quote.
const numberPattern = `[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?`

// asNumber is a value as a number, or nothing.
func (v *value) asNumber() *value {
	d := v.dialect
	var parts []string
	if v.number != "" {
		parts = append(parts, v.number)
	}
	if v.json != "" {
		parts = append(parts, v.jsonNumber(), parsed(d, v.jsonText()))
	}
	if v.text != "" {
		parts = append(parts, parsed(d, v.text))
	}
	switch len(parts) {
	case 0:
		return &value{dialect: d}
	case 1:
		return &value{number: parts[0], dialect: d}
	}
	return &value{number: "coalesce(" + strings.Join(parts, ", ") + ")", dialect: d}
}

// parsed is the number that a text is, or null. The pattern keeps out what only some engine takes for a number.
func parsed(d store.Dialect, text string) string {
	return "CASE WHEN " + d.MatchesAll(text, numberPattern) + " THEN " + d.Double(text) + " END"
}

// lost is the condition on a value to be there, and to be no number when it is read as one.
func (v *value) lost() string {
	json := ""
	if v.json != "" {
		json = v.json + " IS NOT NULL AND " + v.dialect.JSONType(v.json) + " <> 'NULL'"
	}
	there := any1(notNull(v.text), notNull(v.boolean), notNull(v.time), json)
	number := v.asNumber().number
	if number == "" {
		return there
	}
	return there + " AND (" + number + ") IS NULL"
}

// Unparsed tells of a property that a question reads as a number how many values are none, and so count as not set.
type Unparsed struct {
	PropertyRef
	// Events is how many events of the question's range have such a value, whatever their names.
	Events int64 `json:"events"`
}

// casts are the properties that are read as numbers, each once.
func (c *checker) casts() []PropertyRef {
	var out []PropertyRef
	for _, ref := range c.refs {
		if ref.As != "" && !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	return out
}

// unparsed counts what the casts of a question have lost, in its range.
func (r *Resolution) unparsed(ctx context.Context, e *Engine, cut cohortCut) ([]Unparsed, error) {
	return e.unparsed(ctx, cut, r.casts, &r.buckets, lineOver(cut, r.zone, r.clocks))
}

func (e *Engine) unparsed(ctx context.Context, cut cohortCut, casts []PropertyRef, b *buckets, line *timeline) ([]Unparsed, error) {
	if len(casts) == 0 {
		return nil, nil
	}
	c := newCompiler(cut)
	counts, out := make([]string, len(casts)), make([]Unparsed, len(casts))
	for i, ref := range casts {
		out[i].PropertyRef = ref
		ref.As = ""
		counts[i] = "count(*) FILTER (WHERE " + c.value(ref).lost() + ")"
	}
	c.column("day")
	sql := "SELECT " + strings.Join(counts, ", ") + " FROM " + c.sourceOf(line.pieces(b.from(), b.to(), c.has("time")))
	for row, err := range e.rows(ctx, cut, "unparsed", sql, c.args) {
		if err != nil {
			return nil, err
		}
		for i := range out {
			out[i].Events = whole(row[i])
		}
	}
	return out, nil
}

package query

import (
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// compiler puts together statements over the events of one cut. Names in them come from the schema and from lists of
// this package, numbers are the engine's own; every value out of a question is bound.
type compiler struct {
	cut  store.Cut
	args []any
	// places are the parameters of texts that were bound before.
	places  map[string]string
	columns []string
	refs    map[PropertyRef]*value
	// extracts are computed columns of the source, joins its joins, derived the names of columns that those make.
	extracts, joins, derived []string
	// at are the positions of the only events that are looked at; nil for all events.
	at []eventlog.Position
}

func newCompiler(cut store.Cut) *compiler {
	return &compiler{cut: cut, places: map[string]string{}, refs: map[PropertyRef]*value{}}
}

// bind makes a parameter of a value and returns how to write it.
func (c *compiler) bind(v any) string {
	text, isText := v.(string)
	if isText {
		if place, ok := c.places[text]; ok {
			return place
		}
	}
	c.args = append(c.args, v)
	place := "$" + strconv.Itoa(len(c.args))
	switch v.(type) {
	case string:
		place += "::VARCHAR"
		c.places[text] = place
	case float64:
		place += "::DOUBLE"
	case bool:
		place += "::BOOLEAN"
	case []string:
		place += "::VARCHAR[]"
	case []float64:
		place += "::DOUBLE[]"
	}
	return place
}

// column notes that the source must have a built-in column, and returns its name.
func (c *compiler) column(name string) string {
	if !c.has(name) {
		c.columns = append(c.columns, name)
	}
	return name
}

func (c *compiler) has(column string) bool { return slices.Contains(c.columns, column) }

// value returns what SQL sees of a property, and notes what it needs.
func (c *compiler) value(ref PropertyRef) *value {
	if ref.Of != ofPerson {
		ref.Of, ref.At = "", ""
	}
	if v := c.refs[ref]; v != nil {
		return v
	}
	v := &value{}
	c.refs[ref] = v
	if ref.Of == ofPerson {
		v.json = c.trait(ref)
		return v
	}
	if column, ok := builtInColumn(ref.Property); ok {
		v.text, v.builtIn = c.column(column), true
		return v
	}
	for _, p := range c.cut.Schema().Properties[ref.Property] {
		name := c.column(p.Column)
		switch p.Type {
		case store.Text:
			v.text = name
		case store.Float:
			v.number = name
		case store.Boolean:
			v.boolean = name
		case store.Time:
			v.time = name
		}
	}
	v.json = "j" + strconv.Itoa(len(c.refs))
	c.derived = append(c.derived, v.json)
	c.extracts = append(c.extracts, c.extract(c.column("overflow"), ref.Property)+" AS "+v.json)
	return v
}

// extract is the member of a JSON object. Only rows in which the key occurs are parsed; what cannot be is null.
func (c *compiler) extract(column, key string) string {
	return "CASE WHEN contains(" + column + ", " + c.bind(memberStart(key)) + ") THEN TRY(json_extract(" + column + ", " +
		c.bind(pointer(key)) + ")) END"
}

// trait joins every event with a property of its person, and returns the name of the joined column.
func (c *compiler) trait(ref PropertyRef) string {
	n := strconv.Itoa(len(c.refs))
	name := "j" + n
	c.column("person")
	set := "SELECT person, time, seq, " + c.extract("traits", ref.Property) + " AS j FROM " +
		c.cut.Events("person", "time", "seq", "kind", "traits") + " WHERE kind = 'identify'"
	if ref.At == atEvent {
		c.column("time")
		c.joins = append(c.joins, "ASOF LEFT JOIN (SELECT person AS w"+n+", time AS v"+n+", arg_max(j, seq) AS "+name+" FROM ("+set+
			") WHERE j IS NOT NULL GROUP BY person, time) ON w"+n+" = person AND v"+n+" <= time")
	} else {
		c.joins = append(c.joins, "LEFT JOIN (SELECT person AS w"+n+", arg_max(j, (time, seq)) AS "+name+" FROM ("+set+
			") WHERE j IS NOT NULL GROUP BY person) ON w"+n+" = person")
	}
	c.derived = append(c.derived, name)
	return name
}

// piece is a part of the events: the rows for which a predicate over built-in columns holds. Columns are those that
// only the predicate needs.
type piece struct {
	predicate string
	columns   []string
}

// source is the relation that conditions and values stand over: the events for which the predicate, over built-in
// columns that were noted, holds. It has every column noted so far, so it is called last.
func (c *compiler) source(predicate string) string {
	return c.sourceOf([]piece{{predicate: predicate}})
}

// sourceOf is source for events in several pieces that do not overlap.
func (c *compiler) sourceOf(pieces []piece) string {
	list := strings.Join(append(append([]string{}, c.columns...), c.extracts...), ", ")
	if list == "" {
		list = "seq"
	}
	parts := make([]string, len(pieces))
	for i, p := range pieces {
		parts[i] = "SELECT " + list + " FROM " + c.events(c.with(p.columns))
		if p.predicate != "" {
			parts[i] += " WHERE " + p.predicate
		}
	}
	base := "(" + strings.Join(parts, " UNION ALL ") + ")"
	if len(c.joins) == 0 {
		return base
	}
	return "(SELECT " + strings.Join(append(append([]string{}, c.columns...), c.derived...), ", ") + " FROM " + base + " " +
		strings.Join(c.joins, " ") + ")"
}

// events is the store's relation of the events that are looked at.
func (c *compiler) events(columns []string) string {
	if c.at != nil {
		return c.cut.EventsAt(c.at, columns...)
	}
	return c.cut.Events(columns...)
}

// with are the columns noted and others.
func (c *compiler) with(others []string) []string {
	out := slices.Clone(c.columns)
	for _, o := range others {
		if !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	return out
}

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
		return each(v.texts(), func(x string) string { return op + "(lower(" + x + "), lower(" + c.bind(text) + "))" })
	case "regex":
		text, _ := operand.(string)
		return each(v.texts(), func(x string) string { return "regexp_matches(" + x + ", " + c.bind(regexText(text)) + ")" })
	case "between":
		list, _ := operand.([]any)
		return "(" + c.ordered(v, ">=", list[0]) + " AND " + c.ordered(v, "<=", list[1]) + ")"
	case "before", "after":
		text, _ := operand.(string)
		return c.beforeAfter(v, op, text)
	}
	return c.ordered(v, sign(op), operand)
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
		parts = append(parts, v.time+" IN ("+timestamps(times)+")")
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
		return x + " IN (SELECT unnest(" + c.bind(list) + "))"
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
	return x + " IN (SELECT unnest(" + c.bind(list) + "))"
}

// timestamps writes times of the engine's own making, in microseconds since 1970.
func timestamps(list []int64) string {
	out := make([]string, len(list))
	for i, us := range list {
		out[i] = timestamp(us)
	}
	return strings.Join(out, ", ")
}

func timestamp(us int64) string { return "make_timestamp(" + strconv.FormatInt(us, 10) + ")" }

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
		parts = append(parts, v.time+" "+sign(op)+" "+timestamp(us))
	}
	if v.json != "" {
		parts = append(parts, "CASE WHEN regexp_full_match("+v.jsonText()+", '"+timePattern+"') THEN try_strptime("+v.jsonText()+
			", '%Y-%m-%dT%H:%M:%S.%gZ') "+sign(op)+" "+timestamp(us)+" END")
	}
	return any1(parts...)
}

const timePattern = `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z`

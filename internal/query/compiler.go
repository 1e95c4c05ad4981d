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
	cut  cohortCut
	args []any
	// dialect and schema are those of the cut.
	dialect store.Dialect
	schema  *store.Schema
	// places are the parameters of texts that were bound before.
	places  map[string]string
	columns []string
	refs    map[PropertyRef]*value
	// extracts are computed columns of the source, joins its joins, derived the names of columns that those make.
	extracts, joins, derived []string
	// clocked tells that the column "clock" is among those derived.
	clocked bool
	// at are the positions of the only events that are looked at; nil for all events.
	at []eventlog.Position
	// members are the names of columns that tell who is in a cohort, by its key.
	members map[string]string
}

func newCompiler(cut cohortCut) *compiler {
	return &compiler{
		cut: cut, dialect: cut.Dialect(), schema: cut.Schema(),
		members: map[string]string{}, places: map[string]string{}, refs: map[PropertyRef]*value{},
	}
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
	place := c.dialect.Parameter(len(c.args), v)
	if isText {
		c.places[text] = place
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
	if ref.As != "" {
		plain := ref
		plain.As = ""
		v := c.value(plain).asNumber()
		c.refs[ref] = v
		return v
	}
	v := &value{dialect: c.dialect}
	c.refs[ref] = v
	if ref.Of == ofPerson {
		v.json = c.trait(ref)
		return v
	}
	if column, ok := builtInColumn(ref.Property); ok {
		v.text, v.builtIn = c.column(column), true
		return v
	}
	for _, p := range c.schema.Properties[ref.Property] {
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
		default: // No property is of another type.
		}
	}
	if c.schema.NoOverflow {
		return v
	}
	v.json = "j" + strconv.Itoa(len(c.refs))
	c.derived = append(c.derived, v.json)
	c.extracts = append(c.extracts, c.extract(c.column("overflow"), ref.Property)+" AS "+v.json)
	return v
}

// extract is the member of a JSON object. Only rows in which the key occurs are parsed; what cannot be is null.
func (c *compiler) extract(column, key string) string {
	return "CASE WHEN " + c.dialect.Contains(column, c.bind(memberStart(key))) + " THEN " + c.dialect.Member(column, c.bind, key) + " END"
}

// piece is a part of the events: the rows for which a predicate over built-in columns holds. Columns are those that
// only the predicate needs.
type piece struct {
	predicate string
	columns   []string
	// clocked, if set, gives the events the readings of their devices' clocks. Such a piece stands alone.
	clocked *clocked
}

// source is the relation that conditions and values stand over: the events for which the predicate, over built-in
// columns that were noted, holds. It has every column noted so far, so it is called last.
func (c *compiler) source(predicate string) string {
	return c.sourceOf([]piece{{predicate: predicate}})
}

// sourceOf is source for events in several pieces that do not overlap.
func (c *compiler) sourceOf(pieces []piece) string {
	k := pieces[0].clocked
	if k != nil {
		c.clock()
	}
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
	if k != nil {
		base = c.withClock(base, k)
	}
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

package query

import (
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// A trait of a person is what the events of the person, but for those about groups, have made of it in the order of
// time: set gives it a value, set_once does so when it has none, unset and clear take it away. Within one event
// set_once comes before set, and unset last. So the value is the last one set since it was last taken away, without one
// the first that was set once since then.

// traitOps is how the member with the operations begins, inOps where a member of one of them is.
func traitOps() string { return memberStart(store.TraitOps) }

func inOps(op event.Op, key string) string {
	return pointer(store.TraitOps) + "/" + op.String() + pointer(key)
}

// plain is where the value of a trait is that was just set.
func plain(key string) string {
	if key == store.TraitOps {
		return inOps(event.Set, key)
	}
	return pointer(key)
}

// trait joins every event with a property of its person, and returns the name of the joined column.
func (c *compiler) trait(ref PropertyRef) string {
	n := strconv.Itoa(len(c.refs))
	name := "j" + n
	c.column("person")
	if ref.At == atEvent {
		c.column("time")
		c.joins = append(c.joins, "ASOF LEFT JOIN (WITH changes AS MATERIALIZED ("+c.changes(ref.Property)+"), "+
			"epochs AS (SELECT *, count(*) FILTER (gone) OVER (PARTITION BY person ORDER BY time, seq) AS epoch FROM changes), "+
			"states AS (SELECT person, time, seq, coalesce(last_value(j IGNORE NULLS) OVER w, first_value(o IGNORE NULLS) OVER w) AS j"+
			" FROM epochs WINDOW w AS (PARTITION BY person, epoch ORDER BY time, seq)) "+
			"SELECT person AS w"+n+", time AS v"+n+", arg_max_null(j, seq) AS "+name+" FROM states GROUP BY person, time"+
			") ON w"+n+" = person AND v"+n+" <= time")
	} else {
		_, relation := c.traitNow(ref.Property, n)
		c.joins = append(c.joins, "LEFT JOIN ("+relation+") ON w"+n+" = person")
	}
	c.derived = append(c.derived, name)
	return name
}

// traitNow selects the latest value of a trait, as j and a number, for the people who have one, as w and the number.
func (c *compiler) traitNow(key, n string) (name, sql string) {
	name = "j" + n
	return name, "WITH changes AS MATERIALIZED (" + c.changes(key) + "), " +
		"ends AS (SELECT person, max((time, seq)) AS last FROM changes WHERE gone GROUP BY person) " +
		"SELECT person AS w" + n + ", coalesce(arg_max(j, (time, seq)) FILTER (j IS NOT NULL), arg_min(o, (time, seq)) FILTER (o IS NOT NULL)) AS " + name +
		" FROM changes LEFT JOIN ends USING (person) WHERE last IS NULL OR (time, seq) > last GROUP BY person"
}

// changes selects what events do to a trait: j is the value set, o the one set once; gone tells that it was taken away.
func (c *compiler) changes(key string) string {
	name, ops := "contains(traits, "+c.bind(memberStart(key))+")", "contains(traits, "+c.bind(traitOps())+")"
	at := func(pointer string) string { return "TRY(json_extract(traits, " + c.bind(pointer) + "))" }
	is := func(pointer string) string { return "json_exists(traits, " + c.bind(pointer) + ")" }
	gone := "coalesce(CASE WHEN " + ops + " THEN TRY(" + is(inOps(event.Unset, key)) + " OR " + is(pointer(store.TraitOps)+"/"+event.Clear.String()) +
		") END, false)"
	return "SELECT person, time, seq, gone, CASE WHEN NOT gone THEN j END AS j, CASE WHEN NOT gone THEN o END AS o FROM (" +
		"SELECT person, time, seq, " + gone + " AS gone, CASE WHEN " + name + " THEN " + at(plain(key)) + " END AS j, " +
		"CASE WHEN " + ops + " AND " + name + " THEN " + at(inOps(event.SetOnce, key)) + " END AS o FROM " +
		c.cut.Events("person", "time", "seq", "kind", "traits") + " WHERE kind <> 'group' AND (" + name + " OR " + ops + ")" +
		") WHERE gone OR j IS NOT NULL OR o IS NOT NULL"
}

// traits takes the column apart: what was set, and the other operations.
func (r *rowReader) traits(text string) (set, ops []byte) {
	if !strings.Contains(text, traitOps()) {
		return r.members(nil, text), nil
	}
	var plain, byOp object
	all := r.parse(text)
	if all == nil {
		return nil, nil
	}
	all.Visit(func(k []byte, v *fastjson.Value) {
		if string(k) != store.TraitOps {
			plain.json(string(k), v)
			return
		}
		v.GetObject().Visit(func(k []byte, v *fastjson.Value) {
			if string(k) != event.Set.String() {
				byOp.json(string(k), v)
				return
			}
			v.GetObject().Visit(func(k []byte, v *fastjson.Value) { plain.json(string(k), v) })
		})
	})
	return plain.close(), byOp.close()
}

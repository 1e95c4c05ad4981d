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

func inOps(op event.Op, key string) []string { return []string{store.TraitOps, op.String(), key} }

// plain is where the value of a trait is that was just set.
func plain(key string) []string {
	if key == store.TraitOps {
		return inOps(event.Set, key)
	}
	return []string{key}
}

// trait joins every event with a property of its person, and returns the name of the joined column.
func (c *compiler) trait(ref PropertyRef) string {
	n := strconv.Itoa(len(c.refs))
	name := "j" + n
	c.column("person")
	if ref.At == atEvent {
		c.column("time")
		d, window := c.dialect, "PARTITION BY person, epoch ORDER BY time, seq"
		c.joins = append(c.joins, "ASOF LEFT JOIN (WITH "+d.Kept("changes", c.changes(ref.Property))+", "+
			"epochs AS (SELECT *, sum(CASE WHEN gone THEN 1 ELSE 0 END) OVER (PARTITION BY person ORDER BY time, seq) AS epoch FROM changes), "+
			"states AS (SELECT person, time, seq, coalesce("+d.LastKnown("j", window)+", "+d.FirstKnown("o", window)+") AS j FROM epochs) "+
			"SELECT person AS w"+n+", time AS v"+n+", "+d.ArgMaxNull("j", "seq")+" AS "+name+" FROM states GROUP BY person, time"+
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
	d, at := c.dialect, "(time, seq)"
	return name, "WITH " + d.Kept("changes", c.changes(key)) + ", " +
		"ends AS (SELECT person AS whose, max(time) AS until, " + d.ArgMax("seq", at, "") + " AS upto FROM changes WHERE gone GROUP BY person) " +
		"SELECT person AS w" + n + ", coalesce(" + d.ArgMax("j", at, "j IS NOT NULL") + ", " + d.ArgMin("o", at, "o IS NOT NULL") + ") AS " + name +
		" FROM changes LEFT JOIN ends ON whose = person WHERE whose IS NULL OR time > until OR time = until AND seq > upto GROUP BY person"
}

// changes selects what events do to a trait: j is the value set, o the one set once; gone tells that it was taken away.
func (c *compiler) changes(key string) string {
	d := c.dialect
	name, ops := d.Contains("traits", c.bind(memberStart(key))), d.Contains("traits", c.bind(traitOps()))
	at := func(path []string) string { return d.Member("traits", c.bind, path...) }
	gone := "coalesce(CASE WHEN " + ops + " THEN " + d.HasMember("traits", c.bind, inOps(event.Unset, key)...) + " OR " +
		d.HasMember("traits", c.bind, store.TraitOps, event.Clear.String()) + " END, FALSE)"
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

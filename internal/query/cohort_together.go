package query

import (
	"context"
	"strings"
	"time"
)

// counting is a cohort whose every part goes by how often people did something in one and the same time: one statement counts for all of them, and
// reads the events once.
type counting struct {
	*boundCohort
	from, to time.Time
	// conditions is how many there are.
	conditions int
}

// counts tells whether a cohort is a counting.
func (b *boundCohort) counts() (c counting, ok bool) {
	if d, is := b.source.(*didPeople); is {
		return counting{b, d.From, d.To, 1}, !d.First && !d.everybody()
	}
	for i, part := range b.parts {
		p, is := part.counts()
		if !is || i > 0 && (p.from != c.from || p.to != c.to) {
			return counting{}, false
		}
		c = counting{b, p.from, p.to, c.conditions + p.conditions}
	}
	return c, c.conditions > 0
}

// together are the parts of a cohort, of several that count in the same time one that stands for them.
func (b *boundCohort) together() (out []*boundCohort) {
	places := map[[2]time.Time]int{}
	for _, part := range b.parts {
		c, ok := part.counts()
		at := [2]time.Time{c.from, c.to}
		place, another := places[at]
		switch {
		case !ok:
			out = append(out, part)
		case another:
			first := out[place]
			out[place] = &boundCohort{op: b.op, key: first.key + " " + b.op + " " + part.key, parts: []*boundCohort{first, part}}
		default:
			places[at] = len(out)
			out = append(out, part)
		}
	}
	return out
}

// nobody tells whether it holds for who did nothing.
func (b *boundCohort) nobody() bool {
	if d, ok := b.source.(*didPeople); ok {
		return d.Least == 0
	}
	for _, part := range b.parts {
		switch holds := part.nobody(); {
		case b.op == opNot:
			return !holds
		case holds != (b.op == opAnd):
			return holds
		}
	}
	return b.op == opAnd
}

// people counts. Who did nothing has no row: when it holds for them, those are looked for for whom it does not.
func (c counting) people(ctx context.Context, cut *peopledCut) (peopleSet, error) {
	q := newCompiler(cut)
	q.column("person")
	var wanted []string
	holds, except := q.counted(c.boundCohort, &wanted), c.nobody()
	if except {
		holds = "NOT " + holds
	}
	sql := "SELECT person FROM " + q.sourceOf(q.within(c.from, c.to, cut.scope.Zone, false)) + " WHERE " + strings.Join(wanted, " OR ") +
		" GROUP BY person HAVING " + holds
	ids, err := cut.ground().numbersOf(ctx, sql, q.args)
	return peopleSet{ids, except}, err
}

// counted is the condition on somebody's events to be of a cohort. Events that do not match any of wanted, to which it adds, make no difference.
func (c *compiler) counted(b *boundCohort, wanted *[]string) string {
	if d, ok := b.source.(*didPeople); ok {
		is := "(" + c.selects(&d.Selector, nil) + ")"
		*wanted = append(*wanted, is)
		return "(" + d.bounded("count(*) FILTER (WHERE "+is+")") + ")"
	}
	list := make([]string, len(b.parts))
	for i, part := range b.parts {
		list[i] = c.counted(part, wanted)
	}
	if b.op == opNot {
		return "(NOT " + list[0] + ")"
	}
	return "(" + strings.Join(list, " "+strings.ToUpper(b.op)+" ") + ")"
}

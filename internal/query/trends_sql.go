package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/store"
)

// statement is an empty one.
func (p *plan) statement() *statement { return &statement{dialect: p.dialect} }

// compile returns the statement of a plan.
func (p *plan) compile() string {
	s := p.statement()
	switch a := p.series.Aggregate; {
	case isActive(a):
		p.active(s)
	case a == AggSessions:
		p.sessions(s)
		p.things(s)
	case a == AggFirstTime:
		p.firstTime(s, "d")
		p.measures(s, p.count(), "d")
	case percentile(a) != 0:
		p.percentiles(s)
	case a == AggUnique, a == AggPerUser, a == AggDistinct:
		if !p.counted(s) {
			p.people(s)
			p.things(s)
		}
	default:
		p.amounts(s)
	}
	return s.sql()
}

// events is the relation e of the matching events in the range, with their bucket b, the columns asked for and groups.
func (p *plan) events(columns string) string {
	bucket, groups, matches := p.line.bucket(p.compiler), p.selected(), p.matches()
	b := p.line.buckets
	pieces := p.line.pieces(b.from(), b.to(), p.has("time"))
	return "SELECT " + bucket + " AS b" + columns + groups + " FROM " + p.sourceOf(pieces) + " WHERE " + matches
}

func (p *plan) measured() *value {
	return p.value(PropertyRef{Property: p.series.Property, As: p.series.As})
}

// amounts reduces events to the counts and amounts of buckets and groups.
func (p *plan) amounts(s *statement) {
	columns, amounts := "", p.count()
	if needsProperty(p.series.Aggregate) {
		columns, amounts = ", "+p.measured().numeric()+" AS x", []string{"count(*)", "count(x)", "sum(x)", "min(x)", "max(x)"}
	}
	s.inline("e", p.events(columns))
	p.measures(s, amounts, "e")
}

// count is how many events there are, with the sum, the least and the greatest of no numbers.
func (p *plan) count() []string {
	none := p.dialect.Cast("NULL", store.Float)
	return []string{"count(*)", "0", "0", none, none}
}

// measures gives the amounts of each bucket and group of a relation.
func (p *plan) measures(s *statement, amounts []string, relation string) {
	rows := "FROM " + relation + " GROUP BY b" + p.names()
	if len(p.groups) == 0 {
		// Nothing is ranked, so nothing is kept.
		s.add(p, partCells, "1", "b", amounts, "", rows)
		return
	}
	named := slices.Clone(amounts)
	for i, name := range []string{"n", "m", "s", "lo", "hi"} {
		named[i] += " AS " + name
	}
	s.cte("c", "SELECT b"+p.names()+", "+strings.Join(named, ", ")+" "+rows)
	rank := "sum(n)"
	switch p.series.Aggregate {
	case AggSum:
		rank = "coalesce(sum(s), 0)"
	case AggAvg:
		rank = "sum(s) / nullif(sum(m), 0)"
	case AggMin:
		rank = "min(lo)"
	case AggMax:
		rank = "max(hi)"
	}
	s.number(p, rank)
	s.add(p, partCells, "k", "b", []string{"sum(n)", "sum(m)", "sum(s)", "min(lo)", "max(hi)"}, "", "FROM m GROUP BY k, b")
}

// thing is what is counted once.
func (p *plan) thing() string {
	if p.series.Aggregate == AggDistinct {
		return p.measured().tagged()
	}
	return p.column("person")
}

// people reduces events to who did them in which bucket and group, and how often; or for distinct, to the values.
func (p *plan) people(s *statement) {
	s.inline("e", p.events(", "+p.thing()+" AS thing"))
	if p.series.Aggregate == AggPerUser {
		s.cte("c", "SELECT b"+p.names()+", thing, count(*) AS n FROM e GROUP BY b, thing"+p.names())
		return
	}
	s.cte("c", "SELECT DISTINCT b"+p.names()+", thing FROM e")
}

// counted counts different things in one go where there are no groups and the engine does that best; it tells whether it did.
func (p *plan) counted(s *statement) bool {
	if len(p.groups) > 0 || p.cumulative || p.series.Aggregate == AggPerUser {
		return false
	}
	counts, ok := p.dialect.Distinct("e", "b", "thing")
	if !ok {
		return false
	}
	s.inline("e", p.events(", "+p.thing()+" AS thing"))
	part := fmt.Sprintf("CASE WHEN total THEN %d ELSE %d END", partTotals, partCells)
	s.addAs(p, part, "1", "CASE WHEN total THEN NULL ELSE b END", []string{"0", "n"}, "", "FROM "+counts)
	return true
}

// things counts the different things in c.
func (p *plan) things(s *statement) {
	rank := "count(DISTINCT thing)"
	if p.series.Aggregate == AggPerUser {
		rank = "sum(n) / count(DISTINCT thing)"
	}
	s.number(p, rank)
	events := "0"
	if p.series.Aggregate == AggPerUser {
		events = "sum(n)"
	}
	count := "count(DISTINCT thing)"
	if len(p.groups) == 0 {
		// Without groups a thing is in c once a bucket.
		count = "count(thing)"
	}
	if p.cumulative {
		count = "0"
	}
	s.add(p, partCells, "k", "b", []string{events, count}, "", "FROM m GROUP BY k, b")
	if p.cumulative {
		s.add(p, partNew, "k", "b", []string{"count(*)"}, "",
			"FROM (SELECT k, min(b) AS b FROM m WHERE thing IS NOT NULL GROUP BY k, thing) GROUP BY k, b")
	}
	s.add(p, partTotals, "k", "NULL", []string{events, "count(DISTINCT thing)"}, "", "FROM m GROUP BY k")
}

func (p *plan) quantile() string {
	return p.dialect.Quantile("x", percentile(p.series.Aggregate))
}

// percentiles reads the events once for the buckets and once for the totals: keeping them would cost more. The totals
// of groups are there already, from ranking them.
func (p *plan) percentiles(s *statement) {
	s.inline("c", p.events(", "+p.measured().numeric()+" AS x"))
	if p.known {
		// Without other groups there is no need to join with the numbers.
		s.add(p, partNamed, "NULL", "b", []string{p.quantile()}, p.names(), "FROM c GROUP BY b"+p.names())
		return
	}
	s.number(p, "")
	s.add(p, partCells, "k", "b", []string{p.quantile()}, "", "FROM m GROUP BY k, b")
	if p.lone() {
		return
	}
	rest := ""
	if len(p.groups) > 0 && p.totals != nil {
		rest = " WHERE k = 0"
	}
	s.add(p, partTotals, "k", "NULL", []string{p.quantile()}, "", "FROM m"+rest+" GROUP BY k")
}

// lone tells that the range is one bucket of one line, whose total needs no reading of its own.
func (p *plan) lone() bool { return len(p.groups) == 0 && p.line.buckets.len() == 1 }

// ranking is a statement for the totals of the first groups and one more, where no smaller relation can be kept.
func (p *plan) ranking() string {
	names := p.names()[2:]
	return "SELECT " + p.quantile() + " AS v, " + names + " FROM (" + p.events(", "+p.measured().numeric()+" AS x") + ") GROUP BY " + names +
		" ORDER BY " + rankOrder(names) + " LIMIT " + strconv.Itoa(p.limit+1)
}

// firstTime is the relation of everybody's first matching event ever, of those that lie in the range.
func (p *plan) firstTime(s *statement, name string) {
	at := p.line.at(p.compiler)
	p.column("person")
	if len(p.groups) > 0 {
		p.column("seq")
	}
	groups, matches := p.selected(), p.matches()
	b := p.line.buckets
	source := p.sourceOf(p.line.pieces(time.Time{}, b.to(), true))
	first, order := []string{"SELECT min(time) AS first" + p.carry}, ""
	if len(p.groups) > 0 {
		order = ", seq"
		for i := range p.groups {
			g := "g" + strconv.Itoa(i+1)
			first = append(first, p.dialect.ArgMinNull(g, "(time, seq)")+" AS "+g)
		}
	}
	s.inline("e", "SELECT person, "+at+" AS time"+order+groups+" FROM "+source+" WHERE "+matches)
	s.inline("f", strings.Join(first, ", ")+" FROM e GROUP BY person")
	s.inline(name, "SELECT "+p.line.bucketOf("first")+" AS b"+p.names()+p.carry+" FROM f WHERE first >= "+p.dialect.Moment(b.from().UnixMicro()))
}

package query

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// plan is one series over one range, on its way to a statement.
//
// Every statement has the same form. First the events are reduced to a small relation c by bucket and group of the
// breakdown. The groups are ranked by their totals; the first ones keep their number k, 1 and up, all others are
// number 0, "$other". Then c is added up by (k, bucket), and by k for totals that are no sum of buckets.
type plan struct {
	*compiler
	scope  Scope
	line   *timeline
	series *Series
	where  *Filter
	// groups are the SQL of the breakdown's values, limit how many of them keep a number.
	groups []string
	limit  int
	// given are the groups in the order of their numbers when another statement has ranked them; ranked is false then.
	given  [][]any
	ranked bool
	// totals are those of the given groups if they are there already; known tells that there are no other groups.
	totals     []any
	known      bool
	cumulative bool
	// carry is a column that sessions and people of a first time are to keep: ", person" or nothing.
	carry string
}

// statement is SQL, whose rows are (part, k, bucket, five numbers, the groups).
type statement struct {
	dialect store.Dialect
	with    []string
	parts   []string
}

// The parts of a statement's rows.
const (
	partGroups = iota
	partCells
	partTotals
	// partNew are cells that count each thing only in its first bucket.
	partNew
	// partNamed are cells that have their groups beside them in place of a number.
	partNamed
)

const numbers = 5

// names are g1 to gn, each with a comma in front: ", g1, g2".
func (p *plan) names() string {
	var b strings.Builder
	for i := range p.groups {
		b.WriteString(", g" + strconv.Itoa(i+1))
	}
	return b.String()
}

// selected are the groups' expressions with their names.
func (p *plan) selected() string {
	var b strings.Builder
	for i, g := range p.groups {
		b.WriteString(", " + g + " AS g" + strconv.Itoa(i+1))
	}
	return b.String()
}

// matches is the condition on an event to belong to the series.
func (p *plan) matches() string {
	var parts []string
	if len(p.series.Events) > 0 {
		parts = append(parts, p.named(p.series.Events))
	}
	for _, f := range []*Filter{p.where, p.series.Where} {
		if f != nil {
			parts = append(parts, p.compiler.where(f))
		}
	}
	if len(parts) == 0 {
		return "TRUE"
	}
	return strings.Join(parts, " AND ")
}

// add appends a part: what to select beside its number and padded, and the rest of the statement.
func (s *statement) add(p *plan, part int, k, bucket string, values []string, groups, rest string) {
	s.addAs(p, strconv.Itoa(part), k, bucket, values, groups, rest)
}

// addAs is add of a part whose rows say themselves which one they are of.
func (s *statement) addAs(p *plan, part, k, bucket string, values []string, groups, rest string) {
	for len(values) < numbers {
		values = append(values, "NULL")
	}
	var b strings.Builder
	b.WriteString("SELECT " + part + " AS part, " + s.dialect.Cast(k, store.Int) + " AS k, " + s.dialect.Cast(bucket, store.Int) + " AS bucket")
	for i, v := range values {
		b.WriteString(", " + s.dialect.Cast(v, store.Float) + " AS v" + strconv.Itoa(i+1))
	}
	if groups == "" {
		groups = strings.Repeat(", "+s.dialect.Cast("NULL", store.Text), len(p.groups))
	}
	b.WriteString(groups + " " + rest)
	s.parts = append(s.parts, b.String())
}

func (s *statement) cte(name, body string) {
	s.with = append(s.with, s.dialect.Kept(name, body))
}

// inline is for relations that are cheaper read twice than kept.
func (s *statement) inline(name, body string) {
	s.with = append(s.with, s.dialect.Inlined(name, body))
}

func (s *statement) sql() string {
	return "WITH " + strings.Join(s.with, ", ") + " " + strings.Join(s.parts, " UNION ALL ")
}

// number gives every row of c its k, as the relation m. rank is the total of a group, an aggregate over c.
func (s *statement) number(p *plan, rank string) { s.numberBy(p, "c", rank) }

// numberBy is number with the ranking made over another relation.
func (s *statement) numberBy(p *plan, ranking, rank string) {
	if len(p.groups) == 0 {
		s.inline("m", "SELECT 1 AS k, * FROM c")
		return
	}
	names := p.names()[2:]
	same := make([]string, len(p.groups))
	for i := range p.groups {
		g := "g" + strconv.Itoa(i+1)
		same[i] = "r." + g + " IS NOT DISTINCT FROM c." + g
	}
	if !p.ranked && len(p.given) == 0 {
		s.inline("m", "SELECT "+s.dialect.Cast("0", store.Int)+" AS k, c.* FROM c AS c")
		return
	}
	if !p.ranked {
		s.with = append(s.with, p.givenGroups())
		s.inline("m", "SELECT coalesce(r.k, 0) AS k, c.* FROM c AS c LEFT JOIN r ON "+strings.Join(same, " AND "))
		return
	}
	limit := strconv.Itoa(p.limit)
	s.inline("t", "SELECT "+names+", "+rank+" AS v FROM "+ranking+" GROUP BY "+names)
	s.cte("o", "SELECT *, row_number() OVER (ORDER BY "+rankOrder(names)+") AS place FROM t")
	s.inline("r", "SELECT *, CASE WHEN place <= "+limit+" THEN place ELSE 0 END AS k FROM o")
	s.inline("m", "SELECT r.k AS k, c.* FROM c AS c JOIN r ON "+strings.Join(same, " AND "))
	s.add(p, partGroups, "place", "NULL", []string{"v"}, p.names(), "FROM o WHERE place <= "+limit)
}

// rankOrder puts the greatest total first, and equal ones in the order of their groups.
func rankOrder(names string) string {
	return "v DESC NULLS LAST, " + strings.ReplaceAll(names, ",", " NULLS FIRST,") + " NULLS FIRST"
}

// givenGroups is the relation r for groups, at least one, that are numbered already.
func (p *plan) givenGroups() string {
	row := func(k string, group []any) string {
		var b strings.Builder
		b.WriteString("SELECT " + p.dialect.Cast(k, store.Int) + " AS k")
		for i, g := range group {
			b.WriteString(", " + p.bindText(g) + " AS g" + strconv.Itoa(i+1))
		}
		return b.String()
	}
	rows := make([]string, len(p.given))
	for i, group := range p.given {
		rows[i] = row(strconv.Itoa(i+1), group)
	}
	return "r AS (" + strings.Join(rows, " UNION ALL ") + ")"
}

func (p *plan) bindText(v any) string {
	if s, ok := v.(string); ok {
		return p.bind(s)
	}
	return p.dialect.Cast("NULL", store.Text)
}

package query

import (
	"context"
	"slices"
	"time"
)

// Trends answers a question, on one cut of the data.
func (e *Engine) Trends(ctx context.Context, s Scope, r *Resolved) (*Answer, error) {
	a := &Answer{
		Kind: "trends", Interval: r.Interval, Question: r.Trends,
		Range: answerRange(&r.buckets, r.zone), Buckets: make([]Bucket, r.buckets.len()),
	}
	for i, start := range r.buckets.starts {
		a.Buckets[i] = Bucket{Start: start, Partial: i >= r.buckets.ended}
	}
	if r.compare != nil {
		c := answerRange(r.compare, r.zone)
		a.CompareRange = &c
	}
	err := e.answering(ctx, "trends", s, r.attribution(), &a.Watermark, &a.TookMS, func(ctx context.Context, cut *peopledCut) error {
		var err error
		if a.Unparsed, err = e.unparsed(ctx, cut, r.casts, &r.buckets, lineOver(cut, r.zone, r.clocks)); err != nil {
			return err
		}
		t := &trend{engine: e, cut: cut, scope: s, r: r}
		a.Series, err = t.answer(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

func answerRange(b *buckets, zone *time.Location) AnswerRange {
	return AnswerRange{From: b.from().In(zone), To: b.to().In(zone), Timezone: zone.String()}
}

// trend is one question being answered.
type trend struct {
	engine *Engine
	cut    cohortCut
	scope  Scope
	r      *Resolved
}

// lines are those of one series, by group: lines[i] is that of groups[i], rest that of all others.
type lines struct {
	dimensions []*dimension
	groups     [][]any
	lines      []line
	rest       line
	// other tells that there is something in rest.
	other bool
}

type line struct {
	values, compared     []*float64
	total, comparedTotal *float64
}

func (t *trend) answer(ctx context.Context) ([]AnswerSeries, error) {
	all := make([]*lines, len(t.r.Series))
	for i := range t.r.Series {
		var like *lines
		if i > 0 && len(t.r.Formulas) > 0 {
			like = all[0]
		}
		var err error
		if all[i], err = t.series(ctx, &t.r.Series[i], like); err != nil {
			return nil, err
		}
	}
	t.alignOthers(all)
	out := []AnswerSeries{}
	for i := range t.r.Series {
		out = t.show(out, t.r.Series[i].ID, t.r.Series[i].Label, all[i])
	}
	for i := range t.r.Formulas {
		f, err := t.formula(&t.r.Formulas[i], all)
		if err != nil {
			return nil, err
		}
		out = t.show(out, t.r.Formulas[i].ID, t.r.Formulas[i].Label, f)
	}
	return out, nil
}

// alignOthers gives every series a line for other groups if one has it and formulas compute with them.
func (t *trend) alignOthers(all []*lines) {
	if len(t.r.Formulas) == 0 || !slices.ContainsFunc(all, func(l *lines) bool { return l.other }) {
		return
	}
	for _, l := range all {
		l.other = true
	}
}

// shown are the lines that are part of the answer.
func (l *lines) shown() []line {
	if l.other {
		return append(l.lines[:len(l.lines):len(l.lines)], l.rest)
	}
	return l.lines
}

// series computes one series; with the groups of another one when it is given.
func (t *trend) series(ctx context.Context, s *Series, like *lines) (*lines, error) {
	out := &lines{}
	if like != nil {
		out.dimensions, out.groups = like.dimensions, like.groups
	} else {
		var err error
		if out.dimensions, err = t.dimensions(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := t.run(ctx, s, &t.r.buckets, out, like == nil); err != nil {
		return nil, err
	}
	if t.r.compare == nil {
		return out, nil
	}
	earlier := &lines{dimensions: out.dimensions, groups: out.groups}
	if err := t.run(ctx, s, t.r.compare, earlier, false); err != nil {
		return nil, err
	}
	for i := range out.lines {
		out.lines[i].compared, out.lines[i].comparedTotal = earlier.lines[i].values, earlier.lines[i].total
	}
	out.rest.compared, out.rest.comparedTotal = earlier.rest.values, earlier.rest.total
	return out, nil
}

func (t *trend) plan(s *Series, b *buckets) *plan {
	return &plan{
		compiler: newCompiler(t.cut), scope: t.scope, line: newTimeline(t.cut, t.r, b), series: s, where: t.r.Where,
		limit: t.r.BreakdownLimit, cumulative: t.r.Cumulative,
	}
}

// run asks the store for a series over one range. rank lets it choose the groups, otherwise those of out are taken.
func (t *trend) run(ctx context.Context, s *Series, b *buckets, out *lines, rank bool) error {
	p := t.split(s, b, out)
	if p.ranked = rank; rank && len(p.groups) > 0 && percentile(s.Aggregate) != 0 {
		totals, all, err := t.rank(ctx, p, out)
		if err != nil {
			return err
		}
		p = t.split(s, b, out)
		p.totals, p.known = totals, all
	}
	return t.read(ctx, p, out)
}

// split is a plan with the groups of out.
func (t *trend) split(s *Series, b *buckets, out *lines) *plan {
	p := t.plan(s, b)
	p.given = out.groups
	for _, d := range out.dimensions {
		p.groups = append(p.groups, d.sql(p.compiler))
	}
	return p
}

// rank finds the first groups and their totals in a statement of its own, and whether these are all groups.
func (t *trend) rank(ctx context.Context, p *plan, out *lines) (totals []any, all bool, err error) {
	totals = []any{}
	sql := p.ranking()
	for row, err := range t.engine.rows(ctx, t.cut, "ranking", sql, p.args) {
		if err != nil {
			return nil, false, err
		}
		if len(totals) == p.limit {
			return totals, false, nil
		}
		totals = append(totals, row[0])
		out.groups = append(out.groups, slices.Clone(row[1:]))
	}
	return totals, true, nil
}

// read runs the statement of a plan and collects what it finds.
func (t *trend) read(ctx context.Context, p *plan, out *lines) error {
	c := &collector{plan: p, out: out, byNumber: map[int64]*found{}}
	for i, total := range p.totals {
		f := c.at(int64(i + 1))
		f.total = &tally{}
		f.total.read(p.series.Aggregate, partTotals, []any{total})
		if c.line.buckets.len() == 1 {
			f.cells[0] = *f.total
		}
	}
	// With one bucket, and no groups besides, there is nothing left to ask.
	if !p.known || c.line.buckets.len() > 1 {
		sql := p.compile()
		for row, err := range t.engine.rows(ctx, t.cut, "trend", sql, p.args) {
			if err != nil {
				return err
			}
			c.row(row)
		}
	}
	c.finish()
	return nil
}

// collector sorts the rows of a statement by line and bucket.
type collector struct {
	*plan
	out      *lines
	byNumber map[int64]*found
}

// at is what was found for the line of group k, or for all others, number 0.
func (c *collector) at(k int64) *found {
	if c.byNumber[k] == nil {
		c.byNumber[k] = &found{cells: make([]tally, c.line.buckets.len()), changes: map[int64]float64{}}
	}
	return c.byNumber[k]
}

func (c *collector) row(row []any) {
	part, k, bucket := whole(row[0]), whole(row[1]), whole(row[2])
	values, groups := row[3:3+numbers], row[3+numbers:]
	aggregate := c.series.Aggregate
	switch {
	case part == partGroups:
		for int64(len(c.out.groups)) < k {
			c.out.groups = append(c.out.groups, nil)
		}
		c.out.groups[k-1] = slices.Clone(groups)
	case part == partTotals:
		total := &tally{}
		total.read(aggregate, partTotals, values)
		c.at(k).total = total
	case isActive(aggregate):
		change, _ := values[0].(float64)
		c.at(k).changes[bucket] += change
	case part == partNamed:
		place := slices.IndexFunc(c.out.groups, func(g []any) bool { return slices.Equal(g, groups) })
		c.at(int64(place + 1)).cells[bucket].read(aggregate, partCells, values)
	case bucket >= 0 && bucket < int64(c.line.buckets.len()):
		c.at(k).cells[bucket].read(aggregate, int(part), values)
	}
}

func (c *collector) finish() {
	if len(c.groups) == 0 {
		c.out.groups = [][]any{nil}
	}
	if one := c.at(1); c.lone() && one.total == nil && percentile(c.series.Aggregate) != 0 {
		one.total = &one.cells[0]
	}
	c.out.other = c.byNumber[0] != nil
	c.out.rest.values, c.out.rest.total = c.at(0).values(c.plan)
	for k := range c.out.groups {
		var l line
		l.values, l.total = c.at(int64(k + 1)).values(c.plan)
		c.out.lines = append(c.out.lines, l)
	}
}

// formula computes a formula line by line.
func (t *trend) formula(f *Formula, all []*lines) (*lines, error) {
	parsed, err := parseFormula(f.Expression)
	if err != nil {
		return nil, err
	}
	out := &lines{dimensions: all[0].dimensions, groups: all[0].groups}
	place := map[string]int{}
	shown := make([][]line, len(all))
	for i := range all {
		place[t.r.Series[i].ID] = i
		shown[i] = all[i].shown()
	}
	for i := range shown[0] {
		number := func(pick func(l *line) *float64) *float64 {
			return parsed.eval(func(id string) *float64 { return pick(&shown[place[id]][i]) })
		}
		var l line
		for b := range t.r.buckets.len() {
			l.values = append(l.values, number(func(l *line) *float64 { return l.values[b] }))
			if t.r.compare != nil {
				l.compared = append(l.compared, number(func(l *line) *float64 { return l.compared[b] }))
			}
		}
		l.total = number(func(l *line) *float64 { return l.total })
		l.comparedTotal = number(func(l *line) *float64 { return l.comparedTotal })
		out.lines = append(out.lines, l)
	}
	return out, nil
}

// show appends the lines of a series or formula to the answer.
func (t *trend) show(out []AnswerSeries, id, label string, l *lines) []AnswerSeries {
	for i, one := range l.shown() {
		s := AnswerSeries{ID: id, Label: label, Values: t.smooth(one.values), Total: one.total}
		for j, d := range l.dimensions {
			if i < len(l.groups) {
				s.Breakdown = append(s.Breakdown, d.label(l.groups[i][j]))
			} else {
				s.Breakdown = append(s.Breakdown, groupOther)
			}
		}
		if t.r.compare != nil {
			s.Compare = &CompareSeries{Values: t.smooth(one.compared), Total: one.comparedTotal}
		}
		out = append(out, s)
	}
	return out
}

// smooth is the rolling mean, if the question asks for it.
func (t *trend) smooth(values []*float64) []*float64 {
	if t.r.Rolling == 0 {
		return values
	}
	out := make([]*float64, len(values))
	for i := range values {
		sum, n := 0.0, 0.0
		for _, v := range values[max(0, i-t.r.Rolling+1) : i+1] {
			if v != nil {
				sum, n = sum+*v, n+1
			}
		}
		if n > 0 {
			out[i] = finite(sum / n)
		}
	}
	return out
}

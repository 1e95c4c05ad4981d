package query

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PeopleOfTrends is a cell of an Answer: people who did the events behind its number, for measures those with a value.
type PeopleOfTrends struct {
	// Series is the id of a series; it may be left out when there is one.
	Series string `json:"series,omitempty"`
	// Bucket is where the interval starts; without it the total of the range. Of Cumulative and Rolling values it has the people
	// of all intervals that the value is made of.
	Bucket *time.Time `json:"bucket,omitempty"`
	// Breakdown has the values of the line.
	Breakdown []any `json:"breakdown,omitempty"`
	// Compare picks the range that is compared with; Bucket is still that of the answer.
	Compare bool `json:"compare,omitempty"`
}

// trendSpot is a checked cell: the buckets from first to last of one line.
type trendSpot struct {
	*PeopleOfTrends
	series      int
	buckets     *buckets
	first, last int
	// line is the number that the statement gives the group: 1 and up, 0 for all others.
	line int
}

func (r *Resolved) spot(cell *PeopleOfTrends) (*trendSpot, error) {
	out := &trendSpot{PeopleOfTrends: cell, buckets: &r.buckets, last: r.buckets.len() - 1}
	var err error
	if out.series, err = r.seriesOf(cell.Series); err != nil {
		return nil, err
	}
	if cell.Compare {
		if out.buckets = r.compare; r.compare == nil {
			return nil, unknownCell("compare", "the question compares with nothing")
		}
	}
	if cell.Bucket == nil {
		if a := r.Series[out.series].Aggregate; isActive(a) {
			return nil, unknownCell("bucket", "the total of %s is a mean and nobody's; name a bucket", a)
		}
		return out, nil
	}
	if out.last, err = placeOfStart("bucket", r.buckets.starts, *cell.Bucket); err != nil {
		return nil, err
	}
	switch out.first = out.last; {
	case r.Cumulative:
		out.first = 0
	case r.Rolling > 0:
		out.first = max(0, out.last-r.Rolling+1)
	}
	return out, nil
}

func (r *Resolved) seriesOf(id string) (int, error) {
	if id == "" && len(r.Series) == 1 {
		return 0, nil
	}
	if slices.ContainsFunc(r.Formulas, func(f Formula) bool { return f.ID == id }) {
		return 0, unknownCell("series", "%s is a formula, and only the series it computes with have people behind them", id)
	}
	i := slices.IndexFunc(r.Series, func(s Series) bool { return s.ID == id })
	if i < 0 {
		return 0, unknownCell("series", "there is no series %s", quoteShort(id))
	}
	return i, nil
}

func (r *Resolved) people(ctx context.Context, g *ground, data json.RawMessage) ([]uint64, error) {
	cell, err := decodeCell[PeopleOfTrends](data)
	if err != nil {
		return nil, err
	}
	spot, err := r.spot(cell)
	if err != nil {
		return nil, err
	}
	t := &trend{engine: g.engine, cut: g.cut, scope: g.scope, r: r}
	groups, err := t.grouping(ctx, spot)
	if err != nil {
		return nil, err
	}
	p := t.split(&r.Series[spot.series], spot.buckets, groups)
	sql := p.behind(spot)
	return g.numbersOf(ctx, sql, p.args)
}

// grouping finds the groups that the answer shows for the series, and the number of the cell's among them.
func (t *trend) grouping(ctx context.Context, spot *trendSpot) (*lines, error) {
	s := &t.r.Series[spot.series]
	if len(t.r.Formulas) > 0 {
		s = &t.r.Series[0]
	}
	out := &lines{}
	var err error
	if out.dimensions, err = t.dimensions(ctx, s); err != nil {
		return nil, err
	}
	if len(out.dimensions) > 0 {
		if err := t.run(ctx, s, &t.r.buckets, out, true); err != nil {
			return nil, err
		}
	}
	shown := append(slices.Clone(out.groups), nil)
	if len(out.dimensions) == 0 {
		shown = [][]any{nil}
	}
	line, err := placeOfGroup(out.dimensions, shown, spot.Breakdown)
	if spot.line = line + 1; len(out.dimensions) > 0 && line == len(out.groups) {
		spot.line = 0
	}
	return out, err
}

// behind is a statement for the people behind a cell.
func (p *plan) behind(spot *trendSpot) string {
	s := p.statement()
	in := fmt.Sprintf(" AND b BETWEEN %d AND %d", spot.first, spot.last)
	switch a := p.series.Aggregate; {
	case isActive(a):
		in = p.activeIn(s, spot)
	case a == AggSessions:
		p.carry = ", " + p.column("person")
		p.sessions(s)
	case a == AggFirstTime:
		p.carry = ", person"
		p.firstTime(s, "c")
	case needsProperty(a):
		p.column("person")
		x := p.measured().numeric()
		if a == AggDistinct {
			x = p.measured().tagged()
		}
		s.inline("c", p.events(", person, "+x+" AS x"))
		in += " AND x IS NOT NULL"
	default:
		s.inline("c", p.events(", "+p.column("person")))
	}
	s.number(p, "")
	s.parts = append(s.parts, "SELECT DISTINCT person FROM m WHERE k = "+strconv.Itoa(spot.line)+in)
	return s.sql()
}

// activeIn makes c of who was there on which day, and is the condition on the days that the active people of some buckets
// are those of.
func (p *plan) activeIn(s *statement, spot *trendSpot) string {
	r, began := p.reach()
	days := make([]string, 0, spot.last+1-spot.first)
	for _, at := range p.line.lastDays()[spot.first : spot.last+1] {
		on := dayNumbered(at)
		days = append(days, fmt.Sprintf("d BETWEEN %d AND %d", r.first(on).number(), at))
	}
	from := began.start(p.line.zone)
	day := p.line.day(p.compiler, from, p.line.buckets.to())
	person, groups, matches := p.column("person"), p.selected(), p.matches()
	pieces := p.line.pieces(from, p.line.buckets.to(), p.has("time"))
	s.inline("c", "SELECT "+day+" AS d, "+person+groups+" FROM "+p.sourceOf(pieces)+" WHERE "+matches)
	return " AND (" + strings.Join(days, " OR ") + ")"
}

package query_test

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query"
)

// trendPeople finds people event by event.
type trendPeople struct {
	*oracle
	r  *query.Resolved
	a  *query.Answer
	by []*grouper
}

// line tells whether a group counts in the line of an answer: in its own, or in that of all others.
func (o *trendPeople) line(l *query.AnswerSeries, g group) bool {
	if len(l.Breakdown) == 0 {
		return true
	}
	if l.Breakdown[0] != "$other" {
		return asJSON(l.Breakdown) == asJSON(g.labels)
	}
	return !slices.ContainsFunc(o.a.Series, func(other query.AnswerSeries) bool {
		return other.ID == l.ID && asJSON(other.Breakdown) == asJSON(g.labels)
	})
}

// people are those of the buckets from first to last of a line.
func (o *trendPeople) people(i int, l *query.AnswerSeries, edges []time.Time, first, last int) []uint64 {
	q, s := &o.r.Trends, &o.r.Series[i]
	zone := zoneNamed(q.Timezone)
	counts := func(at int64) bool {
		for i := first; i <= last; i++ {
			from, to := edges[i], edges[i+1]
			if activeDays(s) > 0 {
				from, to = o.activeSpan(s, to, zone)
			}
			if at >= from.UnixMicro() && at < to.UnixMicro() {
				return true
			}
		}
		return false
	}
	out := map[uint64]bool{}
	for _, x := range o.sightings(q, s, o.lookBack(s, edges[0], zone), edges[len(edges)-1].UnixMicro()) {
		if !counts(x.at) || !o.line(l, o.by[i].of(x.event)) {
			continue
		}
		v := o.property(x.event, query.PropertyRef{Property: s.Property, As: s.As})
		if s.Property != "" && s.Aggregate != "distinct" && v.kind != 'n' || s.Aggregate == "distinct" && v.tag(false) == "" {
			continue
		}
		out[o.person(x.event)] = true
	}
	return ascending(out)
}

func ascending(set map[uint64]bool) []uint64 {
	list := []uint64{}
	for p := range set {
		list = append(list, p)
	}
	slices.Sort(list)
	return list
}

func peopleOfTrends(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	askPeople(rt, e, o, now, drawQuestion, (*query.Engine).Resolve, func(b *behind, o *oracle, a *query.Answer) {
		r := b.r.(*query.Resolved)
		own, compared := r.Edges()
		p := &trendPeople{oracle: o, r: r, a: a}
		for i := range r.Series {
			s := &r.Series[i]
			if len(r.Formulas) > 0 {
				s = &r.Series[0]
			}
			p.by = append(p.by, &grouper{o: o, breakdown: r.Breakdown, boundaries: o.boundaries(&r.Trends, s, own)})
		}
		for n := range a.Series {
			l := &a.Series[n]
			i := slices.IndexFunc(r.Series, func(s query.Series) bool { return s.ID == l.ID })
			if i < 0 {
				continue
			}
			checkLinePeople(b, p, i, l, own, query.PeopleOfTrends{Series: l.ID, Breakdown: l.Breakdown})
			if l.Compare != nil {
				then := &query.AnswerSeries{ID: l.ID, Breakdown: l.Breakdown, Values: l.Compare.Values, Total: l.Compare.Total}
				checkLinePeople(b, p, i, then, compared, query.PeopleOfTrends{Series: l.ID, Breakdown: l.Breakdown, Compare: true})
			}
		}
	})
}

// checkLinePeople compares the people of a line's total and of one of its buckets, and where people are counted with
// the numbers.
func checkLinePeople(b *behind, p *trendPeople, i int, l *query.AnswerSeries, edges []time.Time, cell query.PeopleOfTrends) {
	r := p.r
	aggregate := r.Series[i].Aggregate
	active := slices.Contains([]string{"dau", "wau", "mau"}, aggregate)
	countsPeople := active || aggregate == "unique" || aggregate == "first_time"
	if !active {
		people := b.people(cell)
		b.same("total", people, p.people(i, l, edges, 0, len(edges)-2))
		if countsPeople && float64(len(people)) != *l.Total {
			b.t.Fatalf("%v are behind %v", people, *l.Total)
		}
	}
	at := rapid.IntRange(0, len(edges)-2).Draw(b.t, "bucket")
	cell.Bucket = &p.a.Buckets[at].Start
	first := at
	if r.Cumulative {
		first = 0
	} else if r.Rolling > 0 {
		first = max(0, at-r.Rolling+1)
	}
	people := b.people(cell)
	b.same("bucket", people, p.people(i, l, edges, first, at))
	if countsPeople && r.Rolling == 0 && float64(len(people)) != *l.Values[at] {
		b.t.Fatalf("%v are behind %v", people, *l.Values[at])
	}
}

func peopleOfSessions(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	askPeople(rt, e, o, now, drawSessions, (*query.Engine).ResolveSessions, func(b *behind, o *oracle, a *query.SessionsAnswer) {
		q := &a.Question
		g := &grouper{o: o, breakdown: q.Breakdown}
		trends := &query.Trends{Where: q.Where, Breakdown: q.Breakdown, Timezone: q.Timezone}
		g.boundaries = o.boundaries(trends, &query.Series{Events: q.Holding.Events, Where: q.Holding.Where}, []time.Time{a.Range.From, a.Range.To})
		visits := o.visits(q, zoneOf(b.t, q.Timezone))
		people := func(line []any, from, to int64, picks func(*visit) bool) []uint64 {
			out := map[uint64]bool{}
			for _, v := range visits {
				if at := o.stands(v.first, q.Timezone); !v.counts(q) || at < from || at >= to || !picks(v) {
					continue
				}
				valued := v.first
				if q.Attribution == "last_event" {
					valued = v.last
				}
				labels := g.of(valued).labels
				shown := slices.ContainsFunc(a.Groups, func(other query.SessionsGroup) bool { return asJSON(other.Breakdown) == asJSON(labels) })
				if len(line) > 0 && asJSON(line) != asJSON(labels) && (line[0] != "$other" || shown) {
					continue
				}
				for _, e := range v.all {
					out[o.person(e)] = true
				}
			}
			return ascending(out)
		}
		for _, group := range a.Groups {
			b.same("total", b.people(query.PeopleOfSessions{Breakdown: group.Breakdown}),
				people(group.Breakdown, a.Range.From.UnixMicro(), a.Range.To.UnixMicro(), func(*visit) bool { return true }))
			i := rapid.IntRange(0, len(a.Buckets)-1).Draw(b.t, "bucket")
			from, to := max(a.Buckets[i].Start.UnixMicro(), a.Range.From.UnixMicro()), a.Range.To.UnixMicro()
			if i+1 < len(a.Buckets) {
				to = a.Buckets[i+1].Start.UnixMicro()
			}
			bounced := rapid.Bool().Draw(b.t, "bounced")
			b.same("bucket", b.people(query.PeopleOfSessions{Bucket: &a.Buckets[i].Start, Breakdown: group.Breakdown, Bounced: bounced}),
				people(group.Breakdown, from, to, func(v *visit) bool { return !bounced || v.events == 1 }))
			if len(group.Histogram) > 0 {
				bin := rapid.IntRange(0, len(group.Histogram)-1).Draw(b.t, "bin")
				b.same("bin", b.people(query.PeopleOfSessions{Bin: &bin, Breakdown: group.Breakdown}),
					people(group.Breakdown, a.Range.From.UnixMicro(), a.Range.To.UnixMicro(), func(v *visit) bool { return inBin(group.Histogram, bin, v) }))
			}
			if len(q.Measures) > 0 {
				k := rapid.IntRange(0, len(q.Measures)-1).Draw(b.t, "measure")
				b.same("measure", b.people(query.PeopleOfSessions{Bucket: &a.Buckets[i].Start, Measure: &k, Breakdown: group.Breakdown}),
					people(group.Breakdown, from, to, func(v *visit) bool { _, some := o.measure(&q.Measures[k], v); return some }))
			}
		}
	})
}

func peopleOfPaths(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	askPeople(rt, e, o, now, drawPaths, (*query.Engine).ResolvePaths, func(b *behind, _ *oracle, a *query.PathsAnswer) {
		groups := append([]query.PathGroup{{Paths: a.Paths, Layers: a.Layers, Links: a.Links}}, a.Groups...)
		g := rapid.SampledFrom(groups).Draw(b.t, "group")
		f := a.Question.Funnel
		// A funnel may count somebody several times, and then there is a path for each.
		once := a.Question.Unit == "actors" && (f == nil || f.Question.Entry != "every" && f.Question.HoldCounts != "value")
		check := func(cell query.PeopleOfPaths, want int64) []uint64 {
			if once {
				return b.count(cell, want)
			}
			people := b.people(cell)
			if n := int64(len(people)); n > want || n == 0 && want > 0 {
				b.t.Fatalf("%v are behind %s, which is %d", people, asJSON(cell), want)
			}
			return people
		}
		place := func(n query.PathNode) *query.PathPlace {
			if n.Sort != "value" {
				return &query.PathPlace{Sort: n.Sort}
			}
			return &query.PathPlace{Value: n.Value}
		}
		all := check(query.PeopleOfPaths{Breakdown: g.Breakdown}, g.Paths)
		for _, l := range g.Layers {
			for _, n := range l.Nodes {
				b.subset("node", check(query.PeopleOfPaths{Step: l.Step, Node: place(n), Breakdown: g.Breakdown}, n.Count), all)
			}
		}
		for _, l := range g.Links {
			i := slices.IndexFunc(g.Layers, func(x query.PathLayer) bool { return x.Step == l.Step })
			from, to := place(g.Layers[i].Nodes[l.From]), place(g.Layers[i+1].Nodes[l.To])
			check(query.PeopleOfPaths{Step: l.Step, Node: from, Next: to, Breakdown: g.Breakdown}, l.Count)
		}
	})
}

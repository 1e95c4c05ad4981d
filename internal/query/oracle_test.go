package query_test

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// oracle answers trends the slow way: it looks at every event for every number, with nothing but slices and maps.
type oracle struct {
	events []event.Event
	// merged leads from a person to the one it was linked to.
	merged map[uint64]uint64
	// handed is to whom spans were handed over; last has questions leave them with the user before.
	handed map[uint64]uint64
	last   bool
	scope  query.Scope
	// lag is how far what is visible is behind.
	lag time.Duration
	// away is the pause that is allowed after the app went into the background, in microseconds; 0 for the scope's.
	away int64
	// kept are the people of cohorts that questions name, by number.
	kept map[uint64]map[uint64]bool
	// behind has the people of a cell, which other tests compare with what they know.
	behind func(*query.CohortCell) []uint64
}

// group is one combination of a breakdown's values: labels, and what orders them.
type group struct {
	labels []any
	tags   []string
}

func (g group) key() string { return fmt.Sprintf("%q", g.tags) }

// grouper finds the group of an event.
type grouper struct {
	o          *oracle
	breakdown  []query.Breakdown
	boundaries [][]float64
}

func (g *grouper) of(e *event.Event) group {
	var out group
	for i, b := range g.breakdown {
		if b.Cohort != "" {
			side := map[bool]string{true: "in", false: "not in"}[g.o.inKept(e, b.Cohort)]
			out.labels, out.tags = append(out.labels, side+" "+keptNamed(b.Cohort).Name), append(out.tags, side)
			continue
		}
		v := g.o.property(e, b.PropertyRef)
		if len(b.Edges) == 0 && b.Quantiles == 0 {
			out.labels = append(out.labels, v.label())
			out.tags = append(out.tags, v.tag(strings.HasPrefix(b.Property, "$") && b.Of == "event" && b.As == ""))
			continue
		}
		if v.kind != 'n' || len(g.boundaries[i]) == 0 {
			out.labels, out.tags = append(out.labels, "$none"), append(out.tags, "")
			continue
		}
		label, place := numberGroup(v.num, g.boundaries[i], b.Quantiles > 0)
		out.labels, out.tags = append(out.labels, label), append(out.tags, fmt.Sprintf("%03d", place))
	}
	return out
}

func numberGroup(x float64, edges []float64, closed bool) (string, int) {
	s := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	n := len(edges)
	if closed {
		if n == 1 {
			return "[" + s(edges[0]) + ", " + s(edges[0]) + "]", 0
		}
		for i := 1; i < n-1; i++ {
			if x < edges[i] {
				return "[" + s(edges[i-1]) + ", " + s(edges[i]) + ")", i - 1
			}
		}
		return "[" + s(edges[n-2]) + ", " + s(edges[n-1]) + "]", n - 2
	}
	if x < edges[0] {
		return "< " + s(edges[0]), 0
	}
	for i := 1; i < n; i++ {
		if x < edges[i] {
			return "[" + s(edges[i-1]) + ", " + s(edges[i]) + ")", i
		}
	}
	return ">= " + s(edges[n-1]), n
}

func quantile(values []float64, q float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	values = slices.Clone(values)
	sort.Float64s(values)
	at := q * float64(len(values)-1)
	low := int(math.Floor(at))
	out := values[low]
	if share := at - float64(low); share > 0 {
		out = values[low]*(1-share) + values[low+1]*share
	}
	return &out
}

// lineAnswer is one line over one range.
type lineAnswer struct {
	values []*float64
	total  *float64
}

// sighting is an event that counts for a series: when it counts, and as what.
type sighting struct {
	at      int64
	event   *event.Event
	session string
}

// sightings are the matching events of a series, or for first_time and sessions what stands for them.
func (o *oracle) sightings(q *query.Trends, s *query.Series, from, to int64) []sighting {
	matching := func(e *event.Event) bool {
		return (len(s.Events) == 0 || slices.Contains(s.Events, e.Name)) && o.matches(e, q.Where) && o.matches(e, s.Where)
	}
	var out []sighting
	switch s.Aggregate {
	case query.AggSessions:
		for i, session := range o.sessions() {
			e := &o.events[i]
			if session.id == "" || o.stands(e, q.Timezone) >= to || !matching(e) {
				continue
			}
			if at := o.stands(session.first, q.Timezone); at >= from {
				out = append(out, sighting{at, e, session.id})
			}
		}
		return out
	case query.AggFirstTime:
		first := map[uint64]*event.Event{}
		for i := range o.events {
			e := &o.events[i]
			f := first[o.person(e)]
			at := o.stands(e, q.Timezone)
			if matching(e) && (f == nil || at < o.stands(f, q.Timezone) || at == o.stands(f, q.Timezone) && e.Derived.Position < f.Derived.Position) {
				first[o.person(e)] = e
			}
		}
		for _, e := range first {
			if at := o.stands(e, q.Timezone); at >= from && at < to {
				out = append(out, sighting{at: at, event: e})
			}
		}
		return out
	}
	for i := range o.events {
		e := &o.events[i]
		if at := o.stands(e, q.Timezone); at >= from && at < to && matching(e) {
			out = append(out, sighting{at: at, event: e})
		}
	}
	return out
}

type session struct {
	id    string
	first *event.Event
}

// sessions gives every event its session; an empty id for none.
func (o *oracle) sessions() []session {
	out := make([]session, len(o.events))
	bearing := func(e *event.Event) bool {
		return !slices.Contains(query.SilentEvents(), e.Name) && !slices.Contains(query.ServerLibraries(), e.Context.LibraryName)
	}
	byDevice := map[uint64][]int{}
	for i := range o.events {
		e := &o.events[i]
		if !bearing(e) {
			continue
		}
		opening, last, sane := e, e.Derived.Time, e.SessionID != ""
		for j := range o.events {
			if f := &o.events[j]; f.SessionID == e.SessionID && bearing(f) {
				last = max(last, f.Derived.Time)
				if a, b := f.Derived, opening.Derived; a.Time < b.Time || a.Time == b.Time && a.Position < b.Position {
					opening = f
				}
				sane = sane && f.Derived.Device == e.Derived.Device
			}
		}
		if sane && last-opening.Derived.Time <= 24*3600e6 {
			out[i] = session{"s" + e.SessionID, opening}
			continue
		}
		byDevice[e.Derived.Device] = append(byDevice[e.Derived.Device], i)
	}
	for device, list := range byDevice {
		sort.SliceStable(list, func(a, b int) bool {
			x, y := o.events[list[a]].Derived, o.events[list[b]].Derived
			return x.Time < y.Time || x.Time == y.Time && x.Position < y.Position
		})
		var before, pause int64
		var opening *event.Event
		for k, i := range list {
			at := o.events[i].Derived.Time
			if k == 0 || at-before > pause {
				opening = &o.events[i]
			}
			before, pause = at, o.scope.SessionGap.Microseconds()
			if o.away > 0 && o.events[i].Name == "Application Backgrounded" {
				pause = o.away
			}
			out[i] = session{fmt.Sprintf("d%d at %d", device, opening.Derived.Time), opening}
		}
	}
	return out
}

// number is the aggregate of some sightings.
func (o *oracle) number(s *query.Series, list []sighting) *float64 {
	value := func(f float64) *float64 { return &f }
	var numbers []float64
	things := map[string]bool{}
	for _, x := range list {
		v := o.property(x.event, query.PropertyRef{Property: s.Property, As: s.As})
		if v.kind == 'n' {
			numbers = append(numbers, v.num)
		}
		switch s.Aggregate {
		case query.AggDistinct:
			if tag := v.tag(false); tag != "" {
				things[tag] = true
			}
		case query.AggSessions:
			things[x.session] = true
		default:
			things[strconv.FormatUint(o.person(x.event), 10)] = true
		}
	}
	sum := 0.0
	for _, n := range numbers {
		sum += n
	}
	switch s.Aggregate {
	case query.AggTotal:
		return value(float64(len(list)))
	case query.AggUnique, query.AggSessions, query.AggFirstTime, query.AggDistinct, query.AggDAU, query.AggWAU, query.AggMAU:
		return value(float64(len(things)))
	case query.AggPerUser:
		if len(things) == 0 {
			return nil
		}
		return value(float64(len(list)) / float64(len(things)))
	case query.AggSum:
		return value(sum)
	case query.AggAvg:
		if len(numbers) == 0 {
			return nil
		}
		return value(sum / float64(len(numbers)))
	case query.AggMin:
		return quantile(numbers, 0)
	case query.AggMax:
		return quantile(numbers, 1)
	}
	return quantile(numbers, map[string]float64{"median": .5, "p75": .75, "p90": .9, "p95": .95, "p99": .99}[s.Aggregate])
}

// over computes a line from the sightings of its group.
func (o *oracle) over(q *query.Trends, s *query.Series, list []sighting, edges []time.Time, ended int, zone *time.Location) lineAnswer {
	n := len(edges) - 1
	out := lineAnswer{values: make([]*float64, n)}
	days := activeDays(s)
	between := func(from, to time.Time) []sighting {
		var in []sighting
		for _, x := range list {
			if x.at >= from.UnixMicro() && x.at < to.UnixMicro() {
				in = append(in, x)
			}
		}
		return in
	}
	sum, counted := 0.0, ended
	if counted == 0 {
		counted = n
	}
	for i := range n {
		from, to := edges[i], edges[i+1]
		if q.Cumulative {
			from = edges[0]
		}
		if days > 0 {
			from, to = o.activeSpan(s, to, zone)
		}
		out.values[i] = o.number(s, between(from, to))
		if days > 0 && i < counted {
			sum += *out.values[i] / float64(counted)
		}
	}
	if days > 0 {
		out.total = &sum
		return out
	}
	out.total = o.number(s, between(edges[0], edges[n]))
	return out
}

// activeDays is how many days an aggregate of active people looks back, 0 for others.
func activeDays(s *query.Series) int {
	return map[string]int{"dau": 1, "wau": 7, "mau": 30}[s.Aggregate]
}

// activeSpan is when the active people of a bucket were there, which ends at a moment.
func (o *oracle) activeSpan(s *query.Series, to time.Time, zone *time.Location) (time.Time, time.Time) {
	last := to.Add(-time.Microsecond).In(zone)
	y, m, d := last.Date()
	first := d - activeDays(s) + 1
	if s.Clock == "calendar" {
		first = 1
		if s.Aggregate == "wau" {
			first = d - (int(last.Weekday())-int(o.scope.WeekStart)+7)%7
		}
	}
	return dayBegins(y, m, first, zone), dayBegins(y, m, d+1, zone)
}

// lookBack is where the events of a series begin to matter.
func (o *oracle) lookBack(s *query.Series, from time.Time, zone *time.Location) int64 {
	if activeDays(s) > 0 {
		from, _ = o.activeSpan(s, from.Add(time.Microsecond), zone)
	}
	return from.UnixMicro()
}

// seriesAnswer are the lines of a series.
type seriesAnswer struct {
	groups          []group
	lines, compared []lineAnswer
	other           bool
	rest, restThen  lineAnswer
}

func (o *oracle) series(q *query.Trends, s *query.Series, g *grouper, like *seriesAnswer, edges, earlier []time.Time, ended int, zone *time.Location) *seriesAnswer {
	to := edges[len(edges)-1]
	list := o.sightings(q, s, o.lookBack(s, edges[0], zone), to.UnixMicro())
	byGroup := map[string][]sighting{}
	known := map[string]group{}
	for _, x := range list {
		k := g.of(x.event)
		byGroup[k.key()] = append(byGroup[k.key()], x)
		known[k.key()] = k
	}
	out := &seriesAnswer{}
	switch {
	case len(q.Breakdown) == 0:
		out.groups = []group{{}}
	case like != nil:
		out.groups = like.groups
	default:
		out.groups = o.rank(q, s, byGroup, known, edges, ended, zone)
	}
	then := map[string][]sighting{}
	if earlier != nil {
		for _, x := range o.sightings(q, s, o.lookBack(s, earlier[0], zone), earlier[len(earlier)-1].UnixMicro()) {
			k := g.of(x.event).key()
			then[k] = append(then[k], x)
		}
	}
	for _, k := range out.groups {
		out.lines = append(out.lines, o.over(q, s, byGroup[k.key()], edges, ended, zone))
		delete(byGroup, k.key())
		if earlier != nil {
			out.compared = append(out.compared, o.over(q, s, then[k.key()], earlier, len(earlier)-1, zone))
			delete(then, k.key())
		}
	}
	merge := func(m map[string][]sighting) (all []sighting) {
		for _, l := range m {
			all = append(all, l...)
		}
		return all
	}
	out.other = len(byGroup) > 0
	out.rest = o.over(q, s, merge(byGroup), edges, ended, zone)
	if earlier != nil {
		out.restThen = o.over(q, s, merge(then), earlier, len(earlier)-1, zone)
	}
	return out
}

func (o *oracle) rank(q *query.Trends, s *query.Series, byGroup map[string][]sighting, known map[string]group, edges []time.Time, ended int, zone *time.Location) []group {
	type ranked struct {
		group
		total *float64
	}
	var all []ranked
	for k, list := range byGroup {
		all = append(all, ranked{known[k], o.over(q, s, list, edges, ended, zone).total})
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		switch {
		case a.total == nil && b.total != nil:
			return false
		case a.total != nil && b.total == nil:
			return true
		case a.total != nil && math.Abs(*a.total-*b.total) > 1e-9:
			return *a.total > *b.total
		}
		return slices.Compare(a.tags, b.tags) < 0
	})
	var out []group
	for i := range all {
		if i < q.BreakdownLimit {
			out = append(out, all[i].group)
		}
	}
	return out
}

// shown is a line of the oracle's answer.
type shown struct {
	id        string
	breakdown []any
	now, then lineAnswer
}

// answer computes a resolved question. formula evaluates an expression on the numbers of the series.
func (o *oracle) answer(r *query.Resolved) []shown {
	q := &r.Trends
	zone := zoneNamed(q.Timezone)
	edges, earlier := r.Edges()
	var all []*seriesAnswer
	other := false
	for i := range q.Series {
		s := &q.Series[i]
		g := &grouper{o: o, breakdown: q.Breakdown}
		g.boundaries = o.boundaries(q, s, edges)
		var like *seriesAnswer
		if i > 0 && len(q.Formulas) > 0 {
			like, g.boundaries = all[0], o.boundaries(q, &q.Series[0], edges)
		}
		all = append(all, o.series(q, s, g, like, edges, earlier, r.Ended(), zone))
		other = other || all[i].other
	}
	var out []shown
	for i, a := range all {
		if len(q.Formulas) > 0 {
			a.other = other
		}
		for j, l := range a.lines {
			line := shown{id: q.Series[i].ID, breakdown: a.groups[j].labels, now: l}
			if earlier != nil {
				line.then = a.compared[j]
			}
			out = append(out, line)
		}
		if a.other {
			line := shown{id: q.Series[i].ID, now: a.rest, then: a.restThen}
			for range q.Breakdown {
				line.breakdown = append(line.breakdown, "$other")
			}
			out = append(out, line)
		}
	}
	out = append(out, formulas(q, out)...)
	for i := range out {
		out[i].now.values, out[i].then.values = rolling(q.Rolling, out[i].now.values), rolling(q.Rolling, out[i].then.values)
	}
	return out
}

// boundaries are those of the groups of numbers of each property of the breakdown.
func (o *oracle) boundaries(q *query.Trends, s *query.Series, edges []time.Time) [][]float64 {
	out := make([][]float64, len(q.Breakdown))
	for i, b := range q.Breakdown {
		out[i] = b.Edges
		if b.Quantiles == 0 {
			continue
		}
		var numbers []float64
		plain := *s
		plain.Aggregate = query.AggTotal
		for _, x := range o.sightings(q, &plain, edges[0].UnixMicro(), edges[len(edges)-1].UnixMicro()) {
			if v := o.property(x.event, b.PropertyRef); v.kind == 'n' {
				numbers = append(numbers, v.num)
			}
		}
		for j := range b.Quantiles + 1 {
			if x := quantile(numbers, float64(j)/float64(b.Quantiles)); x != nil {
				out[i] = append(out[i], *x)
			}
		}
		out[i] = slices.Compact(out[i])
	}
	return out
}

// formulas computes those of the tests, which are all of the form A op B.
func formulas(q *query.Trends, lines []shown) []shown {
	byID := map[string][]shown{}
	for _, l := range lines {
		byID[l.id] = append(byID[l.id], l)
	}
	var out []shown
	for _, f := range q.Formulas {
		a, op, b := byID[f.Expression[:1]], f.Expression[1], byID[f.Expression[2:]]
		both := func(x, y *float64) *float64 {
			if x == nil || y == nil || op == '/' && *y == 0 {
				return nil
			}
			z := map[byte]float64{'+': *x + *y, '-': *x - *y, '*': *x * *y, '/': *x / *y}[op]
			return &z
		}
		pair := func(x, y lineAnswer) (z lineAnswer) {
			for i := range x.values {
				z.values = append(z.values, both(x.values[i], y.values[i]))
			}
			z.total = both(x.total, y.total)
			return z
		}
		for i := range a {
			out = append(out, shown{f.ID, a[i].breakdown, pair(a[i].now, b[i].now), pair(a[i].then, b[i].then)})
		}
	}
	return out
}

func rolling(n int, values []*float64) []*float64 {
	if n == 0 {
		return values
	}
	out := make([]*float64, len(values))
	for i := range values {
		sum, k := 0.0, 0.0
		for j := max(0, i-n+1); j <= i; j++ {
			if values[j] != nil {
				sum, k = sum+*values[j], k+1
			}
		}
		if k > 0 {
			mean := sum / k
			out[i] = &mean
		}
	}
	return out
}

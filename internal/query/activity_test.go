package query_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// presence is who did what in which interval, by local dates.
type presence struct {
	*oracle
	dates dates
}

// people are those for whom something holds.
func (o *presence) people(holds func(person uint64) bool) (n int64) {
	known := map[uint64]bool{}
	for i := range o.events {
		known[o.person(&o.events[i])] = true
	}
	for p := range known {
		if holds(p) {
			n++
		}
	}
	return n
}

// times is how many matching events a person has in some intervals, both included, and within a range.
func (o *presence) times(person uint64, s query.Selector, where *query.Filter, first, last int, from, to time.Time) (n int) {
	for i := range o.events {
		e := &o.events[i]
		at := e.Derived.Time
		if o.person(e) == person && at >= from.UnixMicro() && at < to.UnixMicro() && o.selects(e, s, where) {
			if k := o.dates.number(at); k >= first && k <= last {
				n++
			}
		}
	}
	return n
}

func drawFrame(t *rapid.T) (zone, interval string, where *query.Filter) {
	if rapid.IntRange(0, 3).Draw(t, "where?") == 0 {
		where = drawFilter(t, 1)
	}
	return rapid.SampledFrom(append([]string{"", ""}, zones...)).Draw(t, "zone"),
		rapid.SampledFrom([]string{"", "day", "week", "month"}).Draw(t, "interval"), where
}

func zoneOf(t *rapid.T, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

var (
	longAgo   = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	longAfter = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

func TestLifecycleAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		askHistory(t, rt, 5, func(e *query.Engine, o *oracle, now time.Time) {
			q := &query.Lifecycle{
				Preset: rapid.SampledFrom(append([]string{""}, query.Presets()...)).Draw(rt, "preset"), Range: drawRange(rt, now),
				Active: drawSelector(rt), NewBy: rapid.SampledFrom([]string{"", "active", "any"}).Draw(rt, "new by"),
			}
			q.Timezone, q.Interval, q.Where = drawFrame(rt)
			r, err := e.ResolveLifecycle(o.scope, q)
			if event.KindOf(err) == event.Invalid {
				return
			}
			if err != nil {
				rt.Fatal(err)
			}
			a, err := e.Lifecycle(context.Background(), o.scope, r)
			if err != nil {
				rt.Fatal(err)
			}
			checkLifecycle(rt, o, a, now)
			if again, err := e.ResolveLifecycle(o.scope, &a.Question); err != nil || again.Key() != r.Key() {
				rt.Fatalf("the question in the answer is another one: %v %s", err, asJSON(a.Question))
			}
		})
	})
}

func checkLifecycle(t *rapid.T, o *oracle, a *query.LifecycleAnswer, now time.Time) {
	q := &a.Question
	zone := zoneOf(t, q.Timezone)
	p := &presence{o, dates{q.Interval, zone, weekday(q.WeekStart)}}
	first, last := p.dates.number(a.Range.From.UnixMicro()), p.dates.number(a.Range.To.UnixMicro()-1)
	if len(a.Buckets) != last-first+1 || p.dates.begin(first) != a.Range.From.UnixMicro() || p.dates.begin(last+1) != a.Range.To.UnixMicro() {
		t.Fatalf("%d buckets from %v to %v", len(a.Buckets), a.Range.From, a.Range.To)
	}
	maker := q.Active
	if q.NewBy == "any" {
		maker = query.Selector{}
	}
	for i, b := range a.Buckets {
		k := first + i
		active := func(person uint64, k int) bool {
			return p.times(person, q.Active, q.Where, k, k, longAgo, longAfter) > 0
		}
		isNew := func(person uint64) bool {
			return p.times(person, maker, q.Where, -1<<40, k-1, longAgo, longAfter) == 0 && p.times(person, maker, q.Where, k, k, longAgo, longAfter) > 0
		}
		dormant := p.people(func(x uint64) bool { return !active(x, k) && active(x, k-1) })
		want := query.LifecycleBucket{
			Start: time.UnixMicro(p.dates.begin(k)).In(zone), Partial: p.dates.begin(k+1) > now.UnixMicro(),
			Active:       p.people(func(x uint64) bool { return active(x, k) }),
			New:          p.people(func(x uint64) bool { return active(x, k) && isNew(x) }),
			Returning:    p.people(func(x uint64) bool { return active(x, k) && !isNew(x) && active(x, k-1) }),
			Resurrecting: p.people(func(x uint64) bool { return active(x, k) && !isNew(x) && !active(x, k-1) }),
		}
		if !want.Partial {
			want.Dormant = &dormant
		}
		if want.Dormant != nil && dormant > 0 {
			pulse := float64(want.New+want.Resurrecting) / float64(dormant)
			want.Pulse = &pulse
		}
		if asJSON(b) != asJSON(want) {
			t.Fatalf("%s\nbucket %d is %s, want %s", asJSON(q), i, asJSON(b), asJSON(want))
		}
		if b.New+b.Returning+b.Resurrecting != b.Active {
			t.Fatalf("%s does not add up", asJSON(b))
		}
		if i > 0 && b.Dormant != nil && b.Returning+*b.Dormant != a.Buckets[i-1].Active {
			t.Fatalf("%s does not follow on %s", asJSON(b), asJSON(a.Buckets[i-1]))
		}
	}
}

func TestStickinessAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		askHistory(t, rt, 5, func(e *query.Engine, o *oracle, now time.Time) {
			q := &query.Stickiness{
				Range: drawRange(rt, now), Active: drawSelector(rt), Times: rapid.IntRange(0, 3).Draw(rt, "times"),
				Mode: rapid.SampledFrom([]string{"", "exact", "cumulative"}).Draw(rt, "mode"),
			}
			q.Timezone, q.Interval, q.Where = drawFrame(rt)
			if q.Interval == "day" {
				q.Window = rapid.SampledFrom([]string{"", "week", "month"}).Draw(rt, "window")
			}
			r, err := e.ResolveStickiness(o.scope, q)
			if event.KindOf(err) == event.Invalid {
				return
			}
			if err != nil {
				rt.Fatal(err)
			}
			a, err := e.Stickiness(context.Background(), o.scope, r)
			if err != nil {
				rt.Fatal(err)
			}
			checkStickiness(rt, o, a)
			if again, err := e.ResolveStickiness(o.scope, &a.Question); err != nil || again.Key() != r.Key() {
				rt.Fatalf("the question in the answer is another one: %v %s", err, asJSON(a.Question))
			}
		})
	})
}

func checkStickiness(t *rapid.T, o *oracle, a *query.StickinessAnswer) {
	q := &a.Question
	zone := zoneOf(t, q.Timezone)
	p := &presence{o, dates{q.Interval, zone, weekday(q.WeekStart)}}
	windows := dates{q.Window, zone, weekday(q.WeekStart)}
	first, last := p.dates.number(a.Range.From.UnixMicro()), p.dates.number(a.Range.To.UnixMicro()-1)
	members := map[int][]int{}
	for k := first; k <= last; k++ {
		w := 0
		if q.Window != "" {
			w = windows.number(max(p.dates.begin(k), a.Range.From.UnixMicro()))
		}
		members[w] = append(members[w], k)
	}
	if len(a.Windows) != len(members) {
		t.Fatalf("%d windows, want %d", len(a.Windows), len(members))
	}
	for _, w := range a.Windows {
		number := 0
		if q.Window != "" {
			number = windows.number(w.Start.UnixMicro())
		}
		active := func(x uint64) (n int) {
			for _, k := range members[number] {
				if p.times(x, q.Active, q.Where, k, k, a.Range.From, a.Range.To) >= q.Times {
					n++
				}
			}
			return n
		}
		want := []int64{}
		for n := 1; n <= len(members[number]); n++ {
			want = append(want, p.people(func(x uint64) bool {
				return active(x) == n || q.Mode == "cumulative" && active(x) > n
			}))
		}
		people := p.people(func(x uint64) bool { return active(x) > 0 })
		if w.Intervals != len(want) || w.People != people || fmt.Sprint(w.Counts) != fmt.Sprint(want) {
			t.Fatalf("%s\nis %s, want %d %v", asJSON(q), asJSON(w), people, want)
		}
	}
}

// TestRatioIsDailyByMonthly: the days of a ratio are those of the trends.
func TestRatioIsDailyByMonthly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		askHistory(t, rt, 5, func(e *query.Engine, o *oracle, now time.Time) {
			q := &query.Stickiness{Mode: "ratio", Range: drawRange(rt, now), Active: drawSelector(rt), Days: rapid.SampledFrom([]int{0, 7, 30}).Draw(rt, "days")}
			q.Timezone, _, q.Where = drawFrame(rt)
			r, err := e.ResolveStickiness(o.scope, q)
			if event.KindOf(err) == event.Invalid {
				return
			}
			if err != nil {
				rt.Fatal(err)
			}
			a, err := e.Stickiness(context.Background(), o.scope, r)
			if err != nil {
				rt.Fatal(err)
			}
			long := map[int]string{7: "wau", 30: "mau"}[r.Days]
			one := query.Series{Events: r.Active.Events, Where: r.Active.Where, Aggregate: "dau"}
			many := one
			many.Aggregate = long
			trends, err := e.Resolve(o.scope, &query.Trends{
				Range: r.Range, Timezone: r.Timezone, Where: r.Where, Series: []query.Series{one, many}, Formulas: []query.Formula{{Expression: "A/B"}},
			})
			if err != nil {
				rt.Fatal(err)
			}
			want, err := e.Trends(context.Background(), o.scope, trends)
			if err != nil {
				rt.Fatal(err)
			}
			for i, d := range a.Days {
				one, many := float64(d.Day), float64(d.Span)
				got := []*float64{&one, &many, d.Ratio}
				if !same(got, []*float64{want.Series[0].Values[i], want.Series[1].Values[i], want.Series[2].Values[i]}) {
					rt.Fatalf("%s\nday %d is %s\n%s", asJSON(a.Question), i, asJSON(d), asJSON(want.Series))
				}
			}
			if len(a.Days) != len(want.Buckets) {
				rt.Fatalf("%d days, want %d", len(a.Days), len(want.Buckets))
			}
		})
	})
}

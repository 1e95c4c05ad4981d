package query_test

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

var step = regexp.MustCompile(`^(\w+)\[(\d+)\]$`)

// change puts a value to the place of a path in a question or cell; nil takes it out.
func change(t *rapid.T, doc any, path []string, value any) any {
	at := path[0]
	if m := step.FindStringSubmatch(at); m != nil {
		parent := doc.(map[string]any)
		list := parent[m[1]].([]any)
		i, _ := strconv.Atoi(m[2])
		if len(path) > 1 {
			list[i] = change(t, list[i], path[1:], value)
			return doc
		}
		if value != nil {
			t.Fatalf("nothing puts %v to %s", value, at)
		}
		parent[m[1]] = slices.Delete(list, i, i+1)
		return doc
	}
	if doc == nil {
		doc = map[string]any{}
	}
	doc.(map[string]any)[at] = value
	return doc
}

func asMap(t *rapid.T, v any) map[string]any {
	out := map[string]any{}
	if err := json.Unmarshal([]byte(asJSON(v)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// explain checks an explanation: in means behind the number, and the nearest miss is none when the change is made.
func explain[Q any, R query.Asked](b *behind, o *oracle, resolve func(*query.Engine, query.Scope, *Q) (R, error), cell any) *query.Explanation {
	b.t.Helper()
	person := o.person(&o.events[rapid.IntRange(0, len(o.events)-1).Draw(b.t, "of")])
	ask := func(r query.Asked, cell string) *query.Explanation {
		x, err := b.e.Explain(context.Background(), b.scope, r, json.RawMessage(cell), person)
		if err != nil {
			b.t.Fatalf("explain %s of %s: %v", cell, asJSON(r), err)
		}
		return x
	}
	people := b.people(cell)
	x := ask(b.r, asJSON(cell))
	if slices.Contains(people, person) != x.In || x.Person != strconv.FormatUint(person, 10) || x.Sentence == "" ||
		!slices.Contains(query.Reasons(), x.Reason) || x.In != (x.Reason == query.ReasonCounted) {
		b.t.Fatalf("%d of %v behind %s of %s: %s", person, people, asJSON(cell), asJSON(b.r), asJSON(x))
	}
	for i, e := range x.Events {
		at := slices.IndexFunc(o.events, func(f event.Event) bool { return f.Derived.Position == e.Position })
		if o.person(&o.events[at]) != person || o.events[at].Name != e.Event || i > 0 && e.Timestamp.Before(x.Events[i-1].Timestamp) {
			b.t.Fatalf("event %d is not the person's: %s", i, asJSON(x))
		}
	}
	if x.Nearest == nil {
		return x
	}
	if x.In {
		b.t.Fatalf("in, and missed: %s", asJSON(x))
	}
	r, changed := b.r, asMap(b.t, cell)
	question := asMap(b.t, b.r)
	if path, ok := strings.CutPrefix(x.Nearest.Parameter, "cell."); ok {
		change(b.t, changed, strings.Split(path, "."), x.Nearest.Value)
	} else {
		change(b.t, question, strings.Split(x.Nearest.Parameter, "."), x.Nearest.Value)
		q := new(Q)
		if err := json.Unmarshal([]byte(asJSON(question)), q); err != nil {
			b.t.Fatal(err)
		}
		again, err := resolve(b.e, b.scope, q)
		if err != nil {
			b.t.Fatalf("%s: %v", asJSON(x), err)
		}
		r = again
	}
	now, _, err := b.e.People(context.Background(), b.scope, r, json.RawMessage(asJSON(changed)))
	if err != nil || !slices.Contains(now, person) {
		b.t.Fatalf("%s\n%s\n%s\nis not so: %v %v\n%s", asJSON(b.r), asJSON(cell), asJSON(x), now, err, asJSON(question))
	}
	return x
}

// TestExplanationsHold asks why people are behind numbers of every kind of question, or not.
func TestExplanationsHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		askHistory(t, rt, 1, func(e *query.Engine, o *oracle, now time.Time) {
			if len(o.events) == 0 {
				return
			}
			someOf(rt, e, o, now, []agreement{
				explainLifecycle, explainStickiness, explainRetention, explainFunnel, explainTrends, explainFlow,
			})
		})
	})
}

func explainLifecycle(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	draw := func(rt *rapid.T, now time.Time) *query.Lifecycle {
		q := &query.Lifecycle{Range: drawRange(rt, now), Active: drawSelector(rt), NewBy: rapid.SampledFrom(query.LifecycleNews()).Draw(rt, "new by")}
		q.Breakdown, q.BreakdownLimit = drawBreakdown(rt), 2
		q.Timezone, q.Interval, q.Where = drawFrame(rt)
		q.SignedOut = drawSignedOut(rt)
		if q.Interval == "hour" {
			q.Range = drawHours(rt)
		}
		return q
	}
	askPeople(rt, e, o, now, draw, (*query.Engine).ResolveLifecycle, func(b *behind, o *oracle, a *query.LifecycleAnswer) {
		for range 3 {
			n := rapid.SampledFrom(a.Buckets).Draw(b.t, "bucket")
			state := rapid.SampledFrom(query.LifecycleStates()).Draw(b.t, "state")
			cell := query.PeopleOfLifecycle{Bucket: &n.Start, State: state}
			if len(a.Groups) > 0 {
				cell.Breakdown = rapid.SampledFrom(a.Groups).Draw(b.t, "group").Breakdown
			}
			if state != "dormant" || n.Dormant != nil {
				explain(b, o, (*query.Engine).ResolveLifecycle, cell)
			}
		}
	})
}

func explainStickiness(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	draw := func(rt *rapid.T, now time.Time) *query.Stickiness {
		return rapid.SampledFrom([]func(*rapid.T, time.Time) *query.Stickiness{drawStickiness, drawRatio}).Draw(rt, "form")(rt, now)
	}
	askPeople(rt, e, o, now, draw, (*query.Engine).ResolveStickiness, func(b *behind, o *oracle, a *query.StickinessAnswer) {
		for range 3 {
			var group []any
			if len(a.Groups) > 0 && rapid.Bool().Draw(b.t, "group?") {
				group = rapid.SampledFrom(a.Groups).Draw(b.t, "group").Breakdown
			}
			if a.Days != nil {
				d := rapid.SampledFrom(a.Days).Draw(b.t, "day")
				of := rapid.SampledFrom([]string{"day", "span"}).Draw(b.t, "of")
				explain(b, o, (*query.Engine).ResolveStickiness, query.PeopleOfStickiness{Day: &d.Start, Of: of, Breakdown: group})
				continue
			}
			w := rapid.SampledFrom(a.Windows).Draw(b.t, "window")
			k := rapid.IntRange(0, len(w.Counts)).Draw(b.t, "intervals")
			explain(b, o, (*query.Engine).ResolveStickiness, query.PeopleOfStickiness{Window: &w.Start, Intervals: k, Breakdown: group})
		}
	})
}

func explainRetention(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	askPeople(rt, e, o, now, drawRetention, (*query.Engine).ResolveRetention, func(b *behind, o *oracle, a *query.RetentionAnswer) {
		for range 3 {
			if len(a.Tables) == 0 {
				return
			}
			table := rapid.SampledFrom(a.Tables).Draw(b.t, "table")
			c := rapid.SampledFrom(table.Cohorts).Draw(b.t, "cohort")
			cell := query.PeopleOfRetention{Cohort: &c.Start, Breakdown: table.Breakdown}
			if rapid.Bool().Draw(b.t, "column?") {
				k, came := rapid.IntRange(0, len(c.Cells)-1).Draw(b.t, "column"), rapid.Bool().Draw(b.t, "returned")
				cell.Column, cell.Returned = &k, &came
				if rapid.IntRange(0, 2).Draw(b.t, "average?") == 0 {
					cell.Cohort = nil
				}
			}
			explain(b, o, (*query.Engine).ResolveRetention, cell)
		}
	})
}

func explainFunnel(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	askPeople(rt, e, o, now, drawFunnel, (*query.Engine).ResolveFunnel, func(b *behind, o *oracle, a *query.FunnelAnswer) {
		for range 4 {
			if len(a.Groups) == 0 {
				return
			}
			g := rapid.SampledFrom(a.Groups).Draw(b.t, "group")
			cell := drawFunnelCell(b.t, &g)
			x := explain(b, o, (*query.Engine).ResolveFunnel, cell)
			if x.Nearest == nil {
				continue
			}
			if text, ok := x.Nearest.Value.(string); ok && x.Nearest.Parameter == "window" && cell.Breakdown == nil {
				checkLeast(b, x, cell, text)
			}
		}
	})
}

// drawFunnelCell draws a number of a group.
func drawFunnelCell(t *rapid.T, g *query.FunnelGroup) query.PeopleOfFunnel {
	cell := query.PeopleOfFunnel{Breakdown: g.Breakdown, State: rapid.SampledFrom(append([]string{"converted", "converted"}, query.FunnelStates()...)).Draw(t, "state")}
	if g.Compare != nil && rapid.Bool().Draw(t, "compare?") {
		cell.Compare, g = true, g.Compare
	}
	if rapid.Bool().Draw(t, "step?") {
		cell.Step = rapid.IntRange(1, len(g.Steps)).Draw(t, "step")
	}
	if cell.State == "stopped_here" && (cell.Step == 0 || cell.Step == len(g.Steps)) {
		if cell.State = "entered"; len(g.Steps) > 1 {
			cell.State, cell.Step = "stopped_here", rapid.IntRange(1, len(g.Steps)-1).Draw(t, "step before the last")
		}
	}
	if len(g.Trend) > 0 && rapid.Bool().Draw(t, "bucket?") {
		point := rapid.SampledFrom(g.Trend).Draw(t, "point")
		cell.Bucket = &point.Start
	}
	if len(g.Windows) > 0 && rapid.Bool().Draw(t, "window?") {
		cell.Window = rapid.SampledFrom(g.Windows).Draw(t, "window").Window
	}
	if g.TimeToConvert != nil && len(g.TimeToConvert.Histogram) > 0 && rapid.Bool().Draw(t, "bin?") {
		bin := rapid.IntRange(0, len(g.TimeToConvert.Histogram)-1).Draw(t, "bin")
		cell.Bin = &bin
	}
	return cell
}

// checkLeast: with a window of a second less the person is still out.
func checkLeast(b *behind, x *query.Explanation, cell query.PeopleOfFunnel, window string) {
	d, err := time.ParseDuration(strings.NewReplacer("min", "m").Replace(window))
	if days, ok := strings.CutSuffix(window, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil {
		b.t.Fatal(err)
	}
	q := b.r.(*query.ResolvedFunnel).Funnel
	if q.Window = strconv.Itoa(int(d/time.Second)-1) + "s"; q.Window == "0s" {
		return
	}
	r, err := b.e.ResolveFunnel(b.scope, &q)
	if err != nil {
		b.t.Fatal(err)
	}
	people, _, err := b.e.People(context.Background(), b.scope, r, json.RawMessage(asJSON(cell)))
	person, _ := strconv.ParseUint(x.Person, 10, 64)
	if err != nil || slices.Contains(people, person) {
		b.t.Fatalf("a window of %s is enough: %s, %v", q.Window, asJSON(x), err)
	}
}

func explainTrends(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	askPeople(rt, e, o, now, drawQuestion, (*query.Engine).Resolve, func(b *behind, o *oracle, a *query.Answer) {
		for range 2 {
			if len(a.Series) == 0 {
				return
			}
			l := rapid.SampledFrom(a.Series).Draw(b.t, "line")
			if strings.HasPrefix(l.ID, "F") {
				continue
			}
			at := rapid.SampledFrom(a.Buckets).Draw(b.t, "bucket")
			explain(b, o, (*query.Engine).Resolve, query.PeopleOfTrends{Series: l.ID, Breakdown: l.Breakdown, Bucket: &at.Start})
		}
	})
}

func explainFlow(rt *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	askPeople(rt, e, o, now, drawPaths, (*query.Engine).ResolvePaths, func(b *behind, o *oracle, a *query.PathsAnswer) {
		l := rapid.SampledFrom(a.Layers).Draw(b.t, "layer")
		cell := query.PeopleOfPaths{Step: l.Step}
		if len(l.Nodes) > 0 {
			n := rapid.SampledFrom(l.Nodes).Draw(b.t, "node")
			cell.Node = &query.PathPlace{Sort: n.Sort}
			if n.Sort == "value" {
				cell.Node.Value = n.Value
			}
			links := slices.DeleteFunc(slices.Clone(a.Links), func(link query.PathLink) bool { return link.Step != l.Step })
			if len(links) > 0 && rapid.IntRange(0, 2).Draw(b.t, "link?") == 0 {
				link := rapid.SampledFrom(links).Draw(b.t, "link")
				i := slices.IndexFunc(a.Layers, func(x query.PathLayer) bool { return x.Step == l.Step })
				place := func(n query.PathNode) *query.PathPlace {
					if n.Sort == "value" {
						return &query.PathPlace{Value: n.Value}
					}
					return &query.PathPlace{Sort: n.Sort}
				}
				cell.Node, cell.Next = place(l.Nodes[link.From]), place(a.Layers[i+1].Nodes[link.To])
			}
		}
		if len(a.Groups) > 0 && rapid.Bool().Draw(b.t, "group?") {
			cell.Breakdown = rapid.SampledFrom(a.Groups).Draw(b.t, "group").Breakdown
		}
		explain(b, o, (*query.Engine).ResolvePaths, cell)
	})
	askPeople(rt, e, o, now, drawSessions, (*query.Engine).ResolveSessions, func(b *behind, o *oracle, a *query.SessionsAnswer) {
		if len(a.Groups) == 0 {
			return
		}
		at, g := rapid.SampledFrom(a.Buckets).Draw(b.t, "bucket"), rapid.SampledFrom(a.Groups).Draw(b.t, "group")
		cell := query.PeopleOfSessions{Bucket: &at.Start, Breakdown: g.Breakdown, Bounced: rapid.IntRange(0, 2).Draw(b.t, "bounced") == 0}
		if n := len(a.Question.Measures); n > 0 && rapid.Bool().Draw(b.t, "measure?") {
			k := rapid.IntRange(0, n-1).Draw(b.t, "measure")
			cell.Measure = &k
		}
		if n := len(g.Histogram); n > 0 && rapid.IntRange(0, 3).Draw(b.t, "bin?") == 0 {
			k := rapid.IntRange(0, n-1).Draw(b.t, "bin")
			cell.Bin = &k
		}
		explain(b, o, (*query.Engine).ResolveSessions, cell)
	})
}

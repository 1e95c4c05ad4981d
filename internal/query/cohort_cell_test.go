package query_test

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// readQuestion reads a question of any kind, for cohorts out of a cell.
func readQuestion(e *query.Engine, s query.Scope, data []byte) (query.Asked, error) {
	var kind struct{ Kind string }
	if err := json.Unmarshal(data, &kind); err != nil {
		return nil, err
	}
	switch kind.Kind {
	case "funnel":
		return readKind(s, data, e.ResolveFunnel)
	case "retention":
		return readKind(s, data, e.ResolveRetention)
	case "lifecycle":
		return readKind(s, data, e.ResolveLifecycle)
	case "stickiness":
		return readKind(s, data, e.ResolveStickiness)
	case "paths":
		return readKind(s, data, e.ResolvePaths)
	case "sessions":
		return readKind(s, data, e.ResolveSessions)
	}
	return readKind(s, data, e.Resolve)
}

func readKind[Q any, R query.Asked](s query.Scope, data []byte, resolve func(query.Scope, *Q) (R, error)) (query.Asked, error) {
	q := new(Q)
	if err := json.Unmarshal(data, q); err != nil {
		return nil, err
	}
	return resolve(s, q)
}

// drawAsked draws a question of any kind.
func drawAsked(t *rapid.T, now time.Time) any {
	named := func(kind string, q any) any {
		fields := asMap(t, q)
		fields["kind"] = kind
		return fields
	}
	switch rapid.IntRange(0, 7).Draw(t, "asks") {
	case 0:
		return named("funnel", drawFunnel(t, now))
	case 1:
		return named("retention", drawRetention(t, now))
	case 2:
		return named("lifecycle", drawLifecycle(t, now))
	case 3:
		return named("stickiness", drawStickiness(t, now))
	case 4:
		return named("stickiness", drawRatio(t, now))
	case 5:
		return named("paths", drawPaths(t, now))
	case 6:
		return named("sessions", drawSessions(t, now))
	}
	return named("trends", drawQuestion(t, now))
}

// drawCell draws a number that a question has whatever its answer is, if it has any.
func drawCell(t *rapid.T, now time.Time) *query.CohortCell {
	q := drawAsked(t, now).(map[string]any)
	delete(q, "breakdown")
	delete(q, "breakdown_limit")
	delete(q, "attribution")
	delete(q, "attribution_step")
	cell := map[string]any{
		"funnel":     map[string]any{"state": rapid.SampledFrom(query.FunnelStates()).Draw(t, "state")},
		"stickiness": map[string]any{"intervals": 1},
		"trends":     map[string]any{"series": "A"},
	}[q["kind"].(string)]
	return &query.CohortCell{Question: json.RawMessage(asJSON(q)), Cell: json.RawMessage(asJSON(cell))}
}

// cellOf draws a number of an answer; nil if it has none.
func cellOf(t *rapid.T, answer query.Answered) any {
	start := func(at time.Time) *time.Time { return &at }
	switch a := answer.(type) {
	case *query.FunnelAnswer:
		if len(a.Groups) == 0 {
			return nil
		}
		g := rapid.SampledFrom(a.Groups).Draw(t, "group")
		cell := query.PeopleOfFunnel{Breakdown: g.Breakdown, State: rapid.SampledFrom(query.FunnelStates()).Draw(t, "state")}
		if len(g.Trend) > 0 {
			cell.Bucket = start(rapid.SampledFrom(g.Trend).Draw(t, "point").Start)
		}
		return cell
	case *query.RetentionAnswer:
		if len(a.Tables) == 0 {
			return nil
		}
		table := rapid.SampledFrom(a.Tables).Draw(t, "table")
		c, k := rapid.SampledFrom(table.Cohorts).Draw(t, "cohort"), rapid.IntRange(0, len(a.Columns)-1).Draw(t, "column")
		came := rapid.Bool().Draw(t, "returned")
		return query.PeopleOfRetention{Cohort: &c.Start, Column: &k, Returned: &came, Breakdown: table.Breakdown}
	case *query.LifecycleAnswer:
		at := rapid.SampledFrom(a.Buckets).Draw(t, "bucket").Start
		return query.PeopleOfLifecycle{Bucket: &at, State: rapid.SampledFrom(query.LifecycleStates()).Draw(t, "state")}
	case *query.StickinessAnswer:
		if len(a.Days) > 0 {
			return query.PeopleOfStickiness{Day: start(rapid.SampledFrom(a.Days).Draw(t, "day").Start)}
		}
		w := rapid.SampledFrom(a.Windows).Draw(t, "window")
		return query.PeopleOfStickiness{Window: &w.Start, Intervals: rapid.IntRange(0, len(w.Counts)).Draw(t, "intervals")}
	case *query.PathsAnswer:
		l := rapid.SampledFrom(a.Layers).Draw(t, "layer")
		if len(l.Nodes) == 0 {
			return nil
		}
		n := rapid.SampledFrom(l.Nodes).Draw(t, "node")
		place := &query.PathPlace{Sort: n.Sort}
		if n.Sort == query.NodeValue {
			place.Value = n.Value
		}
		cell := query.PeopleOfPaths{Step: l.Step, Node: place}
		if len(a.Groups) > 0 {
			cell.Breakdown = rapid.SampledFrom(a.Groups).Draw(t, "group").Breakdown
		}
		return cell
	case *query.SessionsAnswer:
		return query.PeopleOfSessions{Bucket: start(rapid.SampledFrom(a.Buckets).Draw(t, "bucket").Start)}
	case *query.Answer:
		if len(a.Series) == 0 {
			return nil
		}
		l := rapid.SampledFrom(a.Series).Draw(t, "line")
		return query.PeopleOfTrends{Series: l.ID, Breakdown: l.Breakdown, Bucket: start(rapid.SampledFrom(a.Buckets).Draw(t, "bucket").Start)}
	}
	return nil
}

// withCell are the kept cohorts, and one out of a cell by the number 77.
type withCell struct {
	keptCohorts
	definition json.RawMessage
}

func (c withCell) Cohort(ctx context.Context, p store.ProjectID, named string) (query.Cohort, bool, error) {
	if named == "77" {
		return query.Cohort{ID: 77, Name: "cell", Definition: c.definition}, true, nil
	}
	return c.keptCohorts.Cohort(ctx, p, named)
}

// peopleOfCellCohort: a cohort out of a number of any question has the people behind the number, as a list, as a filter and as
// a breakdown.
func peopleOfCellCohort(t *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	ctx, question := context.Background(), json.RawMessage(asJSON(drawAsked(t, now)))
	r, err := readQuestion(e, o.scope, question)
	if event.KindOf(err) == event.Invalid {
		return
	}
	if err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	a, err := r.Ask(ctx, e, o.scope)
	if err != nil {
		t.Fatal(err)
	}
	cell := json.RawMessage(asJSON(cellOf(t, a)))
	people, _, err := e.People(ctx, o.scope, r, cell)
	if event.KindOf(err) == event.Invalid {
		return // such as the people of a formula, or of an interval that is not over
	}
	if err != nil {
		t.Fatalf("%s of %s: %v", cell, question, err)
	}
	// The question as resolved names cohorts by their numbers, as cohorts must.
	d := query.CohortDefinition{Cell: &query.CohortCell{Question: json.RawMessage(asJSON(r)), Cell: cell}}
	own, err := newEngine(query.Options{
		Store: e.Store, Now: func() time.Time { return now }, Lag: e.Lag, Cohorts: withCell{definition: json.RawMessage(asJSON(d))},
	})
	if err != nil {
		t.Fatal(err)
	}
	cohort, err := own.ResolveCohort(o.scope, "77")
	if err != nil {
		t.Fatalf("%s: %v", asJSON(d), err)
	}
	if got, _, err := own.CohortPeople(ctx, o.scope, cohort); err != nil || !slices.Equal(got, people) {
		t.Fatalf("%s has %v, want %v, %v", asJSON(d), got, people, err)
	}
	// Attributed in another way somebody of the cell may have no events.
	signedOut := o.attributed(t, r)
	everybody := int64(len(o.histories("", func(*event.Event) bool { return true })))
	in := int64(len(people))
	unique := func(q query.Trends) map[string]int64 {
		q.Range, q.Interval, q.SignedOut = query.Range{From: "2020-01-01", To: "2030-01-01"}, "month", signedOut
		q.Series = []query.Series{{Aggregate: "unique"}}
		r, err := own.Resolve(o.scope, &q)
		if err != nil {
			t.Fatal(err)
		}
		a, err := own.Trends(ctx, o.scope, r)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]int64{}
		for _, l := range a.Series {
			name := ""
			if len(l.Breakdown) > 0 {
				name = l.Breakdown[0].(string)
			}
			out[name] = int64(*l.Total)
		}
		return out
	}
	if got := unique(query.Trends{Where: &query.Filter{Cohort: "77", Op: "in"}})[""]; got != in {
		t.Fatalf("as a filter %s lets %d through, want %d", asJSON(d), got, in)
	}
	by := unique(query.Trends{Breakdown: []query.Breakdown{{Cohort: "77"}}})
	if by["in cell"] != in || by["not in cell"] != everybody-in {
		t.Fatalf("as a breakdown %s has %v, want %d of %d", asJSON(d), by, in, everybody)
	}
}

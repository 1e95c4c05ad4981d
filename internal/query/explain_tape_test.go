package query_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
)

// TestNearestMiss: what the one person of a tape would need to convert.
func TestNearestMiss(t *testing.T) {
	const day = 24 * 60
	plain := func(*query.Funnel) {}
	exclude := func(q *query.Funnel) {
		q.Exclusions = []query.FunnelExclusion{{Selector: query.Selector{Events: []string{"X"}}}}
	}
	for _, c := range []struct {
		name   string
		tape   funnelTape
		adapt  func(*query.Funnel)
		want   string
		events string
	}{
		{"a window of 26 hours", minutes("A", 0, "B", 26*60), plain, "window window 26h", "step 1 A, step 2 B"},
		{"the later entry needs less", minutes("A", 0, "A", 50, "B", 130), plain, "window window 80min", "step 1 A, step 1 A, step 2 B"},
		{"an exclusion", minutes("A", 0, "X", 5, "B", 10), exclude, "exclusion exclusions[0] null", "step 1 A, exclusion X, step 2 B"},
		{"an exclusion that removes", minutes("A", 0, "X", 5, "B", 10), func(q *query.Funnel) {
			exclude(q)
			q.ExclusionEffect = "drop_actor"
		}, "exclusion exclusions[0] null", "step 1 A, exclusion X, step 2 B"},
		{"a strict order", minutes("A", 0, "X", 5, "B", 10), func(q *query.Funnel) { q.Order = "strict" }, "order order sequential", "step 1 A, step 2 B"},
		{"a window of a step", minutes("A", 0, "B", 40), func(q *query.Funnel) { q.Steps[1].Window = "30min" }, "step_window steps[1].window 40min", "step 1 A, step 2 B"},
		{"an entry after the range", minutes("A", 2*day, "B", 2*day+10), plain, "outside_range range", "step 1 A, step 2 B"},
		{"the second step never", minutes("A", 0, "C", 10), plain, "missing_step", "step 1 A"},
		{"nothing at all", minutes("C", 10), plain, "no_event", ""},
		{"steps after the range", minutes("A", 350, "B", 370), func(q *query.Funnel) { q.Within = "all_steps" }, "outside_range within entry", "step 1 A, step 2 B"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.tape.write(t, 30*24*time.Hour)
			defer s.Close()
			q := tapeQuestion("", "A", "B")
			c.adapt(q)
			e := engine(t, query.Options{Store: s, Now: func() time.Time { return tapeStart.Add(100 * 24 * time.Hour) }})
			r, err := e.ResolveFunnel(everyday, q)
			if err != nil {
				t.Fatal(err)
			}
			x, err := e.Explain(context.Background(), everyday, r, json.RawMessage(`{"state":"converted"}`), 1)
			if err != nil {
				t.Fatal(err)
			}
			got, events := x.Reason, []string{}
			if x.Nearest != nil {
				got += " " + x.Nearest.Parameter
				if _, ok := x.Nearest.Value.(query.Range); !ok {
					got += " " + strings.Trim(asJSON(x.Nearest.Value), `"`)
				}
			}
			for _, d := range x.Events {
				events = append(events, d.Role+" "+d.Event)
			}
			if got != c.want || strings.Join(events, ", ") != c.events {
				t.Errorf("%s by %v, want %s by %s: %s", got, events, c.want, c.events, asJSON(x))
			}
		})
	}
}

// TestLateStartMovesTheCohort: an older start event that arrives late moves the person, and the explanation says so.
func TestLateStartMovesTheCohort(t *testing.T) {
	s := openThreads(t, t.TempDir(), 1)
	defer s.Close()
	for i, day := range []int{3, 1, 4} {
		ev := event.Event{Name: "open", ID: fmt.Sprint(i)}
		at := tapeStart.AddDate(0, 0, day).UnixMicro()
		ev.Derived = event.Derived{Position: uint64(i), Time: at, ReceivedAt: tapeStart.AddDate(0, 0, 5).UnixMicro(), Person: 1, Device: 1}
		s.Add(1, time.UTC, "native", &ev)
	}
	if err := s.Commit(context.Background(), eventlog.Position(3)); err != nil {
		t.Fatal(err)
	}
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return tapeStart.AddDate(0, 0, 9) }})
	r, err := e.ResolveRetention(everyday, &query.Retention{Start: query.Selector{Events: []string{"open"}}, Range: query.Range{From: "2026-03-02", To: "2026-03-09"}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Explain(context.Background(), everyday, r, json.RawMessage(`{"cohort":"2026-03-05T00:00:00Z","column":1}`), 1)
	if err != nil {
		t.Fatal(err)
	}
	if x.In || x.Reason != query.ReasonCohort || !strings.Contains(x.Sentence, "arrived later") || len(x.Events) != 2 {
		t.Errorf("%s", asJSON(x))
	}
}

// TestNearestMissAmongOthers: where others decide what a step shows, or have a part in the unit or the session.
func TestNearestMissAmongOthers(t *testing.T) {
	s := openThreads(t, t.TempDir(), 1)
	defer s.Close()
	for i, e := range []struct {
		person, device uint64
		name           string
		at             time.Duration
	}{
		{1, 1, "A", 0},
		{1, 1, "B", 10 * time.Minute},
		{1, 1, "C", 20 * time.Minute},
		{2, 2, "A", 0},
		{2, 2, "C", 10 * time.Minute},
		{2, 2, "B", 20 * time.Minute},
		{3, 3, "A", 10 * 24 * time.Hour},
		{3, 3, "B", 10*24*time.Hour + time.Minute},
		{4, 4, "D", time.Hour},
		{5, 4, "E", 27 * time.Hour},
		{6, 6, "A", time.Hour},
		{6, 6, "C", 2 * time.Hour},
	} {
		ev := event.Event{Name: e.name, ID: fmt.Sprint(i)}
		at := tapeStart.Add(e.at).UnixMicro()
		ev.Derived = event.Derived{Position: uint64(i), Time: at, ReceivedAt: at, Person: e.person, Device: e.device}
		s.Add(1, time.UTC, "native", &ev)
	}
	if err := s.Commit(context.Background(), eventlog.Position(12)); err != nil {
		t.Fatal(err)
	}
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return tapeStart.Add(100 * 24 * time.Hour) }})
	days := func(n int) query.Range {
		return query.Range{From: tapeStart.Format(time.RFC3339), To: tapeStart.AddDate(0, 0, n).Format(time.RFC3339)}
	}
	paths := func(q query.Paths) func() (query.Asked, error) {
		q.Range, q.Timezone = days(2), "UTC"
		return func() (query.Asked, error) { return e.ResolvePaths(everyday, &q) }
	}
	device := func() (query.Asked, error) {
		q := tapeQuestion("", "D", "E")
		q.Unit = "device"
		return e.ResolveFunnel(everyday, q)
	}
	sessions := func() (query.Asked, error) {
		return e.ResolveSessions(everyday, &query.Sessions{Range: days(3), Timezone: "UTC", Breakdown: []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$event"}}}})
	}
	from := paths(query.Paths{From: &query.Selector{Events: []string{"A"}}})
	first := paths(query.Paths{Breakdown: []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$event"}}}})
	funnel := tapeQuestion("", "A", "C")
	funnel.Range = query.Range{}
	for _, c := range []struct {
		name    string
		resolve func() (query.Asked, error)
		cell    string
		person  uint64
		want    string
	}{
		{"another step", from, `{"step":1,"node":{"value":"C"}}`, 1, `other_node cell.step 2, A B C`},
		{"another node", from, `{"step":2,"node":{"value":"C"}}`, 6, `other_node cell.step 1, A C`},
		{"the end", from, `{"step":2,"node":{"value":"B"}}`, 6, `other_node cell.node {"sort":"end"}, A C`},
		{"another end of the link", from, `{"step":0,"node":{"value":"A"},"next":{"value":"C"}}`, 1, `other_node cell.next {"sort":"value","value":"B"}, A B C`},
		{"outside the range", from, `{"step":1,"node":{"value":"B"}}`, 3, `outside_range range {"from":"2026-03-02T10:00:00Z","to":"2026-03-12T10:00:01Z"}, A`},
		{"another value of the breakdown", first, `{"step":0,"node":{"value":"D"},"breakdown":["A"]}`, 4, `other_value cell.breakdown ["D"], D`},
		{"none of the value", first, `{"step":1,"node":{"value":"B"},"breakdown":["D"]}`, 2, `other_value, A C B`},
		{"nothing", from, `{"step":1,"node":{"value":"B"}}`, 4, `no_event`},
		{
			"not in the funnel", paths(query.Paths{Funnel: &query.PathsFunnel{Question: *funnel, Step: 2}}), `{}`, 3, `no_event`,
		},
		{"by another's event", device, `{"state":"converted"}`, 4, `window window 26h, D`},
		{"another's unit", device, `{"state":"converted"}`, 5, `window window 26h, E`},
		{"no unit", device, `{"state":"converted"}`, 1, `no_event`},
		{"no bounce", sessions, `{"bounced":true,"breakdown":["A"]}`, 1, `other_state cell.bounced false, A B C`},
		{"another day", sessions, `{"bucket":"2026-03-03T00:00:00Z","breakdown":["A"]}`, 1, `other_bucket cell.bucket 2026-03-02T00:00:00Z`},
		{"another value", sessions, `{"breakdown":["E"]}`, 4, `other_value cell.breakdown ["D"], D`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := c.resolve()
			if err != nil {
				t.Fatal(err)
			}
			x, err := e.Explain(context.Background(), everyday, r, json.RawMessage(c.cell), c.person)
			if err != nil {
				t.Fatal(err)
			}
			got, events := x.Reason, []string{}
			if x.Nearest != nil {
				got += " " + x.Nearest.Parameter + " " + strings.Trim(asJSON(x.Nearest.Value), `"`)
			}
			for _, d := range x.Events {
				events = append(events, d.Event)
			}
			if len(events) > 0 {
				got += ", " + strings.Join(events, " ")
			}
			if got != c.want || x.In {
				t.Errorf("%s, want %s: %s", got, c.want, asJSON(x))
			}
		})
	}
}

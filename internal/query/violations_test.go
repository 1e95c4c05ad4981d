package query_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// planValues are what properties may have: every type, and texts that look like something else.
var planValues = []event.Property{
	{Type: event.Null},
	{Type: event.String, Str: "pro"},
	{Type: event.String, Str: "it's \"ü\""},
	{Type: event.String},
	{Type: event.String, Str: "2026-04-01T12:00:00.000Z"},
	{Type: event.String, Str: "2026-13-01T12:00:00.000Z"},
	{Type: event.String, Str: "0000-01-01T12:00:00.000Z"},
	{Type: event.String, Str: "2026-04-01"},
	{Type: event.Number, Num: 1},
	{Type: event.Number, Num: 2.5},
	{Type: event.Number},
	{Type: event.Bool, Num: 1},
	{Type: event.JSON, Str: `{"a":1}`},
	{Type: event.JSON, Str: `[1]`},
}

// plannedHistory is a store of random events, cold and hot, with properties in columns and without.
type plannedHistory struct {
	engine *query.Engine
	events []event.Event
}

func newPlannedHistory(t *testing.T) *plannedHistory {
	dir, r := t.TempDir(), rand.New(rand.NewPCG(7, 7))
	h := &plannedHistory{}
	s := openStore(t, dir)
	for i := range 600 {
		e := event.Event{
			Name: []string{"buy", "open", "it's", "", "close"}[r.IntN(5)], ID: fmt.Sprint("id ", i), UserID: "u",
			Context: event.Context{
				LibraryName: []string{"", "swift", "kotlin"}[r.IntN(3)], LibraryVersion: []string{"", "1", "2"}[r.IntN(3)],
				OSName: []string{"", "iOS"}[r.IntN(2)],
			},
		}
		if i%7 == 0 {
			e.ID = fmt.Sprintf("0190f3c2-7a6e-7000-8000-%012x", i)
		}
		for k := range 7 {
			if r.IntN(3) > 0 {
				p := planValues[r.IntN(len(planValues))]
				p.Key = fmt.Sprint("key ", k)
				e.Properties = append(e.Properties, p)
			}
		}
		e.Derived = event.Derived{Position: uint64(i), Time: int64(1e15) + int64(r.IntN(200))*1e6, ReceivedAt: 1e15, Person: 1}
		e.Derived.Key, _ = event.KeyOf(e.ID)
		if e.Name == "" {
			e.Kind, e.Name = event.Identify, event.NameIdentify
		}
		h.events = append(h.events, e)
		s.Add(1, time.UTC, "native", &e)
		if i == 400 {
			if err := errors.Join(s.Commit(context.Background(), eventlog.Position(i+1)), s.Close()); err != nil {
				t.Fatal(err)
			}
			s = openStore(t, dir)
		}
	}
	if err := s.Commit(context.Background(), 600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	h.engine = engine(t, query.Options{Store: s})
	return h
}

// violations goes over the events one by one.
func (h *plannedHistory) violations(plan *query.TrackingPlan, from, to int64) (out []query.Violation, judged, violating int64) {
	type key struct{ name, property, reason, library, version string }
	found := map[key]*query.Violation{}
	last := map[key]*event.Event{}
	for i := range h.events {
		e := &h.events[i]
		if e.Kind == event.Identify || e.Derived.Time < from || e.Derived.Time >= to {
			continue
		}
		judged++
		var broken [][2]string
		at := slices.IndexFunc(plan.Events, func(p query.PlannedEvent) bool { return p.Name == e.Name })
		if at < 0 {
			broken = append(broken, [2]string{"", "unexpected_event"})
		} else {
			for _, p := range plan.Events[at].Properties {
				v := scalarOf(e.Properties, p.Key)
				if p.Key == "$os" {
					v = scalar{kind: map[bool]byte{true: 's'}[e.Context.OSName != ""], text: e.Context.OSName}
				}
				if reason := brokenBy(p, v); reason != "" {
					broken = append(broken, [2]string{p.Key, reason})
				}
			}
		}
		if len(broken) > 0 {
			violating++
		}
		for _, b := range broken {
			k := key{e.Name, b[0], b[1], e.Context.LibraryName, e.Context.LibraryVersion}
			if found[k] == nil {
				found[k] = &query.Violation{
					Event: e.Name, Property: b[0], Reason: b[1], Library: e.Context.LibraryName, LibraryVersion: e.Context.LibraryVersion,
				}
			}
			found[k].Count++
			if l := last[k]; l == nil || e.Derived.Time >= l.Derived.Time {
				last[k] = e
			}
		}
	}
	for k, v := range found {
		v.LastSeen, v.Sample = time.UnixMicro(last[k].Derived.Time).UTC(), last[k].ID
		out = append(out, *v)
	}
	return out, judged, violating
}

func brokenBy(p query.PlannedProperty, v scalar) string {
	if v.kind == 0 || v.kind == 'z' {
		if p.Required {
			return "missing_property"
		}
		return ""
	}
	is := map[byte]string{'s': "text", 'n': "number", 'b': "boolean", 'j': "json"}[v.kind]
	_, isTime := store.ParseTime(v.text)
	if p.Type != "" && p.Type != is && (p.Type != "time" || v.kind != 's' || !isTime) {
		return "wrong_type"
	}
	if len(p.Values) > 0 && !slices.Contains(p.Values, any(v.text)) && (v.kind != 'n' || !slices.Contains(p.Values, any(v.num))) {
		return "value_not_allowed"
	}
	return ""
}

func drawPlan(t *rapid.T) *query.TrackingPlan {
	plan := &query.TrackingPlan{Events: []query.PlannedEvent{}}
	for _, name := range []string{"buy", "open", "it's", "never"} {
		if rapid.IntRange(0, 3).Draw(t, "planned") == 0 {
			continue
		}
		e := query.PlannedEvent{Name: name}
		for k := range 9 {
			if rapid.Bool().Draw(t, "leave out") {
				continue
			}
			p := query.PlannedProperty{
				Key: fmt.Sprint("key ", k), Required: rapid.Bool().Draw(t, "required"),
				Type: rapid.SampledFrom(append([]string{""}, query.PlannedTypes()...)).Draw(t, "type"),
			}
			if k == 8 {
				p.Key, p.Type = "$os", "text"
			}
			switch values := rapid.SliceOfNDistinct(rapid.IntRange(0, 3), 0, 3, rapid.ID).Draw(t, "values"); p.Type {
			case "text":
				for _, v := range values {
					p.Values = append(p.Values, []any{"pro", "it's \"ü\"", "2026-04-01T12:00:00.000Z", "iOS"}[v])
				}
			case "number":
				for _, v := range values {
					p.Values = append(p.Values, []any{1.0, 2.5, 0.0, 7.0}[v])
				}
			}
			e.Properties = append(e.Properties, p)
		}
		plan.Events = append(plan.Events, e)
	}
	return plan
}

func TestViolations(t *testing.T) {
	h := newPlannedHistory(t)
	scope := query.Scope{Project: 1, Zone: time.UTC}
	order := func(a, b query.Violation) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
	rapid.Check(t, func(rt *rapid.T) {
		plan := drawPlan(rt)
		if err := plan.Validate(); err != nil {
			rt.Fatal(err)
		}
		from := int64(1e15) + int64(rapid.IntRange(0, 150).Draw(rt, "from"))*1e6
		to := from + int64(rapid.IntRange(1, 200).Draw(rt, "seconds"))*1e6
		want, judged, violating := h.violations(plan, from, to)
		got, err := h.engine.Violations(context.Background(), scope, plan, time.UnixMicro(from), time.UnixMicro(to))
		if err != nil {
			rt.Fatal(err)
		}
		if got.Events != judged || got.Violating != violating || got.Omitted != 0 {
			rt.Fatalf("%d of %d events, want %d of %d", got.Violating, got.Events, violating, judged)
		}
		if !slices.IsSortedFunc(got.Violations, func(a, b query.Violation) int { return int(b.Count - a.Count) }) {
			rt.Fatal("the most frequent are not the first")
		}
		slices.SortFunc(got.Violations, order)
		slices.SortFunc(want, order)
		if len(want)+len(got.Violations) > 0 && !reflect.DeepEqual(got.Violations, want) {
			for i := range max(len(want), len(got.Violations)) {
				if i >= len(want) || i >= len(got.Violations) || got.Violations[i] != want[i] {
					rt.Fatalf("violation %d of %d, want %d:\n%+v\n%+v", i, len(got.Violations), len(want), got.Violations[min(i, len(got.Violations)-1)], want[min(i, len(want)-1)])
				}
			}
		}
	})
	if _, err := h.engine.Violations(context.Background(), scope, &query.TrackingPlan{}, time.UnixMicro(1), time.UnixMicro(1)); event.KindOf(err) != event.Invalid {
		t.Error(err)
	}
}

func TestWrongPlans(t *testing.T) {
	property := func(p query.PlannedProperty) query.TrackingPlan {
		return query.TrackingPlan{Events: []query.PlannedEvent{{Name: "a"}, {Name: "b", Properties: []query.PlannedProperty{{Key: "x"}, p}}}}
	}
	many := func(n int, key string) (out []query.PlannedProperty) {
		for i := range n {
			out = append(out, query.PlannedProperty{Key: fmt.Sprintf(key, i)})
		}
		return out
	}
	crowd := query.TrackingPlan{}
	for i := range 21 {
		crowd.Events = append(crowd.Events, query.PlannedEvent{Name: fmt.Sprint(i), Properties: many(500, "%d")})
	}
	for _, c := range []struct {
		plan        query.TrackingPlan
		code, field string
	}{
		{query.TrackingPlan{}, "missing_events", "events"},
		{query.TrackingPlan{Events: make([]query.PlannedEvent, 1001)}, "too_many_events", "events"},
		{query.TrackingPlan{Events: []query.PlannedEvent{{}}}, "bad_name", "events[0].name"},
		{query.TrackingPlan{Events: []query.PlannedEvent{{Name: "a"}, {Name: "a"}}}, "duplicate_name", "events[1].name"},
		{crowd, "too_many_properties", "events[20].properties"},
		{query.TrackingPlan{Events: []query.PlannedEvent{{Name: "a", Properties: many(501, "%d")}}}, "too_many_properties", "events[0].properties[500].key"},
		{property(query.PlannedProperty{}), "bad_name", "events[1].properties[1].key"},
		{property(query.PlannedProperty{Key: "x"}), "duplicate_name", "events[1].properties[1].key"},
		{property(query.PlannedProperty{Key: "y", Type: "date"}), "unknown_word", "events[1].properties[1].type"},
		{property(query.PlannedProperty{Key: "$os", Type: "number"}), "wrong_type", "events[1].properties[1].type"},
		{property(query.PlannedProperty{Key: "y", Values: []any{"a"}}), "wrong_type", "events[1].properties[1].values"},
		{property(query.PlannedProperty{Key: "y", Type: "number", Values: []any{1.0, "a"}}), "wrong_type", "events[1].properties[1].values[1]"},
		{property(query.PlannedProperty{Key: "y", Type: "text", Values: []any{"a", nil}}), "wrong_type", "events[1].properties[1].values[1]"},
		{property(query.PlannedProperty{Key: "y", Type: "text", Values: []any{strings.Repeat("x", 257)}}), "too_long", "events[1].properties[1].values[0]"},
		{property(query.PlannedProperty{Key: "y", Type: "text", Values: make([]any, 101)}), "too_many_values", "events[1].properties[1].values"},
	} {
		var refused *event.Error
		if err := c.plan.Validate(); !errors.As(err, &refused) || refused.Code != c.code || refused.Field != c.field {
			t.Errorf("%s at %s: %v", c.code, c.field, err)
		}
	}
}

// TestProposedPlanIsKept: nothing that was seen violates the plan that is made of it, and the plan says no less than it could.
func TestProposedPlanIsKept(t *testing.T) {
	h := newPlannedHistory(t)
	scope := query.Scope{Project: 1, Zone: time.UTC}
	plan, err := h.engine.ProposePlan(context.Background(), scope)
	if err != nil || plan.Validate() != nil || len(plan.Events) != 4 {
		t.Fatalf("%+v %v", plan, err)
	}
	got, err := h.engine.Violations(context.Background(), scope, plan, time.UnixMicro(0), time.UnixMicro(1<<52))
	if err != nil || len(got.Violations) != 0 || got.Events == 0 {
		t.Errorf("%+v %v", got, err)
	}
	for _, e := range plan.Events {
		if len(e.Properties) != 7 {
			t.Errorf("%+v", e)
		}
	}

	s := openStore(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	for i := range 3 {
		e := event.Event{Name: "buy", ID: fmt.Sprint(i), Properties: []event.Property{
			{Key: "amount", Type: event.Number, Num: 1},
			{Key: "at", Type: event.String, Str: "2026-04-01T12:00:00.000Z"},
			{Key: "$os", Type: event.String, Str: "x"},
		}}
		if i > 0 {
			e.Properties = append(e.Properties, event.Property{Key: "plan", Type: event.String, Str: "pro"})
		}
		if i == 2 {
			e.Properties[1].Str = "later"
		}
		e.Derived = event.Derived{Position: uint64(i), Person: 1}
		s.Add(1, time.UTC, "native", &e)
	}
	if err := s.Commit(context.Background(), 3); err != nil {
		t.Fatal(err)
	}
	plan, err = engine(t, query.Options{Store: s}).ProposePlan(context.Background(), scope)
	// The store has room for four columns, so one value of "at" is without: what is not looked for everywhere is not required.
	want := &query.TrackingPlan{Events: []query.PlannedEvent{{Name: "buy", Properties: []query.PlannedProperty{
		{Key: "amount", Type: "number", Required: true}, {Key: "at", Type: "text"}, {Key: "plan", Type: "text"},
	}}}}
	if err != nil || !reflect.DeepEqual(plan, want) {
		t.Errorf("%+v %v", plan, err)
	}
	empty, err := engine(t, query.Options{Store: s}).ProposePlan(context.Background(), query.Scope{Project: 9, Zone: time.UTC})
	if err != nil || empty.Events == nil || len(empty.Events) != 0 {
		t.Errorf("%+v %v", empty, err)
	}
}

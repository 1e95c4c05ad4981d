package query_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// changed is an event that changes the trait "plan"; each comes a minute after the one before.
func changed(i int, kind event.Kind, traits ...event.Property) event.Event {
	at := time.Date(2026, 6, 1, 12, i, 0, 0, time.UTC).UnixMicro()
	e := event.Event{Kind: kind, Name: fmt.Sprintf("e%d", i), ID: fmt.Sprint(i), UserID: "u", Traits: traits}
	e.Derived = event.Derived{Position: uint64(i), ReceivedAt: at, Time: at, Person: event.IDNumber(event.SpaceUser, "u"), Device: 1}
	e.Derived.Key, _ = event.KeyOf(e.ID)
	return e
}

func plan(op event.Op, value string) event.Property {
	return event.Property{Key: "plan", Op: op, Type: event.String, Str: value}
}

// TestTraitInOrder follows a trait through every operation; the value at each event is in the comment beside it.
func TestTraitInOrder(t *testing.T) {
	h := &history{zone: time.UTC, events: []event.Event{
		changed(0, event.Track),                                                                       // none
		changed(1, event.Track, plan(event.SetOnce, "first")),                                         // first
		changed(2, event.Page, plan(event.SetOnce, "second")),                                         // first
		changed(3, event.Identify, plan(event.SetOnce, "third"), plan(event.Set, "pro")),              // pro
		changed(4, event.Track, plan(event.SetOnce, "fourth"), plan(event.Append, "x")),               // pro
		changed(5, event.Track, event.Property{Key: "plan", Op: event.Unset}),                         // none
		changed(6, event.Group, plan(event.Set, "a group's")),                                         // none
		changed(7, event.Track, plan(event.SetOnce, "again")),                                         // again
		changed(8, event.Track, plan(event.Set, "lost"), event.Property{Op: event.Clear, Key: "all"}), // none
		changed(9, event.Track, event.Property{Key: "$ops", Type: event.String, Str: "x"}),            // none
		changed(10, event.Track, plan(event.Set, "free")),                                             // free
	}, cold: 4}
	want := []string{"", "first", "first", "pro", "pro", "", "", "again", "", "", "free"}
	s := h.write(t, t.TempDir())
	defer s.Close()
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC) }})
	ask := func(ref query.PropertyRef, value string) float64 {
		t.Helper()
		q := &query.Trends{
			Range: query.Range{From: "-2d"}, Interval: "month",
			Series: []query.Series{{Where: &query.Filter{PropertyRef: ref, Op: "is", Value: value}}},
		}
		r, err := e.Resolve(everyday, q)
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.Trends(context.Background(), everyday, r)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Series) != 1 || a.Series[0].Total == nil {
			t.Fatalf("%+v", a)
		}
		return *a.Series[0].Total
	}
	counts := map[string]float64{"first": 0, "second": 0, "third": 0, "fourth": 0, "pro": 0, "x": 0, "again": 0, "lost": 0, "a group's": 0, "free": 0}
	for _, w := range want {
		if w != "" {
			counts[w]++
		}
	}
	for value, n := range counts {
		if got := ask(query.PropertyRef{Property: "plan", Of: "person", At: "event"}, value); got != n {
			t.Errorf("%s at the time of %v events, want %v", value, got, n)
		}
	}
	if got := ask(query.PropertyRef{Property: "plan", Of: "person"}, "free"); got != float64(len(h.events)) {
		t.Errorf("free now for %v events", got)
	}
	if got := ask(query.PropertyRef{Property: "$ops", Of: "person"}, "x"); got != float64(len(h.events)) {
		t.Errorf("a trait called $ops is there for %v events", got)
	}
}

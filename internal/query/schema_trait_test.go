package query_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// TestTraitsOfTheSchema compares the traits of the schema with those of everybody, one by one.
func TestTraitsOfTheSchema(t *testing.T) {
	base := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	histories := rapid.Custom(func(t *rapid.T) *history { return drawHistory(t, base, time.UTC) })
	seen := 0
	for seed := range 9 {
		h := histories.Filter(func(h *history) bool { return len(h.events) > 15 }).Example(seed)
		s := h.write(t, t.TempDir())
		e := engine(t, query.Options{Store: s, Now: func() time.Time { return base.AddDate(0, 0, 6) }})
		schema, err := e.Schema(t.Context(), everyday)
		if err != nil {
			t.Fatal(err)
		}
		page, err := e.Search(t.Context(), everyday, query.PersonFilter{}, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		people, values, when := map[string]int64{}, map[string]int64{}, settings(h.events)
		for _, p := range page.People {
			var traits map[string]any
			if p.Traits != nil {
				if err := json.Unmarshal(p.Traits, &traits); err != nil {
					t.Fatal(err)
				}
			}
			for key, v := range traits {
				if v != nil {
					people[key]++
					values[fmt.Sprintf("%s %T %v", key, v, v)]++
				}
			}
		}
		if len(schema.Traits) != len(people) {
			t.Errorf("%d: %+v, people have %v", seed, schema.Traits, people)
		}
		for _, trait := range schema.Traits {
			seen++
			if trait.People != people[trait.Key] || trait.Approximate || len(trait.Types) == 0 {
				t.Errorf("%d: %+v, %d people have it", seed, trait, people[trait.Key])
			}
			if at := when[trait.Key]; trait.SeenApproximate || trait.FirstSeen == nil || !trait.FirstSeen.Equal(at[0]) || !trait.LastSeen.Equal(at[1]) {
				t.Errorf("%d: %s was set from %v to %v, want %v", seed, trait.Key, trait.FirstSeen, trait.LastSeen, at)
			}
			for i, v := range trait.Values {
				if n := values[fmt.Sprintf("%s %T %v", trait.Key, v.Value, v.Value)]; n != v.People || i > 0 && n > trait.Values[i-1].People {
					t.Errorf("%d: %s has %v, %d people have it", seed, trait.Key, trait.Values, n)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if seen < 6 {
		t.Errorf("only %d traits", seen)
	}
}

// settings are the times of the first and of the last event that sets a trait, or sets it once, to anything but null.
func settings(events []event.Event) map[string][2]time.Time {
	out := map[string][2]time.Time{}
	for i := range events {
		e := &events[i]
		at := time.UnixMicro(e.Derived.Time).UTC()
		for _, p := range e.Traits {
			if e.Kind == event.Group || p.Type == event.Null || p.Op != event.Set && p.Op != event.SetOnce {
				continue
			}
			seen, known := out[p.Key]
			if !known || at.Before(seen[0]) {
				seen[0] = at
			}
			if !known || at.After(seen[1]) {
				seen[1] = at
			}
			out[p.Key] = seen
		}
	}
	return out
}

// TestTraitsSeen has traits of every operation, of a group, of nobody any more, and with names that JSON and DuckDB could misread.
func TestTraitsSeen(t *testing.T) {
	named := func(op event.Op, key string) event.Property {
		return event.Property{Key: key, Op: op, Type: event.String, Str: "x"}
	}
	null := event.Property{Key: "plan", Type: event.Null}
	nested := event.Property{Key: "tier", Type: event.JSON, Str: `{"plan":1,"$ops":{"set":{"tier":1}}}`}
	h := &history{zone: time.UTC, events: []event.Event{
		changed(0, event.Group, plan(event.Set, "a group's")),
		changed(1, event.Track, null, named(event.Append, "plan"), named(event.Add, "added")),
		changed(2, event.Track, plan(event.SetOnce, "first"), named(event.Set, "$ops")),
		changed(3, event.Identify, plan(event.Set, "pro"), named(event.SetOnce, "a/b~c")),
		changed(4, event.Identify, named(event.Set, `a"b\\'c`), named(event.Set, "*"), named(event.Set, ""), nested),
		changed(5, event.Track, named(event.Set, "gone"), plan(event.Set, "lost"), event.Property{Key: "gone", Op: event.Unset}),
		changed(6, event.Track, null, named(event.Unset, "tier"), nested),
		changed(7, event.Track, named(event.Unset, "plan"), named(event.Set, "$ops"), named(event.Set, "tier")),
		changed(8, event.Track, plan(event.SetOnce, "again")),
		changed(9, event.Track, event.Property{Key: "plan", Op: event.Unset}, named(event.Set, "tier")),
		changed(10, event.Track, plan(event.Set, "last")),
	}, cold: 5}
	s := h.write(t, t.TempDir())
	defer s.Close()
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC) }})
	schema, err := e.Schema(t.Context(), everyday)
	if err != nil {
		t.Fatal(err)
	}
	want := settings(h.events)
	delete(want, "gone")
	for _, trait := range schema.Traits {
		if at, ok := want[trait.Key]; !ok || trait.FirstSeen == nil || *trait.FirstSeen != at[0] || *trait.LastSeen != at[1] {
			t.Errorf("%q was set from %v to %v, want %v", trait.Key, trait.FirstSeen, trait.LastSeen, at)
		}
		delete(want, trait.Key)
	}
	if len(want) > 0 {
		t.Errorf("not told of: %v", want)
	}
}

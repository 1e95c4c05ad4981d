package query_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// TestPersonsAgreeWithOracle looks up everybody of a random history: events, times and latest traits.
func TestPersonsAgreeWithOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		askHistory(t, rt, 1, func(e *query.Engine, o *oracle, _ time.Time) {
			known := map[uint64]bool{}
			for i := range o.events {
				known[o.person(&o.events[i])] = true
			}
			list := append(ascending(known), 1<<63)
			var got []query.Person
			err := e.Persons(context.Background(), o.scope, list, func(p *query.Person) error {
				got = append(got, *p)
				return nil
			})
			if err != nil || len(got) != len(list) {
				rt.Fatalf("%d of %d people: %v", len(got), len(list), err)
			}
			for i, number := range list[:len(list)-1] {
				o.checkPerson(rt, number, &got[i])
			}
			if last := got[len(got)-1]; last.Events != 0 || last.FirstSeen != nil || !last.Anonymous {
				rt.Fatalf("nobody is %s", asJSON(last))
			}
		})
	})
}

func (o *oracle) checkPerson(t *rapid.T, number uint64, p *query.Person) {
	events := o.histories("", func(e *event.Event) bool { return o.person(e) == number })[number]
	user := ""
	keys := map[string]bool{}
	for _, e := range events {
		if e.UserID != "" {
			user = e.UserID
		}
		for _, trait := range e.Traits {
			keys[trait.Key] = true
		}
	}
	first, last := events[0].Derived.Time, events[len(events)-1].Derived.Time
	if p.Events != int64(len(events)) || p.FirstSeen.UnixMicro() != first || p.LastSeen.UnixMicro() != last || p.UserID != user || p.Anonymous != (user == "") {
		t.Fatalf("%d is %s", number, asJSON(p))
	}
	traits := map[string]any{}
	if p.Traits != nil {
		if err := json.Unmarshal(p.Traits, &traits); err != nil {
			t.Fatal(err)
		}
	}
	for key := range keys {
		v := o.trait(events[0], query.PropertyRef{Property: key, Of: "person", At: "now"})
		want := v.label()
		got, ok := traits[key]
		if f, isNumber := want.(float64); isNumber && ok && got == f || ok && got == want || (!ok || got == nil) && want == "$none" {
			continue
		}
		if _, scalar := got.(string); ok && !scalar && v.tag(false) != "" && v.kind != 'n' && v.kind != 'b' && v.kind != 's' {
			continue // objects and lists have no value of their own in the oracle
		}
		t.Fatalf("trait %q of %d is %v (%v), want %v: %s", key, number, got, ok, want, p.Traits)
	}
}

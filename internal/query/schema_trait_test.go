package query_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query"
)

// TestTraitsOfTheSchema compares the traits of the schema with those of everybody, one by one.
func TestTraitsOfTheSchema(t *testing.T) {
	base := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	histories := rapid.Custom(func(t *rapid.T) *history { return drawHistory(t, base, time.UTC) })
	seen := 0
	for seed := range 6 {
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
		people, values := map[string]int64{}, map[string]int64{}
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

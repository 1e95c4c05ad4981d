package process_test

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// TestConflicts holds what becomes of every event to a map: the first of an id is stored, what says the same again is a
// duplicate, what says something else a dead letter that has it as it came.
func TestConflicts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.start(rt)
		type id struct {
			project uint32
			id      string
		}
		first, want := map[id]string{}, map[uint64]string{}
		var counts store.Counts
		at := uint64(0)
		for range rapid.IntRange(1, 30).Draw(rt, "records") {
			h := event.Header{Project: uint32(rapid.IntRange(1, 2).Draw(rt, "project")), ReceivedAt: start, Protocol: "segment"}
			var items []any
			for range rapid.IntRange(1, 6).Draw(rt, "events") {
				e := named(fmt.Sprint("e", rapid.IntRange(0, 20).Draw(rt, "id")))
				e.OriginalTime -= rapid.Int64Range(0, 9).Draw(rt, "time")
				e.AnonymousID = rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "who")
				e.Properties = []event.Property{{Key: "n", Type: event.Number, Num: float64(rapid.IntRange(1, 2).Draw(rt, "n"))}}
				said := fmt.Sprint(e.AnonymousID, e.Properties)
				key := id{h.Project, e.ID}
				counts.Accepted++
				switch before, known := first[key]; {
				case !known:
					first[key] = said
					counts.Stored++
				case before == said:
					counts.Duplicate++
				default:
					want[at] = said
					counts.Dead++
				}
				at++
				items = append(items, e)
			}
			w.append(rt, h, items...)
		}
		if err := w.drain(); err != nil {
			rt.Fatal(err)
		}
		got := map[uint64]string{}
		for _, d := range w.store.dead {
			var dec event.Decoder
			var e event.Event
			if err := dec.Open(d.Body); err != nil || d.Code != store.CodeConflict || d.Stage != "process" {
				rt.Fatalf("dead letter %+v, %v", d, err)
			}
			if _, _, err := dec.Next(&e); err != nil {
				rt.Fatal(err)
			}
			got[uint64(d.Position)] = fmt.Sprint(e.AnonymousID, e.Properties)
		}
		var sum store.Counts
		for _, n := range w.store.counts {
			sum = sum.Plus(n)
		}
		if !reflect.DeepEqual(got, want) || sum != counts {
			rt.Fatalf("dead letters %v, want %v; %+v, want %+v", got, want, sum, counts)
		}
		balanced(rt, w.store.contents)
		w.close(rt)
	})
}

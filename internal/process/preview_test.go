package process_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/process"
)

// TestPreview processes random backlogs while more events come, once with the newest shown ahead and once without. Whatever is visible
// after each commit and each look ahead has every id once; what came since the preview began and is not too long ago is there; and in the end the store is the same, and nothing is shown ahead.
func TestPreview(t *testing.T) {
	shown, withdrawn := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		type record struct {
			header event.Header
			items  []any
		}
		var records []record
		for range rapid.IntRange(10, 60).Draw(rt, "records") {
			r := record{header: event.Header{Project: uint32(rapid.IntRange(1, 2).Draw(rt, "project")), ReceivedAt: start + int64(len(records))*1e6, Protocol: "segment"}}
			for range rapid.IntRange(1, 4).Draw(rt, "events") {
				e := named(fmt.Sprint("e", rapid.IntRange(0, 150).Draw(rt, "id")))
				// One id says the same each time: conflicts are another test's.
				e.AnonymousID = "a" + e.ID[len(e.ID)-1:]
				if rapid.IntRange(0, 3).Draw(rt, "who") == 0 {
					e.ID, e.Kind, e.UserID = e.ID+"i", event.Identify, "u"+e.ID[len(e.ID)-1:]
				}
				r.items = append(r.items, e)
			}
			records = append(records, r)
		}
		backlog := rapid.IntRange(1, len(records)).Draw(rt, "backlog")
		arrive := rapid.SliceOfN(rapid.IntRange(0, 4), len(records), len(records)).Draw(rt, "arrive")
		batch := rapid.IntRange(1, 12).Draw(rt, "batch")

		run := func(ahead bool) *world {
			w := newWorld(t)
			w.ahead, w.config = ahead, process.Config{BatchEvents: batch}
			w.start(rt)
			next := 0
			more := func(n int) {
				for ; n > 0 && next < len(records); n-- {
					w.append(rt, records[next].header, records[next].items...)
					next++
				}
			}
			more(backlog)
			looks := 0
			var wrong error
			w.store.looked = func() {
				if ahead {
					if err := once(w); err != nil && wrong == nil {
						wrong = err
					}
					shown += len(w.store.visible()) - len(w.store.rows)
					withdrawn += len(w.store.withdrawn)
				}
				more(arrive[looks%len(arrive)])
				looks++
			}
			if err := w.drain(); err != nil {
				rt.Fatal(err)
			}
			if wrong != nil {
				rt.Fatal(wrong)
			}
			w.store.looked = nil
			more(len(records))
			if err := w.drain(); err != nil {
				rt.Fatal(err)
			}
			w.close(rt)
			return w
		}
		with, without := run(true), run(false)
		balanced(rt, with.store.contents)
		if len(with.store.ahead) > 0 {
			rt.Fatalf("%d rows are still shown ahead", len(with.store.ahead))
		}
		with.store.commits, without.store.commits = nil, nil
		if a, b := fmt.Sprintf("%+v", with.store.contents), fmt.Sprintf("%+v", without.store.contents); a != b {
			rt.Fatal(with.store.diff(without.store.contents))
		}
	})
	if shown < 100 || withdrawn < 10 {
		t.Fatalf("%d rows were shown ahead and %d withdrawn: the histories show nothing", shown, withdrawn)
	}
}

// once holds what is visible to one row an id.
func once(w *world) error {
	type id struct {
		project uint32
		id      string
	}
	seen := map[id]bool{}
	for _, r := range w.store.visible() {
		k := id{uint32(r.project), r.id}
		if seen[k] {
			return fmt.Errorf("%v is visible twice, at position %d too, committed up to %d", k, r.position, w.store.position)
		}
		seen[k] = true
		if r.person == 0 || r.time != start-1e6 {
			return fmt.Errorf("%+v is not what it should be", r)
		}
	}
	// Nothing is missing from where events are shown ahead, unless the first event of the id is still to come.
	if len(w.store.ahead) == 0 {
		return nil
	}
	from, to := w.store.ahead[0].position, w.store.ahead[len(w.store.ahead)-1].position
	before := map[id]bool{}
	for _, e := range w.log.entries {
		var dec event.Decoder
		var ev event.Event
		if err := dec.Open(e.Payload); err != nil {
			return err
		}
		for pos := uint64(e.First); pos < min(uint64(e.End()), to); pos++ {
			if _, _, err := dec.Next(&ev); err != nil {
				return err
			}
			k := id{dec.Header.Project, string([]byte(ev.ID))}
			if pos < from {
				before[k] = true
			} else if !seen[k] && !before[k] {
				return fmt.Errorf("%v at %d is not visible, though %d to %d is shown", k, pos, from, to)
			}
		}
	}
	return nil
}

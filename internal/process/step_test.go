package process_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
)

// TestClockSteps sets the clock of the server back and forth, by less than the window together: each event is stored once, however
// often and whenever it comes, over restarts and losses of power too.
func TestClockSteps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.start(rt)
		base, sent := start, map[string]bool{}
		for range rapid.IntRange(1, 40).Draw(rt, "records") {
			base += rapid.Int64Range(0, int64(5*time.Second/time.Microsecond)).Draw(rt, "passed")
			step := rapid.SampledFrom([]time.Duration{-25 * time.Minute, 0, 25 * time.Minute}).Draw(rt, "step")
			h := event.Header{Project: 1, ReceivedAt: base + step.Microseconds(), Protocol: "segment"}
			var items []any
			for range rapid.IntRange(1, 12).Draw(rt, "events") {
				id := fmt.Sprint("e", rapid.IntRange(0, 150).Draw(rt, "id"))
				sent[id] = true
				items = append(items, named(id))
			}
			w.append(rt, h, items...)
			if rapid.Bool().Draw(rt, "processed") {
				if err := w.drain(); err != nil {
					rt.Fatal(err)
				}
			}
			switch rapid.IntRange(0, 5).Draw(rt, "then") {
			case 0: // The plug is pulled.
				w.fs = w.fs.CrashClone(vfs.CrashCloneCfg{})
				w.store.crash()
				w.start(rt)
			case 1:
				w.close(rt)
				w.store.flush()
				w.start(rt)
			}
		}
		if err := w.drain(); err != nil {
			rt.Fatal(err)
		}
		balanced(rt, w.store.contents)
		if len(w.store.rows) != len(sent) {
			rt.Fatalf("%d rows of %d events", len(w.store.rows), len(sent))
		}
		w.close(rt)
	})
}

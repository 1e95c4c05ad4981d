package process_test

import (
	"context"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/process"
)

// stuck is a Dedup whose disk takes nothing from the given event on.
type stuck struct {
	process.Dedup
	from   eventlog.Position
	tried  func()
	healed bool
}

func (s *stuck) Seen(c event.Claim, pos eventlog.Position, received int64) (dup, other bool, err error) {
	if pos >= s.from && !s.healed {
		s.tried()
		return false, false, event.Errorf(event.Unavailable, "dedup_unwritable", "no space")
	}
	return s.Dedup.Seen(c, pos, received)
}

// TestStopWithinRecord: a stop that falls into a record commits nothing of it, and the next process does all of it.
func TestStopWithinRecord(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.stuck = &stuck{from: 2, tried: cancel}
	w.start(t)
	w.append(t, header, named("1"), identify("u", "a"), named("2"), named("3"))
	if err := w.proc.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if w.store.position != 0 || len(w.store.rows) != 0 {
		t.Fatalf("position %d, rows %+v", w.store.position, w.store.rows)
	}
	if err := w.drain(); err == nil {
		t.Fatal("a processor stopped within a record went on")
	}
	w.stuck.healed = true
	w.store.crash()
	w.start(t)
	if err := w.drain(); err != nil || len(w.store.rows) != 4 || len(w.store.links) != 1 {
		t.Fatalf("%v, rows %+v, links %v", err, w.store.rows, w.store.links)
	}
	balanced(t, w.store.contents)
	w.close(t)
}

// TestDoNotBelongTogether: a store or a dedup index that knows more than the log has is refused at once.
func TestDoNotBelongTogether(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	w.append(t, header, named("1"))
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	w.close(t)
	w.store.position = 9
	w.store.flush()
	w.start(t)
	if err := w.drain(); event.KindOf(err) != event.Corrupt {
		t.Fatal("store:", err)
	}
	w.close(t)
	w.log, w.store = newLog(), newStore()
	w.start(t)
	if err := w.drain(); event.KindOf(err) != event.Corrupt {
		t.Fatal("index:", err)
	}
	w.close(t)
}

// TestKeepFrom: the log may lose only what neither the store nor the dedup index would read again.
func TestKeepFrom(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	expect := func(what string, want eventlog.Position) {
		t.Helper()
		if got := w.proc.KeepFrom(); got != want {
			t.Fatalf("%s: %d, want %d", what, got, want)
		}
	}
	w.append(t, header, named("1"), named("2"))
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	expect("nothing is durable", 0)
	w.store.flush()
	expect("the ids are not", 0)
	w.close(t)
	expect("all is", 2)
	w.start(t)
	w.append(t, header, named("3"))
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	w.close(t)
	expect("the row is not", 2)
}

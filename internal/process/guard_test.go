package process_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/process"
	"github.com/freshet/freshet/internal/process/attempt"
)

func stuckEvent(id string) event.Event {
	e := named(id)
	e.Name = "stuck"
	return e
}

func notes(t *testing.T, folder string) *attempt.Attempts {
	t.Helper()
	a, err := attempt.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// setAside wants the store to have everything but one event, which is a dead letter that says why, and the ledger to
// balance; then mends the event and sends the letter again, twice.
func (w *world) setAside(t *testing.T, pos eventlog.Position, why string, rows int) {
	t.Helper()
	if len(w.store.rows) != rows || len(w.store.dead) != 1 {
		t.Fatalf("rows %+v, dead letters %+v", w.store.rows, w.store.dead)
	}
	d := w.store.dead[0]
	if d.Position != pos || d.Code != "poison" || !strings.Contains(d.Reason, why) {
		t.Fatalf("dead letter %+v", d)
	}
	for range 2 {
		if _, err := w.log.Append(context.Background(), eventlog.Record{Payload: d.Body, Events: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if len(w.store.rows) != rows+1 || w.store.rows[rows].id != "bad" {
		t.Fatalf("sent again: %+v", w.store.rows)
	}
	balanced(t, w.store.contents)
}

// TestStuck: an event that processing does not come back from is given up after a while, and set aside by whoever
// processes next, also after a restart; everything else is processed.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		w := newWorld(t)
		w.touchy.hang = make(chan struct{})
		a := notes(t, folder)
		w.notes = a
		w.start(t)
		other := header
		other.Project = 2
		w.append(t, header, named("1"), stuckEvent("bad"), named("2"))
		w.append(t, other, named("3"))
		began := time.Now()
		if err := w.drain(); err == nil || !strings.Contains(err.Error(), "position 1") {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("given up after %v", took)
		}
		if len(w.store.rows) != 0 {
			t.Fatalf("half a batch is visible: %+v", w.store.rows)
		}
		w.close(t)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		close(w.touchy.hang)
		synctest.Wait()
		if len(w.store.rows)+len(w.store.open.rows) > 1 {
			t.Fatalf("what was given up went on: %+v", w.store.open.rows)
		}
		w.store.crash()
		a = notes(t, folder)
		w.notes = a
		w.start(t)
		if err := w.drain(); err != nil {
			t.Fatal(err)
		}
		w.setAside(t, 1, "5s", 3)
		w.close(t)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestEventThatEndsTheProcess: three lives end at the same event, the fourth sets it aside and goes on.
func TestEventThatEndsTheProcess(t *testing.T) {
	folder, log := t.TempDir(), newLog()
	var lives []*world
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	begin := func() *world {
		w := newWorld(t)
		w.log, w.notes = log, notes(t, folder)
		w.start(t)
		lives = append(lives, w)
		return w
	}
	first := begin()
	first.append(t, header, named("1"))
	first.append(t, header, named("2"), stuckEvent("bad"), named("3"))
	w := first
	for range 3 {
		w.touchy.hang, w.touchy.reached = make(chan struct{}), make(chan struct{})
		running.Go(func() { _ = w.proc.Run(ctx) })
		<-w.touchy.reached // That was its last word.
		w = begin()
	}
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	w.setAside(t, 2, "ended the process 3 times", 3)
	cancel()
	for _, w := range lives[:3] {
		close(w.touchy.hang)
	}
	running.Wait()
	for _, w := range lives {
		w.close(t)
		if err := w.notes.(*attempt.Attempts).Close(); err != nil {
			t.Error(err)
		}
	}
}

// alone has every record committed by itself, as after a life that ended in a commit.
type alone struct {
	process.Attempts
	commits []eventlog.Position
}

func (a *alone) Record(eventlog.Position) (each, alone bool) { return false, true }
func (a *alone) Commit(from, to eventlog.Position)           { a.commits = append(a.commits, from, to) }
func (a *alone) Done()                                       {}
func (a *alone) Condemned(eventlog.Position) string          { return "" }

func TestRecordsCommittedAlone(t *testing.T) {
	w := newWorld(t)
	a := &alone{}
	w.notes = a
	w.start(t)
	w.append(t, header, named("1"), named("2"))
	w.append(t, header, named("3"))
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if len(a.commits) != 4 || a.commits[1] != 2 || a.commits[2] != 2 || a.commits[3] != 3 {
		t.Errorf("commits of %v", a.commits)
	}
	balanced(t, w.store.contents)
	w.close(t)
}

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// within fails the test when f takes too long to be anything but stuck.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal(what + " is stuck")
	}
}

func flushed(t *testing.T, s *Store) {
	t.Helper()
	if err := s.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestCommitsWaitForFlushes: commits that are too far ahead of the disk wait for it, and it does not wait for them.
func TestCommitsWaitForFlushes(t *testing.T) {
	s, err := Open(context.Background(), Options{Dir: t.TempDir(), FlushRows: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	within(t, "a commit", func() {
		for i := range 150 {
			fill(t, s, i*10, 10)
		}
	})
}

// TestCutsDoNotHoldUpFlushes: a reader that takes its time keeps its rows, and nobody waits for it.
func TestCutsDoNotHoldUpFlushes(t *testing.T) {
	s := open(t, t.TempDir())
	fill(t, s, 0, 10)
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "a flush", func() {
		for i := range 3 {
			flushed(t, s)
			fill(t, s, 10+10*i, 10)
		}
	})
	for row, err := range c.Rows(context.Background(), "SELECT count(*), max(seq) FROM "+c.Events("seq")) {
		if err != nil || row[0] != int64(10) || row[1] != uint64(9) {
			t.Fatal(row, err)
		}
	}
	s.mu.Lock()
	waiting := len(s.retired)
	s.mu.Unlock()
	if waiting != 1 {
		t.Fatalf("%d generations wait for readers", waiting)
	}
	within(t, "closing", func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c.Close()
}

func TestReadGenerationsAreDropped(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	fill(t, s, 0, 10)
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	flushed(t, s)
	c.Close()
	s.upkeep(context.Background())
	var tables int
	if err := s.db.QueryRow("SELECT count(*) FROM duckdb_tables() WHERE database_name = 'hot' AND table_name LIKE 'h%!_%' ESCAPE '!'").Scan(&tables); err != nil || tables != 0 {
		t.Fatalf("%d tables in memory, %v", tables, err)
	}
}

// TestCloseWritesEverything, also what has gathered behind a flush that failed.
func TestCloseWritesEverything(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, 0, 10)
	s.seal()
	fill(t, s, 10, 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	if p := s.Position(); p != 20 {
		t.Fatalf("position %d", p)
	}
}

func user(i int) uint64 { return event.IDNumber(event.SpaceUser, fmt.Sprintf("u%d", i)) }

// TestRelinkTakesAllProjects: links that ripen while others are being collected, of whatever project, are rewritten
// before they are dropped.
func TestRelinkTakesAllProjects(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, 0, 20)
	flushed(t, s)
	s.AddLink(store.Link{Project: 1, From: user(1), To: user(2), Position: 20})
	s.AddLink(store.Link{Project: 2, From: 7, To: 8, Position: 20})
	s.persons.add(7)
	if err := s.Commit(context.Background(), 21); err != nil {
		t.Fatal(err)
	}
	flushed(t, s)
	// It goes on, but not on disk yet.
	s.AddLink(store.Link{Project: 1, From: user(2), To: user(3), Position: 21})
	if err := s.Commit(context.Background(), 22); err != nil {
		t.Fatal(err)
	}
	s.pending.rounds = relinkEvery
	if err := s.relink(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s.pending.has(2) {
		t.Fatal("a ripe link is still pending")
	}
	// A crash loses the second link; it is made again by the log.
	crashed := crash(t, s, dir)
	s = open(t, crashed)
	defer s.Close()
	if n := one(t, s, "person", "count(DISTINCT person)"); n != int64(9) {
		t.Fatalf("after the crash %v persons", n)
	}
	s.AddLink(store.Link{Project: 1, From: user(2), To: user(3), Position: 21})
	if err := s.Commit(context.Background(), 22); err != nil {
		t.Fatal(err)
	}
	if n := one(t, s, "person", "count(DISTINCT person)"); n != int64(8) {
		t.Fatalf("linked again: %v persons", n)
	}
}

// TestLinksOfOneEvent: of two links an event makes, the second goes on from the first.
func TestLinksOfOneEvent(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	fill(t, s, 0, 20)
	s.AddLink(store.Link{Project: 1, From: user(1), To: user(2), Position: 20})
	s.AddLink(store.Link{Project: 1, From: user(2), To: user(3), Position: 20})
	if err := s.Commit(context.Background(), 21); err != nil {
		t.Fatal(err)
	}
	if n := one(t, s, "person", "count(DISTINCT person)"); n != int64(8) {
		t.Fatalf("%v persons", n)
	}
}

// TestFailedCommit: what was committed before it is neither lost nor held up by it.
func TestFailedCommit(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, 0, 10)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e := event.Event{Name: "new", Properties: []event.Property{{Key: "first seen", Type: event.Number, Num: 1}}}
	s.Add(1, time.UTC, "native", &e)
	s.Add(2, time.UTC, "native", &e)
	if err := s.Commit(ctx, 12); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if n := one(t, s, "seq", "count(*)"); n != int64(10) {
		t.Fatalf("%v rows", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	if p := s.Position(); p != 10 {
		t.Fatalf("position %d", p)
	}
}

// TestFailedFlush: a flush that broke off after it had changed tables leaves nothing behind, and is done again.
func TestFailedFlush(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	fill(t, s, 0, 10)
	g := s.seal()
	// The disk gives up at the last step.
	broken := errors.New("broken")
	s.flushing.Lock()
	rows, release, err := s.offerRows(context.Background(), g)
	if err != nil {
		t.Fatal(err)
	}
	err = s.onDisk(context.Background(), func() error {
		return errors.Join(s.writeGeneration(context.Background(), g, rows), broken)
	}, func() error { return nil })
	release()
	s.rolledBack(g)
	s.flushing.Unlock()
	if !errors.Is(err, broken) || s.Position() != 0 {
		t.Fatal(err, s.Position())
	}
	fill(t, s, 10, 10)
	for _, want := range []int64{20, 20} {
		if n := one(t, s, "p1", "count(p1)"); n != want {
			t.Fatalf("%v rows", n)
		}
		flushed(t, s)
		flushed(t, s)
	}
	if s.Position() != 20 {
		t.Fatal(s.Position())
	}
}

// TestDeadLettersAcrossTheFlush: a page is full when there is enough, wherever the letters are.
func TestDeadLettersAcrossTheFlush(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	for i := range 6 {
		s.AddDead(store.DeadLetter{Project: 1, Position: 2 * eventPosition(i), Code: "c"})
		if err := s.Commit(context.Background(), 2*eventPosition(i)+1); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			flushed(t, s)
		}
	}
	ds, err := s.DeadLetters(context.Background(), 1, 100, 5)
	if err != nil || len(ds) != 5 || ds[0].Position != 10 || ds[4].Position != 2 {
		t.Fatalf("%+v, %v", ds, err)
	}
}

// TestCanceledQuestions: a question given up at any moment, also while it makes tables of its own, leaves a connection
// that the next one can use.
func TestCanceledQuestions(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	fill(t, s, 0, 200)
	flushed(t, s)
	fill(t, s, 200, 200)
	for i := range 60 {
		ctx, cancel := context.WithCancel(context.Background())
		stop := time.AfterFunc(time.Duration(i)*50*time.Microsecond, cancel)
		if c, err := s.Cut(ctx, 1); err == nil {
			for _, err := range c.Rows(ctx, "SELECT id_text FROM "+c.Events("id_text", "user_id", "protocol", "flags")) {
				if err != nil {
					break
				}
			}
			c.Close()
		}
		stop.Stop()
		cancel()
		if n := one(t, s, "seq", "count(*)"); n != int64(400) {
			t.Fatalf("%v rows after question %d", n, i)
		}
	}
}

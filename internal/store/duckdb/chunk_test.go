package duckdb

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// TestChunksAreUsedAgain within a flush: its memory does not grow with its rows.
func TestChunksAreUsedAgain(t *testing.T) {
	const n = 8 * sortedRows
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), FlushRows: 2 * n}) // none but the test's
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range n {
		e := event.Event{Name: fmt.Sprint("e", i%7), UserID: fmt.Sprint("u", i)}
		e.Derived = event.Derived{Position: uint64(i), Time: int64(i), Person: uint64(n - i)}
		s.Add(1, time.UTC, "native", &e)
	}
	if err := s.Commit(t.Context(), eventlog.Position(n)); err != nil {
		t.Fatal(err)
	}
	s.flushing.Lock()
	g := s.seal()
	rows, release, err := s.offerRows(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	err = s.onDisk(t.Context(), func() error {
		if err := s.writeGeneration(t.Context(), g, rows); err != nil {
			return err
		}
		return enough
	}, func() error { return nil })
	s.rolledBack(g)
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if len(s.chunks.list) > mostChunks {
		t.Errorf("%d chunks of memory for %d rows", len(s.chunks.list), n)
	}
	release()
	for _, c := range s.chunks.list {
		if c.held.Load() != 0 {
			t.Errorf("%d buffers are still held", c.held.Load())
		}
	}
	s.flushing.Unlock()
	flushed(t, s)
	if got := one(t, s, "user_id", "count(DISTINCT user_id)"); got != int64(n) {
		t.Fatalf("%v users", got)
	}
}

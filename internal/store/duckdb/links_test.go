package duckdb

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// TestRelinkBesideCommit: a link that is committed while those before it are settled stays known. DuckDB forgets rows that
// are inserted while a delete leaves their table empty, about one time in a hundred.
func TestRelinkBesideCommit(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	defer s.Close()
	fill(t, s, 0, 20)
	at := eventlog.Position(20)
	link := func() error {
		s.AddLink(store.Link{Project: 1, From: user(int(at % 5)), To: user(9), Position: at})
		at++
		return s.Commit(ctx, at)
	}
	for round := range 400 {
		if err := link(); err != nil {
			t.Fatal(err)
		}
		if err := s.flush(ctx); err != nil {
			t.Fatal(err)
		}
		s.pending.mu.Lock()
		s.pending.rounds = relinkEvery
		s.pending.mu.Unlock()
		var relinked sync.WaitGroup
		relinked.Go(func() {
			if err := s.relink(ctx); err != nil {
				t.Error(err)
			}
		})
		for began := time.Now(); time.Since(began) < time.Duration(round)*10*time.Microsecond; { // meets each moment of it
		}
		if err := link(); err != nil {
			t.Fatal(err)
		}
		relinked.Wait()
		var last uint64
		if err := s.db.QueryRow("SELECT coalesce(max(seq), 0) FROM hot.relink").Scan(&last); err != nil {
			t.Fatal(err)
		}
		if last != uint64(at-1) {
			t.Fatalf("round %d: the last link known is of position %d, want %d", round, last, at-1)
		}
	}
}

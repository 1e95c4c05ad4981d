package duckdb

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/store/storetest"
)

func TestSuite(t *testing.T) {
	storetest.Run(t, storetest.Adapter{
		Open: func(t testing.TB, dir string) storetest.Store {
			t.Helper()
			s, err := Open(context.Background(), Options{
				Dir: dir, FlushRows: 150, PropertyLimit: storetest.PropertyLimit, CompactRuns: 2,
				Now: func() time.Time { return time.Unix(1e10, 0) },
			})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Settle: func(t testing.TB, s storetest.Store) {
			t.Helper()
			settle(t, s.(*Store))
		},
		Crash:    func(t testing.TB, s storetest.Store, dir string) string { return crash(t, s.(*Store), dir) },
		Numbers:  func(n int) string { return fmt.Sprintf("(SELECT range AS n FROM range(%d))", n) },
		Integers: "n::TINYINT, (n * 9)::UTINYINT, (n - 3)::SMALLINT, n::USMALLINT, -n::INTEGER, n::UINTEGER, n::BIGINT, n::UBIGINT",
	})
}

// settle does all background work at once.
func settle(t testing.TB, s *Store) {
	t.Helper()
	ctx := context.Background()
	for s.Position() < s.Watermark().Position {
		if err := s.flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	s.pending.mu.Lock()
	s.pending.rounds = relinkEvery
	s.pending.mu.Unlock()
	if err := s.relink(ctx); err != nil {
		t.Fatal(err)
	}
	for {
		if t, _ := s.otherwiseCut(); t == nil {
			break
		}
		if err := s.recut(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.compact(ctx); err != nil {
		t.Fatal(err)
	}
}

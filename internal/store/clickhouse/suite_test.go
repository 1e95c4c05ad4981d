//go:build cluster

package clickhouse

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/storetest"
	"github.com/freshet/freshet/test/clickhousetest"
)

func TestSuite(t *testing.T) {
	storetest.Run(t, storetest.Adapter{
		Open: func(t testing.TB, dir string) storetest.Store {
			t.Helper()
			return openTest(t, dir)
		},
		Settle: func(t testing.TB, s storetest.Store) {
			t.Helper()
			if err := s.(*Store).upkeep(context.Background()); err != nil {
				t.Fatal(err)
			}
			s.(*Store).sealAll(t)
			s.(*Store).writing.Lock()
			defer s.(*Store).writing.Unlock()
			if err := s.(*Store).fold(context.Background()); err != nil {
				t.Fatal(err)
			}
		},
		Crash:    func(t testing.TB, s storetest.Store, dir string) string { return crash(t, s.(*Store), dir) },
		Numbers:  func(n int) string { return fmt.Sprintf("(SELECT toInt64(number) AS n FROM numbers(%d))", n) },
		Integers: "toInt8(n), toUInt8(n * 9), toInt16(n - 3), toUInt16(n), -toInt32(n), toUInt32(n), toInt64(n), toUInt64(n)",
	})
}

func openTest(t testing.TB, dir string) *Store {
	t.Helper()
	target, err := ParseURL(clickhousetest.Database(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), Options{Target: target, PropertyLimit: storetest.PropertyLimit})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// crash leaves what a process leaves that is killed within a commit: rows, links and dead letters that are written already,
// without the row that makes them visible. Some of them come only after the next process has begun.
func crash(t testing.TB, s *Store, dir string) string {
	t.Helper()
	s.stop()
	s.done.Wait()
	ctx := context.Background()
	at := s.Position()
	for i := range 5 {
		e := event.Event{Name: "lost", ID: fmt.Sprint("lost", i)}
		e.Derived.Position, e.Derived.Person, e.Derived.Time = uint64(at)+uint64(i), 1+uint64(i%2), 1
		s.Add(1, time.UTC, "native", &e)
	}
	s.AddLink(store.Link{Project: 1, From: 1, To: 2, Position: at})
	own := s.epochs[len(s.epochs)-1].number
	links, moved, err := s.changed(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.batch.order {
		if err := s.make(ctx, e.table); err != nil {
			t.Fatal(err)
		}
		if err := s.writeRows(ctx, own, e, s.targets.with(moved)); err != nil {
			t.Fatal(err)
		}
	}
	s.Hold(store.Holder{Project: 1, ID: 3, Owner: 2})
	if err := s.writeIdentities(ctx, own, at+5, links, moved); err != nil {
		t.Fatal(err)
	}
	s.disconnect()
	return dir
}

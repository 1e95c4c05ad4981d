//go:build cluster

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/storetest"
	"github.com/freshet/freshet/test/clickhousetest"
)

// followed is a store that one process writes to and another one reads, which looks before each answer.
type followed struct {
	*Store
	t       testing.TB
	looking sync.Mutex
	reader  *Store
}

func openFollowed(t testing.TB, dir string) *followed {
	t.Helper()
	f := &followed{Store: openTest(t, dir), t: t}
	reader, err := Follow(context.Background(), readOnly(f.Store))
	if err != nil {
		t.Fatal(err)
	}
	reader.stop() // it looks when it is told to
	reader.done.Wait()
	f.reader = reader
	return f
}

// readOnly are the options of another process.
func readOnly(w *Store) Options {
	o := w.opts
	o.Registerer = nil
	return o
}

func (f *followed) look() *Store {
	f.t.Helper()
	f.looking.Lock()
	defer f.looking.Unlock()
	if err := f.reader.follow(context.Background()); err != nil {
		f.t.Fatal(err)
	}
	return f.reader
}

func (f *followed) Cut(ctx context.Context, p store.ProjectID) (store.Cut, error) {
	return f.look().Cut(ctx, p)
}
func (f *followed) Watermark() store.Watermark       { return f.look().Watermark() }
func (f *followed) Version(p store.ProjectID) uint64 { return f.look().Version(p) }
func (f *followed) Close() error                     { return errors.Join(f.reader.Close(), f.Store.Close()) }
func (f *followed) Wait(ctx context.Context, p eventlog.Position) error {
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for wait.Err() == nil {
			f.look()
		}
	}()
	return f.reader.Wait(ctx, p)
}

func (f *followed) Ledger(ctx context.Context, p store.ProjectID, from, to int64) ([]store.LedgerHour, error) {
	return f.look().Ledger(ctx, p, from, to)
}

func (f *followed) Duplicates(ctx context.Context, p store.ProjectID, from, to int64) ([]store.Duplicates, error) {
	return f.look().Duplicates(ctx, p, from, to)
}

func (f *followed) DeadLetters(ctx context.Context, p store.ProjectID, before eventlog.Position, limit int) ([]store.DeadLetter, error) {
	return f.look().DeadLetters(ctx, p, before, limit)
}

// Whoever only reads sees what the suite asks of a store, whatever the process that writes does, and is followed by.
func TestFollowSuite(t *testing.T) {
	storetest.Run(t, storetest.Adapter{
		Open: func(t testing.TB, dir string) storetest.Store { return openFollowed(t, dir) },
		Settle: func(t testing.TB, s storetest.Store) {
			t.Helper()
			f := s.(*followed)
			f.changing.Lock()
			f.opts.Linger = 0
			if len(f.reader.cuts) > 0 {
				f.opts.Linger = time.Hour
			}
			f.changing.Unlock()
			if err := f.upkeep(context.Background()); err != nil {
				t.Fatal(err)
			}
			f.writing.Lock()
			defer f.writing.Unlock()
			if err := f.fold(context.Background()); err != nil {
				t.Fatal(err)
			}
		},
		Crash: func(t testing.TB, s storetest.Store, dir string) string {
			f := s.(*followed)
			f.reader.client.close()
			return crash(t, f.Store, dir)
		},
		Numbers:  func(n int) string { return fmt.Sprintf("(SELECT toInt64(number) AS n FROM numbers(%d))", n) },
		Integers: "toInt8(n), toUInt8(n * 9), toInt16(n - 3), toUInt16(n), -toInt32(n), toUInt32(n), toInt64(n), toUInt64(n)",
	})
}

// Nobody may write to a store that he follows, and there is nothing to follow before somebody writes.
func TestFollowsOnly(t *testing.T) {
	target, err := ParseURL(clickhousetest.Database(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Target: target, Owner: "log"}
	if s, err := Follow(t.Context(), o); !errors.Is(err, ErrEmpty) {
		t.Fatalf("followed nobody: %v %v", s, err)
	}
	w, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	s, err := Follow(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Commit(t.Context(), 1); !errors.Is(err, errFollows) {
		t.Errorf("wrote to a store that it follows: %v", err)
	}
	o.Owner = "another log"
	if s, err := Follow(t.Context(), o); !errors.Is(err, ErrOwner) {
		t.Errorf("followed the store of another log: %v %v", s, err)
	}
}

// What is seen while the writer commits, folds and opens the store anew at the same time is never a state that there was not: the
// ledger counts exactly what is before the watermark, and the same version is the same ledger for all who read.
func TestFollowsAtOnce(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		dir += "x"
		w := openTest(t, dir)
		defer func() { _ = w.Close() }()
		at := w.Position()
		readers := []*Store{}
		for range 2 {
			s, err := Follow(context.Background(), readOnly(w))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			s.stop() // it looks when it is told to
			s.done.Wait()
			readers = append(readers, s)
		}
		done := make(chan struct{})
		states := make(chan map[uint64]string, len(readers))
		for _, s := range readers {
			go func() {
				seen := map[uint64]string{}
				defer func() { states <- seen }()
				for {
					if err := s.follow(context.Background()); err != nil && !errors.Is(err, errUnsettled) {
						t.Error(err)
						return
					}
					s.mu.RLock()
					position, version, hours := s.watermark.Position, s.changes.version(1), s.ledger(1, math.MinInt64, math.MaxInt64)
					s.mu.RUnlock()
					sum := int64(0)
					for _, h := range hours {
						sum += h.Accepted
					}
					if sum != int64(position) {
						t.Errorf("the ledger has %d events at position %d", sum, position)
						return
					}
					seen[version] = fmt.Sprint(hours)
					select {
					case <-done:
						return
					default:
					}
				}
			}()
		}
		for _, step := range rapid.SliceOfN(rapid.SampledFrom([]string{"commit", "commit", "commit", "fold", "open"}), 1, 25).Draw(r, "steps") {
			switch step {
			case "commit":
				at++
				w.Count(1, int64(at%3)*3600, store.Counts{Accepted: 1, Stored: 1})
				if err := w.Commit(context.Background(), at); err != nil {
					t.Fatal(err)
				}
			case "fold":
				w.writing.Lock()
				err := w.fold(context.Background())
				w.writing.Unlock()
				if err != nil {
					t.Fatal(err)
				}
			default:
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				w = openTest(t, dir)
			}
		}
		close(done)
		all := []map[uint64]string{<-states, <-states}
		for version, hours := range all[0] {
			if other, both := all[1][version]; both && other != hours {
				t.Errorf("version %d is %s and %s", version, hours, other)
			}
		}
		for _, s := range readers {
			if err := s.follow(context.Background()); err != nil {
				t.Fatal(err)
			}
			if s.Version(1) != w.Version(1) || s.Watermark() != w.Watermark() {
				t.Errorf("the reader is at %+v, version %d, the writer at %+v, version %d", s.Watermark(), s.Version(1), w.Watermark(), w.Version(1))
			}
		}
	})
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// anyHistory does everything in any order, and holds the store to the history after each step.
func anyHistory(t *testing.T, a Adapter) {
	seeds := share(25, 2)
	if testing.Short() {
		seeds = 1 // it does everything there is to race with
	}
	for seed := range seeds {
		w := &world{a: a, h: newHistory(uint64(seed)), dir: t.TempDir()}
		w.s = a.Open(t, w.dir)
		for step := range 40 {
			what := w.step(t)
			if err := w.check(t); err != nil {
				t.Fatalf("seed %d, step %d, after %s: %v", seed, step, what, err)
			}
		}
		closed(t, w.s)
	}
}

type world struct {
	a   Adapter
	h   *history
	s   Store
	dir string
	at  eventlog.Position
}

func (w *world) step(t *testing.T) string {
	switch r := w.h.rng.IntN(12); r {
	case 0:
		w.a.Settle(t, w.s)
		return "settling"
	case 1:
		closed(t, w.s)
		w.s = w.a.Open(t, w.dir)
		if w.s.Position() != w.at {
			t.Fatalf("closed at %d, opened at %d", w.at, w.s.Position())
		}
		return "a restart"
	case 2:
		w.dir = w.a.Crash(t, w.s, w.dir)
		w.s = w.a.Open(t, w.dir)
		if w.s.Position() > w.at {
			t.Fatalf("crashed at %d, opened at %d", w.at, w.s.Position())
		}
		w.at = w.s.Position()
		return "a crash"
	case 3:
		project, day := store.ProjectID(1+w.h.rng.IntN(projects)), int64(w.h.rng.IntN(1+int(w.at)/60))
		w.a.Settle(t, w.s)
		w.h.expired[project] = max(w.h.expired[project], day)
		want := len(rowsBefore(t, w.s, project, day))
		if n, err := w.s.Expire(context.Background(), project, day); err != nil || int(n) != want {
			t.Fatalf("expired %d, want %d: %v", n, want, err)
		}
		return fmt.Sprintf("expiry of project %d before day %d", project, day)
	default:
		to := w.at + eventlog.Position(w.h.rng.IntN(80))
		w.h.grow(max(0, int(to)-len(w.h.items)))
		w.h.give(t, w.s, w.at, to)
		w.at = to
		return "a commit"
	}
}

// rowsBefore are the rows of days before the given one.
func rowsBefore(t *testing.T, s Store, project store.ProjectID, day int64) map[uint64]row {
	c := cut(t, s, project)
	defer c.Close()
	out := rowsOf(t, c)
	for p, r := range out {
		if r.day >= day {
			delete(out, p)
		}
	}
	return out
}

func (w *world) check(t *testing.T) error {
	if err := w.links(); err != nil {
		return err
	}
	for project := store.ProjectID(1); project <= projects; project++ {
		c := cut(t, w.s, project)
		rows, at := rowsOf(t, c), c.Watermark().Position
		err := errors.Join(w.h.resolves(c, project, at), w.h.linked(c, project, at), eventsOfSome(c, rows))
		c.Attribute(store.LastUser)
		last := rowsOf(t, c)
		err = errors.Join(err, eventsOfSome(c, last))
		c.Close()
		if err != nil {
			return fmt.Errorf("project %d: %w", project, err)
		}
		if at != w.at {
			return fmt.Errorf("watermark %d, want %d", at, w.at)
		}
		for a, rows := range map[store.Attribution]map[uint64]row{store.NextUser: rows, store.LastUser: last} {
			// What expiry reached on disk may come again only as new events of old days.
			want := w.h.rowsBy(project, w.at, 0, a)
			for p, r := range want {
				if _, has := rows[p]; !has && r.day < w.h.expired[project] {
					delete(want, p)
				}
			}
			if d := difference(rows, want); d != "" {
				return fmt.Errorf("project %d, attribution %d: %s", project, a, d)
			}
		}
		if err := w.ledger(project, len(rows)); err != nil {
			return err
		}
	}
	return nil
}

// links holds those that are durable to the position up to which everything is. The background may be at work, so
// that the one moves before the other.
func (w *world) links() error {
	for deadline := time.Now().Add(10 * time.Second); ; {
		got, err := w.s.Links(context.Background())
		if err != nil {
			return err
		}
		want := w.h.links(w.s.Position())
		differs := w.h.held(w.s)
		if slices.Equal(got, want) && differs == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("links %v, want %v", got, want), differs)
		}
	}
}

func (w *world) ledger(project store.ProjectID, rows int) error {
	want, sent := map[int64]store.Counts{}, map[store.Duplicates]int64{}
	for p, it := range w.h.items[:w.at] {
		if it.project != project || it.unlink != nil {
			continue
		}
		hour := int64(p) / 60 * 3600
		c := store.Counts{Accepted: 1, Stored: 1}
		if it.dead != nil {
			c = store.Counts{Accepted: 1, Dead: 1}
		}
		if it.twice != nil {
			c = store.Counts{Accepted: 1, Duplicate: 1}
			sent[store.Duplicates{Hour: hour, SDK: *it.twice}]++
		}
		want[hour] = want[hour].Plus(c)
	}
	hours, err := w.s.Ledger(context.Background(), project, 0, 1<<60)
	if err != nil {
		return err
	}
	left := 0
	for i, h := range hours {
		if i > 0 && hours[i-1].Hour >= h.Hour {
			return fmt.Errorf("hour %d follows %d", h.Hour, hours[i-1].Hour)
		}
		left += int(h.Stored - h.Expired)
		h.Expired = 0
		if want[h.Hour] != h.Counts {
			return fmt.Errorf("project %d, hour %d: %+v, want %+v", project, h.Hour, h.Counts, want[h.Hour])
		}
		delete(want, h.Hour)
	}
	if left != rows || len(want) > 0 {
		return fmt.Errorf("project %d: the ledger says that %d rows are left, there are %d; hours without an entry: %v", project, left, rows, want)
	}
	duplicates, err := w.s.Duplicates(context.Background(), project, 0, 1<<60)
	if err != nil {
		return err
	}
	for _, d := range duplicates {
		n := d.Count
		if d.Count = 0; sent[d] != n {
			return fmt.Errorf("project %d: %d duplicates of %+v, want %d", project, n, d, sent[d])
		}
		delete(sent, d)
	}
	if len(sent) > 0 {
		return fmt.Errorf("project %d: duplicates that are not told: %v", project, sent)
	}
	return nil
}

package duckdb

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// When a project's time zone changes, new rows have their days cut in another zone than those before, and questions
// cannot go by days. So days on disk are cut anew, some at a time, until all are in the zone of the latest row. No answer
// changes by it.

const (
	// mostDays bounds the days looked at in one transaction, Options.FlushRows the rows changed.
	mostDays = 64
	// farthest is how many days two zones may be apart at any moment: there are 26 hours between the farthest.
	farthest = 2
)

// progress is how far a project's days have been cut anew in a zone: all rows before a time, in microseconds, are.
type progress struct {
	zone   flat.Zone
	before int64
}

// joined notes that rows of a zone are on disk; the caller holds flushing and Store.mu.
func (t *table) joined(z flat.Zone) {
	t.zone = t.zone.With(z)
	if z != t.recut.zone {
		t.recut = progress{}
	}
}

// recut goes on with one project that has days of another zone than its latest row.
func (s *Store) recut(ctx context.Context) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	t, loc := s.otherwiseCut()
	if t == nil {
		return nil
	}
	zone := flat.ZoneOf(loc)
	if t.recut.zone != zone {
		t.recut = progress{zone, math.MinInt64}
	}
	r := &recutting{store: s, table: t, loc: loc, before: t.recut.before}
	next := flat.Zone{Rows: true}
	err := s.onDisk(ctx, func() error {
		done, err := r.round(ctx)
		if err != nil {
			return fmt.Errorf("cut days of project %d in %s: %w", t.project, zone.Name, err)
		}
		if done {
			next = zone
		}
		return s.writeZone(ctx, t, next)
	}, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		t.zone, t.recut.before = next, r.before
		return nil
	})
	if err != nil {
		return err
	}
	if next == zone {
		t.recut = progress{}
		s.opts.Logger.Info("cut all days in another time zone", "project", t.project, "zone", zone.Name)
	}
	if r.changed == 0 {
		return nil
	}
	// Changed values stay in memory until then.
	return s.checkpoint(context.WithoutCancel(ctx))
}

// otherwiseCut finds a project to cut anew, and the zone. It waits for rows in memory that would mix zones again.
func (s *Store) otherwiseCut() (*table, *time.Location) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tables {
		if !t.diskReady || t.loc == nil {
			continue
		}
		zone := flat.ZoneOf(t.loc)
		mixing := slices.ContainsFunc(s.gens, func(g *generation) bool {
			p := g.parts[t.project]
			return p != nil && p.zone.With(zone) != zone
		})
		if zone.Name != "" && t.zone != zone && !mixing {
			return t, t.loc
		}
	}
	return nil, nil
}

// recutting is one transaction that cuts days anew.
type recutting struct {
	store *Store
	table *table
	loc   *time.Location
	// before is as in progress, changed the number of rows changed.
	before  int64
	changed int64
}

// round goes on where the one before has ended; done when there are no rows behind.
func (r *recutting) round(ctx context.Context) (done bool, err error) {
	days, err := r.days(ctx)
	if err != nil {
		return false, err
	}
	for looked := 0; looked < mostDays && r.changed < int64(r.store.opts.FlushRows); looked++ {
		day, from, to, ok := nextDay(days, r.before, r.loc)
		if !ok {
			return true, nil
		}
		if to, err = r.cut(ctx, day, from, to); err != nil {
			return false, err
		}
		r.before = to
	}
	return false, nil
}

// days are those that rows on disk have, in order.
func (r *recutting) days(ctx context.Context) (out []int64, err error) {
	rows, err := r.store.flusher.QueryContext(ctx, "SELECT DISTINCT day FROM runs WHERE project = ? ORDER BY day", uint32(r.table.project))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var day int64
		if err := rows.Scan(&day); err != nil {
			return nil, err
		}
		out = append(out, day)
	}
	return out, rows.Err()
}

// nextDay is the first day from the time on that rows of the given days, cut in any zone, may be in, and its bounds.
func nextDay(days []int64, at int64, loc *time.Location) (day, from, to int64, ok bool) {
	for _, d := range days {
		if flat.StartOfDay(d+farthest+1, loc) <= at {
			continue
		}
		for day := d - farthest; day <= d+farthest; day++ {
			if from, to := max(at, flat.StartOfDay(day, loc)), flat.StartOfDay(day+1, loc); from < to {
				return day, from, to, true
			}
		}
	}
	return 0, 0, 0, false
}

// cut gives the rows of [from, to) the day. It stops early when there are too many, and returns where.
func (r *recutting) cut(ctx context.Context, day, from, to int64) (end int64, err error) {
	var wrong map[int64]int64
	var total int64
	for end = to; ; end = from + (end-from)/2 {
		if wrong, total, err = r.wrong(ctx, day, from, end); err != nil {
			return 0, err
		}
		if total <= int64(r.store.opts.FlushRows) || end-from < time.Minute.Microseconds() {
			break
		}
	}
	if total == 0 {
		return end, nil
	}
	q := fmt.Sprintf("UPDATE %s SET day = %d WHERE %s", r.table.cold, day, wrongly(day, from, end))
	if _, err := r.store.flusher.ExecContext(ctx, q); err != nil {
		return 0, err
	}
	r.changed += total
	for old, n := range wrong {
		if err := r.store.takeRuns(ctx, r.table.project, old, n); err != nil {
			return 0, err
		}
	}
	// They lie among rows of other days, apart from those that the day has had.
	_, err = r.store.flusher.ExecContext(ctx, "INSERT INTO runs VALUES (?, ?, ?)", uint32(r.table.project), day, total)
	return end, err
}

func wrongly(day, from, to int64) string {
	return fmt.Sprintf("time >= make_timestamp(%d) AND time < make_timestamp(%d) AND day <> %d", from, to, day)
}

// wrong counts the rows of [from, to) with another day, by that day.
func (r *recutting) wrong(ctx context.Context, day, from, to int64) (byDay map[int64]int64, total int64, err error) {
	q := fmt.Sprintf("SELECT day, count(*) FROM %s WHERE %s GROUP BY day", r.table.cold, wrongly(day, from, to))
	rows, err := r.store.flusher.QueryContext(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	byDay = map[int64]int64{}
	for rows.Next() {
		var old, n int64
		if err := rows.Scan(&old, &n); err != nil {
			return nil, 0, err
		}
		byDay[old] = n
		total += n
	}
	return byDay, total, rows.Err()
}

// takeRuns notes that n rows have left a day. Which of its runs had them is not known, and does not matter.
func (s *Store) takeRuns(ctx context.Context, project store.ProjectID, day, n int64) error {
	rows, err := s.flusher.QueryContext(ctx, "SELECT rows FROM runs WHERE project = ? AND day = ? ORDER BY rows", uint32(project), day)
	if err != nil {
		return err
	}
	defer rows.Close()
	var left []int64
	for rows.Next() {
		var run int64
		if err := rows.Scan(&run); err != nil {
			return err
		}
		taken := min(run, n)
		n -= taken
		if run > taken {
			left = append(left, run-taken)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if _, err := s.flusher.ExecContext(ctx, "DELETE FROM runs WHERE project = ? AND day = ?", uint32(project), day); err != nil {
		return err
	}
	for _, run := range left {
		if _, err := s.flusher.ExecContext(ctx, "INSERT INTO runs VALUES (?, ?, ?)", uint32(project), day, run); err != nil {
			return err
		}
	}
	return nil
}

package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

// A file of an earlier format has days in a former layout. They are brought over one by one: a day is rewritten beside itself, read
// in both layouts, and takes its own place if it says the same; all in one transaction, so that a process that ends in between
// has changed nothing and the next one goes on with the same day. Questions read both layouts until a project has no such day
// any more. It is done when nothing else is to do, gives way to questions, and rests for as long as it has worked.

// errDiffers is a day that would not say the same.
var errDiffers = errors.New("it would differ from what it was")

// bringOver rewrites one closed day that has rows of a former layout, if there is any. The caller holds flushing.
func (s *Store) bringOver(ctx context.Context, closed int64) error {
	if s.opts.Now().Before(s.restUntil) {
		return nil
	}
	t, day, err := s.nextFormer(ctx, closed)
	if err != nil {
		return fmt.Errorf("look for days of a former layout: %w", err)
	}
	if t == nil {
		return nil
	}
	s.yield(ctx)
	began := s.opts.Now()
	moved, err := s.rewrite(ctx, t, day)
	if errors.Is(err, errDiffers) {
		// Its rows are read as they are. Whoever looks into it has the file unchanged; the next start tries again.
		t.distrusted = true
	}
	if err != nil {
		return err
	}
	now := s.opts.Now()
	s.restUntil = now.Add(now.Sub(began))
	s.opts.Logger.Info("brought a day over to the present layout",
		"project", t.project, "day", day, "rows", moved, "days_left", s.FormerDays())
	return s.checkpoint(context.WithoutCancel(ctx))
}

// nextFormer is the first closed day with rows of a former layout, and its table; nil when there is none.
func (s *Store) nextFormer(ctx context.Context, closed int64) (t *table, day int64, err error) {
	rows, err := s.flusher.QueryContext(ctx, "SELECT project, min(day) FROM former_days WHERE day < ? GROUP BY project ORDER BY project", closed)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var p store.ProjectID
		if err := rows.Scan(&p, &day); err != nil {
			return nil, 0, err
		}
		if t := s.known(p); t != nil && t.former && !t.distrusted {
			return t, day, nil
		}
	}
	return nil, 0, rows.Err()
}

// FormerDays is how many days on disk have rows of a former layout.
func (s *Store) FormerDays() int { return int(s.formerDays.Load()) }

// loadFormer finds out which tables have rows of a former layout.
func (s *Store) loadFormer(ctx context.Context) error {
	rows, err := s.flusher.QueryContext(ctx, "SELECT project, count(*) FROM former_days GROUP BY project")
	if err != nil {
		return err
	}
	defer rows.Close()
	total := int64(0)
	for rows.Next() {
		var p store.ProjectID
		var days int64
		if err := rows.Scan(&p, &days); err != nil {
			return err
		}
		if t := s.tables[p]; t != nil {
			t.former = true
		}
		total += days
	}
	s.formerDays.Store(total)
	return rows.Err()
}

// rewrite writes a day's rows again as one run, ordered by person and time, and in today's layout. The caller holds flushing.
func (s *Store) rewrite(ctx context.Context, t *table, day int64) (moved int64, err error) {
	convert := t.former && !t.distrusted
	left := s.formerDays.Load()
	former := t.former
	err = s.onDisk(ctx, func() error {
		if moved, err = s.rewriteRows(ctx, t, day, convert); err != nil || !convert {
			return err
		}
		former, left, err = s.broughtOver(ctx, t, day)
		return err
	}, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		t.former = former
		s.formerDays.Store(left)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("rewrite day %d of project %d: %w", day, t.project, err)
	}
	return moved, nil
}

func (s *Store) rewriteRows(ctx context.Context, t *table, day int64, convert bool) (moved int64, err error) {
	var last int64
	if err := s.flusher.QueryRowContext(ctx, "SELECT coalesce(max(rowid), -1) FROM "+t.cold).Scan(&last); err != nil {
		return 0, err
	}
	var before, after sum
	if convert {
		if before, err = s.sumOf(ctx, t, true, fmt.Sprintf("day = %d", day)); err != nil {
			return 0, err
		}
	}
	insert := fmt.Sprintf("INSERT INTO %s SELECT %s FROM %s AS e WHERE day = %d ORDER BY person, time, seq", t.cold, t.rewritten(convert), t.cold, day)
	if _, err := s.flusher.ExecContext(ctx, insert); err != nil {
		return 0, err
	}
	if convert {
		// Read as it will be when nothing of the former layout is left.
		if after, err = s.sumOf(ctx, t, false, fmt.Sprintf("day = %d AND rowid > %d", day, last)); err != nil {
			return 0, err
		}
		if after != before {
			return 0, fmt.Errorf("%d rows with sum %x, %d with sum %x: %w", before.rows, before.hash, after.rows, after.hash, errDiffers)
		}
	}
	for _, q := range []string{
		fmt.Sprintf("DELETE FROM %s WHERE day = %d AND rowid <= %d", t.cold, day, last),
		fmt.Sprintf("DELETE FROM runs WHERE project = %d AND day = %d", t.project, day),
	} {
		if _, err := s.flusher.ExecContext(ctx, q); err != nil {
			return 0, err
		}
	}
	if err := s.flusher.QueryRowContext(ctx, fmt.Sprintf("SELECT count(*) FROM %s WHERE day = %d", t.cold, day)).Scan(&moved); err != nil {
		return 0, err
	}
	if moved > 0 {
		if _, err := s.flusher.ExecContext(ctx, "INSERT INTO runs VALUES (?, ?, ?)", uint32(t.project), day, moved); err != nil {
			return 0, err
		}
	}
	return moved, fault.Hit(fault.StoreCompact)
}

// broughtOver notes that a day is of today's layout. When it was the project's last one, the whole table is looked through: rows may
// have come to another day since, when a time zone changed.
func (s *Store) broughtOver(ctx context.Context, t *table, day int64) (former bool, left int64, err error) {
	if _, err := s.flusher.ExecContext(ctx, "DELETE FROM former_days WHERE project = ? AND day = ?", uint32(t.project), day); err != nil {
		return false, 0, err
	}
	const count = "SELECT count(*) FILTER (WHERE project = ?), count(*) FROM former_days"
	var own int64
	if err := s.flusher.QueryRowContext(ctx, count, uint32(t.project)).Scan(&own, &left); err != nil || own > 0 {
		return true, left, err
	}
	again := fmt.Sprintf("INSERT INTO former_days SELECT DISTINCT %d, day FROM %s WHERE %s IS NOT NULL OR %s IS NULL",
		t.project, t.cold, receivedColumn, store.EventNumber)
	if _, err := s.flusher.ExecContext(ctx, again); err != nil {
		return false, 0, err
	}
	err = s.flusher.QueryRowContext(ctx, count, uint32(t.project)).Scan(&own, &left)
	return own > 0, left, err
}

// sum is what rows say, whatever their order.
type sum struct {
	rows int64
	hash [2]int64
}

// sumOf reads every value of the rows on disk for which a condition holds, as questions do.
func (s *Store) sumOf(ctx context.Context, t *table, former bool, where string) (out sum, err error) {
	var values []string
	on := layout{columns: t.diskColumns, former: former}
	for _, c := range store.Columns {
		values = append(values, on.orNull(c.Name))
	}
	for _, p := range t.properties()[:t.diskProps] {
		values = append(values, p.Column)
	}
	if t.diskColumns[spanColumn] {
		values = append(values, spanColumn)
	}
	q := "SELECT " + sums + " FROM (SELECT hash(" + strings.Join(values, ", ") + ") AS h FROM " + t.cold + " WHERE " + where + ")"
	var high, low sql.NullInt64
	err = s.flusher.QueryRowContext(ctx, q).Scan(&out.rows, &high, &low)
	out.hash = [2]int64{high.Int64, low.Int64}
	return out, err
}

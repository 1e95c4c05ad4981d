package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

// compact rewrites one day that has gathered too many separately sorted runs, ordered by person and time again. Days
// that still fill are left alone: a day is closed a day and a half after it began everywhere on earth. When there is no
// such day, it brings one of a former layout over, and clears dead rows away, so that what was replaced does not pile up.
func (s *Store) compact(ctx context.Context) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if s.busy() {
		return nil // Their flush must not wait.
	}
	if s.opts.Full() {
		return nil // All of it needs space before it frees any, and a checkpoint that finds none breaks the store.
	}
	return s.opts.Spare(func() error { return s.tidy(ctx) })
}

// tidy does one piece of that; the caller holds flushing.
func (s *Store) tidy(ctx context.Context) error {
	closed := s.opts.Now().Add(-36*time.Hour).Unix() / 86400
	if done, err := s.compactDay(ctx, closed); done || err != nil {
		return err
	}
	if err := s.bringOver(ctx, closed); err != nil {
		return err
	}
	return s.vacuum(ctx)
}

// compactDay rewrites the day before closed that has the most runs; done tells that one had too many.
func (s *Store) compactDay(ctx context.Context, closed int64) (done bool, err error) {
	var project store.ProjectID
	var day int64
	row := s.flusher.QueryRowContext(ctx, "SELECT project, day FROM runs WHERE day < ? GROUP BY project, day"+
		" HAVING count(*) >= ? ORDER BY count(*) DESC, day LIMIT 1", closed, s.opts.CompactRuns)
	if err := row.Scan(&project, &day); errors.Is(err, sql.ErrNoRows) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	t := s.known(project)
	if t == nil || !t.onDisk {
		return true, nil
	}
	began := s.opts.Now()
	moved, err := s.rewrite(ctx, t, day)
	if errors.Is(err, errDiffers) {
		t.distrusted = true
	}
	if err != nil {
		return true, err
	}
	s.metrics.compaction.Observe(s.opts.Now().Sub(began).Seconds())
	s.metrics.compactedRows.Add(float64(moved))
	s.opts.Logger.Info("compacted a day", "project", project, "day", day, "rows", moved)
	return true, nil
}

// busyRows is how many rows a second are so many that compaction keeps out of the way of their flush.
const busyRows = 5000

// busy tells whether many rows have come since it was last asked; the caller holds flushing.
func (s *Store) busy() bool {
	now, rows := s.opts.Now(), s.committed.Load()
	since, more := now.Sub(s.asked).Seconds(), rows-s.askedRows
	s.asked, s.askedRows = now, rows
	return float64(more) > busyRows*max(since, 1)
}

// Expire implements store.Eraser. The events leave the disk; those still in memory go with a later call.
func (s *Store) Expire(ctx context.Context, project store.ProjectID, day int64) (int64, error) {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	t := s.known(project)
	if t == nil || !t.onDisk {
		return 0, nil
	}
	counts, removed, err := s.expiring(ctx, t, day)
	if err != nil || removed == 0 {
		return 0, err
	}
	err = s.onDisk(ctx, func() error {
		for _, q := range []string{
			fmt.Sprintf("DELETE FROM %s WHERE day < %d", t.cold, day),
			fmt.Sprintf("DELETE FROM runs WHERE project = %d AND day < %d", project, day),
		} {
			if _, err := s.flusher.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return errors.Join(s.writeLedger(ctx, counts), fault.Hit(fault.StoreExpire))
	}, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for k, c := range counts {
			s.ledger.add(k, c)
		}
		s.changed(project)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("expire days before %d of project %d: %w", day, project, err)
	}
	s.metrics.expired.Add(float64(removed))
	return removed, nil
}

// ExpireDeadLetters implements store.Eraser.
func (s *Store) ExpireDeadLetters(ctx context.Context, before int64) (removed int64, err error) {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	err = s.onDisk(ctx, func() error {
		res, err := s.flusher.ExecContext(ctx, "DELETE FROM dead_letters WHERE received < ?", before)
		if err != nil {
			return err
		}
		removed, err = res.RowsAffected()
		return err
	}, func() error { return nil })
	if err != nil {
		return 0, fmt.Errorf("expire dead letters: %w", err)
	}
	s.metrics.expiredLetters.Add(float64(removed))
	return removed, nil
}

// expiring counts the events to be removed by their hour of receipt, for the ledger.
func (s *Store) expiring(ctx context.Context, t *table, day int64) (map[ledgerKey]store.Counts, int64, error) {
	rows, err := s.flusher.QueryContext(ctx, fmt.Sprintf(
		"SELECT epoch_us(%s) // 3600000000 * 3600, count(*) FROM %s WHERE day < %d GROUP BY ALL", layout{columns: t.diskColumns, former: t.former}.value(receivedColumn), t.cold, day))
	if err != nil {
		return nil, 0, fmt.Errorf("count days before %d: %w", day, err)
	}
	defer rows.Close()
	counts, total := map[ledgerKey]store.Counts{}, int64(0)
	for rows.Next() {
		var hour, n int64
		if err := rows.Scan(&hour, &n); err != nil {
			return nil, 0, err
		}
		counts[ledgerKey{t.project, hour}] = store.Counts{Expired: n}
		total += n
	}
	return counts, total, rows.Err()
}

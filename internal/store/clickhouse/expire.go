package clickhouse

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// expiry says that the events of a project before a day are gone, of those before a position. No new cut has them; the rows
// are deleted when no older one is open.
type expiry struct {
	project  store.ProjectID
	day      int64
	position eventlog.Position
	// cut is the number of the latest cut that has the rows, since when no new one of any process has them.
	cut   uint64
	since time.Time
}

func (e *expiry) rows() string { return fmt.Sprintf("day < %d AND seq < %d", e.day, e.position) }

// is tells whether another one is the same.
func (e *expiry) is(x expiry) bool {
	return x.project == e.project && x.day == e.day && x.position == e.position
}

// Expire implements store.Eraser.
func (s *Store) Expire(ctx context.Context, project store.ProjectID, day int64) (int64, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	n, err := s.expire(ctx, project, day)
	if err != nil {
		return 0, fmt.Errorf("expire events of project %d: %w", project, err)
	}
	return n, nil
}

func (s *Store) expire(ctx context.Context, project store.ProjectID, day int64) (n int64, err error) {
	c, err := s.Cut(ctx, project)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	at := c.Watermark().Position
	var gone []hour
	sql := "SELECT intDiv(toUnixTimestamp64Micro(received), 3600000000) * 3600, count() FROM " + c.Events("received", "day") + fmt.Sprintf(" WHERE day < %d GROUP BY 1", day)
	for row, err := range c.Rows(ctx, sql) {
		if err != nil {
			return 0, err
		}
		rows := int64(row[1].(uint64))
		gone = append(gone, hour{Project: project, Hour: row[0].(int64), Counts: store.Counts{Expired: rows}})
		n += rows
	}
	if n == 0 {
		return 0, nil
	}
	if err := s.current(ctx); err != nil {
		return 0, err
	}
	e := expiry{project: project, day: day, position: at}
	if err := s.writeExpiry(ctx, &e, gone, false); err != nil {
		return 0, err
	}
	if err := s.current(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	e.cut, e.since = s.latest, s.opts.Now()
	s.expiries = append(s.expiries, e)
	for _, h := range gone {
		s.totals.count(hourKey{project, h.Hour}, h.Counts)
	}
	s.changes.expired[project]++
	s.mu.Unlock()
	return n, nil
}

// writeExpiry makes an expiry durable, with what it takes out of the ledger, in one row; or in another one that its rows
// have been deleted. It writes nothing when another process has opened the store: that one may have expired the same days, and
// deleting the rows did nothing then.
func (s *Store) writeExpiry(ctx context.Context, e *expiry, gone []hour, swept bool) error {
	text, err := json.Marshal(gone)
	if err != nil {
		return err
	}
	done := 0
	if swept {
		done = 1
	}
	return s.client.write(ctx, fmt.Sprintf("INSERT INTO expiries (project, day, position, hours, swept) SELECT %d, %d, %d, %s, %d WHERE %s",
		e.project, e.day, e.position, quoteText(string(text)), done, s.unlessSuperseded()))
}

// loadExpiries reads what has expired. An expiry whose rows were deleted is not carried out again: their days may have been
// cut anew since.
func (s *Store) loadExpiries(ctx context.Context) error {
	var failed error
	now := s.opts.Now()
	err := s.rows(ctx, "SELECT project, day, position, hours, swept FROM expiries ORDER BY position, swept", func(v []any) {
		e := expiry{project: store.ProjectID(v[0].(uint64)), day: v[1].(int64), position: eventlog.Position(v[2].(uint64))}
		if v[4].(uint64) == 1 {
			s.expiries = slices.DeleteFunc(s.expiries, e.is)
			return
		}
		s.changes.expired[e.project]++
		e.since = now
		var gone []hour
		if err := json.Unmarshal([]byte(v[3].(string)), &gone); err != nil {
			failed = err
			return
		}
		for _, h := range gone {
			s.totals.count(hourKey{e.project, h.Hour}, h.Counts)
		}
		s.expiries = append(s.expiries, e)
	})
	if err = cmp.Or(err, failed); err != nil {
		return fmt.Errorf("read expiries: %w", err)
	}
	return nil
}

// sweep deletes rows that have expired and that no open cut has. The caller holds changing, or nobody else has the store.
func (s *Store) sweep(ctx context.Context) error {
	s.mu.RLock()
	ripe := slices.Clone(s.expiries)
	s.mu.RUnlock()
	ripe = slices.DeleteFunc(ripe, func(e expiry) bool { return !s.unread(e.cut, e.since) })
	for _, e := range ripe {
		if t := s.known(e.project); t != nil {
			for _, table := range []string{t.rows, t.sealedRows} {
				if err := s.deleteRows(ctx, table, e.rows()); err != nil {
					return err
				}
			}
		}
		if err := s.writeExpiry(ctx, &e, nil, true); err != nil {
			return fmt.Errorf("note that events have expired: %w", err)
		}
		s.mu.Lock()
		s.expiries = slices.DeleteFunc(s.expiries, e.is)
		s.mu.Unlock()
	}
	return nil
}

func (s *Store) known(project store.ProjectID) *table {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tables[project]
}

// ExpireDeadLetters implements store.Eraser.
func (s *Store) ExpireDeadLetters(ctx context.Context, before int64) (int64, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	where := fmt.Sprintf("received < %d AND position < %d AND %s", before, s.Position(), s.valid("position", false))
	n, err := s.number(ctx, "SELECT count() FROM dead_letters WHERE "+where)
	if err == nil {
		err = s.delete(ctx, "dead_letters", where)
	}
	if err != nil {
		return 0, fmt.Errorf("expire dead letters: %w", err)
	}
	return int64(n), nil
}

package duckdb

import (
	"context"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// Watermark implements store.Reader.
func (s *Store) Watermark() store.Watermark {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.watermark
}

// Version implements store.Reader.
func (s *Store) Version(project store.ProjectID) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v, ok := s.versions[project]; ok {
		return v
	}
	return s.opened
}

// changed gives a project a version of its own; the caller holds mu.
func (s *Store) changed(project store.ProjectID) {
	s.versions[project] = max(s.versions[project], s.opened) + 1
}

// Wait implements store.Reader.
func (s *Store) Wait(ctx context.Context, p eventlog.Position) error {
	for {
		s.mu.RLock()
		reached, advanced := s.watermark.Position >= p, s.advanced
		s.mu.RUnlock()
		if reached {
			return nil
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return fmt.Errorf("wait for position %d: %w", p, ctx.Err())
		}
	}
}

// Committed returns a channel that is closed at the next commit.
func (s *Store) Committed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.advanced
}

// DeadLetters implements store.Reader.
func (s *Store) DeadLetters(
	ctx context.Context, project store.ProjectID, before eventlog.Position, limit int,
) ([]store.DeadLetter, error) {
	out := s.freshDeadLetters(project, before, limit)
	if len(out) == limit {
		return out, nil
	}
	rows, err := s.db.QueryContext(ctx, "SELECT position, received, stage, code, reason, protocol, body FROM dead_letters"+
		" WHERE project = ? AND position < ? ORDER BY position DESC LIMIT ?", uint32(project), uint64(before), limit+len(out))
	if err != nil {
		return nil, s.told(fmt.Errorf("read dead letters: %w", err))
	}
	defer rows.Close()
	seen := map[eventlog.Position]bool{}
	for i := range out {
		seen[out[i].Position] = true
	}
	for rows.Next() && len(out) < limit {
		d := store.DeadLetter{Project: project}
		var position uint64
		if err := rows.Scan(&position, &d.ReceivedAt, &d.Stage, &d.Code, &d.Reason, &d.Protocol, &d.Body); err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		if d.Position = eventlog.Position(position); !seen[d.Position] {
			out = append(out, d)
		}
	}
	return out, rows.Err()
}

// freshDeadLetters are those that no flush has written yet, newest first.
func (s *Store) freshDeadLetters(project store.ProjectID, before eventlog.Position, limit int) []store.DeadLetter {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []store.DeadLetter
	for i := len(s.gens) - 1; i >= 0; i-- {
		for j := len(s.gens[i].dead) - 1; j >= 0 && len(out) < limit; j-- {
			if d := s.gens[i].dead[j]; d.Project == project && d.Position < before {
				out = append(out, d)
			}
		}
	}
	return out
}

// HotRows is how many rows are in memory only.
func (s *Store) HotRows() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.hotRows()
}

// Oldest is how long the oldest row that is only in memory has been there; 0 when there is none.
func (s *Store) Oldest() time.Duration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.gens) == 0 {
		return 0
	}
	return s.opts.Now().Sub(s.gens[0].oldest)
}

// memory is what DuckDB has in use, in bytes; 0 when it does not say.
func (s *Store) memory() (n float64) {
	ctx, cancel := context.WithTimeout(context.Background(), memoryTimeout)
	defer cancel()
	_ = s.db.QueryRowContext(ctx, "SELECT coalesce(sum(memory_usage_bytes), 0)::DOUBLE FROM duckdb_memory()").Scan(&n)
	return n
}

// memoryTimeout bounds what a scrape of the metrics waits for.
const memoryTimeout = time.Second

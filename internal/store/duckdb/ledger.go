package duckdb

import (
	"context"
	"fmt"
	"sort"

	"github.com/freshet/freshet/internal/store"
)

// ledger is what is on disk of the ledger: an entry for each hour of a project, kept for ever.
type ledger struct {
	hours map[ledgerKey]store.Counts
	// off adds up how far each entry is from balance, so that a scrape does not have to walk them.
	off int64
}

// add adds what a change of the file counts in an hour.
func (l *ledger) add(k ledgerKey, c store.Counts) {
	l.off += l.lean(k, c)
	l.hours[k] = l.hours[k].Plus(c)
}

// lean is how much further from balance an entry would be with more counts.
func (l *ledger) lean(k ledgerKey, c store.Counts) int64 {
	return l.hours[k].Plus(c).Difference() - l.hours[k].Difference()
}

// Ledger implements store.Reader.
func (s *Store) Ledger(_ context.Context, project store.ProjectID, from, to int64) ([]store.LedgerHour, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ledgerOf(project, from, to), nil
}

// ledgerOf is Ledger; the caller holds mu.
func (s *Store) ledgerOf(project store.ProjectID, from, to int64) []store.LedgerHour {
	hours := map[int64]store.Counts{}
	collect := func(counts map[ledgerKey]store.Counts) {
		for k, c := range counts {
			if k.project == project && k.hour >= from && k.hour < to {
				hours[k.hour] = hours[k.hour].Plus(c)
			}
		}
	}
	collect(s.ledger.hours)
	for _, g := range s.gens {
		collect(g.counts)
	}
	out := make([]store.LedgerHour, 0, len(hours))
	for hour, c := range hours {
		out = append(out, store.LedgerHour{Hour: hour, Counts: c})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Hour < out[j].Hour })
	return out
}

// difference adds up, over projects and hours, how far the ledger is from balance: too few in one hour must not hide behind too
// many in another.
func (s *Store) difference() float64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	fresh := map[ledgerKey]store.Counts{}
	for _, g := range s.gens {
		for k, c := range g.counts {
			fresh[k] = fresh[k].Plus(c)
		}
	}
	total := s.ledger.off
	for k, c := range fresh {
		total += s.ledger.lean(k, c)
	}
	return float64(total)
}

func (s *Store) writeLedger(ctx context.Context, counts map[ledgerKey]store.Counts) error {
	for k, c := range counts {
		res, err := s.flusher.ExecContext(ctx, "UPDATE ledger SET accepted = accepted + ?, stored = stored + ?,"+
			" duplicate = duplicate + ?, dead = dead + ?, expired = expired + ? WHERE project = ? AND hour = ?",
			c.Accepted, c.Stored, c.Duplicate, c.Dead, c.Expired, uint32(k.project), k.hour)
		if err != nil {
			return fmt.Errorf("write ledger: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			continue
		}
		if _, err := s.flusher.ExecContext(ctx, "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?)",
			uint32(k.project), k.hour, c.Accepted, c.Stored, c.Duplicate, c.Dead, c.Expired); err != nil {
			return fmt.Errorf("write ledger: %w", err)
		}
	}
	return nil
}

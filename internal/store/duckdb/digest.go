package duckdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// sums count rows and add up their hashes h. Two sums of the halves of each hash stay within what a whole number holds for a billion
// rows.
const sums = "count(*)::BIGINT, (sum(h >> 32) % 9223372036854775807)::BIGINT, (sum(h & 4294967295) % 9223372036854775807)::BIGINT"

// Projects are those that have a ledger, in order.
func (s *Store) Projects() []store.ProjectID {
	s.mu.RLock()
	defer s.mu.RUnlock()
	seen := map[store.ProjectID]bool{}
	for k := range s.ledger.hours {
		seen[k.project] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Digests reads every value of every row, and so finds damage that nobody has asked for yet. They are in the order of
// project and day.
func (s *Store) Digests(ctx context.Context) ([]store.Digest, error) {
	s.mu.RLock()
	projects := slices.Sorted(maps.Keys(s.tables))
	s.mu.RUnlock()
	var out []store.Digest
	for _, p := range projects {
		days, err := s.digest(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("digest of project %d: %w", p, err)
		}
		out = append(out, days...)
	}
	return out, nil
}

func (s *Store) digest(ctx context.Context, p store.ProjectID) ([]store.Digest, error) {
	c, err := s.Cut(ctx, p)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	names := c.Schema().AllColumns()
	list := strings.Join(names, ", ")
	q := "SELECT day, " + sums + " FROM (SELECT day, hash(" + list + ") AS h FROM " + c.Events(names...) + ") GROUP BY day ORDER BY day"
	var out []store.Digest
	for row, err := range c.Rows(ctx, q) {
		if err != nil {
			return nil, err
		}
		day, okDay := row[0].(int64)
		n, okN := row[1].(int64)
		high, okHigh := row[2].(int64)
		low, okLow := row[3].(int64)
		if !okDay || !okN || !okHigh || !okLow {
			return nil, fmt.Errorf("unexpected row %v", row)
		}
		out = append(out, store.Digest{Project: p, Day: day, Events: n, Sum: fmt.Sprintf("%016x%016x", high, low)})
	}
	return out, nil
}

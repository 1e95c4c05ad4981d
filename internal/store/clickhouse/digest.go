package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// Projects are those that have a ledger, in order.
func (s *Store) Projects() []store.ProjectID {
	s.mu.RLock()
	defer s.mu.RUnlock()
	seen := map[store.ProjectID]bool{}
	for k := range s.totals.hours {
		seen[k.project] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Digests has the server read every value of every row. They are in the order of project and day.
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

func (s *Store) digest(ctx context.Context, p store.ProjectID) (out []store.Digest, err error) {
	c, err := s.Cut(ctx, p)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	names := c.Schema().AllColumns()
	// As text NULL is told from what is empty. The sum may run over.
	sql := "SELECT day, count(), sum(h) FROM (SELECT day, cityHash64(toString(tuple(" + strings.Join(names, ", ") + "))) AS h FROM " +
		c.Events(names...) + ") GROUP BY day ORDER BY day"
	for row, err := range c.Rows(ctx, sql) {
		if err != nil {
			return nil, err
		}
		out = append(out, store.Digest{Project: p, Day: row[0].(int64), Events: int64(row[1].(uint64)), Sum: fmt.Sprintf("%016x", row[2].(uint64))})
	}
	return out, nil
}

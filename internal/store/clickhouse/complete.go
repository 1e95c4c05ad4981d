package clickhouse

import (
	"context"
	"fmt"
	"strings"
)

// columnsMade is on how many servers a table has a column.
type columnsMade map[[2]string]int

// columnsMade looks at all tables at once: a change of a table that changes nothing takes a server 20 ms, and who opens a store is waited for.
func (s *Store) columnsMade(ctx context.Context) (columnsMade, error) {
	out := columnsMade{}
	look := func(c *client, tables string) error {
		err := c.rows(ctx, "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND match(table, '^("+tables+")_[0-9]+$')", func(v []any) {
			out[[2]string{v[0].(string), v[1].(string)}]++
		})
		if err != nil {
			return fmt.Errorf("read which columns there are: %w", err)
		}
		return nil
	}
	if !s.spread() {
		return out, look(s.client, "events|sealed")
	}
	for _, h := range s.shards {
		if err := look(h.client, "rows|sealed_rows"); err != nil {
			return nil, err
		}
	}
	return out, look(s.client, "events|sealed")
}

// lacks tells whether a table is not there on all of some servers, or has not every column of the project's.
func (m columnsMade) lacks(table string, t *table, servers int) bool {
	if m[[2]string{table, "basis"}] < servers {
		return true
	}
	for _, p := range t.props {
		if m[[2]string{table, p.Column}] < servers {
			return true
		}
	}
	return false
}

// complete makes what an earlier version, or a change that was broken off, has not made of a project's tables; and those that have the rows of all
// shards anew when they are of a cluster of another name.
func (s *Store) complete(ctx context.Context, t *table, made columnsMade, engine string) error {
	moved := s.spread() && !strings.HasPrefix(engine, s.engine(t.rows))
	if moved || made.lacks(t.rows, t, len(s.shards)) || made.lacks(t.sealedRows, t, len(s.shards)) || made.lacks(t.name, t, 1) || made.lacks(t.sealed, t, 1) {
		if err := s.remake(ctx, t, moved); err != nil {
			return fmt.Errorf("create %s: %w", t.name, err)
		}
		if len(t.props) > 0 {
			return s.widen(ctx, t, 0)
		}
	}
	t.made = len(t.props)
	return nil
}

// remake makes what there is not of a project's tables, but for columns of properties.
func (s *Store) remake(ctx context.Context, t *table, moved bool) error {
	if err := s.create(ctx, t); err != nil {
		return err
	}
	err := s.everywhere(func(h *shard) error {
		return h.client.exec(ctx, "ALTER TABLE "+t.rows+" ADD COLUMN IF NOT EXISTS basis UInt64 DEFAULT person AFTER epoch")
	})
	if err != nil || !s.spread() {
		return err
	}
	if !moved {
		return s.client.exec(ctx, "ALTER TABLE "+t.name+" ADD COLUMN IF NOT EXISTS basis UInt64 AFTER epoch")
	}
	for _, sql := range s.united(t) {
		if err := s.client.exec(ctx, "CREATE OR REPLACE TABLE "+sql); err != nil {
			return err
		}
	}
	return nil
}

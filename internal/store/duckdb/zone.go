package duckdb

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/store/flat"
)

// writeZone makes durable in which zone the days of a project's rows on disk are cut; it is part of the transaction that
// changes it, since rows that come back from the log after a crash may be cut in yet another one.
func (s *Store) writeZone(ctx context.Context, t *table, z flat.Zone) error {
	if z == t.zone {
		return nil
	}
	if _, err := s.flusher.ExecContext(ctx, "DELETE FROM zones WHERE project = ?", uint32(t.project)); err != nil {
		return fmt.Errorf("write the zone of project %d: %w", t.project, err)
	}
	if _, err := s.flusher.ExecContext(ctx, "INSERT INTO zones VALUES (?, ?)", uint32(t.project), z.Name); err != nil {
		return fmt.Errorf("write the zone of project %d: %w", t.project, err)
	}
	return nil
}

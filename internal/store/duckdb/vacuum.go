package duckdb

import (
	"context"
	"errors"
	"fmt"
)

// A row that compaction or a link has rewritten stays in its row group, marked as deleted, until the whole group is
// empty. Where days come mixed, as in an import, most groups never are, and every question reads past their dead rows.
// So DuckDB may now and then merge a few neighbouring groups into fewer without them, which it does in a checkpoint. All
// at once would rewrite the table and nearly double the file; a few at a time take a second or two and use up the blocks
// that those before them have freed. Questions go on meanwhile.

// deadShare is the part of the rows that may be dead before any are cleared away.
const deadShare = 0.05

// vacuum clears some dead rows away if there are many; the caller holds flushing.
func (s *Store) vacuum(ctx context.Context) error {
	live, dead, err := s.rowsOnDisk(ctx)
	if err != nil {
		return err
	}
	// What the last attempt could not merge is left alone until there is more.
	least := max(int64(s.opts.FlushRows), int64(deadShare*float64(live)), s.unmerged+int64(s.opts.FlushRows))
	if dead < least {
		return nil
	}
	defer s.giveBack(context.WithoutCancel(ctx))
	began := s.opts.Now()
	// A checkpoint looks into tables without changes only when there is a change to the list of tables.
	touched := fileDatabase + ".touched"
	for _, q := range []string{
		"CREATE OR REPLACE TABLE " + touched + " (nothing BOOLEAN)", "DROP TABLE " + touched, "SET max_vacuum_tasks = 1",
	} {
		if _, err := s.flusher.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("vacuum: %w", err)
		}
	}
	_, err = s.flusher.ExecContext(ctx, "CHECKPOINT")
	if _, again := s.flusher.ExecContext(context.WithoutCancel(ctx), "SET max_vacuum_tasks = 0"); again != nil {
		return fmt.Errorf("vacuum: %w", errors.Join(err, again))
	}
	if err != nil {
		s.opts.Logger.Debug("vacuum put off", "error", err)
		return nil
	}
	s.metrics.vacuum.Observe(s.opts.Now().Sub(began).Seconds())
	_, left, err := s.rowsOnDisk(ctx)
	if err != nil {
		return err
	}
	s.unmerged = 0
	if left >= dead {
		s.unmerged = left
	}
	s.metrics.vacuumedRows.Add(float64(max(dead-left, 0)))
	return nil
}

// rowsOnDisk counts the rows of all projects on disk that are there and those that are dead.
func (s *Store) rowsOnDisk(ctx context.Context) (live, dead int64, err error) {
	err = s.flusher.QueryRowContext(ctx, "SELECT (SELECT coalesce(sum(rows), 0)::BIGINT FROM runs),"+
		" (SELECT coalesce(sum(estimated_size), 0)::BIGINT FROM duckdb_tables()"+
		" WHERE database_name = '"+fileDatabase+"' AND starts_with(table_name, 'events_'))").Scan(&live, &dead)
	if err != nil {
		return 0, 0, fmt.Errorf("count dead rows: %w", err)
	}
	return live, max(dead-live, 0), nil
}

package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/freshet/freshet/internal/store"
)

// duplicatesTable was added without a new format: a binary that does not know it counts duplicates in the ledger only, and
// they are store.UntoldSDKs then.
const duplicatesTable = "CREATE TABLE IF NOT EXISTS sdk_duplicates (project UINTEGER NOT NULL, hour BIGINT NOT NULL," +
	" library VARCHAR NOT NULL, version VARCHAR NOT NULL, n BIGINT NOT NULL)"

// CountDuplicate implements store.Writer.
func (s *Store) CountDuplicate(project store.ProjectID, hour int64, sdk store.SDK) {
	k := ledgerKey{project, hour}
	s.batch.sdks[k] = s.batch.sdks[k].Add(sdk, 1)
}

// Duplicates implements store.Reader.
func (s *Store) Duplicates(ctx context.Context, project store.ProjectID, from, to int64) ([]store.Duplicates, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, s.told(fmt.Errorf("read duplicates: %w", err))
	}
	defer func() { _ = conn.Close() }()
	hours, fresh, err := s.pinDuplicates(ctx, conn, project, from, to)
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	if err != nil {
		return nil, s.told(fmt.Errorf("read duplicates: %w", err))
	}
	all, err := readDuplicates(ctx, conn, project, from, to)
	if err != nil {
		return nil, s.told(fmt.Errorf("read duplicates: %w", err))
	}
	for _, f := range fresh {
		for hour, c := range f {
			all[hour] = all[hour].Plus(c)
		}
	}
	return store.DuplicatesOf(hours, func(hour int64) store.SDKCounts { return all[hour] }), nil
}

// pinDuplicates begins a transaction that sees the file as it is now, and returns what is not in it yet, in the order of
// the log, with the ledger of the same moment.
func (s *Store) pinDuplicates(
	ctx context.Context, conn *sql.Conn, project store.ProjectID, from, to int64,
) (hours []store.LedgerHour, fresh []map[int64]store.SDKCounts, err error) {
	s.pin.RLock()
	defer s.pin.RUnlock()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return nil, nil, err
	}
	if _, err := conn.ExecContext(ctx, "SELECT 1 FROM sdk_duplicates LIMIT 0"); err != nil {
		return nil, nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, g := range s.gens {
		of := map[int64]store.SDKCounts{}
		for k, c := range g.sdks {
			if k.project == project && k.hour >= from && k.hour < to {
				of[k.hour] = slices.Clone(c)
			}
		}
		fresh = append(fresh, of)
	}
	return s.ledgerOf(project, from, to), fresh, nil
}

func readDuplicates(ctx context.Context, conn *sql.Conn, project store.ProjectID, from, to int64) (map[int64]store.SDKCounts, error) {
	rows, err := conn.QueryContext(ctx, "SELECT hour, library, version, n FROM sdk_duplicates WHERE project = ? AND hour >= ? AND hour < ?",
		uint32(project), from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int64]store.SDKCounts{}
	for rows.Next() {
		var hour int64
		var c store.SDKCount
		if err := rows.Scan(&hour, &c.Name, &c.Version, &c.Count); err != nil {
			return nil, err
		}
		out[hour] = append(out[hour], c)
	}
	return out, rows.Err()
}

// writeDuplicates adds a generation's to those on disk.
func (s *Store) writeDuplicates(ctx context.Context, g *generation) error {
	for k, c := range g.sdks {
		old, err := readDuplicates(ctx, s.flusher, k.project, k.hour, k.hour+1)
		if err != nil {
			return fmt.Errorf("read duplicates: %w", err)
		}
		if _, err := s.flusher.ExecContext(ctx, "DELETE FROM sdk_duplicates WHERE project = ? AND hour = ?", uint32(k.project), k.hour); err != nil {
			return fmt.Errorf("write duplicates: %w", err)
		}
		for _, x := range old[k.hour].Plus(c) {
			if _, err := s.flusher.ExecContext(ctx, "INSERT INTO sdk_duplicates VALUES (?, ?, ?, ?, ?)",
				uint32(k.project), k.hour, x.Name, x.Version, x.Count); err != nil {
				return fmt.Errorf("write duplicates: %w", err)
			}
		}
	}
	return nil
}

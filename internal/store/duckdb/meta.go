package duckdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// formatVersion is that of the tables on disk. A file of a newer one is refused.
const formatVersion = versionOfColumns

// migrations bring the file from version i to i+1; they are only ever appended to. Versions 3, 6, 7 and 8 differ in the tables of
// events, of which there are as many as projects; 4 and 5 in nothing but what may be in them.
var migrations = []string{`
CREATE TABLE meta (position UBIGINT NOT NULL, newest BIGINT NOT NULL);
INSERT INTO meta VALUES (0, 0);
CREATE TABLE properties (project UINTEGER NOT NULL, number UINTEGER NOT NULL, key VARCHAR NOT NULL, type UTINYINT NOT NULL);
CREATE TABLE tables (project UINTEGER NOT NULL);
CREATE TABLE ledger (project UINTEGER NOT NULL, hour BIGINT NOT NULL,
	accepted BIGINT NOT NULL, stored BIGINT NOT NULL, duplicate BIGINT NOT NULL, dead BIGINT NOT NULL, expired BIGINT NOT NULL);
CREATE TABLE dead_letters (project UINTEGER NOT NULL, position UBIGINT NOT NULL, received BIGINT NOT NULL,
	stage VARCHAR NOT NULL, code VARCHAR NOT NULL, reason VARCHAR NOT NULL, protocol VARCHAR NOT NULL, body BLOB NOT NULL);
CREATE TABLE links (project UINTEGER NOT NULL, person UBIGINT NOT NULL, target UBIGINT NOT NULL, position UBIGINT NOT NULL);
CREATE TABLE pending_links (project UINTEGER NOT NULL, person UBIGINT NOT NULL, target UBIGINT NOT NULL, seq UBIGINT NOT NULL);
CREATE TABLE runs (project UINTEGER NOT NULL, day BIGINT NOT NULL, rows BIGINT NOT NULL);
`, `
CREATE TABLE zones (project UINTEGER NOT NULL, zone VARCHAR NOT NULL);
INSERT INTO zones SELECT project, '' FROM tables;
`, ``, ``, ``, ``, ``, ``}

func (s *Store) migrate(ctx context.Context) error {
	_, err := s.flusher.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS format (version INTEGER NOT NULL)")
	if err != nil {
		return err
	}
	var version int
	if err := s.flusher.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM format").Scan(&version); err != nil {
		return fmt.Errorf("read format version: %w", err)
	}
	if version > formatVersion {
		return fmt.Errorf("the file has format %d, this binary reads up to %d: start a newer freshet", version, formatVersion)
	}
	for v := version; v < formatVersion; v++ {
		q := migrations[v]
		switch v + 1 {
		case versionOfUUIDs:
			q, err = s.addUUIDs(ctx)
		case versionOfMillis:
			q, err = s.addMillis(ctx)
		case versionOfNames:
			q, err = s.addNames(ctx)
		case versionOfColumns:
			q, err = s.dropEmpty(ctx)
		}
		if err != nil {
			return fmt.Errorf("migrate to format %d: %w", v+1, err)
		}
		q = "BEGIN; " + q + fmt.Sprintf("; INSERT INTO format VALUES (%d); COMMIT", v+1)
		if _, err := s.flusher.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("migrate to format %d: %w", v+1, err)
		}
	}
	if _, err := s.flusher.ExecContext(ctx, duplicatesTable); err != nil {
		return fmt.Errorf("make the table of duplicates: %w", err)
	}
	if _, err := s.flusher.ExecContext(ctx, handoverTables); err != nil {
		return fmt.Errorf("make the tables of handovers: %w", err)
	}
	_, err = s.flusher.ExecContext(ctx,
		"CREATE TABLE hot.relink (project UINTEGER, person UBIGINT, target UBIGINT, seq UBIGINT)")
	return err
}

func (s *Store) loadMeta(ctx context.Context) error {
	var position uint64
	var newest int64
	if err := s.flusher.QueryRowContext(ctx, "SELECT position, newest FROM meta").Scan(&position, &newest); err != nil {
		return fmt.Errorf("read position: %w", err)
	}
	s.cold = eventlog.Position(position)
	s.watermark = store.Watermark{Position: s.cold, Time: time.UnixMicro(newest).UTC()}
	if err := s.loadTables(ctx); err != nil {
		return fmt.Errorf("read tables: %w", err)
	}
	if err := s.loadOverflows(ctx); err != nil {
		return fmt.Errorf("look for overflows: %w", err)
	}
	if err := s.loadFormer(ctx); err != nil {
		return fmt.Errorf("read which days are of a former layout: %w", err)
	}
	if err := s.loadLedger(ctx); err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	if _, err := s.flusher.ExecContext(ctx, "INSERT INTO hot.relink SELECT * FROM pending_links"); err != nil {
		return fmt.Errorf("read pending links: %w", err)
	}
	if err := s.loadPending(ctx); err != nil {
		return fmt.Errorf("read pending links: %w", err)
	}
	if err := s.loadHandovers(ctx); err != nil {
		return fmt.Errorf("read handovers: %w", err)
	}
	return s.loadPersons(ctx)
}

func (s *Store) loadPending(ctx context.Context) error {
	rows, err := s.flusher.QueryContext(ctx, "SELECT project, person, target, seq FROM pending_links")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e relinkEntry
		if err := rows.Scan(&e.project, &e.person, &e.target, &e.seq); err != nil {
			return err
		}
		s.pending.load(e)
	}
	return rows.Err()
}

func (s *Store) loadTables(ctx context.Context) error {
	columns, err := s.columnsOnDisk(ctx)
	if err != nil {
		return err
	}
	rows, err := s.flusher.QueryContext(ctx, "SELECT project, coalesce(zone, '') FROM tables LEFT JOIN zones USING (project)")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p store.ProjectID
		zone := flat.Zone{Rows: true}
		if err := rows.Scan(&p, &zone.Name); err != nil {
			return err
		}
		t := newTable(p, s.opts.PropertyLimit)
		t.onDisk, t.diskReady, t.zone = true, true, zone
		t.diskColumns, t.diskReadyColumns = columns[p], columns[p]
		s.tables[p] = t
	}
	if err := rows.Err(); err != nil {
		return err
	}
	props, err := s.flusher.QueryContext(ctx, "SELECT project, key, type FROM properties ORDER BY project, number")
	if err != nil {
		return err
	}
	defer props.Close()
	for props.Next() {
		var p store.ProjectID
		var key string
		var typ store.Type
		if err := props.Scan(&p, &key, &typ); err != nil {
			return err
		}
		t := s.tables[p]
		t.addProperty(key, typ)
		t.diskProps, t.diskReadyProps = len(t.props), len(t.props)
	}
	return errors.Join(props.Err(), s.loadNames(ctx))
}

// projectsOnDisk are those that have a table of events.
func (s *Store) projectsOnDisk(ctx context.Context) (out []store.ProjectID, err error) {
	rows, err := s.flusher.QueryContext(ctx, "SELECT project FROM tables")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p store.ProjectID
		if err := rows.Scan(&p); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// loadOverflows finds out which tables have rows with an overflow.
func (s *Store) loadOverflows(ctx context.Context) (err error) {
	for _, t := range s.tables {
		if !t.diskColumns["overflow"] {
			continue
		}
		if t.overflows, err = s.hasValue(ctx, t.cold, "overflow"); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) loadLedger(ctx context.Context) error {
	rows, err := s.flusher.QueryContext(ctx, "SELECT project, hour, accepted, stored, duplicate, dead, expired FROM ledger")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k ledgerKey
		var c store.Counts
		if err := rows.Scan(&k.project, &k.hour, &c.Accepted, &c.Stored, &c.Duplicate, &c.Dead, &c.Expired); err != nil {
			return err
		}
		s.ledger.add(k, c)
	}
	return rows.Err()
}

// loadPersons fills the filter of known persons, which spares linking work for people never seen before.
func (s *Store) loadPersons(ctx context.Context) error {
	for _, t := range s.tables {
		if err := s.loadPersonsOf(ctx, t); err != nil {
			return fmt.Errorf("read persons: %w", err)
		}
	}
	return nil
}

func (s *Store) loadPersonsOf(ctx context.Context, t *table) error {
	rows, err := s.flusher.QueryContext(ctx, "SELECT DISTINCT person FROM "+t.cold)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p uint64
		if err := rows.Scan(&p); err != nil {
			return err
		}
		s.persons.add(p)
	}
	return rows.Err()
}

// Position implements store.Writer.
func (s *Store) Position() eventlog.Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.cold
}

// Poisoned implements store.Writer.
func (s *Store) Poisoned(ctx context.Context, from eventlog.Position) ([]eventlog.Position, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT position FROM dead_letters WHERE code = ? AND position >= ? ORDER BY position",
		store.CodePoison, uint64(from))
	if err != nil {
		return nil, fmt.Errorf("read poisoned positions: %w", err)
	}
	defer rows.Close()
	var out []eventlog.Position
	for rows.Next() {
		var p eventlog.Position
		if err := rows.Scan(&p); err != nil {
			return nil, fmt.Errorf("read poisoned positions: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// Links implements store.Writer.
func (s *Store) Links(ctx context.Context) ([]store.Link, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT project, person, target, position FROM links ORDER BY position, rowid")
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	defer rows.Close()
	var out []store.Link
	for rows.Next() {
		var l store.Link
		if err := rows.Scan(&l.Project, &l.From, &l.To, &l.Position); err != nil {
			return nil, fmt.Errorf("read links: %w", err)
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

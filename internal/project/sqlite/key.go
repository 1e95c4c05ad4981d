package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	codes "modernc.org/sqlite/lib"

	"github.com/freshet/freshet/internal/project"
)

// Keys implements project.Store.
func (s *Store) Keys(ctx context.Context) ([]project.StoredKey, error) {
	return query(ctx, s.db, func(rows *sql.Rows) (k project.StoredKey, err error) {
		var created int64
		var used, revoked sql.NullInt64
		var hash []byte
		if err := rows.Scan(&k.ID, &k.Project, &k.Kind, &k.Name, &k.Hint, &hash, &created, &used, &revoked); err != nil {
			return k, err
		}
		if copy(k.Hash[:], hash) != len(k.Hash) {
			return k, fmt.Errorf("the hash of key %d has %d bytes", k.ID, len(hash))
		}
		k.CreatedAt, k.LastUsedAt, k.RevokedAt = moment(created), maybe(used), maybe(revoked)
		return k, nil
	}, "select id, project, kind, name, hint, hash, created_at, last_used_at, revoked_at from key order by id")
}

// CreateKey implements project.Store.
func (s *Store) CreateKey(ctx context.Context, k project.StoredKey, audit func(uint64) project.AuditEntry) (uint64, error) {
	var id uint64
	err := s.change(ctx, func(tx *sql.Tx) (project.AuditEntry, error) {
		r, err := tx.ExecContext(ctx, "insert into key (project, kind, name, hint, hash, created_at) values (?, ?, ?, ?, ?, ?)",
			k.Project, k.Kind, k.Name, k.Hint, k.Hash[:], k.CreatedAt.UnixMicro())
		if violates(err, codes.SQLITE_CONSTRAINT_FOREIGNKEY) {
			return project.AuditEntry{}, project.NoSuchProject(k.Project)
		}
		if err != nil {
			return project.AuditEntry{}, fmt.Errorf("insert the key: %w", err)
		}
		n, err := r.LastInsertId()
		if err != nil {
			return project.AuditEntry{}, fmt.Errorf("insert the key: %w", err)
		}
		id = uint64(n)
		return audit(id), nil
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

// errRevoked ends a transaction that found nothing to do.
var errRevoked = errors.New("the key is revoked already")

// RevokeKey implements project.Store.
func (s *Store) RevokeKey(ctx context.Context, id uint64, at time.Time, audit project.AuditEntry) error {
	err := s.change(ctx, func(tx *sql.Tx) (project.AuditEntry, error) {
		var revoked sql.NullInt64
		err := tx.QueryRowContext(ctx, "select revoked_at from key where id = ?", int64(id)).Scan(&revoked)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return audit, project.NoSuchKey(id)
		case err != nil:
			return audit, fmt.Errorf("read the key: %w", err)
		case revoked.Valid:
			return audit, errRevoked
		}
		if _, err := tx.ExecContext(ctx, "update key set revoked_at = ? where id = ?", at.UnixMicro(), int64(id)); err != nil {
			return audit, fmt.Errorf("update the key: %w", err)
		}
		return audit, nil
	})
	if errors.Is(err, errRevoked) {
		return nil
	}
	return err
}

// TouchKeys implements project.Store.
func (s *Store) TouchKeys(ctx context.Context, used map[uint64]time.Time) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	touch, err := tx.PrepareContext(ctx, "update key set last_used_at = max(coalesce(last_used_at, 0), ?) where id = ?")
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer func() { _ = touch.Close() }()
	for id, at := range used {
		if _, err := touch.ExecContext(ctx, at.UnixMicro(), int64(id)); err != nil {
			return fmt.Errorf("touch key %d: %w", id, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func maybe(us sql.NullInt64) *time.Time {
	if !us.Valid {
		return nil
	}
	at := moment(us.Int64)
	return &at
}

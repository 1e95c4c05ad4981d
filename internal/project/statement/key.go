package statement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/project"
)

// touchedAtOnce is how many times of use a transaction writes.
const touchedAtOnce = 500

// Keys implements project.Store.
func (s *Store) Keys(ctx context.Context) ([]project.StoredKey, error) {
	return query(ctx, s, func(r row) (k project.StoredKey, err error) {
		var created int64
		var used, revoked sql.NullInt64
		var hash []byte
		if err := r.Scan(&k.ID, &k.Project, &k.Kind, &k.Name, &k.Hint, &hash, &created, &used, &revoked); err != nil {
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
	err := s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		n, err := insert(ctx, tx, "insert into key (project, kind, name, hint, hash, created_at) values (?, ?, ?, ?, ?, ?) returning id",
			k.Project, k.Kind, k.Name, k.Hint, k.Hash[:], k.CreatedAt.UnixMicro())
		if s.engine.Refusal(err) == Foreign {
			return project.AuditEntry{}, project.NoSuchProject(k.Project)
		}
		if err != nil {
			return project.AuditEntry{}, fmt.Errorf("insert the key: %w", err)
		}
		id = n
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
	err := s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		var revoked sql.NullInt64
		err := tx.QueryRowContext(ctx, "select revoked_at from key where id = ?", int64(id)).Scan(&revoked)
		switch {
		case s.missing(err):
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

// TouchKeys implements project.Store. The keys go in the order of their numbers, so that two processes that write at once wait
// for each other and not for ever.
func (s *Store) TouchKeys(ctx context.Context, used map[uint64]time.Time) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(used)), touchedAtOnce) {
		err := s.engine.Change(ctx, func(ctx context.Context, tx Conn) (uint64, error) {
			for _, id := range ids {
				at := used[id].UnixMicro()
				_, err := tx.ExecContext(ctx, "update key set last_used_at = ? where id = ? and coalesce(last_used_at, 0) < ?", at, int64(id), at)
				if err != nil {
					return 0, fmt.Errorf("touch key %d: %w", id, err)
				}
			}
			return 0, nil
		})
		if err != nil {
			return err
		}
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

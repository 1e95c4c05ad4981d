package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	codes "modernc.org/sqlite/lib"

	"github.com/freshet/freshet/internal/project"
)

// Insights implements project.Store.
func (s *Store) Insights(ctx context.Context, p project.ID) ([]project.Insight, error) {
	return query(ctx, s.db, func(rows *sql.Rows) (i project.Insight, err error) {
		var created, updated int64
		err = rows.Scan(&i.ID, &i.Project, &i.Name, &i.Description, &i.Kind, &i.Version, &created, &updated)
		i.CreatedAt, i.UpdatedAt = moment(created), moment(updated)
		return i, err
	}, "select id, project, name, description, kind, version, created_at, updated_at from insight where project = ? order by name, id", p)
}

// Insight implements project.Store.
func (s *Store) Insight(ctx context.Context, p project.ID, id string) (project.Insight, error) {
	i := project.Insight{ID: id, Project: p}
	var created, updated int64
	var question string
	err := s.db.QueryRowContext(ctx,
		"select name, description, kind, question, version, created_at, updated_at from insight where id = ? and project = ?", id, p,
	).Scan(&i.Name, &i.Description, &i.Kind, &question, &i.Version, &created, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return i, project.NoSuchInsight(id)
	}
	if err != nil {
		return i, fmt.Errorf("query: %w", err)
	}
	i.Question, i.CreatedAt, i.UpdatedAt = []byte(question), moment(created), moment(updated)
	return i, nil
}

// CreateInsight implements project.Store.
func (s *Store) CreateInsight(ctx context.Context, i project.Insight, limit int, audit project.AuditEntry) error {
	return s.change(ctx, func(tx *sql.Tx) (project.AuditEntry, error) {
		var n int
		if err := tx.QueryRowContext(ctx, "select count(*) from insight where project = ?", i.Project).Scan(&n); err != nil {
			return audit, fmt.Errorf("count the insights: %w", err)
		}
		if n >= limit {
			return audit, project.TooManyInsights(limit)
		}
		_, err := tx.ExecContext(ctx, `insert into insight
			(id, project, name, description, kind, question, version, created_at, updated_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			i.ID, i.Project, i.Name, i.Description, i.Kind, string(i.Question), int64(i.Version), i.CreatedAt.UnixMicro(), i.UpdatedAt.UnixMicro())
		if violates(err, codes.SQLITE_CONSTRAINT_FOREIGNKEY) {
			return audit, project.NoSuchProject(i.Project)
		}
		if err != nil {
			return audit, fmt.Errorf("insert the insight: %w", err)
		}
		return audit, nil
	})
}

// UpdateInsight implements project.Store.
func (s *Store) UpdateInsight(ctx context.Context, i project.Insight, audit project.AuditEntry) error {
	return s.change(ctx, func(tx *sql.Tx) (project.AuditEntry, error) {
		if err := present(ctx, tx, i.Project, i.ID, i.Version-1); err != nil {
			return audit, err
		}
		_, err := tx.ExecContext(ctx, `update insight set
			name = ?, description = ?, kind = ?, question = ?, version = ?, updated_at = ? where id = ?`,
			i.Name, i.Description, i.Kind, string(i.Question), int64(i.Version), i.UpdatedAt.UnixMicro(), i.ID)
		if err != nil {
			return audit, fmt.Errorf("update the insight: %w", err)
		}
		return audit, nil
	})
}

// DeleteInsight implements project.Store.
func (s *Store) DeleteInsight(ctx context.Context, p project.ID, id string, version uint64, audit project.AuditEntry) error {
	return s.change(ctx, func(tx *sql.Tx) (project.AuditEntry, error) {
		if err := present(ctx, tx, p, id, version); err != nil {
			return audit, err
		}
		if _, err := tx.ExecContext(ctx, "delete from insight where id = ?", id); err != nil {
			return audit, fmt.Errorf("delete the insight: %w", err)
		}
		return audit, nil
	})
}

// present checks that the insight has the version.
func present(ctx context.Context, tx *sql.Tx, p project.ID, id string, version uint64) error {
	var found uint64
	err := tx.QueryRowContext(ctx, "select version from insight where id = ? and project = ?", id, p).Scan(&found)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return project.NoSuchInsight(id)
	case err != nil:
		return fmt.Errorf("read the insight: %w", err)
	case found != version:
		return project.InsightChanged(id)
	}
	return nil
}

package statement

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/project"
)

// Insights implements project.Store.
func (s *Store) Insights(ctx context.Context, p project.ID) ([]project.Insight, error) {
	return query(ctx, s, func(r row) (i project.Insight, err error) {
		var created, updated int64
		err = r.Scan(&i.ID, &i.Project, &i.Name, &i.Description, &i.Kind, &i.Version, &created, &updated)
		i.CreatedAt, i.UpdatedAt = moment(created), moment(updated)
		return i, err
	}, "select id, project, name, description, kind, version, created_at, updated_at from insight where project = ? order by name, id", p)
}

// Insight implements project.Store.
func (s *Store) Insight(ctx context.Context, p project.ID, id string) (project.Insight, error) {
	i := project.Insight{ID: id, Project: p}
	var created, updated int64
	var question string
	err := s.one(ctx, func(r row) error {
		return r.Scan(&i.Name, &i.Description, &i.Kind, &question, &i.Version, &created, &updated)
	}, "select name, description, kind, question, version, created_at, updated_at from insight where id = ? and project = ?", id, p)
	if s.missing(err) {
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
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
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
		if s.engine.Refusal(err) == Foreign {
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
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		if err := s.presentInsight(ctx, tx, i.Project, i.ID, i.Version-1); err != nil {
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
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		if err := s.presentInsight(ctx, tx, p, id, version); err != nil {
			return audit, err
		}
		if _, err := tx.ExecContext(ctx, "delete from insight where id = ?", id); err != nil {
			return audit, fmt.Errorf("delete the insight: %w", err)
		}
		return audit, nil
	})
}

// presentInsight checks that the insight has the version.
func (s *Store) presentInsight(ctx context.Context, tx Conn, p project.ID, id string, version uint64) error {
	var found uint64
	err := tx.QueryRowContext(ctx, "select version from insight where id = ? and project = ?", id, p).Scan(&found)
	switch {
	case s.missing(err):
		return project.NoSuchInsight(id)
	case err != nil:
		return fmt.Errorf("read the insight: %w", err)
	case found != version:
		return project.InsightChanged(id)
	}
	return nil
}

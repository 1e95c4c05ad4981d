package statement

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/project"
)

// Plan implements project.Store.
func (s *Store) Plan(ctx context.Context, p project.ID) (project.Plan, error) {
	out := project.Plan{Project: p}
	var updated int64
	var document string
	err := s.one(ctx, func(r row) error { return r.Scan(&document, &out.Version, &updated) },
		"select document, version, updated_at from plan where project = ?", p)
	if s.missing(err) {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("query: %w", err)
	}
	if document != "" {
		out.Document = []byte(document)
	}
	out.UpdatedAt = moment(updated)
	return out, nil
}

// SetPlan implements project.Store.
func (s *Store) SetPlan(ctx context.Context, p project.Plan, audit project.AuditEntry) error {
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		var found uint64
		err := tx.QueryRowContext(ctx, "select version from plan where project = ?", p.Project).Scan(&found)
		if err != nil && !s.missing(err) {
			return audit, fmt.Errorf("read the plan: %w", err)
		}
		if found != p.Version-1 {
			return audit, project.PlanChanged()
		}
		_, err = tx.ExecContext(ctx, `insert into plan (project, document, version, updated_at) values (?, ?, ?, ?)
			on conflict (project) do update set document = excluded.document, version = excluded.version, updated_at = excluded.updated_at`,
			p.Project, string(p.Document), int64(p.Version), p.UpdatedAt.UnixMicro())
		if s.engine.Refusal(err) == Foreign {
			return audit, project.NoSuchProject(p.Project)
		}
		if err != nil {
			return audit, fmt.Errorf("write the plan: %w", err)
		}
		return audit, nil
	})
}

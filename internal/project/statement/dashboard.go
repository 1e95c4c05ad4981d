package statement

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/freshet/freshet/internal/project"
)

// Dashboards implements project.Store.
func (s *Store) Dashboards(ctx context.Context, p project.ID) ([]project.Dashboard, error) {
	return query(ctx, s, func(r row) (project.Dashboard, error) {
		d, err := dashboard(r)
		d.Tiles = nil
		return d, err
	}, dashboardColumns+"'' from dashboard where project = ? order by name, id", p)
}

// Dashboard implements project.Store.
func (s *Store) Dashboard(ctx context.Context, p project.ID, id string) (project.Dashboard, error) {
	d, err := s.oneDashboard(ctx, "id = ? and project = ?", id, p)
	if s.missing(err) {
		return d, project.NoSuchDashboard(id)
	}
	return d, err
}

// SharedDashboard implements project.Store.
func (s *Store) SharedDashboard(ctx context.Context, link project.Hash) (project.Dashboard, error) {
	d, err := s.oneDashboard(ctx, "link = ?", link[:])
	if s.missing(err) {
		return d, project.NoSuchLink()
	}
	return d, err
}

// dashboardColumns begins a statement whose rows dashboard reads; the tiles follow.
const dashboardColumns = "select id, project, name, description, link, shared_at, version, created_at, updated_at, "

func dashboard(r row) (d project.Dashboard, err error) {
	var created, updated int64
	var shared sql.NullInt64
	var link []byte
	var tiles string
	err = r.Scan(&d.ID, &d.Project, &d.Name, &d.Description, &link, &shared, &d.Version, &created, &updated, &tiles)
	if err != nil {
		return d, fmt.Errorf("query: %w", err)
	}
	if shared.Valid {
		d.Link = &project.Link{Hash: project.Hash(link), Since: moment(shared.Int64)}
	}
	d.Tiles, d.CreatedAt, d.UpdatedAt = []byte(tiles), moment(created), moment(updated)
	return d, nil
}

func (s *Store) oneDashboard(ctx context.Context, where string, args ...any) (d project.Dashboard, err error) {
	err = s.one(ctx, func(r row) (err error) {
		d, err = dashboard(r)
		return err
	}, dashboardColumns+"tiles from dashboard where "+where, args...)
	return d, err
}

// linkColumns are the values of link and shared_at.
func linkColumns(l *project.Link) (hash, since any) {
	if l == nil {
		return nil, nil
	}
	return l.Hash[:], l.Since.UnixMicro()
}

// CreateDashboard implements project.Store.
func (s *Store) CreateDashboard(ctx context.Context, d project.Dashboard, limit int, audit project.AuditEntry) error {
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		var n int
		if err := tx.QueryRowContext(ctx, "select count(*) from dashboard where project = ?", d.Project).Scan(&n); err != nil {
			return audit, fmt.Errorf("count the dashboards: %w", err)
		}
		if n >= limit {
			return audit, project.TooManyDashboards(limit)
		}
		hash, since := linkColumns(d.Link)
		_, err := tx.ExecContext(ctx, `insert into dashboard
			(id, project, name, description, tiles, link, shared_at, version, created_at, updated_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			d.ID, d.Project, d.Name, d.Description, string(d.Tiles), hash, since, int64(d.Version), d.CreatedAt.UnixMicro(), d.UpdatedAt.UnixMicro())
		if s.engine.Refusal(err) == Foreign {
			return audit, project.NoSuchProject(d.Project)
		}
		if err != nil {
			return audit, fmt.Errorf("insert the dashboard: %w", err)
		}
		return audit, nil
	})
}

// UpdateDashboard implements project.Store.
func (s *Store) UpdateDashboard(ctx context.Context, d project.Dashboard, audit project.AuditEntry) error {
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		if err := s.presentDashboard(ctx, tx, d.Project, d.ID, d.Version-1); err != nil {
			return audit, err
		}
		hash, since := linkColumns(d.Link)
		_, err := tx.ExecContext(ctx, `update dashboard set
			name = ?, description = ?, tiles = ?, link = ?, shared_at = ?, version = ?, updated_at = ? where id = ?`,
			d.Name, d.Description, string(d.Tiles), hash, since, int64(d.Version), d.UpdatedAt.UnixMicro(), d.ID)
		if err != nil {
			return audit, fmt.Errorf("update the dashboard: %w", err)
		}
		return audit, nil
	})
}

// DeleteDashboard implements project.Store.
func (s *Store) DeleteDashboard(ctx context.Context, p project.ID, id string, version uint64, audit project.AuditEntry) error {
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		if err := s.presentDashboard(ctx, tx, p, id, version); err != nil {
			return audit, err
		}
		if _, err := tx.ExecContext(ctx, "delete from dashboard where id = ?", id); err != nil {
			return audit, fmt.Errorf("delete the dashboard: %w", err)
		}
		return audit, nil
	})
}

// presentDashboard checks that the dashboard has the version.
func (s *Store) presentDashboard(ctx context.Context, tx Conn, p project.ID, id string, version uint64) error {
	var found uint64
	err := tx.QueryRowContext(ctx, "select version from dashboard where id = ? and project = ?", id, p).Scan(&found)
	switch {
	case s.missing(err):
		return project.NoSuchDashboard(id)
	case err != nil:
		return fmt.Errorf("read the dashboard: %w", err)
	case found != version:
		return project.DashboardChanged(id)
	}
	return nil
}

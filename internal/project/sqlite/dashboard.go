package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	codes "modernc.org/sqlite/lib"

	"github.com/freshet/freshet/internal/project"
)

// Dashboards implements project.Store.
func (s *Store) Dashboards(ctx context.Context, p project.ID) ([]project.Dashboard, error) {
	return query(ctx, s.db, func(rows *sql.Rows) (project.Dashboard, error) {
		d, err := dashboard(rows)
		d.Tiles = nil
		return d, err
	}, dashboardColumns+"'' from dashboard where project = ? order by name, id", p)
}

// Dashboard implements project.Store.
func (s *Store) Dashboard(ctx context.Context, p project.ID, id string) (project.Dashboard, error) {
	d, err := dashboard(s.db.QueryRowContext(ctx, dashboardColumns+"tiles from dashboard where id = ? and project = ?", id, p))
	if errors.Is(err, sql.ErrNoRows) {
		return d, project.NoSuchDashboard(id)
	}
	return d, err
}

// SharedDashboard implements project.Store.
func (s *Store) SharedDashboard(ctx context.Context, link project.Hash) (project.Dashboard, error) {
	d, err := dashboard(s.db.QueryRowContext(ctx, dashboardColumns+"tiles from dashboard where link = ?", link[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return d, project.NoSuchLink()
	}
	return d, err
}

// dashboardColumns begins a statement whose rows dashboard reads; the tiles follow.
const dashboardColumns = "select id, project, name, description, link, shared_at, version, created_at, updated_at, "

func dashboard(row interface{ Scan(to ...any) error }) (d project.Dashboard, err error) {
	var created, updated int64
	var shared sql.NullInt64
	var link []byte
	var tiles string
	err = row.Scan(&d.ID, &d.Project, &d.Name, &d.Description, &link, &shared, &d.Version, &created, &updated, &tiles)
	if err != nil {
		return d, fmt.Errorf("query: %w", err)
	}
	if shared.Valid {
		d.Link = &project.Link{Hash: project.Hash(link), Since: moment(shared.Int64)}
	}
	d.Tiles, d.CreatedAt, d.UpdatedAt = []byte(tiles), moment(created), moment(updated)
	return d, nil
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
	return s.change(ctx, func(tx *sql.Tx) (project.AuditEntry, error) {
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
		if violates(err, codes.SQLITE_CONSTRAINT_FOREIGNKEY) {
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
	return s.change(ctx, func(tx *sql.Tx) (project.AuditEntry, error) {
		if err := presentDashboard(ctx, tx, d.Project, d.ID, d.Version-1); err != nil {
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
	return s.change(ctx, func(tx *sql.Tx) (project.AuditEntry, error) {
		if err := presentDashboard(ctx, tx, p, id, version); err != nil {
			return audit, err
		}
		if _, err := tx.ExecContext(ctx, "delete from dashboard where id = ?", id); err != nil {
			return audit, fmt.Errorf("delete the dashboard: %w", err)
		}
		return audit, nil
	})
}

// presentDashboard checks that the dashboard has the version.
func presentDashboard(ctx context.Context, tx *sql.Tx, p project.ID, id string, version uint64) error {
	var found uint64
	err := tx.QueryRowContext(ctx, "select version from dashboard where id = ? and project = ?", id, p).Scan(&found)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return project.NoSuchDashboard(id)
	case err != nil:
		return fmt.Errorf("read the dashboard: %w", err)
	case found != version:
		return project.DashboardChanged(id)
	}
	return nil
}

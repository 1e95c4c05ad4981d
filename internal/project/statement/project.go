package statement

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/freshet/freshet/internal/project"
)

// Projects implements project.Store.
func (s *Store) Projects(ctx context.Context) ([]project.Project, error) {
	return query(ctx, s, func(r row) (p project.Project, err error) {
		var created int64
		err = r.Scan(&p.ID, &p.Name, &p.Timezone, &p.WeekStart, &p.RetentionDays, &p.SessionGapMinutes, &p.EventsPerSecond, &p.EventsPerMonth, &p.Spent, &p.Lane, &created)
		p.CreatedAt = moment(created)
		return p, err
	}, `select id, name, timezone, week_start, retention_days, session_gap_minutes, events_per_second, events_per_month, spent, lane, created_at
		from project order by id`)
}

// CreateProject implements project.Store.
func (s *Store) CreateProject(ctx context.Context, p project.Project, audit func(project.ID) project.AuditEntry) (project.ID, error) {
	var id project.ID
	err := s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		n, err := insert(ctx, tx, `insert into project
			(name, timezone, week_start, retention_days, session_gap_minutes, events_per_second, events_per_month, lane, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?) returning id`,
			p.Name, p.Timezone, p.WeekStart, p.RetentionDays, p.SessionGapMinutes, p.EventsPerSecond, p.EventsPerMonth, p.Lane, p.CreatedAt.UnixMicro())
		if err != nil {
			return project.AuditEntry{}, s.nameError("insert the project", p.Name, err)
		}
		if n > math.MaxUint32 {
			return project.AuditEntry{}, fmt.Errorf("insert the project: number %d is more than the %d there are", n, uint32(math.MaxUint32))
		}
		id = project.ID(n)
		return audit(id), nil
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

// UpdateProject implements project.Store.
func (s *Store) UpdateProject(ctx context.Context, p project.Project, audit project.AuditEntry) error {
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		r, err := tx.ExecContext(ctx, `update project set
			name = ?, timezone = ?, week_start = ?, retention_days = ?, session_gap_minutes = ?, events_per_second = ?,
			spent = case when events_per_month = ? then spent else 0 end, events_per_month = ? where id = ?`,
			p.Name, p.Timezone, p.WeekStart, p.RetentionDays, p.SessionGapMinutes, p.EventsPerSecond, p.EventsPerMonth, p.EventsPerMonth, p.ID)
		if err != nil {
			return audit, s.nameError("update the project", p.Name, err)
		}
		if n, err := r.RowsAffected(); err != nil {
			return audit, fmt.Errorf("update the project: %w", err)
		} else if n == 0 {
			return audit, project.NoSuchProject(p.ID)
		}
		return audit, nil
	})
}

// errOther ends a change that has nothing to change.
var errOther = errors.New("there is no such project")

// Spend implements project.Store.
func (s *Store) Spend(ctx context.Context, id project.ID, month project.Month, of int, audit project.AuditEntry) (done bool, err error) {
	err = s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		r, err := tx.ExecContext(ctx, "update project set spent = ? where id = ? and events_per_month = ?", month, id, of)
		if err != nil {
			return audit, fmt.Errorf("update the project: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil {
			return audit, fmt.Errorf("update the project: %w", err)
		} else if n == 0 {
			return audit, errOther
		}
		return audit, nil
	})
	if errors.Is(err, errOther) {
		return false, nil
	}
	return err == nil, err
}

// Audit implements project.Store.
func (s *Store) Audit(ctx context.Context, before uint64, limit int) ([]project.AuditEntry, error) {
	if before == 0 || before > math.MaxInt64 {
		before = math.MaxInt64
	}
	return query(ctx, s, func(r row) (e project.AuditEntry, err error) {
		var at int64
		err = r.Scan(&e.ID, &at, &e.Actor, &e.Action, &e.Project, &e.Detail)
		e.At = moment(at)
		return e, err
	}, "select id, at, actor, action, project, detail from audit where id < ? order by id desc limit ?", int64(before), limit)
}

func (s *Store) nameError(act, name string, err error) error {
	if s.engine.Refusal(err) == Unique {
		return project.NameTaken(name)
	}
	return fmt.Errorf("%s: %w", act, err)
}

func moment(us int64) time.Time { return time.UnixMicro(us).UTC() }

// AddAudit implements project.Store.
func (s *Store) AddAudit(ctx context.Context, entry project.AuditEntry) error {
	return s.change(ctx, func(context.Context, Conn) (project.AuditEntry, error) { return entry, nil })
}

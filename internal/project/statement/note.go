package statement

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/project"
)

// Notes implements project.Store.
func (s *Store) Notes(ctx context.Context, p project.ID) ([]project.Note, error) {
	return query(ctx, s, func(r row) (project.Note, error) {
		n := project.Note{Project: p}
		var updated int64
		err := r.Scan(&n.Kind, &n.Name, &n.Description, &n.Owner, &n.Version, &updated)
		n.UpdatedAt = moment(updated)
		return n, err
	}, "select kind, name, description, owner, version, updated_at from note"+
		" where project = ? and (description <> '' or owner <> '') order by kind, name", p)
}

// Note implements project.Store.
func (s *Store) Note(ctx context.Context, p project.ID, about project.Subject) (project.Note, error) {
	n := project.Note{Project: p, Subject: about}
	var updated int64
	err := s.one(ctx, func(r row) error { return r.Scan(&n.Description, &n.Owner, &n.Version, &updated) },
		"select description, owner, version, updated_at from note where project = ? and kind = ? and name = ?",
		p, string(about.Kind), about.Name)
	if s.missing(err) {
		return n, nil
	}
	if err != nil {
		return n, fmt.Errorf("query: %w", err)
	}
	n.UpdatedAt = moment(updated)
	return n, nil
}

// SetNote implements project.Store.
func (s *Store) SetNote(ctx context.Context, n project.Note, limit int, audit project.AuditEntry) error {
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		if err := s.presentNote(ctx, tx, n); err != nil {
			return audit, err
		}
		if !n.Empty() {
			var others int
			if err := tx.QueryRowContext(ctx, "select count(*) from note where project = ? and (description <> '' or owner <> '')"+
				" and not (kind = ? and name = ?)", n.Project, string(n.Kind), n.Name).Scan(&others); err != nil {
				return audit, fmt.Errorf("count the notes: %w", err)
			}
			if others >= limit {
				return audit, project.TooManyNotes(limit)
			}
		}
		_, err := tx.ExecContext(ctx, `insert into note (project, kind, name, description, owner, version, updated_at)
			values (?, ?, ?, ?, ?, ?, ?) on conflict (project, kind, name) do update set
			description = excluded.description, owner = excluded.owner, version = excluded.version, updated_at = excluded.updated_at`,
			n.Project, string(n.Kind), n.Name, n.Description, n.Owner, int64(n.Version), n.UpdatedAt.UnixMicro())
		if s.engine.Refusal(err) == Foreign {
			return audit, project.NoSuchProject(n.Project)
		}
		if err != nil {
			return audit, fmt.Errorf("write the note: %w", err)
		}
		return audit, nil
	})
}

// presentNote checks that the note there is, if any, has the version before n's.
func (s *Store) presentNote(ctx context.Context, tx Conn, n project.Note) error {
	var found uint64
	err := tx.QueryRowContext(ctx, "select version from note where project = ? and kind = ? and name = ?",
		n.Project, string(n.Kind), n.Name).Scan(&found)
	if err != nil && !s.missing(err) {
		return fmt.Errorf("read the note: %w", err)
	}
	if found != n.Version-1 {
		return project.NoteChanged(n.Subject)
	}
	return nil
}

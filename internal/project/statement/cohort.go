package statement

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/freshet/freshet/internal/project"
)

const (
	cohortColumns = "id, project, name, description, static, frozen_at, frozen, version, created_at, updated_at"
	// peoplePerPart keeps a row of cohort_people at 1 MiB.
	peoplePerPart = 1 << 17
)

// scanCohort reads cohortColumns, and more behind them.
func scanCohort(r row, more ...any) (c project.Cohort, err error) {
	var frozen sql.NullInt64
	var created, updated int64
	err = r.Scan(append([]any{
		&c.ID, &c.Project, &c.Name, &c.Description, &c.Static, &frozen, &c.Frozen, &c.Version, &created, &updated,
	}, more...)...)
	c.FrozenAt, c.CreatedAt, c.UpdatedAt = maybe(frozen), moment(created), moment(updated)
	return c, err
}

// Cohorts implements project.Store.
func (s *Store) Cohorts(ctx context.Context, p project.ID) ([]project.Cohort, error) {
	list, err := query(ctx, s, func(r row) (project.Cohort, error) { return scanCohort(r) },
		"select "+cohortColumns+" from cohort where project = ? order by name", p)
	if err != nil {
		return nil, err
	}
	type use struct{ cohort, uses uint64 }
	uses, err := query(ctx, s, func(r row) (u use, err error) { return u, r.Scan(&u.cohort, &u.uses) },
		"select cohort, uses from cohort_use join cohort on id = cohort where project = ? order by cohort, uses", p)
	if err != nil {
		return nil, err
	}
	for _, u := range uses {
		if i := slices.IndexFunc(list, func(c project.Cohort) bool { return c.ID == u.cohort }); i >= 0 {
			list[i].Uses = append(list[i].Uses, u.uses)
		}
	}
	return list, nil
}

// Cohort implements project.Store.
func (s *Store) Cohort(ctx context.Context, p project.ID, named string) (project.Cohort, error) {
	where, value := "name = ?", any(named)
	if id, err := strconv.ParseUint(named, 10, 64); err == nil {
		where, value = "id = ?", int64(id)
	}
	var definition string
	var c project.Cohort
	err := s.one(ctx, func(r row) (err error) {
		c, err = scanCohort(r, &definition)
		return err
	}, "select "+cohortColumns+", definition from cohort where project = ? and "+where, p, value)
	if s.missing(err) {
		return c, project.NoSuchCohort(named)
	}
	if err != nil {
		return c, fmt.Errorf("query: %w", err)
	}
	c.Definition = []byte(definition)
	c.Uses, err = query(ctx, s, func(r row) (id uint64, err error) { return id, r.Scan(&id) },
		"select uses from cohort_use where cohort = ? order by uses", int64(c.ID))
	return c, err
}

// FrozenPeople implements project.Store.
func (s *Store) FrozenPeople(ctx context.Context, p project.ID, id uint64) ([]uint64, error) {
	if _, err := s.Cohort(ctx, p, strconv.FormatUint(id, 10)); err != nil {
		return nil, err
	}
	parts, err := query(ctx, s, func(r row) (b []byte, err error) { return b, r.Scan(&b) },
		"select people from cohort_people where cohort = ? order by part", int64(id))
	if err != nil {
		return nil, err
	}
	out := []uint64{}
	for _, b := range parts {
		for ; len(b) >= 8; b = b[8:] {
			out = append(out, binary.BigEndian.Uint64(b))
		}
	}
	return out, nil
}

// CreateCohort implements project.Store.
func (s *Store) CreateCohort(ctx context.Context, c project.Cohort, people []uint64, limit int, audit func(uint64) project.AuditEntry) (uint64, error) {
	err := s.change(ctx, func(ctx context.Context, tx Conn) (none project.AuditEntry, err error) {
		var n int
		if err := tx.QueryRowContext(ctx, "select count(*) from cohort where project = ?", c.Project).Scan(&n); err != nil {
			return none, fmt.Errorf("count the cohorts: %w", err)
		}
		if n >= limit {
			return none, project.TooManyCohorts(limit)
		}
		c.ID, err = insert(ctx, tx, `insert into cohort
			(project, name, description, definition, static, frozen_at, frozen, version, created_at, updated_at)
			values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning id`,
			c.Project, c.Name, c.Description, string(c.Definition), c.Static, frozenAt(c), c.Frozen, int64(c.Version),
			c.CreatedAt.UnixMicro(), c.UpdatedAt.UnixMicro())
		if s.engine.Refusal(err) == Foreign {
			return none, project.NoSuchProject(c.Project)
		}
		if err != nil {
			return none, s.cohortError("insert the cohort", c.Name, err)
		}
		if err := putUses(ctx, tx, c); err != nil {
			return none, err
		}
		return audit(c.ID), putPeople(ctx, tx, c.ID, people)
	})
	if err != nil {
		return 0, err
	}
	return c.ID, nil
}

// UpdateCohort implements project.Store.
func (s *Store) UpdateCohort(ctx context.Context, c project.Cohort, people []uint64, audit project.AuditEntry) error {
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		if err := s.presentCohort(ctx, tx, c.Project, c.ID, c.Version-1); err != nil {
			return audit, err
		}
		_, err := tx.ExecContext(ctx, `update cohort set
			name = ?, description = ?, definition = ?, frozen_at = ?, frozen = ?, version = ?, updated_at = ? where id = ?`,
			c.Name, c.Description, string(c.Definition), frozenAt(c), c.Frozen, int64(c.Version), c.UpdatedAt.UnixMicro(), int64(c.ID))
		if err != nil {
			return audit, s.cohortError("update the cohort", c.Name, err)
		}
		if err := putUses(ctx, tx, c); err != nil {
			return audit, err
		}
		if people == nil {
			return audit, nil
		}
		return audit, putPeople(ctx, tx, c.ID, people)
	})
}

// DeleteCohort implements project.Store.
func (s *Store) DeleteCohort(ctx context.Context, p project.ID, id, version uint64, audit project.AuditEntry) error {
	return s.change(ctx, func(ctx context.Context, tx Conn) (project.AuditEntry, error) {
		if err := s.presentCohort(ctx, tx, p, id, version); err != nil {
			return audit, err
		}
		var by uint64
		err := tx.QueryRowContext(ctx, "select min(cohort) from cohort_use where uses = ? group by uses", int64(id)).Scan(&by)
		if err == nil {
			return audit, project.CohortInUse(id, by)
		}
		if !s.missing(err) {
			return audit, fmt.Errorf("read what uses the cohort: %w", err)
		}
		if _, err := tx.ExecContext(ctx, "delete from cohort where id = ?", int64(id)); err != nil {
			return audit, fmt.Errorf("delete the cohort: %w", err)
		}
		return audit, nil
	})
}

// putUses replaces the cohorts that a definition names.
func putUses(ctx context.Context, tx Conn, c project.Cohort) error {
	if _, err := tx.ExecContext(ctx, "delete from cohort_use where cohort = ?", int64(c.ID)); err != nil {
		return fmt.Errorf("delete what the cohort uses: %w", err)
	}
	for _, uses := range c.Uses {
		r, err := tx.ExecContext(ctx, "insert into cohort_use (cohort, uses) select ?, id from cohort where id = ? and project = ?",
			int64(c.ID), int64(uses), c.Project)
		if err != nil {
			return fmt.Errorf("insert what the cohort uses: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil {
			return fmt.Errorf("insert what the cohort uses: %w", err)
		} else if n == 0 {
			return project.NoSuchCohort(strconv.FormatUint(uses, 10))
		}
	}
	return nil
}

// putPeople replaces the people of a static cohort.
func putPeople(ctx context.Context, tx Conn, id uint64, people []uint64) error {
	if _, err := tx.ExecContext(ctx, "delete from cohort_people where cohort = ?", int64(id)); err != nil {
		return fmt.Errorf("delete the people of the cohort: %w", err)
	}
	part := 0
	for chunk := range slices.Chunk(people, peoplePerPart) {
		b := make([]byte, 0, 8*len(chunk))
		for _, p := range chunk {
			b = binary.BigEndian.AppendUint64(b, p)
		}
		if _, err := tx.ExecContext(ctx, "insert into cohort_people (cohort, part, people) values (?, ?, ?)", int64(id), part, b); err != nil {
			return fmt.Errorf("insert the people of the cohort: %w", err)
		}
		part++
	}
	return nil
}

// presentCohort checks that the cohort has the version.
func (s *Store) presentCohort(ctx context.Context, tx Conn, p project.ID, id, version uint64) error {
	var found uint64
	err := tx.QueryRowContext(ctx, "select version from cohort where id = ? and project = ?", int64(id), p).Scan(&found)
	switch named := strconv.FormatUint(id, 10); {
	case s.missing(err):
		return project.NoSuchCohort(named)
	case err != nil:
		return fmt.Errorf("read the cohort: %w", err)
	case found != version:
		return project.CohortChanged(named)
	}
	return nil
}

func (s *Store) cohortError(act, name string, err error) error {
	if s.engine.Refusal(err) == Unique {
		return project.CohortNameTaken(name)
	}
	return fmt.Errorf("%s: %w", act, err)
}

func frozenAt(c project.Cohort) any {
	if c.FrozenAt == nil {
		return nil
	}
	return c.FrozenAt.UnixMicro()
}

package statement

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/project"
)

// Numbering is how an engine takes rows whose numbers are given.
type Numbering interface {
	// Given is what stands before the values of an insert that gives the number itself.
	Given() string
	// Next has numbers that the engine gives in a table go on behind those that are there; "" when it does by itself.
	Next(table string) string
}

// table is what is moved of one, parents before children.
type table struct {
	name    string
	columns []string
	// given is a table whose engine gives the numbers in its first column.
	given bool
	// truth is the number of a column that an engine may have as 0 and 1; 0 is none.
	truth int
}

var tables = []table{ //nolint:gochecknoglobals // a list that nobody changes
	{name: "project", columns: []string{"id", "name", "timezone", "week_start", "retention_days", "session_gap_minutes", "created_at", "events_per_second", "events_per_month", "spent", "lane"}, given: true},
	{name: "key", columns: []string{"id", "project", "kind", "name", "hint", "hash", "created_at", "last_used_at", "revoked_at"}, given: true},
	{name: "audit", columns: []string{"id", "at", "actor", "action", "project", "detail"}, given: true},
	{name: "insight", columns: []string{"id", "project", "name", "description", "kind", "question", "version", "created_at", "updated_at"}},
	{name: "cohort", columns: []string{"id", "project", "name", "description", "definition", "static", "frozen_at", "frozen", "version", "created_at", "updated_at"}, given: true, truth: 5},
	{name: "cohort_use", columns: []string{"cohort", "uses"}},
	{name: "cohort_people", columns: []string{"cohort", "part", "people"}},
	{name: "dashboard", columns: []string{"id", "project", "name", "description", "tiles", "link", "shared_at", "version", "created_at", "updated_at"}},
	{name: "note", columns: []string{"project", "kind", "name", "description", "owner", "version", "updated_at"}},
	{name: "plan", columns: []string{"project", "document", "version", "updated_at"}},
}

// Move brings everything of a store into one that has nothing, in one transaction, under the same numbers. done tells that it was Moved
// before.
func Move(ctx context.Context, from, to *Store) (done bool, err error) {
	numbering, ok := to.engine.(Numbering)
	if !ok {
		return false, errors.New("move the control plane: the engine takes no given numbers")
	}
	if done, err := Moved(ctx, from, to); done || err != nil {
		return done, err
	}
	rows := make([][][]any, len(tables))
	// A change, though it changes nothing: all tables are read as of one moment.
	err = from.engine.Change(ctx, func(ctx context.Context, tx Conn) (uint64, error) {
		for i := range tables {
			found, err := tables[i].read(ctx, tx)
			if err != nil {
				return 0, fmt.Errorf("read the table %s: %w", tables[i].name, err)
			}
			rows[i] = found
		}
		return 0, nil
	})
	if err != nil {
		return false, fmt.Errorf("move the control plane: %w", err)
	}
	err = to.engine.Change(ctx, func(ctx context.Context, tx Conn) (uint64, error) {
		for i := range tables {
			if err := tables[i].write(ctx, tx, numbering, rows[i]); err != nil {
				return 0, fmt.Errorf("write the table %s: %w", tables[i].name, err)
			}
		}
		return 0, nil
	})
	if err != nil {
		return false, fmt.Errorf("move the control plane: %w", err)
	}
	return false, nil
}

// Moved tells whether a store was made of another, and that has not changed since: it has the other's latest entry of the audit, and
// may have more. One that has keys but not that entry is project.ErrUnusable.
func Moved(ctx context.Context, from, to *Store) (bool, error) {
	has, err := to.Keys(ctx)
	if err != nil {
		return false, fmt.Errorf("look for a control plane: %w", err)
	}
	if len(has) == 0 {
		return false, nil
	}
	latest, err := from.Audit(ctx, 0, 1)
	if err != nil {
		return false, fmt.Errorf("look for a control plane: %w", err)
	}
	if len(latest) == 0 {
		return false, fmt.Errorf("%w: it has projects and keys, and there are none to move", project.ErrUnusable)
	}
	same, err := to.Audit(ctx, latest[0].ID+1, 1)
	if err != nil {
		return false, fmt.Errorf("look for a control plane: %w", err)
	}
	if len(same) == 0 || same[0] != latest[0] {
		return false, fmt.Errorf("%w: it has other projects and keys, or these as they were before they were changed; name an empty database", project.ErrUnusable)
	}
	return true, nil
}

func (t *table) read(ctx context.Context, c Conn) (out [][]any, err error) {
	rows, err := c.QueryContext(ctx, "select "+strings.Join(t.columns, ", ")+" from "+t.name+" order by 1, 2")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err reports what matters
	for rows.Next() {
		row, to := make([]any, len(t.columns)), make([]any, len(t.columns))
		for i := range row {
			to[i] = &row[i]
		}
		var truth sql.NullBool
		if t.truth > 0 {
			to[t.truth] = &truth
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		if t.truth > 0 {
			row[t.truth] = truth.Bool
		}
		for i, v := range row {
			if b, ok := v.([]byte); ok {
				row[i] = bytes.Clone(b)
			}
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

func (t *table) write(ctx context.Context, tx Conn, n Numbering, rows [][]any) error {
	given := ""
	if t.given {
		given = n.Given()
	}
	insert := "insert into " + t.name + " (" + strings.Join(t.columns, ", ") + ") " + given + " values (?" + strings.Repeat(", ?", len(t.columns)-1) + ")"
	for _, row := range rows {
		if _, err := tx.ExecContext(ctx, insert, row...); err != nil {
			return err
		}
	}
	if next := n.Next(t.name); t.given && next != "" {
		if _, err := tx.ExecContext(ctx, next); err != nil {
			return fmt.Errorf("number what comes: %w", err)
		}
	}
	return nil
}

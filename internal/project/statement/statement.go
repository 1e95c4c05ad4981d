// Package statement keeps the control plane in tables. It has every statement once; the adapters bring the [Engine] that runs
// them, which knows one dialect's spelling, its connections and its faults.
//
// The statements are those that SQLite and PostgreSQL have in common: parameters are written as question marks, numbers of new
// rows come from returning, times are microseconds since 1970 in UTC. The tables are made by package schema.
package statement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/freshet/freshet/internal/project"
)

// Conn is what a statement is run on.
type Conn interface {
	ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, statement string, args ...any) *sql.Row
}

// Refusal is why an engine has refused a statement, where a caller can act on it.
type Refusal uint8

// The refusals; None is every other error.
const (
	None Refusal = iota
	// Unique: there is such a row already.
	Unique
	// Foreign: there is no such row to refer to.
	Foreign
	// Unwritable: a text is none that the engine can hold, so it is in no row.
	Unwritable
)

// Engine runs statements.
type Engine interface {
	// Read runs work, which only asks. It may run it again.
	Read(ctx context.Context, work func(context.Context, Conn) error) error
	// Change runs work in a transaction and commits it; nobody else changes anything meanwhile. Where it may have to run work
	// again it has undone it before. work returns the number of the audit entry that it has written, which is there when the
	// transaction has been committed, or 0 when it does not matter whether it is done twice.
	Change(ctx context.Context, work func(context.Context, Conn) (entry uint64, err error)) error
	// Refusal tells why a statement was refused.
	Refusal(err error) Refusal
	io.Closer
}

// Store implements project.Store.
type Store struct{ engine Engine }

var _ project.Store = (*Store)(nil)

// New makes a Store of an engine, which it closes.
func New(e Engine) *Store { return &Store{engine: e} }

// Close implements project.Store.
func (s *Store) Close() error { return s.engine.Close() }

// change runs work in a transaction that ends with an entry in the audit.
func (s *Store) change(ctx context.Context, work func(context.Context, Conn) (project.AuditEntry, error)) error {
	return s.engine.Change(ctx, func(ctx context.Context, tx Conn) (uint64, error) {
		entry, err := work(ctx, tx)
		if err != nil {
			return 0, err
		}
		id, err := insert(ctx, tx, "insert into audit (at, actor, action, project, detail) values (?, ?, ?, ?, ?) returning id",
			entry.At.UnixMicro(), entry.Actor, entry.Action, entry.Project, entry.Detail)
		if err != nil {
			return 0, fmt.Errorf("write the audit: %w", err)
		}
		return id, nil
	})
}

// insert runs a statement that makes a row and returns its number.
func insert(ctx context.Context, tx Conn, statement string, args ...any) (uint64, error) {
	var id uint64
	err := tx.QueryRowContext(ctx, statement, args...).Scan(&id)
	return id, err
}

// row is what a statement's answer is read from.
type row interface{ Scan(to ...any) error }

// one reads the only row of a statement.
func (s *Store) one(ctx context.Context, scan func(row) error, statement string, args ...any) error {
	return s.engine.Read(ctx, func(ctx context.Context, c Conn) error {
		return scan(c.QueryRowContext(ctx, statement, args...))
	})
}

// query collects the rows of a statement.
func query[T any](ctx context.Context, s *Store, scan func(row) (T, error), statement string, args ...any) ([]T, error) {
	var out []T
	err := s.engine.Read(ctx, func(ctx context.Context, c Conn) error {
		rows, err := c.QueryContext(ctx, statement, args...)
		if err != nil {
			return fmt.Errorf("query: %w", err)
		}
		defer func() { _ = rows.Close() }() // Err reports what matters
		out = []T{}
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				return fmt.Errorf("scan: %w", err)
			}
			out = append(out, v)
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("query: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// missing tells that there is no row of what was asked for.
func (s *Store) missing(err error) bool {
	return errors.Is(err, sql.ErrNoRows) || err != nil && s.engine.Refusal(err) == Unwritable
}

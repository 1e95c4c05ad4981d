package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/freshet/freshet/internal/project/statement"
)

// engine implements statement.Engine. Nothing is done twice: what fails here has not been done, and would fail again.
type engine struct{ db *sql.DB }

// Read implements statement.Engine.
func (e engine) Read(ctx context.Context, work func(context.Context, statement.Conn) error) error {
	return work(ctx, e.db)
}

// Change implements statement.Engine.
func (e engine) Change(ctx context.Context, work func(context.Context, statement.Conn) (uint64, error)) error {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	if _, err := work(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Refusal implements statement.Engine. SQLite holds any text.
func (e engine) Refusal(err error) statement.Refusal {
	var refused *driver.Error
	if !errors.As(err, &refused) {
		return statement.None
	}
	switch refused.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE:
		return statement.Unique
	case codes.SQLITE_CONSTRAINT_FOREIGNKEY:
		return statement.Foreign
	default:
		return statement.None
	}
}

// Close implements statement.Engine.
func (e engine) Close() error {
	if err := e.db.Close(); err != nil {
		return fmt.Errorf("close %s: %w", FileName, err)
	}
	return nil
}

// Given implements statement.Numbering.
func (engine) Given() string { return "" }

// Next implements statement.Numbering.
func (engine) Next(string) string { return "" }

package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/freshet/freshet/internal/project/schema"
	"github.com/freshet/freshet/internal/project/statement"
	"github.com/freshet/freshet/internal/remote"
)

const (
	// The numbers of the locks that changes and migrations hold, the same in all versions of the program.
	changeLock    = 0x66726573_00000001
	migrationLock = 0x66726573_00000002
	// migrateTimeout bounds a migration, with the wait for another process's.
	migrateTimeout = time.Minute
)

// begin is the beginning of each change. A server that cannot go on in the middle of one, because its link hangs, must not keep
// the others from theirs for longer than moments.
var begin = fmt.Sprintf("set local lock_timeout = '1500ms'; set local statement_timeout = '5s'; "+ //nolint:gochecknoglobals // a text that nobody changes
	"set local idle_in_transaction_session_timeout = '5s'; select pg_advisory_xact_lock(%d)", changeLock)

// errClosed is the fault of a store that was closed.
var errClosed = errors.New("the control plane is closed")

// engine implements statement.Engine.
type engine struct {
	pool  *pgxpool.Pool
	db    *sql.DB
	calls *calls
	log   *slog.Logger
	// preparing is held by who brings the schema up to date; prepared tells that it is.
	preparing chan struct{}
	prepared  atomic.Bool
	closed    atomic.Bool
}

// Read implements statement.Engine.
func (e *engine) Read(ctx context.Context, work func(context.Context, statement.Conn) error) error {
	return e.do(ctx, "read", e.calls.again, func(ctx context.Context) error { return work(ctx, numbered{e.db}) })
}

// look is Read with one try, for those who ask again anyway.
func (e *engine) look(ctx context.Context, work func(context.Context, statement.Conn) error) error {
	return e.do(ctx, "look", e.calls.once, func(ctx context.Context) error { return work(ctx, numbered{e.db}) })
}

// Change implements statement.Engine. When a commit got no answer, the next try finds out what became of it before it does
// anything.
func (e *engine) Change(ctx context.Context, work func(context.Context, statement.Conn) (uint64, error)) error {
	var unsure uint64
	return e.do(ctx, "change", e.calls.again, func(ctx context.Context) error {
		return e.transact(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			if unsure != 0 {
				var done bool
				err := tx.QueryRowContext(ctx, "select exists (select from audit where id = $1)", int64(unsure)).Scan(&done)
				if err != nil || done {
					return err
				}
				unsure = 0
			}
			entry, err := work(ctx, numbered{tx})
			if err != nil {
				return err
			}
			if err := tx.Commit(); err != nil {
				if uncertain(err) {
					unsure = entry
				}
				return fmt.Errorf("commit: %w", err)
			}
			return nil
		})
	})
}

// transact runs work in a transaction that holds the lock of changes, and undoes what work has not committed.
func (e *engine) transact(ctx context.Context, work func(context.Context, *sql.Tx) error) error {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	if _, err := tx.ExecContext(ctx, begin); err != nil {
		return fmt.Errorf("wait for other changes: %w", err)
	}
	return work(ctx, tx)
}

// uncertain tells that a commit which failed so may have been made. Where the database itself has refused it, it was not.
func uncertain(err error) bool {
	var refused *pgconn.PgError
	return !errors.As(err, &refused) && !errors.Is(err, pgx.ErrTxCommitRollback) && !errors.Is(err, sql.ErrTxDone)
}

// do makes a call, once the schema is up to date.
func (e *engine) do(ctx context.Context, call string, tries remote.Executor, try func(context.Context) error) error {
	if err := e.prepare(ctx); err != nil {
		return err
	}
	err := e.calls.do(ctx, call, tries, try)
	if code(err) == readOnly {
		e.pool.Reset() // The server has become a standby; the next connection looks for the primary again.
	}
	return err
}

// prepare brings the schema up to date, the first time that the database can be reached.
func (e *engine) prepare(ctx context.Context) error {
	if e.closed.Load() {
		return errClosed
	}
	if e.prepared.Load() {
		return nil
	}
	select {
	case e.preparing <- struct{}{}:
		defer func() { <-e.preparing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if e.prepared.Load() {
		return nil
	}
	if err := e.calls.do(ctx, "connect", e.calls.once, e.db.PingContext); err != nil {
		return err
	}
	// Who has begun it sees it through, or the next one would have to begin again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), migrateTimeout)
	defer cancel()
	if err := e.migrate(ctx); err != nil {
		return err
	}
	e.prepared.Store(true)
	e.log.Info("the control plane is in PostgreSQL")
	return nil
}

// migrate holds a transaction with a lock while the migrations run in transactions of their own. A lock of a session could get
// lost in a pooler.
func (e *engine) migrate(ctx context.Context) error {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // that is how the lock is given up
	_, err = tx.ExecContext(ctx, fmt.Sprintf("set local lock_timeout = 0; set local statement_timeout = 0; "+
		"set local idle_in_transaction_session_timeout = 0; select pg_advisory_xact_lock(%d)", migrationLock))
	if err != nil {
		return fmt.Errorf("wait for other migrations: %w", err)
	}
	return schema.PostgreSQL().Migrate(ctx, e.db)
}

// Codes of PostgreSQL's errors.
const (
	uniqueViolation  = "23505"
	foreignViolation = "23503"
	badText          = "22021"
	readOnly         = "25006"
)

// code is that of an error of the database's own, or empty.
func code(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

// Refusal implements statement.Engine.
func (e *engine) Refusal(err error) statement.Refusal {
	switch code(err) {
	case uniqueViolation:
		return statement.Unique
	case foreignViolation:
		return statement.Foreign
	case badText: // NUL, and what is no UTF-8
		return statement.Unwritable
	default:
		return statement.None
	}
}

// Close implements statement.Engine.
func (e *engine) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	err := e.db.Close()
	e.pool.Close()
	if err != nil {
		return fmt.Errorf("close the control plane: %w", err)
	}
	return nil
}

// numbered spells statements and values as PostgreSQL has them: $1 for the first question mark.
type numbered struct{ to statement.Conn }

// ExecContext implements statement.Conn.
func (n numbered) ExecContext(ctx context.Context, s string, args ...any) (sql.Result, error) {
	return n.to.ExecContext(ctx, spell(s), plain(args)...)
}

// QueryContext implements statement.Conn.
func (n numbered) QueryContext(ctx context.Context, s string, args ...any) (*sql.Rows, error) {
	return n.to.QueryContext(ctx, spell(s), plain(args)...)
}

// QueryRowContext implements statement.Conn.
func (n numbered) QueryRowContext(ctx context.Context, s string, args ...any) *sql.Row {
	return n.to.QueryRowContext(ctx, spell(s), plain(args)...)
}

func spell(s string) string {
	var b strings.Builder
	for i := 1; ; i++ {
		before, after, found := strings.Cut(s, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(i))
		s = after
	}
}

// plain makes values of the few types whose names PostgreSQL is told: a kind of key is a text.
func plain(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			v = a // it is refused with a better message
		}
		out[i] = v
	}
	return out
}

// Given implements statement.Numbering.
func (*engine) Given() string { return "overriding system value" }

// Next implements statement.Numbering.
func (*engine) Next(table string) string {
	return "select setval(pg_get_serial_sequence('" + table + "', 'id'), coalesce((select max(id) from " + table + "), 1))"
}

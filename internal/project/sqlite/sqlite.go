// Package sqlite keeps the control plane in one SQLite file, control.db, in a folder.
//
// The file is in WAL mode with full synchronisation: what a method returned nil for survives a loss of power. Only the
// owner may read it. A file of a newer version is used when its schema says that this version can, and refused otherwise rather
// than guessed at; so is a damaged one.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/schema"
	"github.com/freshet/freshet/internal/project/statement"
)

// FileName is the file's name in its folder. SQLite keeps two more beside it, with -wal and -shm behind the name.
const FileName = "control.db"

// Store implements project.Store.
type Store struct {
	*statement.Store
	db *sql.DB
}

var _ project.Store = (*Store)(nil)

// Open opens the file in dir, makes both if they do not exist, and brings the schema up to date.
func Open(ctx context.Context, dir string) (*Store, error) { return open(ctx, dir, "sqlite") }

func open(ctx context.Context, dir, driver string) (*Store, error) {
	path, err := filepath.Abs(filepath.Join(dir, FileName))
	if err == nil {
		err = create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the control plane: %w", err)
	}
	db, err := sql.Open(driver, dsn(path))
	if err != nil {
		return nil, fmt.Errorf("open the control plane %s: %w", path, err)
	}
	// One connection: SQLite has one writer, and all reads but those of the audit are answered from memory.
	db.SetMaxOpenConns(1)
	if err := prepare(ctx, db); err != nil {
		return nil, fmt.Errorf("open the control plane %s: %w", path, errors.Join(err, db.Close()))
	}
	return &Store{statement.New(engine{db}), db}, nil
}

// create makes an empty file that only the owner may read, since SQLite would make one that everybody may; its other
// files take the mode of this one.
func create(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return f.Close()
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return durable.SyncDir(dir)
}

func dsn(path string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(on)"},
		// A transaction that begins by reading could not become a writer once another process has written.
		"_txlock": {"immediate"},
	}.Encode()}
	return u.String()
}

func prepare(ctx context.Context, db *sql.DB) error {
	if err := check(ctx, db); err != nil {
		return err
	}
	return schema.SQLite().Migrate(ctx, db)
}

// check reads all of the file, which is small, so that damage is found now and not in the middle of a change.
func check(ctx context.Context, db *sql.DB) error {
	var found string
	if err := db.QueryRowContext(ctx, "pragma quick_check(1)").Scan(&found); err != nil {
		return fmt.Errorf("check the file: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("the file is damaged and must be restored from a backup: %s", found)
	}
	return nil
}

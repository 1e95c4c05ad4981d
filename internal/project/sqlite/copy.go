package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
)

// Copy writes the state of the file in dir, which another process may be using, to a new file.
func Copy(ctx context.Context, dir, to string) (err error) {
	db, err := sql.Open("sqlite", dsn(filepath.Join(dir, FileName)))
	if err != nil {
		return fmt.Errorf("copy %s: %w", FileName, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := create(to); err != nil {
		return fmt.Errorf("copy %s: %w", FileName, err)
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("copy %s: %w", FileName, err)
	}
	return nil
}

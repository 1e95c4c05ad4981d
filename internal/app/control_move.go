package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/project/postgres"
	"github.com/freshet/freshet/internal/project/sqlite"
	"github.com/freshet/freshet/internal/project/statement"
)

// moveTimeout bounds a try to bring the control plane from one database to another.
const moveTimeout = time.Minute

// toMove tells whether a folder's projects and keys are in its SQLite file and are to be in PostgreSQL.
func toMove(c config.Config) bool {
	return c.Project != "" && exists(filepath.Join(c.Data, sqlite.FileName)) && !exists(filepath.Join(c.Data, controlCopy))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// between opens the control plane of a folder and the one in PostgreSQL for a move.
func between(ctx context.Context, folder, address string, logger *slog.Logger, do func(file, shared *statement.Store) error) (err error) {
	file, err := sqlite.Open(ctx, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	shared, err := postgres.Open(ctx, postgres.Options{URL: address, Logger: logger, Timeout: moveTimeout})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shared.Close()) }()
	return do(file.Store, shared.Store)
}

// moveControl brings the projects and keys of a folder to a database that has none. The file stays.
func moveControl(ctx context.Context, c config.Config, logger *slog.Logger) error {
	return between(ctx, c.Data, c.Project, logger, func(file, shared *statement.Store) error {
		done, err := statement.Move(ctx, file, shared)
		if err == nil && !done {
			logger.Info("the projects and keys were moved to PostgreSQL")
		}
		return err
	})
}

// checkMove finds out whether the control plane could be moved, without moving it.
func (m *migration) checkMove(ctx context.Context) (err error) {
	if m.To.Project == m.Config.Project {
		return nil
	}
	copied, err := copiedSQLite(ctx, m.Config.Data, m.dir)
	if err != nil {
		return err
	}
	if err := copied.Close(); err != nil {
		return err
	}
	return between(ctx, m.dir, m.To.Project, m.Logger, func(file, shared *statement.Store) error {
		_, err := statement.Moved(ctx, file, shared)
		return err
	})
}

// backControl makes a file of the control plane in PostgreSQL, for goBackControl.
func backControl(ctx context.Context, c config.Config, dir string, logger *slog.Logger) error {
	if c.Project == "" {
		return nil
	}
	if err := removeControl(dir); err != nil {
		return err
	}
	return between(ctx, dir, c.Project, logger, func(file, shared *statement.Store) error {
		_, err := statement.Move(ctx, shared, file)
		return err
	})
}

// removeControl removes the file of the control plane in a folder, and what SQLite keeps beside it.
func removeControl(dir string) error {
	for _, name := range []string{"", "-wal", "-shm"} {
		if err := os.RemoveAll(filepath.Join(dir, sqlite.FileName+name)); err != nil {
			return fmt.Errorf("remove the control plane: %w", err)
		}
	}
	return nil
}

// goBackControl takes the file that backControl has made into use, in the place of the database.
func goBackControl(data string, logger *slog.Logger) error {
	made := filepath.Join(data, migrateFolder, sqlite.FileName)
	if !goingBack(data) || !exists(made) {
		return nil
	}
	if err := os.Remove(filepath.Join(data, controlCopy)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("go back to the control plane of the folder: %w", err)
	}
	if err := removeControl(data); err != nil {
		return err
	}
	if err := os.Rename(made, filepath.Join(data, sqlite.FileName)); err != nil {
		return fmt.Errorf("go back to the control plane of the folder: %w", err)
	}
	if err := durable.SyncDir(data); err != nil {
		return err
	}
	logger.Info("the projects and keys are in the folder again")
	return nil
}

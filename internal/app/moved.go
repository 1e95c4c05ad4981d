package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store/duckdb"
)

// backFile in the folder of a migration says that the next server which has its store in the data folder goes back to it.
const backFile = "BACK"

// adopt takes over the name that a migration has given the folder in a database, when the server is started with that.
func adopt(data, database string) (*storeNote, error) {
	n, err := readStoreNote(filepath.Join(data, migrateFolder))
	if err != nil || n == nil || n.Database != database {
		return nil, err
	}
	return n, nil
}

// kept tells whether a folder with its store elsewhere still has the one of before.
func kept(data string) bool { return exists(filepath.Join(data, duckdb.Files()[0])) }

// MigrateBack has the next server of the folder, started without store.address, go on with the store that the folder had before it
// was moved. It catches up from the archive and the log, and answers when it has. Projects and keys that are in PostgreSQL come back as
// they are now, for a server that is started without project.
func MigrateBack(ctx context.Context, c config.Config, logger *slog.Logger) error {
	n, err := readStoreNote(c.Data)
	switch {
	case err != nil:
		return err
	case c.Lanes > 1:
		return errors.New("lanes is more than 1: there is no way back to one folder")
	case n == nil && c.Project == "":
		return fmt.Errorf("the events, projects and keys of %s are in the folder: there is nothing to go back from", c.Data)
	case n != nil:
		if err := canCatchUp(ctx, c, logger); err != nil {
			return err
		}
	}
	dir := filepath.Join(c.Data, migrateFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("go back: %w", err)
	}
	if err := backControl(ctx, c, dir, logger); err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(dir, backFile), nil); err != nil {
		return fmt.Errorf("go back: %w", err)
	}
	return nil
}

// canCatchUp finds out whether the store of before is there, and everything that it lacks.
func canCatchUp(ctx context.Context, c config.Config, logger *slog.Logger) (err error) {
	if !kept(c.Data) {
		return fmt.Errorf("%s has no store of before any more: stop the server and run freshet rebuild, without store.address", c.Data)
	}
	at, err := duckdb.LastPosition(c.Data)
	if err != nil {
		return err
	}
	log, closeLog, err := openLogBeside(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog.Close()) }()
	bucket, closer, err := openBucket(ctx, c, logger, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	if err := complete(ctx, archive.History{Log: log, Bucket: bucket}, at); err != nil {
		return fmt.Errorf("the store of before ends at position %d: %w; freshet rebuild --partial goes on without them", at, err)
	}
	return nil
}

// goingBack tells whether the next server is to go back.
func goingBack(data string) bool { return exists(filepath.Join(data, migrateFolder, backFile)) }

// goBack takes the folder's own store into use again, when the one in use is elsewhere, and tells whether it was. It is marked: answers
// wait until it has caught up. The database keeps the folder's name, so that another migration goes on with it.
func goBack(data string, end eventlog.Position) (back bool, err error) {
	n, err := readStoreNote(data)
	if err != nil {
		return false, err
	}
	if n != nil {
		mark := marker{Target: end, Reason: "the store is in the folder again"}
		if err := errors.Join(mark.write(data), n.write(filepath.Join(data, migrateFolder)), forgetStore(data)); err != nil {
			return false, err
		}
	}
	return n != nil, stay(data)
}

// stay forgets that the next server was to go back.
func stay(data string) error {
	if err := os.Remove(filepath.Join(data, migrateFolder, backFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget about going back: %w", err)
	}
	return nil
}

// MigrateConfirm removes the store that the folder had before it was moved, and says how many bytes that has freed.
func MigrateConfirm(c config.Config) (freed int64, err error) {
	n, err := readStoreNote(c.Data)
	if err != nil {
		return 0, err
	}
	if n == nil {
		return 0, fmt.Errorf("the events of %s are in the folder: start the server with store.address first", c.Data)
	}
	paths := []string{filepath.Join(c.Data, migrateFolder)}
	for _, name := range duckdb.Files() {
		path := filepath.Join(c.Data, name)
		if info, err := os.Stat(path); err == nil {
			freed += info.Size()
		}
		paths = append(paths, path)
	}
	if c.Project != "" && exists(filepath.Join(c.Data, controlCopy)) {
		if err := removeControl(c.Data); err != nil {
			return 0, err
		}
	}
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			return 0, fmt.Errorf("remove the store of before: %w", err)
		}
	}
	return freed, nil
}

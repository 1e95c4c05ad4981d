package duckdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/eventlog"
)

// positionFile says in decimal digits how far the store may have got. It is written before the database gets there, and
// can be read without opening it: a log that a disk has robbed of its end must not give positions out again that the
// store takes for done, and it accepts events before the store is open.
const positionFile = "store.position"

// LastPosition is a position that a store in the folder is not beyond, 0 when there is none.
func LastPosition(dir string) (eventlog.Position, error) {
	b, err := os.ReadFile(filepath.Join(dir, positionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the store's position: %w", err)
	}
	p, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the store's position: %w", err)
	}
	return eventlog.Position(p), nil
}

// notePosition makes durable that the store may get to the position.
func (s *Store) notePosition(p eventlog.Position) error {
	path := filepath.Join(s.opts.Dir, positionFile)
	if err := writeSynced(path+".new", fmt.Appendln(nil, uint64(p))); err != nil {
		return fmt.Errorf("note position %d: %w", p, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("note position %d: %w", p, err)
	}
	dir, err := os.Open(s.opts.Dir)
	if err != nil {
		return fmt.Errorf("note position %d: %w", p, err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

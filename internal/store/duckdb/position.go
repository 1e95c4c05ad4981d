package duckdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
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
	if err := durable.WriteFile(filepath.Join(s.opts.Dir, positionFile), fmt.Appendln(nil, uint64(p))); err != nil {
		return fmt.Errorf("note position %d: %w", p, err)
	}
	return fault.Hit(fault.StorePosition)
}

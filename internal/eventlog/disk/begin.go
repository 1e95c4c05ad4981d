package disk

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/freshet/freshet/internal/eventlog"
)

// Begin makes a log that has nothing yet and gives out positions from one on, in a folder that is made for it.
func Begin(dir string, at eventlog.Position) error {
	fs := vfs.Default
	err := fs.MkdirAll(dir, 0o755)
	var f vfs.File
	if err == nil {
		f, err = fs.Create(fs.PathJoin(dir, fmt.Sprintf("%020d.log", at)), vfs.WriteCategoryUnspecified)
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close(), syncDir(fs, dir), syncDir(fs, fs.PathDir(dir)))
	}
	if err != nil {
		return fmt.Errorf("begin a log at position %d: %w", at, err)
	}
	return nil
}

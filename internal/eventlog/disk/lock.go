package disk

import (
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Lock takes the lock of a log's folder, which is made if there is none, for an owner that has its log elsewhere. An error that
// wraps ErrInUse says that another process has it.
func Lock(dir string) (io.Closer, error) {
	fs := vfs.Default
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := syncDir(fs, fs.PathDir(dir)); err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	lock, err := fs.Lock(fs.PathJoin(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w: %w", dir, ErrInUse, err)
	}
	return lock, nil
}

// Used tells whether a log's folder has, or has had, events.
func Used(dir string) (bool, error) {
	fs := vfs.Default
	if _, err := fs.Stat(dir); err != nil {
		return false, nil //nolint:nilerr // there is none
	}
	segments, err := list(fs, dir)
	if err != nil {
		return false, fmt.Errorf("look into %s: %w", dir, err)
	}
	for _, s := range segments {
		info, err := fs.Stat(fs.PathJoin(dir, s.name))
		if err != nil {
			return false, fmt.Errorf("look into %s: %w", dir, err)
		}
		if s.first > 0 || info.Size() > 0 {
			return true, nil
		}
	}
	return false, nil
}

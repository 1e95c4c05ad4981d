package app

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve makes a file that takes size bytes of its disk.
func reserve(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = f.Truncate(0)
	if err == nil {
		err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	}
	if errors.Is(err, unix.EOPNOTSUPP) {
		err = fill(f, size)
	}
	return errors.Join(err, f.Close())
}

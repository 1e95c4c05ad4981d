//go:build !linux

package app

import (
	"errors"
	"os"
)

// reserve makes a file that takes size bytes of its disk.
func reserve(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(fill(f, size), f.Close())
}

package duckdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Files are the names of what a store keeps in its folder, and what is lost with it.
func Files() []string {
	return []string{fileDatabase + ".duckdb", fileDatabase + ".duckdb.wal", positionFile}
}

// Unreadable tells that an error of Open says the bytes of the file, or of its write-ahead log, are damaged: no other
// try and no other machine will read them. A file in use, of a newer version or one for which there is no memory is not.
func Unreadable(err error) bool {
	if err == nil {
		return false
	}
	for _, words := range []string{
		"Corrupt database file", "Corrupt WAL", "Failure while replaying WAL", "not a valid DuckDB database",
		"Could not read enough bytes", "Serialization Error",
	} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// Move takes a closed store's files from one folder to another. What was begun and broken off is finished by doing it
// again.
func Move(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("move the store: %w", err)
	}
	for _, name := range Files() {
		err := os.Rename(filepath.Join(from, name), filepath.Join(to, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("move the store: %w", err)
		}
	}
	return nil
}

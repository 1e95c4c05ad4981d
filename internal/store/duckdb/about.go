package duckdb

import (
	"os"
	"path/filepath"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// EngineVersion is the version of DuckDB that is linked.
func EngineVersion() string { return mapping.LibraryVersion() }

// SizeOnDisk is how many bytes the store of a folder has in files, those that it has yet to move into its main one
// included; 0 when there is none.
func SizeOnDisk(dir string) (bytes int64) {
	path := filepath.Join(dir, fileDatabase+".duckdb")
	for _, name := range []string{path, path + ".wal"} {
		if info, err := os.Stat(name); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

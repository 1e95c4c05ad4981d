package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store/duckdb"
)

// Names in the data folder.
const (
	// asideFolder holds what was taken out of use and may be needed to find out why; only the last of it is kept.
	asideFolder = "set-aside"
	// rebuildFolder is where a store is made anew beside the one in use; doneFile in it says that it is complete.
	rebuildFolder = "rebuild"
	doneFile      = "DONE"
	// clearedFile says that the old one is out of the way.
	clearedFile = "CLEARED"
	// markerFile says that the store in use is being made anew and is not to be asked yet.
	markerFile  = "rebuild.json"
	dedupFolder = "dedup"
)

// marker is the content of markerFile.
type marker struct {
	// Target is the position from which on answers are whole again.
	Target eventlog.Position `json:"target"`
	Reason string            `json:"reason"`
}

func readMarker(data string) (*marker, error) {
	b, err := os.ReadFile(filepath.Join(data, markerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // there mostly is none
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", markerFile, err)
	}
	var m marker
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("read %s: %w", markerFile, err)
	}
	return &m, nil
}

func (m *marker) write(data string) error {
	b, err := json.Marshal(m)
	if err == nil {
		err = durable.WriteFile(filepath.Join(data, markerFile), b)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", markerFile, err)
	}
	return nil
}

// setAside takes the store and the dedup index out of use and returns where they are. What was set aside before is
// removed: it may be large, and another copy of it adds nothing.
func setAside(data string, now time.Time) (string, error) {
	root := filepath.Join(data, asideFolder)
	if err := os.RemoveAll(root); err != nil {
		return "", fmt.Errorf("set the store aside: %w", err)
	}
	to := filepath.Join(root, now.UTC().Format("20060102T150405"))
	if err := duckdb.Move(data, to); err != nil {
		return "", err
	}
	err := os.Rename(filepath.Join(data, dedupFolder), filepath.Join(to, dedupFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("set the dedup index aside: %w", err)
	}
	return to, durable.SyncDir(data)
}

// swap puts a store that was made anew in the place of the old one, if it is complete. It goes on where it was broken
// off.
func swap(data string, now time.Time) (done bool, err error) {
	from := filepath.Join(data, rebuildFolder)
	if _, err := os.Stat(filepath.Join(from, doneFile)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return false, err
	}
	cleared := filepath.Join(from, clearedFile)
	if _, err := os.Stat(cleared); errors.Is(err, fs.ErrNotExist) {
		if _, err := setAside(data, now); err != nil {
			return false, err
		}
		if err := durable.WriteFile(cleared, nil); err != nil {
			return false, fmt.Errorf("put the new store in place: %w", err)
		}
	}
	if err := os.Rename(filepath.Join(from, dedupFolder), filepath.Join(data, dedupFolder)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("put the new dedup index in place: %w", err)
	}
	if err := duckdb.Move(from, data); err != nil {
		return false, err
	}
	if err := os.Remove(filepath.Join(data, markerFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("put the new store in place: %w", err)
	}
	// Without the first of these files nothing is done again.
	if err := errors.Join(durable.SyncDir(data), os.Remove(filepath.Join(from, doneFile)), durable.SyncDir(from), os.RemoveAll(from)); err != nil {
		return false, fmt.Errorf("put the new store in place: %w", err)
	}
	return true, nil
}

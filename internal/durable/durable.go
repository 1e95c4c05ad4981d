// Package durable makes changes to files survive a loss of power: a name in a folder is only sure to be there when the
// folder was synced, and a file that is replaced must never be seen half written.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// WriteFile replaces the file as a whole, readable by its owner only. When it returns nil the new content is durable;
// after an error the old content is there, or the new. It uses the name path + ".new" meanwhile.
func WriteFile(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names of what is in the folder durable.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

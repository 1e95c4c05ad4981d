package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/freshet/freshet/internal/config"
)

// archive looks at the folder of the archive from outside: whether it can be written to, and how far it has come.
func archive(c config.Config, now time.Time) Check {
	check := Check{Name: "archive", Status: OK}
	if !c.Archive.Enabled {
		check.Status, check.Found = Warn, "off"
		check.Advice = "Nothing keeps events longer than the log does, so neither freshet rebuild nor freshet backup will have them: set archive.enabled."
		return check
	}
	if c.Archive.Bucket != "" {
		// Asking it takes credentials that may be the service's only.
		check.Found = "in a bucket: freshet verify reads it, freshet_bucket_away and freshet_archive_lag_events tell of it"
		return check
	}
	dir := c.ArchiveFolder()
	manifests, err := os.ReadDir(filepath.Join(dir, "manifest"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Check{Name: check.Name, Status: Fail, Found: err.Error(), Advice: "The user that runs the server must be able to read and write there; see archive.folder."}
	}
	f, err := os.CreateTemp(existing(dir), ".doctor-")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return Check{Name: check.Name, Status: Fail, Found: err.Error(), Advice: "Without room in the archive the log grows until the disk is full; see archive.folder."}
	}
	if len(manifests) == 0 {
		check.Found = dir + " is empty yet"
		return check
	}
	var from, to uint64
	newest := manifests[len(manifests)-1]
	if n, _ := fmt.Sscanf(newest.Name(), "%020d-%020d.json", &from, &to); n != 2 {
		check.Status, check.Found, check.Advice = Warn, newest.Name()+" is no manifest", "Something else has written to the archive."
		return check
	}
	check.Found = fmt.Sprintf("%s: %d batches, everything before position %d", dir, len(manifests), to)
	if info, err := newest.Info(); err == nil {
		check.Found += fmt.Sprintf(", the last one %s ago", now.Sub(info.ModTime()).Round(time.Second))
	}
	return check
}

package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
	"github.com/freshet/freshet/internal/project/sqlite"
)

// recoveredFile notes what was lost with the machine before, until the archive has it.
const recoveredFile = "recovered.json"

// recovered is the content of recoveredFile.
type recovered struct {
	Loss archive.Loss `json:"loss"`
	Mark archive.Mark `json:"mark"`
}

// RecoverOptions are what Recover works with.
type RecoverOptions struct {
	// From is the archive of a lost machine: a folder, or the address of a bucket.
	From   string
	Logger *slog.Logger
	// To is the data folder to make; it must not have anything in it.
	To string
}

// Recovered is what Recover has found.
type Recovered struct {
	// Archived is the position up to which there are events, Position the one from which on new ones are accepted.
	Archived eventlog.Position `json:"archived"`
	Position eventlog.Position `json:"position"`
	// Lost is what the machine had and the archive has not.
	Lost archive.Loss `json:"lost"`
	// Missing are positions before that which no batch has: the archive was begun later, or switched off for a while.
	Missing []archive.Span `json:"missing,omitempty"`
	// Control is the file that has the projects and keys.
	Control string `json:"control"`
}

// Recover makes a data folder for the archive of a machine that is lost with everything on it: with the projects and keys, and a
// log that goes on behind every position that was given out. It changes nothing beside the archive; the first start of a
// server on the folder does, or Rebuild, and makes the store.
func Recover(ctx context.Context, o RecoverOptions) (_ *Recovered, err error) {
	var c config.Config
	if _, err := os.Stat(o.From); err == nil {
		c.Archive.Folder = o.From
	} else {
		c.Archive.Bucket = o.From
	}
	bucket, closer, err := openBucket(ctx, c, o.Logger, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	m, err := archive.LoadMark(ctx, bucket)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("restore: there is no mark of a server in %s, which says how far it was and has its projects and keys: restore a backup", o.From)
	}
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	control, err := m.LoadControl(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	loss, err := archive.FindLoss(ctx, bucket, m)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	spans, err := archive.Spans(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if err := mustBeEmpty(o.To); err != nil {
		return nil, err
	}
	if err := begin(o.To, m, control, loss); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return &Recovered{Archived: loss.From, Position: loss.To, Lost: *loss, Missing: archive.Holes(spans), Control: m.Control.Name}, nil
}

// begin makes the data folder.
func begin(dir string, m *archive.Mark, control []byte, loss *archive.Loss) error {
	if m.Control.Name != sqlite.FileName && m.Control.Name != controlCopy {
		return fmt.Errorf("the copy of projects and keys is a file %q, which this binary does not know", m.Control.Name)
	}
	note, err := json.Marshal(recovered{*loss, *m})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// Broken off before the log is there, it is refused by checkArchive.
	if err := durable.WriteFile(filepath.Join(dir, recoveredFile), note); err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(dir, m.Control.Name), control); err != nil {
		return err
	}
	return errors.Join(disk.Begin(filepath.Join(dir, "log"), loss.To), durable.SyncDir(filepath.Dir(dir)))
}

// claimArchive notes in the archive what was lost with the machine before, when the folder was made by Recover.
func claimArchive(ctx context.Context, data string, b archive.Bucket, logger *slog.Logger) error {
	path := filepath.Join(data, recoveredFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var r recovered
	if err == nil {
		err = json.Unmarshal(content, &r)
	}
	if err == nil {
		err = archive.Claim(ctx, b, &r.Loss, &r.Mark)
	}
	if err == nil {
		logger.Warn("going on with the archive of a machine that is lost", "lost", r.Loss.String(), "archived_to", uint64(r.Loss.From), "position", uint64(r.Loss.To))
		err = errors.Join(os.Remove(path), durable.SyncDir(data))
	}
	if err != nil {
		return fmt.Errorf("go on with the archive of another machine: %w", err)
	}
	return nil
}

// checkArchive refuses to begin anew beside the archive of another server: the keys of its apps would be unknown, and its events be
// taken for those of new projects. It refuses half a restore, too.
func checkArchive(ctx context.Context, c config.Config, logger *slog.Logger) (err error) {
	_, noted := os.Stat(filepath.Join(c.Data, recoveredFile))
	_, begun := os.Stat(filepath.Join(c.Data, "log"))
	if noted == nil && errors.Is(begun, fs.ErrNotExist) {
		return fmt.Errorf("the restore to %s was broken off: empty the folder and restore again", c.Data)
	}
	if used, err := hasData(c.Data); err != nil || used || !c.Archive.Enabled {
		return err
	}
	if c.Log.Address != "" && c.Project != "" {
		return nil // The keys and the events behind the archive's end are where they were.
	}
	bucket, closer, err := openBucket(ctx, c, logger, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	spans, err := archive.Spans(ctx, bucket)
	if err != nil || len(spans) == 0 {
		return err
	}
	return fmt.Errorf("%s has no data of a server, but the archive has, up to position %d: freshet restore --from-archive makes a folder that "+
		"goes on with it; to begin anew, name another place for the archive", c.Data, spans[len(spans)-1].To)
}

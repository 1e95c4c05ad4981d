package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/project/sqlite"
)

const (
	// markEvery is how old a mark gets, and so how long a change of projects and keys is on this machine only; markPoll is how
	// often it is looked whether the archive has gone on, which is told at once.
	markEvery = time.Minute
	markPoll  = time.Second
)

// leavesMarks tells whether the archive is in a place that may outlive the data folder.
func leavesMarks(c config.Config) bool {
	return c.Archive.Enabled && (c.Archive.Bucket != "" || c.Archive.Folder != "")
}

// keepMarks leaves marks beside the archive until ctx ends, or until another server does: the archive, which asks the marker before
// each batch, is that one's then.
func (a *way) keepMarks(ctx context.Context, m *archive.Marker) {
	k := &keeper{marker: m}
	tick := time.NewTicker(markPoll)
	defer tick.Stop()
	var due time.Time
	failed := false
	for {
		if at := a.archive.Position(); at != k.archived || !time.Now().Before(due) {
			err := a.mark(ctx, k)
			switch {
			case ctx.Err() != nil:
				return
			case errors.Is(err, archive.ErrReplaced):
				a.Logger.Error("no more marks are left beside the archive, which another server has now; stop one of the two", "error", err)
				return
			case err != nil && !failed:
				a.Logger.Warn("no mark could be left beside the archive; it is tried again", "error", err)
			case err == nil && failed:
				a.Logger.Info("there is a new mark beside the archive again")
			}
			failed, due, k.archived = err != nil, time.Now().Add(markEvery), at
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// keeper is what keepMarks knows of the marks it has left.
type keeper struct {
	marker *archive.Marker
	// archived is the end of the archive at the last mark.
	archived eventlog.Position
	// changed is the number of the last change of the control plane that is kept.
	changed uint64
	kept    bool
}

// mark leaves one. The end of the log is taken first, so that the keys of everything before it are in the copy.
func (a *way) mark(ctx context.Context, k *keeper) error {
	at := time.Now().UTC()
	_, end := a.log.Bounds()
	if err := a.keepControl(ctx, k); err != nil {
		return err
	}
	return k.marker.Mark(ctx, archive.Mark{Version: a.Version, At: at, End: end})
}

// keepControl brings the control plane beside the archive if it has changed: each change is in the audit.
func (a *way) keepControl(ctx context.Context, k *keeper) error {
	var changed uint64
	if a.Config.Project == "" {
		newest, err := a.projects.Audit(ctx, 0, 1)
		if err != nil {
			return err
		}
		if len(newest) > 0 {
			changed = newest[0].ID
		}
		if k.kept && changed == k.changed {
			return nil
		}
	}
	name, content, err := controlContent(ctx, a.app.Config)
	if err != nil {
		return err
	}
	if err := k.marker.Keep(ctx, name, content); err != nil {
		return err
	}
	k.changed, k.kept = changed, true
	return nil
}

// controlContent is the control plane as the file of a data folder that it is restored to. Where it is in a database of its own, which
// has its own backups, that is the copy of projects and keys, with which a server starts while the database is away.
func controlContent(ctx context.Context, c config.Config) (name string, content []byte, err error) {
	if c.Project != "" {
		content, err = os.ReadFile(filepath.Join(c.Data, controlCopy))
		if err != nil {
			return "", nil, fmt.Errorf("copy the projects and keys: %w", err)
		}
		return controlCopy, content, nil
	}
	dir, err := os.MkdirTemp("", "freshet-control-")
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, sqlite.FileName)
	if err := sqlite.Copy(ctx, c.Data, path); err != nil {
		return "", nil, err
	}
	content, err = os.ReadFile(path)
	return sqlite.FileName, content, err
}

package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/sqlite"
)

// StandIn gives a restored data folder a control plane of its own, so that nothing done to it reaches the database that its
// original shares: the projects and keys of the copy in it become a SQLite file. A folder that has such a file stays as it is.
func StandIn(ctx context.Context, data string) (err error) {
	path := filepath.Join(data, controlCopy)
	if _, err := os.Stat(filepath.Join(data, sqlite.FileName)); err == nil {
		return nil
	}
	store, err := sqlite.Open(ctx, data)
	if err != nil {
		return err
	}
	if err := errors.Join(project.Fill(ctx, store, path), store.Close()); err != nil {
		return errors.Join(err, os.Remove(filepath.Join(data, sqlite.FileName)))
	}
	return os.Remove(path)
}

// Guest is a project beside those of a data folder, and keys to it.
type Guest struct {
	Project     uint32
	Write, Read string
}

// AddGuest makes a project in the SQLite file of a folder that no server uses.
func AddGuest(ctx context.Context, data, name string) (g Guest, err error) {
	store, err := sqlite.Open(ctx, data)
	if err != nil {
		return g, err
	}
	projects, err := project.Open(ctx, store, project.Options{})
	if err != nil {
		return g, errors.Join(err, store.Close())
	}
	defer func() { err = errors.Join(err, projects.Close()) }()
	p, err := projects.CreateProject(ctx, "system", project.Change{Name: &name})
	if err != nil {
		return g, err
	}
	g.Project = p.ID
	if _, g.Write, err = projects.CreateKey(ctx, "system", p.ID, project.Write, name); err != nil {
		return g, err
	}
	_, g.Read, err = projects.CreateKey(ctx, "system", p.ID, project.Read, name)
	return g, err
}

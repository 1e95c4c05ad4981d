package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/lease"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/postgres"
	"github.com/freshet/freshet/internal/project/sqlite"
)

const (
	// controlCopy is the file of the data folder that has the projects and keys of a control plane that is elsewhere.
	controlCopy = "control.json"
	// askEvery is how often a start without a copy looks whether the control plane is there.
	askEvery = 2 * time.Second
)

// checkControl finds what is wrong with where the control plane is to be, before a predecessor is asked to stop. A folder whose
// keys are elsewhere must not get new ones: apps would be told that theirs are unknown, and throw their events away.
func checkControl(c config.Config) error {
	switch {
	case c.Project == "" && goingBack(c.Data) && exists(filepath.Join(c.Data, migrateFolder, sqlite.FileName)):
		return nil
	case c.Project == "" && exists(filepath.Join(c.Data, controlCopy)):
		return fmt.Errorf("the projects and keys of %s were last in PostgreSQL: set project to its address; "+
			"to go on without them, with new ones in SQLite, remove %s", c.Data, controlCopy)
	case c.Project == "":
		return nil
	}
	if err := postgres.Check(c.Project); err != nil {
		return fmt.Errorf("project: %w", err)
	}
	return nil
}

// checkData refuses a folder that no server has used where one is required. A folder on a disk that is not mounted is empty: a
// server that began anew in it would refuse the keys of apps, and they would throw their events away. While nobody listens, they
// keep them.
func checkData(c config.Config) error {
	if !c.RequireData {
		return nil
	}
	if used, err := hasData(c.Data); err != nil || used {
		return err
	}
	return fmt.Errorf("%s has no data of a server, and require_data is set: is its disk mounted? To begin anew there, start once with --no-require-data", c.Data)
}

// hasData tells whether a server has used a folder.
func hasData(folder string) (bool, error) {
	for _, name := range []string{sqlite.FileName, controlCopy, "log"} {
		_, err := os.Stat(filepath.Join(folder, name))
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("look for data in %s: %w", folder, err)
		}
	}
	return false, nil
}

// openControl opens the store of the control plane.
func openControl(ctx context.Context, c config.Config, logger *slog.Logger, r prometheus.Registerer) (project.Store, error) {
	if c.Project == "" {
		return sqlite.Open(ctx, c.Data)
	}
	return postgres.Open(ctx, postgres.Options{URL: c.Project, Logger: logger, Registerer: r})
}

// openProjects opens the control plane. One that is away, and of which this folder has no copy yet, is waited for.
func (a *app) openProjects(ctx context.Context) (*project.Service, error) {
	if a.Config.Project == "" {
		if err := goBackControl(a.Config.Data, a.Logger); err != nil {
			return nil, err
		}
	}
	store, err := openControl(ctx, a.Config, a.Logger, a.registry)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		projects, err := a.readProjects(ctx, store)
		if err == nil {
			a.leases, _ = store.(lease.Roll)
			return projects, nil
		}
		if a.Config.Project == "" || errors.Is(err, project.ErrUnusable) {
			return nil, errors.Join(err, store.Close())
		}
		a.server.WaitFor("PostgreSQL, which has its projects and keys and of which it has no copy yet")
		a.Logger.Error("waiting for the control plane", "error", err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), store.Close())
		}
	}
}

// readProjects reads the control plane, which is moved first where that is due.
func (a *app) readProjects(ctx context.Context, store project.Store) (*project.Service, error) {
	if toMove(a.Config) {
		if err := moveControl(ctx, a.Config, a.Logger); err != nil {
			return nil, err
		}
	}
	return project.Open(ctx, store, project.Options{Logger: a.Logger, Copy: filepath.Join(a.Config.Data, controlCopy), Lanes: a.Config.Lanes})
}

// copiedProjects opens the control plane for work beside a server: of a file in the data folder, a copy in dir.
func copiedProjects(ctx context.Context, c config.Config, logger *slog.Logger, dir string) (*project.Service, error) {
	if err := checkControl(c); err != nil {
		return nil, err
	}
	o := project.Options{Logger: logger}
	var store project.Store
	var err error
	if c.Project == "" {
		store, err = copiedSQLite(ctx, c.Data, dir)
	} else {
		o.Copy = filepath.Join(dir, controlCopy)
		if err := copyControlCopy(c.Data, o.Copy); err != nil {
			return nil, err
		}
		store, err = openControl(ctx, c, logger, nil)
	}
	if err != nil {
		return nil, err
	}
	projects, err := project.Open(ctx, store, o)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return projects, nil
}

func copiedSQLite(ctx context.Context, data, dir string) (project.Store, error) {
	if err := removeControl(dir); err != nil {
		return nil, err
	}
	if err := sqlite.Copy(ctx, data, filepath.Join(dir, sqlite.FileName)); err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, dir)
}

func copyControlCopy(data, to string) error {
	content, err := os.ReadFile(filepath.Join(data, controlCopy))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = durable.WriteFile(to, content)
	}
	if err != nil {
		return fmt.Errorf("copy the projects and keys: %w", err)
	}
	return nil
}

// verifyControl opens the control plane and reads it.
func verifyControl(ctx context.Context, c config.Config, logger *slog.Logger) (err error) {
	if err := checkControl(c); err != nil {
		return err
	}
	store, err := openControl(ctx, c, logger, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	_, err = store.Keys(ctx)
	return err
}

// ProbeControl looks where the control plane is, or will be, and changes nothing. advice says what to do about it.
func ProbeControl(ctx context.Context, c config.Config) (found, advice string, err error) {
	if err := checkControl(c); err != nil {
		return "", "freshet serve would refuse to start.", err
	}
	if c.Project == "" {
		path := filepath.Join(c.Data, sqlite.FileName)
		if _, err := os.Stat(path); err != nil {
			return "SQLite: " + path + " does not exist yet", "", nil //nolint:nilerr // it is made at the first start
		}
		return "SQLite: " + path, "", nil
	}
	found, advice, err = postgres.Probe(ctx, c.Project)
	if err != nil {
		advice = "Check the address, the user and the network; see the setting project. A server with " + controlCopy +
			" in its data folder starts all the same, with the projects and keys as they were, and changes no settings."
		if _, serr := os.Stat(filepath.Join(c.Data, controlCopy)); serr != nil {
			advice = "Check the address, the user and the network; see the setting project. A first start waits for it."
		}
		return found, advice, err
	}
	holder, err := whoStores(ctx, c)
	if holder != "" {
		found += ", " + holder
	}
	return found, advice, err
}

// Package drill does to a copy of a data folder what operators fear: it kills the server under load, damages files, loses the
// store and the index of event ids, fills a disk, restores a backup, and after each of these compares everything with what was
// there before. The folder itself is only read, and what it names elsewhere, an archive, a bucket, a database, is left alone.
package drill

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/freshet/freshet/internal/app"
	"github.com/freshet/freshet/internal/config"
)

// Options are what Run works with.
type Options struct {
	// Config is the configuration of the folder that is copied.
	Config  config.Config
	Version string
	// Work is an empty folder for the copies; it needs room for the log, the archive and two stores.
	Work string
	// Binary is the freshet that is started on the copy, and killed.
	Binary string
	// Kills is how often. Seed chooses the moments, and the bits that are flipped.
	Kills  int
	Seed   uint64
	Logger *slog.Logger
	// Tell hears of each step when it is done.
	Tell func(Step)
}

// Step is one thing that was done, and the balance after it.
type Step struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	// Accepted = Stored + Duplicate + Dead, as the ledger has it after the step.
	Accepted  int64 `json:"accepted"`
	Stored    int64 `json:"stored"`
	Duplicate int64 `json:"duplicate"`
	Dead      int64 `json:"dead_lettered"`
	// Problem says what was not as it should be; empty when all was.
	Problem string `json:"problem,omitempty"`
	// Skipped says why the step was not done; then it says nothing about the data.
	Skipped string `json:"skipped,omitempty"`
}

// skipped is the reason for which a step cannot be done here.
type skipped string

func (s skipped) Error() string { return string(s) }

// drill is one that is running.
type drill struct {
	Options
	random *rand.Rand
	copy   config.Config
	backup string
	// first is what the copy had at the beginning, want what every verification has to find since.
	first, want *app.VerifiedStore
	// guest is a project of the copy's own, and marks are the events that were sent to it.
	guest app.Guest
	marks *marks
}

// Run takes a backup of the folder and drills on what is restored from it. The error is of a drill that could not be
// carried out; what it found wrong is in the steps.
func Run(ctx context.Context, o Options) error {
	d := &drill{Options: o, random: rand.New(rand.NewPCG(o.Seed, 1)), copy: o.Config}
	d.backup = filepath.Join(o.Work, "backup")
	d.copy = alone(o.Config, filepath.Join(o.Work, "data"))
	for _, step := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{
		{"back up, restore and rebuild", d.begin},
		{fmt.Sprintf("kill the server %d times under load", o.Kills), d.kill},
		{"flip a bit of the store", d.damageStore},
		{"lose the store", d.loseStore},
		{"lose the index, send all again", d.loseIndex},
		{"flip a bit of the archive", d.damageArchive},
		{"flip a bit of the log", d.damageLog},
		{"fill a disk of 64 MiB", d.fill},
		{"restore once more", d.restore},
	} {
		began := time.Now()
		problem, err := step.do(ctx)
		s := Step{Name: step.name, Seconds: time.Since(began).Seconds(), Problem: problem}
		var not skipped
		if errors.As(err, &not) {
			s.Skipped = string(not)
		} else if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if v := d.want; v != nil {
			s.Accepted, s.Stored, s.Duplicate, s.Dead = v.Ledger.Accepted, v.Ledger.Stored, v.Ledger.Duplicate, v.Ledger.Dead
		}
		o.Tell(s)
	}
	return nil
}

// alone is the configuration of a copy in a folder: all that belongs to the original alone is left out, so that a server with it
// writes nowhere but into the folder. It archives and flushes often, so that kills meet both.
func alone(c config.Config, data string) config.Config {
	d := config.Default()
	c.Data, c.Project, c.Archive, c.Tracing = data, "", d.Archive, d.Tracing
	c.Archive.Interval, c.Store.FlushInterval, c.Store.Address = time.Second, time.Second, ""
	c.AdminListen, c.PublicURL, c.LogLevel, c.Demo = "", "", "error", false
	return c
}

// begin makes the copy, and notes what it has.
func (d *drill) begin(ctx context.Context) (string, error) {
	if _, err := app.Backup(ctx, app.BackupOptions{Config: d.Config, Version: d.Version, To: d.backup}); err != nil {
		return "", err
	}
	if err := d.renew(ctx); err != nil {
		return "", err
	}
	v, err := app.Verify(ctx, d.copy, d.Logger, nil)
	if err != nil {
		return "", err
	}
	if v.Store == nil {
		return "", errors.New("the copy has no store")
	}
	d.first, d.want = v.Store, v.Store
	if len(v.Problems) > 0 {
		return v.Problems[0], nil
	}
	return "", nil
}

// renew makes the copy anew from the backup.
func (d *drill) renew(ctx context.Context) error {
	if err := os.RemoveAll(d.copy.Data); err != nil {
		return err
	}
	if _, err := app.Restore(ctx, app.RestoreOptions{From: d.backup, To: d.copy.Data}); err != nil {
		return err
	}
	if err := app.StandIn(ctx, d.copy.Data); err != nil {
		return err
	}
	_, err := app.Rebuild(ctx, app.RebuildOptions{Config: d.copy, Logger: d.Logger})
	return err
}

// same verifies the copy and says what differs from what was there.
func (d *drill) same(ctx context.Context) (string, error) {
	got, problem, err := d.verified(ctx)
	if err != nil || problem != "" {
		return problem, err
	}
	return differs(d.want, got), nil
}

// verified returns what the store of the copy has, if a verification finds no problem.
func (d *drill) verified(ctx context.Context) (got *app.VerifiedStore, problem string, err error) {
	v, err := app.Verify(ctx, d.copy, d.Logger, nil)
	switch {
	case err != nil:
		return nil, "", err
	case len(v.Problems) > 0:
		return nil, v.Problems[0], nil
	case v.Store == nil:
		return nil, "there is no store", nil
	}
	return v.Store, "", nil
}

// differs says what a store has otherwise than was there. Days may be gone that retention has removed meanwhile.
func differs(want, got *app.VerifiedStore) string {
	was, is := want.Ledger, got.Ledger
	expired := is.Expired > 0
	if was.Expired, is.Expired = 0, 0; was != is {
		return fmt.Sprintf("the ledger was %+v and is %+v", was, is)
	}
	there := got.Days
	for _, day := range want.Days {
		if len(there) > 0 && there[0] == day {
			there = there[1:]
			continue
		}
		if !expired || len(there) > 0 && there[0].Project == day.Project && there[0].Day == day.Day {
			return fmt.Sprintf("project %d has other rows on day %d than before", day.Project, day.Day)
		}
	}
	if len(there) > 0 {
		return fmt.Sprintf("project %d has rows on day %d that were not there before", there[0].Project, there[0].Day)
	}
	return ""
}

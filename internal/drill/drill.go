// Package drill does to a copy of a data folder what operators fear: it kills the server, damages files, loses the store,
// restores a backup, and after each of these compares everything with what was there before. The folder itself is only read.
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
}

// drill is one that is running.
type drill struct {
	Options
	random *rand.Rand
	copy   config.Config
	backup string
	// want is what every verification has to find.
	want *app.VerifiedStore
}

// Run takes a backup of the folder and drills on what is restored from it. The error is of a drill that could not be
// carried out; what it found wrong is in the steps.
func Run(ctx context.Context, o Options) error {
	d := &drill{Options: o, random: rand.New(rand.NewPCG(o.Seed, 1)), copy: o.Config}
	d.backup = filepath.Join(o.Work, "backup")
	d.copy.Data, d.copy.Archive.Folder, d.copy.Archive.Bucket = filepath.Join(o.Work, "data"), "", ""
	for _, step := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{
		{"back up, restore and rebuild", d.begin},
		{fmt.Sprintf("kill the server %d times", o.Kills), d.kill},
		{"flip a bit of the store", d.damageStore},
		{"lose the store", d.loseStore},
		{"lose the index of event ids", d.loseIndex},
		{"flip a bit of the archive", d.damageArchive},
		{"flip a bit of the log", d.damageLog},
		{"restore once more", d.restore},
	} {
		began := time.Now()
		problem, err := step.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		s := Step{Name: step.name, Seconds: time.Since(began).Seconds(), Problem: problem}
		if v := d.want; v != nil {
			s.Accepted, s.Stored, s.Duplicate, s.Dead = v.Ledger.Accepted, v.Ledger.Stored, v.Ledger.Duplicate, v.Ledger.Dead
		}
		o.Tell(s)
	}
	return nil
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
	d.want = v.Store
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
	_, err := app.Rebuild(ctx, app.RebuildOptions{Config: d.copy, Logger: d.Logger})
	return err
}

// same verifies the copy and says what differs from what was there at first.
func (d *drill) same(ctx context.Context) (string, error) {
	v, err := app.Verify(ctx, d.copy, d.Logger, nil)
	switch {
	case err != nil:
		return "", err
	case len(v.Problems) > 0:
		return v.Problems[0], nil
	case v.Store == nil:
		return "there is no store", nil
	}
	return d.differs(v.Store), nil
}

// differs says what a store has otherwise than at first. Days may be gone that retention has removed meanwhile.
func (d *drill) differs(got *app.VerifiedStore) string {
	was, is := d.want.Ledger, got.Ledger
	expired := is.Expired > 0
	if was.Expired, is.Expired = 0, 0; was != is {
		return fmt.Sprintf("the ledger was %+v and is %+v", was, is)
	}
	there := got.Days
	for _, want := range d.want.Days {
		if len(there) > 0 && there[0] == want {
			there = there[1:]
			continue
		}
		if !expired || len(there) > 0 && there[0].Project == want.Project && there[0].Day == want.Day {
			return fmt.Sprintf("project %d has other rows on day %d than at first", want.Project, want.Day)
		}
	}
	if len(there) > 0 {
		return fmt.Sprintf("project %d has rows on day %d that were not there at first", there[0].Project, there[0].Day)
	}
	return ""
}

func (d *drill) kill(ctx context.Context) (string, error) {
	for range d.Kills {
		s, err := d.serve(ctx)
		if err != nil {
			return "", err
		}
		wait := time.Duration(d.random.IntN(1000)) * time.Millisecond
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		s.kill()
	}
	return d.served(ctx)
}

// served lets a server bring everything to an end, and compares.
func (d *drill) served(ctx context.Context) (string, error) {
	s, err := d.serve(ctx)
	if err != nil {
		return "", err
	}
	if wrong := d.ended(ctx, s); wrong != "" {
		return wrong, nil
	}
	return d.same(ctx)
}

// ended waits until the server has stored everything and stops it. It returns what went wrong.
func (d *drill) ended(ctx context.Context, s *server) string {
	if err := s.whole(ctx, d.copy.Data); err != nil {
		s.kill()
		return err.Error()
	}
	if err := s.stop(); err != nil {
		return err.Error()
	}
	return ""
}

func (d *drill) damageStore(ctx context.Context) (string, error) {
	// The headers at the beginning are what no start can do without.
	if err := d.flip(filepath.Join(d.copy.Data, "store.duckdb"), 3*4096); err != nil {
		return "", err
	}
	return d.served(ctx)
}

func (d *drill) loseStore(ctx context.Context) (string, error) {
	for _, name := range []string{"store.duckdb", "store.duckdb.wal", "store.position"} {
		if err := os.RemoveAll(filepath.Join(d.copy.Data, name)); err != nil {
			return "", err
		}
	}
	return d.served(ctx)
}

func (d *drill) loseIndex(ctx context.Context) (string, error) {
	if err := os.RemoveAll(filepath.Join(d.copy.Data, "dedup")); err != nil {
		return "", err
	}
	return d.served(ctx)
}

func (d *drill) damageArchive(ctx context.Context) (string, error) {
	return d.found(ctx, filepath.Join("archive", "events", "*", "*", "*.parquet"), 0)
}

func (d *drill) damageLog(ctx context.Context) (string, error) {
	// At the very end damage cannot be told from a write that was cut off.
	return d.found(ctx, filepath.Join("log", "*.log"), 1)
}

// found damages the first file of a pattern, but for the last ones, for a moment: a verification must find it.
func (d *drill) found(ctx context.Context, pattern string, last int) (string, error) {
	files, err := filepath.Glob(filepath.Join(d.copy.Data, pattern))
	if err != nil {
		return "", err
	}
	for _, path := range files[:max(0, len(files)-last)] {
		good, err := os.ReadFile(path)
		if err != nil || len(good) == 0 {
			continue
		}
		if err := d.flip(path, len(good)/2); err != nil {
			return "", err
		}
		v, err := app.Verify(ctx, d.copy, d.Logger, nil)
		if err := errors.Join(err, os.WriteFile(path, good, 0o600)); err != nil {
			return "", err
		}
		if len(v.Problems) == 0 {
			return "a flipped bit of " + filepath.Base(path) + " was not found", nil
		}
		return d.same(ctx)
	}
	return "", nil
}

// flip changes a bit within the first bytes of a file.
func (d *drill) flip(path string, within int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := min(within, len(b)); n > 0 {
		b[d.random.IntN(n)] ^= 1 << d.random.IntN(8)
	}
	return os.WriteFile(path, b, 0o600)
}

func (d *drill) restore(ctx context.Context) (string, error) {
	if err := d.renew(ctx); err != nil {
		return "", err
	}
	return d.same(ctx)
}

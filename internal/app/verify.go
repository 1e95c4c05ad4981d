package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
	"github.com/freshet/freshet/internal/store"
)

// Verified is what Verify has found.
type Verified struct {
	Log     disk.Checked     `json:"log"`
	Archive archive.Verified `json:"archive"`
	// Store is nil when a server uses the folder, or when it has no store.
	Store *VerifiedStore `json:"store,omitempty"`
	// Problems are what has to be looked into; empty when all is well.
	Problems []string `json:"problems"`
}

// VerifiedStore is what the store has.
type VerifiedStore struct {
	Position eventlog.Position `json:"position"`
	// Ledger adds up all projects and hours.
	Ledger store.Counts   `json:"ledger"`
	Days   []store.Digest `json:"days"`
}

// Verify reads everything in a data folder and compares it with its checksums, and the store with its ledger. It changes
// nothing that matters: a store that was not closed well writes its own write-ahead log into its file. progress may be nil.
func Verify(ctx context.Context, c config.Config, logger *slog.Logger, progress func(done, of int64)) (*Verified, error) {
	v := &Verified{Problems: []string{}}
	var err error
	if v.Log, err = verifyLog(ctx, c); err != nil {
		return nil, err
	}
	v.problems("log: ", v.Log.Damage)
	bucket, closer, err := openBucket(ctx, c, logger, nil)
	if err != nil {
		return nil, err
	}
	v.Archive, err = archive.Verify(ctx, bucket, progress)
	if err := errors.Join(err, closer.Close()); err != nil {
		return nil, err
	}
	v.problems("archive: ", v.Archive.Damage)
	v.history()
	if err := v.stopped(ctx, c, logger); err != nil {
		return nil, err
	}
	return v, nil
}

// verifyLog reads all of the log, wherever it is.
func verifyLog(ctx context.Context, c config.Config) (disk.Checked, error) {
	if err := checkLog(c); err != nil {
		return disk.Checked{}, err
	}
	if c.Log.Address != "" {
		return checkTopic(ctx, c)
	}
	return disk.Check(filepath.Join(c.Data, "log"))
}

func (v *Verified) problems(of string, list []string) {
	for _, p := range list {
		v.Problems = append(v.Problems, of+p)
	}
}

// history checks that the log and the archive together have everything.
func (v *Verified) history() {
	for _, h := range v.Archive.Holes {
		v.Problems = append(v.Problems, fmt.Sprintf("archive: positions %d to %d are not in it", h.From, h.To-1))
	}
	for _, l := range v.Archive.Lost {
		v.Problems = append(v.Problems, fmt.Sprintf("archive: the log had lost positions %d to %d", l.From, l.To-1))
	}
	if v.Log.Start > v.Archive.End {
		v.Problems = append(v.Problems, fmt.Sprintf("positions %d to %d are neither in the log nor in the archive", v.Archive.End, v.Log.Start-1))
	}
}

// stopped looks at what only one process may open: the control plane and the store.
func (v *Verified) stopped(ctx context.Context, c config.Config, logger *slog.Logger) (err error) {
	log, err := openStoppedLog(ctx, c, logger)
	if err != nil {
		return nil
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if err := verifyControl(ctx, c, logger); err != nil {
		v.Problems = append(v.Problems, "control plane: "+err.Error())
	}
	opened, err := openStopped(ctx, c, logger)
	if err != nil {
		v.Problems = append(v.Problems, "store: "+err.Error())
		return nil
	}
	if opened == nil {
		return nil
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return v.store(ctx, opened)
}

func (v *Verified) store(ctx context.Context, opened columns) error {
	days, err := opened.Digests(ctx)
	if err != nil {
		v.Problems = append(v.Problems, "store: "+err.Error())
		return nil //nolint:nilerr // it is told as a problem
	}
	s := &VerifiedStore{Position: opened.Position(), Days: days}
	v.Store = s
	rows := map[store.ProjectID]int64{}
	for _, d := range days {
		rows[d.Project] += d.Events
	}
	for _, p := range opened.Projects() {
		hours, err := opened.Ledger(ctx, p, math.MinInt64, math.MaxInt64)
		if err != nil {
			return err
		}
		var sum store.Counts
		for _, h := range hours {
			sum = sum.Plus(h.Counts)
		}
		s.Ledger = s.Ledger.Plus(sum)
		if sum.Accepted != sum.Stored+sum.Duplicate+sum.Dead {
			v.Problems = append(v.Problems, fmt.Sprintf("ledger of project %d: %+v does not add up", p, sum))
		}
		if sum.Stored-sum.Expired != rows[p] {
			v.Problems = append(v.Problems, fmt.Sprintf("project %d has %d rows, its ledger says %d", p, rows[p], sum.Stored-sum.Expired))
		}
	}
	if s.Position > v.Log.End {
		v.Problems = append(v.Problems, fmt.Sprintf("the store is at position %d, the log ends at %d", s.Position, v.Log.End))
	}
	return nil
}

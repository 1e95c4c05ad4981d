package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/freshet/freshet/internal/drill"
)

type drillCmd struct {
	configFlags
	jsonFlag
	Work     string   `type:"path" placeholder:"DIR" help:"Folder for the copies; default a temporary one beside the data folder, removed at the end."`
	Kills    int      `default:"10" placeholder:"N" help:"How often to kill the server."`
	Seed     uint64   `default:"1" help:"Chooses the moments and the bits."`
	Settings settings `embed:""`
}

// Help implements kong.HelpProvider.
func (drillCmd) Help() string {
	return `Takes a backup of a data folder, which a server may be using, and does to what is restored from it what you fear: kills the
server while it takes events, flips bits of the store, the archive and the log, loses the store, loses the index of event ids and
sends all events of the load again, restores once more. After each step it compares every row and the ledger with what was there,
and prints the balance. A full disk is tried on a new folder in memory, which takes root. A step that cannot be done is skipped,
and says why. The original's folder, archive, bucket and database are not written to: with projects in PostgreSQL the copy has
them in SQLite. It needs free space for the log, the archive and two stores. The exit code is 1 when something was not as it
should be.

  freshet drill --data /var/lib/freshet
  freshet drill --kills 100 --work /mnt/scratch/drill`
}

func (c *drillCmd) Run(ctx context.Context, s streams) (err error) {
	cfg, err := load(c.configFlags, c.Settings)
	if err != nil {
		return err
	}
	work := c.Work
	if work == "" {
		if work, err = os.MkdirTemp(filepath.Dir(filepath.Clean(cfg.Data)), "freshet-drill-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	}
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	var steps []drill.Step
	bad := 0
	quietly := quiet(cfg)
	quietly.LogLevel = "error"
	err = drill.Run(ctx, drill.Options{
		Config: cfg, Version: currentBuild().Version, Work: work, Binary: binary, Kills: c.Kills, Seed: c.Seed,
		Logger: newLogger(quietly, s.err),
		Tell: func(step drill.Step) {
			steps = append(steps, step)
			if step.Problem != "" {
				bad++
			}
			if !c.JSON {
				printStep(s, step)
			}
		},
	})
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(s.out, steps)
	}
	if err == nil && bad > 0 {
		err = fmt.Errorf("%d of %d steps were not as they should be", bad, len(steps))
	}
	return err
}

func printStep(s streams, step drill.Step) {
	verdict := "nothing lost, nothing doubled"
	switch {
	case step.Problem != "":
		verdict = "PROBLEM: " + step.Problem
	case step.Skipped != "":
		fmt.Fprintf(s.out, "%-36s skipped: %s\n", step.Name, step.Skipped)
		return
	}
	fmt.Fprintf(s.out, "%-36s %7.1f s  %d accepted = %d stored + %d duplicates + %d dead letters; %s\n",
		step.Name, step.Seconds, step.Accepted, step.Stored, step.Duplicate, step.Dead, verdict)
}

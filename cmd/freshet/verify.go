package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/freshet/freshet/internal/app"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/progress"
)

type verifyCmd struct {
	configFlags
	jsonFlag
	Backup   string   `placeholder:"DIR" help:"Verify this backup, or the latest one in this folder or bucket, instead of the data folder."`
	Lane     int      `placeholder:"N" help:"The lane to verify, where there are several; default the first, 0."`
	Settings settings `embed:""`
}

// Help implements kong.HelpProvider.
func (verifyCmd) Help() string {
	return `Reads the log, the archive, the control plane and the store of a data folder, compares everything with its checksums and
the store with its ledger, and prints for each project and day how many events there are and a sum of their hashes, which
does not depend on their order: equal sums mean equal stores, as far as the same binary made them. The store and the control
plane can only be looked at while no server uses the folder; the rest at any time. The exit code is 1 when something is wrong.

  freshet verify --data /var/lib/freshet
  freshet verify --backup /backup/freshet`
}

func (c *verifyCmd) Run(ctx context.Context, s streams) error {
	cfg, err := load(c.configFlags, c.Settings)
	if err != nil {
		return err
	}
	if c.Backup != "" {
		return c.backup(ctx, s, newLogger(quiet(cfg), s.err))
	}
	if c.Lane < 0 || c.Lane >= cfg.Lanes {
		return fmt.Errorf("there is no lane %d; lanes is %d", c.Lane, cfg.Lanes)
	}
	cfg = app.LaneConfig(cfg, c.Lane)
	bar := progress.New(s.err, "events", 0)
	v, err := app.Verify(ctx, cfg, newLogger(quiet(cfg), s.err), bar.SetOf)
	if err != nil {
		return err
	}
	bar.Done()
	if c.JSON {
		err = printJSON(s.out, v)
	} else {
		printVerified(s, v)
	}
	return errors.Join(err, wrong(v.Problems))
}

func (c *verifyCmd) backup(ctx context.Context, s streams, logger *slog.Logger) error {
	bar := progress.New(s.err, "files", 0)
	b, problems, err := app.VerifySnapshot(ctx, c.Backup, logger, bar.SetOf)
	if err != nil {
		return err
	}
	bar.Done()
	if c.JSON {
		err = printJSON(s.out, map[string]any{"made": b.Made, "position": b.Position, "files": len(b.Files), "problems": problems})
	} else {
		fmt.Fprintf(s.out, "Backup of %s: %d files, everything before position %d\n", b.Made.Format(time.RFC3339), len(b.Files), b.Position)
		printProblems(s, problems)
	}
	return errors.Join(err, wrong(problems))
}

func wrong(problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("%d problems; docs/operations.md says what to do", len(problems))
}

func printVerified(s streams, v *app.Verified) {
	fmt.Fprintf(s.out, "Log      %d segments, %d blocks, positions %d to %d\n", v.Log.Segments, v.Log.Blocks, v.Log.Start, v.Log.End)
	fmt.Fprintf(s.out, "Archive  %d batches, %d files, %d events, %.1f MB, up to position %d\n",
		v.Archive.Batches, v.Archive.Files, v.Archive.Events, float64(v.Archive.Bytes)/1e6, v.Archive.End)
	for i := range v.Archive.Losses {
		fmt.Fprintf(s.out, "Lost     %s\n", &v.Archive.Losses[i])
	}
	if v.Store == nil {
		fmt.Fprintln(s.out, "Store    not looked at: a server uses the folder, or there is none")
	} else {
		l := v.Store.Ledger
		fmt.Fprintf(s.out, "Store    up to position %d; %d accepted = %d stored + %d duplicates + %d dead letters; %d expired\n",
			v.Store.Position, l.Accepted, l.Stored, l.Duplicate, l.Dead, l.Expired)
		for _, d := range v.Store.Days {
			fmt.Fprintf(s.out, "         project %d  %s  %9d events  %s\n", d.Project, date(d.Day), d.Events, d.Sum)
		}
	}
	printProblems(s, v.Problems)
}

func printProblems(s streams, problems []string) {
	for _, p := range problems {
		fmt.Fprintln(s.out, "Problem ", p)
	}
	if len(problems) == 0 {
		fmt.Fprintln(s.out, "All is well.")
	}
}

// quiet leaves only warnings in a command's own log.
func quiet(c config.Config) config.Config {
	if c.LogLevel == "info" {
		c.LogLevel, c.LogFormat = "warn", "text"
	}
	return c
}

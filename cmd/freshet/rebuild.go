package main

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/app"
	"github.com/freshet/freshet/internal/progress"
)

type rebuildCmd struct {
	configFlags
	jsonFlag
	Rate     int      `default:"0" placeholder:"N" help:"Process at most this many events a second; 0 is as many as the machine can."`
	Partial  bool     `help:"Go on without events that neither the archive nor the log has; they become dead letters."`
	Settings settings `embed:""`
}

// Help implements kong.HelpProvider.
func (rebuildCmd) Help() string {
	return `Makes the column store and the index of event ids anew from the archive and the log, beside the old ones. When they are
complete they take the place of the old ones: a server that runs on the folder answers from the old store until then, and
changes over by itself. Broken off, it goes on where it was. The old store is kept in the folder set-aside until the next
time. A server that finds its store unreadable does all this by itself, while it accepts events.

  freshet rebuild --data /var/lib/freshet
  freshet rebuild --rate 20000`
}

func (c *rebuildCmd) Run(ctx context.Context, s streams) error {
	cfg, err := load(c.configFlags, c.Settings)
	if err != nil {
		return err
	}
	bar := progress.New(s.err, "positions", 0)
	done, err := app.Rebuild(ctx, app.RebuildOptions{
		Config: cfg, Logger: newLogger(quiet(cfg), s.err), Rate: c.Rate, Partial: c.Partial, Progress: bar.SetOf,
	})
	if err != nil {
		return err
	}
	bar.Done()
	if c.JSON {
		return printJSON(s.out, done)
	}
	fmt.Fprintf(s.out, "Rebuilt up to position %d, from %d on, in %.1f s.\n", done.Position, done.Resumed, done.Seconds)
	if done.Served {
		fmt.Fprintln(s.out, "The server has changed over to the new store.")
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/freshet/freshet/internal/app"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/doctor"
)

type doctorCmd struct {
	configFlags
	jsonFlag
	Settings settings `embed:""`
}

// Help implements kong.HelpProvider.
func (doctorCmd) Help() string {
	return `Looks at the data folder, the log, the control plane, the store, the cache, the disk and its fsync, memory, limits, clock and port as freshet serve would find them, and
explains what is wrong. It changes nothing. The exit code is 1 when something would keep the server from working.

  freshet doctor
  freshet doctor -c freshet.yaml --json`
}

func (c *doctorCmd) Run(ctx context.Context, s streams) error {
	cfg, err := load(c.configFlags, c.Settings)
	if err != nil {
		return err
	}
	look := func(probe func(context.Context, config.Config) (found, advice string, err error)) doctor.Look {
		return func(ctx context.Context) (found, advice string, err error) { return probe(ctx, cfg) }
	}
	checks := doctor.Run(ctx, cfg, currentBuild().Version, doctor.Places{
		Log: look(app.ProbeLog), Control: look(app.ProbeControl), Store: look(app.ProbeStore), Cache: look(app.ProbeCache),
	})
	failed := 0
	for _, check := range checks {
		if check.Status == doctor.Fail {
			failed++
		}
	}
	if c.JSON {
		err = printJSON(s.out, checks)
	} else {
		t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		for _, check := range checks {
			fmt.Fprintf(t, "%s\t%s\t%s\n", check.Status, check.Name, check.Found)
			if check.Advice != "" {
				fmt.Fprintf(t, "\t\t→ %s\n", check.Advice)
			}
		}
		err = t.Flush()
	}
	if err == nil && failed > 0 {
		err = errors.New("what failed above has to be mended first")
	}
	return err
}

package main

import (
	"context"

	"github.com/freshet/freshet/internal/app"
)

type serveCmd struct {
	configFlags
	Settings settings `embed:""`
}

// Help implements kong.HelpProvider.
func (serveCmd) Help() string {
	return `Starts the server with everything it needs inside: event log, column store and control plane live in the data folder.
The first start creates a project and prints its write key and an admin key, once.

  freshet serve                                     listen on :8080, data in ./data
  freshet serve --demo                              with a sample app that sends events
  freshet serve -c freshet.yaml --log-level debug   settings from a file, one of them overridden
  FRESHET_LOG_KEEP=48h freshet serve                the same by the environment

Started while another server runs on the same data folder, it takes over that one's port without refusing a single
connection: that is how to upgrade. SIGTERM drains and stops. docs/config.md explains every setting.`
}

func (c *serveCmd) Run(ctx context.Context, s streams) error {
	cfg, err := load(c.configFlags, c.Settings)
	if err != nil {
		return err
	}
	return app.Run(ctx, app.Options{Config: cfg, Version: currentBuild().Version, Logger: newLogger(cfg, s.err), Out: s.out})
}

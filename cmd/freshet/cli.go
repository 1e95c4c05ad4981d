package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/freshet/freshet/internal/client"
	"github.com/freshet/freshet/internal/config"
)

// The exit codes, as the help text says them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitRefused = 3
)

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Demo    demoCmd    `cmd:"" help:"Send the events of a made-up mobile shop."`
	Import  importCmd  `cmd:"" help:"Send events from CSV, NDJSON or Parquet files."`
	Export  exportCmd  `cmd:"" help:"Write stored events as NDJSON or CSV."`
	Query   queryCmd   `cmd:"" help:"Ask a question and print the answer."`
	Project projectCmd `cmd:"" help:"List, create and change projects."`
	Key     keyCmd     `cmd:"" help:"List, create and revoke keys."`
	Cohort  cohortCmd  `cmd:"" help:"List, create and delete groups of people, and list who is in them."`
	Insight insightCmd `cmd:"" help:"List, show, ask, save and delete questions that are kept."`
	People  peopleCmd  `cmd:"" help:"List who is behind a number of an answer, and explain why."`
	Person  personCmd  `cmd:"" help:"Find people, and show their ids, events and cohorts."`
	Bench   benchCmd   `cmd:"" help:"Measure a server, and what the machine allows."`
	Doctor  doctorCmd  `cmd:"" help:"Check this machine and the configuration, and explain what is wrong."`
	Backup  backupCmd  `cmd:"" help:"Copy a data folder while its server runs, and verify the copy."`
	Restore restoreCmd `cmd:"" help:"Make a data folder from a backup."`
	Rebuild rebuildCmd `cmd:"" help:"Make the store anew from the archive and the log."`
	Migrate migrateCmd `cmd:"" help:"Move the store to ClickHouse while the server runs, compare, and switch."`
	Verify  verifyCmd  `cmd:"" help:"Compare everything in a data folder or a backup with its checksums."`
	Drill   drillCmd   `cmd:"" help:"Kill, damage and restore a copy of a data folder, and print the balance."`
	Config  configCmd  `cmd:"" help:"Print the configuration in force, secrets masked."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

const description = `Analytics for apps, in one binary: point a Segment SDK at it and ask.

  freshet serve                                    start a server with its data in ./data
  freshet demo --live                              send it events as a shop's app would
  freshet query --event purchase --interval day    ask how many, day by day

Commands that talk to a server take its address from FRESHET_URL (default http://localhost:8080) and their key from
FRESHET_KEY. All of them print JSON with --json. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused
by the server.`

// exit unwinds a command line that is done before it ran, such as --help.
type exit int

// run executes a command line and returns the exit code.
func run(ctx context.Context, args []string, s streams) (code int) {
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(exit)
			if !ok {
				panic(v)
			}
			code = int(e)
		}
	}()
	var c cli
	c.Serve.Settings = newSettings()
	c.Config.Settings = newSettings()
	c.Doctor.Settings = newSettings()
	c.Backup.Settings = newSettings()
	c.Drill.Settings = newSettings()
	c.Rebuild.Settings = newSettings()
	c.Verify.Settings = newSettings()
	c.Migrate.Settings = newSettings()
	parser, err := kong.New(&c, kong.Name("freshet"), kong.Description(description), kong.Writers(s.out, s.err),
		kong.Exit(func(n int) { panic(exit(n)) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.WithHyphenPrefixedParameters(true), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(s))
	if err != nil {
		fmt.Fprintln(s.err, "freshet:", err)
		return exitFailure
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(s.err, "freshet: %v\nTry \"freshet --help\", or --help after a command.\n", err)
		return exitUsage
	}
	if err := k.Run(); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(s.err, "freshet:", err)
		return exitCode(err)
	}
	return exitOK
}

// usageError is a mistake on the command line that only the command could see.
type usageError string

func (e usageError) Error() string { return string(e) }

func exitCode(err error) int {
	var refused *client.Error
	var problems config.Problems
	var usage usageError
	switch {
	case errors.As(err, &refused):
		return exitRefused
	case errors.As(err, &problems), errors.As(err, &usage):
		return exitUsage
	default:
		return exitFailure
	}
}

// serverFlags say which server a command talks to.
type serverFlags struct {
	URL string `name:"url" env:"FRESHET_URL" default:"http://localhost:8080" placeholder:"URL" help:"Address of the server (${env})."`
	Key string `env:"FRESHET_KEY" placeholder:"KEY" help:"Key to use there (${env})."`
}

func (f serverFlags) client(conns int) (*client.Client, error) {
	c, err := client.New(f.URL, f.Key, conns)
	if err != nil {
		return nil, usageError(err.Error())
	}
	return c, nil
}

func (f serverFlags) needKey(kind string) error {
	if f.Key == "" {
		return usageError("no key: give " + kind + " with --key or FRESHET_KEY; freshet serve prints the first ones, freshet key create makes more")
	}
	return nil
}

type jsonFlag struct {
	JSON bool `help:"Print JSON."`
}

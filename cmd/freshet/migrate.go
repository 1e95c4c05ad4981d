package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/app"
	"github.com/freshet/freshet/internal/client"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/progress"
	"github.com/freshet/freshet/internal/store"
)

type migrateCmd struct {
	configFlags
	serverFlags
	jsonFlag
	To       string   `type:"existingfile" placeholder:"FILE" xor:"what" required:"" help:"YAML file with the configuration that the server is to have: its store.address names an empty database."`
	Back     bool     `xor:"what" required:"" help:"Have the next server, started with the configuration of before, go on with the store of before."`
	Confirm  bool     `xor:"what" required:"" help:"Remove the store of before: there is no way back then but a rebuild."`
	Rate     int      `default:"0" placeholder:"N" help:"Bring over at most this many events a second; 0 is as many as the machine can."`
	Settings settings `embed:""`
}

// Help implements kong.HelpProvider.
func (migrateCmd) Help() string {
	return `Moves the store of a data folder from DuckDB to ClickHouse while its server runs. Everything is brought over from the archive
and the log, then each day of receipt is compared: the running server reads its checksums, which needs its address and an admin key. Broken
off or killed, it goes on where it was when it is run again. Then start a server on the same folder with the new configuration:
it takes over from the running one without refusing a request, and goes on behind the last event that was brought over. The store
of before is kept until you confirm.

  freshet migrate --to cluster.yaml --key fa_…    bring everything over and compare; again, for what came since
  freshet serve --config cluster.yaml             switch
  freshet migrate --confirm                       remove the store of before
  freshet migrate --back                          or go back: then start the server with the configuration of before

The exit code is 1 when a day has not the same events.`
}

func (c *migrateCmd) Run(ctx context.Context, s streams) error {
	now, err := load(c.configFlags, c.Settings)
	if err != nil {
		return err
	}
	switch {
	case c.Back:
		return c.back(ctx, s, now)
	case c.Confirm:
		return c.confirm(s, now)
	}
	next, err := load(configFlags{Config: c.To}, c.Settings)
	if err != nil {
		return err
	}
	bar := progress.New(s.err, "positions", 0)
	done, err := app.Migrate(ctx, app.MigrateOptions{
		Config: now, To: next, Logger: newLogger(quiet(now), s.err), Rate: c.Rate, Progress: bar.SetOf, Ask: c.ask,
	})
	if err != nil {
		return err
	}
	bar.Done()
	if c.JSON {
		err = printJSON(s.out, done)
	} else {
		c.print(s, done)
	}
	if n := len(done.Different); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d of %d days have not the same events; do not switch, and keep both stores for whoever looks into it", n, done.Days))
	}
	return err
}

func (c *migrateCmd) print(s streams, done *app.Migrated) {
	fmt.Fprintf(s.out, "Brought over up to position %d, from %d on, in %.1f s.\n", done.Position, done.Resumed, done.Seconds)
	for _, d := range done.Different {
		fmt.Fprintf(s.out, "Different  project %d, received on %s: %d events, sum %016x; in the new store %d, sum %016x\n", d.Project, date(d.Day),
			d.Now.Events, d.Now.Sent, d.Next.Events, d.Next.Sent)
	}
	for _, d := range done.Reworked {
		fmt.Fprintf(s.out, "Reworked   project %d, received on %s: the same events, with other people, times, places or devices worked out of them\n", d.Project, date(d.Day))
	}
	if len(done.Reworked) > 0 {
		fmt.Fprintln(s.out, "Another version, another geo file, or clocks that were measured again after a restart do that; docs/operations.md says more.")
	}
	if len(done.Different) > 0 {
		return
	}
	fmt.Fprintf(s.out, "%d days have the same %d events. To switch: freshet serve --config %s\n", done.Days, done.Events, c.To)
}

// date is a day in days since 1970-01-01.
func date(day int64) string { return time.Unix(day*86_400, 0).UTC().Format(time.DateOnly) }

func (c *migrateCmd) back(ctx context.Context, s streams, now config.Config) error {
	if err := app.MigrateBack(ctx, now, newLogger(quiet(now), s.err)); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, map[string]any{"back": true})
	}
	fmt.Fprintln(s.out, "The next server of this folder, started with the configuration of before, goes on with what the folder had before.")
	return nil
}

func (c *migrateCmd) confirm(s streams, now config.Config) error {
	freed, err := app.MigrateConfirm(now)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, map[string]any{"freed_bytes": freed})
	}
	fmt.Fprintf(s.out, "The store of before is removed: %.1f MB.\n", float64(freed)/1e6)
	return nil
}

// ask has the running server read its checksums.
func (c *migrateCmd) ask(ctx context.Context, p store.ProjectID, from int64, atLeast eventlog.Position) (at eventlog.Position, days []store.Checksum, err error) {
	if err := c.needKey("an admin key of the running server"); err != nil {
		return 0, nil, err
	}
	cl, err := c.client(1)
	if err != nil {
		return 0, nil, err
	}
	defer cl.Close()
	q := url.Values{
		"project": {strconv.FormatUint(uint64(p), 10)}, "consistent_with": {strconv.FormatUint(uint64(atLeast), 10)}, "timeout": {"60s"},
	}
	if from > 0 {
		q.Set("from", date(from))
	}
	resp, err := cl.Do(ctx, client.Request{Method: http.MethodGet, Path: "/v1/checksums", Query: q})
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	lines := bufio.NewScanner(resp.Body)
	for first := true; lines.Scan(); first = false {
		if first {
			var of struct{ Watermark store.Watermark }
			if err := json.Unmarshal(lines.Bytes(), &of); err != nil {
				return 0, nil, fmt.Errorf("read the watermark: %w", err)
			}
			at = of.Watermark.Position
			continue
		}
		d, err := readDay(lines.Bytes())
		if err != nil {
			return 0, nil, fmt.Errorf("read the checksums of a day: %w", err)
		}
		days = append(days, d)
	}
	return at, days, lines.Err()
}

func readDay(line []byte) (d store.Checksum, err error) {
	var in struct {
		Received      string
		Events        int64
		Sent, Derived string
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return d, err
	}
	day, err := time.Parse(time.DateOnly, in.Received)
	if err != nil {
		return d, err
	}
	d.Day, d.Events = day.Unix()/86_400, in.Events
	if d.Sent, err = strconv.ParseUint(in.Sent, 16, 64); err != nil {
		return d, err
	}
	d.Derived, err = strconv.ParseUint(in.Derived, 16, 64)
	return d, err
}

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/app"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/progress"
)

type backupCmd struct {
	configFlags
	jsonFlag
	To       string   `arg:"" help:"Folder that holds the backups; each gets a folder of its own in it. Or a bucket: s3://bucket/folder, gs:// or azblob://."`
	Keep     int      `default:"0" placeholder:"N" help:"Remove the oldest backups beyond this number; 0 keeps all."`
	Settings settings `embed:""`
}

// Help implements kong.HelpProvider.
func (backupCmd) Help() string {
	return `Copies the log, the archive and the control plane of a data folder while its server runs, and verifies the copy. Everything
that was acknowledged before it began is in it. What has not changed since the last backup in the same folder is linked, so
it costs no space. The store is not copied: it is made anew from the rest. In a bucket a file that several backups have is kept
once; what was uploaded is read back and compared.

  freshet backup --data /var/lib/freshet /backup/freshet
  freshet backup --keep 14 /backup/freshet
  freshet backup --keep 14 's3://backups/freshet?region=eu-central-1'`
}

func (c *backupCmd) Run(ctx context.Context, s streams) error {
	cfg, err := load(c.configFlags, c.Settings)
	if err != nil {
		return err
	}
	bar := progress.New(s.err, "files", 0)
	done, err := app.Backup(ctx, app.BackupOptions{
		Config: cfg, Version: currentBuild().Version, To: c.To, Logger: newLogger(quiet(cfg), s.err), Keep: c.Keep, Progress: bar.SetOf,
	})
	if err != nil {
		return err
	}
	bar.Done()
	if c.JSON {
		return printJSON(s.out, done)
	}
	fmt.Fprintf(s.out, "%s: everything before position %d; %d files, %.1f MB, %d of them new (%.1f MB)\n",
		done.Folder, done.Position, done.Files, float64(done.Bytes)/1e6, done.Copied, float64(done.CopiedBytes)/1e6)
	return nil
}

type restoreCmd struct {
	jsonFlag
	From        string `arg:"" help:"A backup, or a folder or a bucket of backups, of which the latest is taken; with --from-archive the place of the archive."`
	To          string `arg:"" type:"path" help:"Data folder to make; it must be empty or not exist."`
	FromArchive bool   `help:"Go on with the archive of a machine that is lost: archive.bucket or archive.folder of its server."`
}

// Help implements kong.HelpProvider.
func (restoreCmd) Help() string {
	return `Makes a data folder from a backup and compares every file with its checksum. A server started on it accepts events at once
and answers questions when it has made the store; freshet rebuild makes it before.

  freshet restore /backup/freshet /var/lib/freshet
  freshet serve --data /var/lib/freshet

Without a backup the archive is enough, if it is in a bucket or a folder that is still there. Its server has left its projects
and keys beside it. What it had accepted and not archived yet is gone; how much that is, as far as it is known, is printed, and
counted as dead letters of project 0. Nothing is changed there until a server starts on the folder. The one before must not run
any more.

  freshet restore --from-archive 's3://events/freshet?region=eu-central-1' /var/lib/freshet
  freshet serve --data /var/lib/freshet --archive-bucket 's3://events/freshet?region=eu-central-1'`
}

func (c *restoreCmd) Run(ctx context.Context, s streams) error {
	if c.FromArchive {
		return c.fromArchive(ctx, s)
	}
	bar := progress.New(s.err, "files", 0)
	b, err := app.Restore(ctx, app.RestoreOptions{From: c.From, To: c.To, Logger: newLogger(quiet(config.Default()), s.err), Progress: bar.SetOf})
	if err != nil {
		return err
	}
	bar.Done()
	if c.JSON {
		return printJSON(s.out, map[string]any{"folder": c.To, "made": b.Made, "position": b.Position, "files": len(b.Files)})
	}
	fmt.Fprintf(s.out, "%s: the backup of %s, everything before position %d, %d files\n", c.To, b.Made.Format(time.RFC3339), b.Position, len(b.Files))
	return nil
}

func (c *restoreCmd) fromArchive(ctx context.Context, s streams) error {
	r, err := app.Recover(ctx, app.RecoverOptions{From: c.From, To: c.To, Logger: newLogger(quiet(config.Default()), s.err)})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, r)
	}
	fmt.Fprintf(s.out, "%s: everything before position %d; new events begin at %d\n", c.To, r.Archived, r.Position)
	fmt.Fprintf(s.out, "Lost     %s\n", &r.Lost)
	for _, m := range r.Missing {
		fmt.Fprintf(s.out, "Missing  positions %d to %d were never archived: freshet rebuild --partial makes the store without them\n", m.From, m.To-1)
	}
	return nil
}

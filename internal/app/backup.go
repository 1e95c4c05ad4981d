package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
)

// BackupOptions are what Backup works with.
type BackupOptions struct {
	Config  config.Config
	Version string
	// To is the folder that holds the backups, each in a folder of its own, or the address of a bucket, such as
	// s3://bucket/folder.
	To     string
	Logger *slog.Logger
	// Keep is how many backups stay, this one among them; 0 keeps all.
	Keep int
	// Progress is told how many of how many files are done; it may be nil.
	Progress func(done, of int64)
}

// BackedUp is what a backup has done.
type BackedUp struct {
	// Folder is the backup's own folder, or the address of its list in a bucket.
	Folder   string            `json:"folder"`
	Position eventlog.Position `json:"position"`
	Files    int               `json:"files"`
	Bytes    int64             `json:"bytes"`
	// Copied are those files that the backup before did not have, CopiedBytes their size.
	Copied      int   `json:"copied"`
	CopiedBytes int64 `json:"copied_bytes"`
	Removed     int   `json:"removed_backups,omitempty"`
}

// backup is one that is being made.
type backup struct {
	BackupOptions
	vault    vault
	had      map[string]SnapshotFile
	snapshot Snapshot
	done     BackedUp
	// start is the first position of the log in the backup.
	start eventlog.Position
}

// Backup copies the log, the archive and the control plane of a data folder, which a server may be using, and verifies the
// copies. Everything that was acknowledged before it began is in it. What the backup before has unchanged is kept, not
// copied. The store and the dedup index are not in it: they are made anew.
func Backup(ctx context.Context, o BackupOptions) (_ *BackedUp, err error) {
	if o.Config.Log.Address != "" {
		return nil, errors.New("back up: the log of this folder is in Kafka, whose copies are its replicas, and a backup has a log of its own: " +
			"with archive.bucket, and projects and keys in PostgreSQL, everything in the folder is made anew from those and the topic")
	}
	if err := checkLog(o.Config); err != nil {
		return nil, fmt.Errorf("back up: %w", err)
	}
	b := &backup{BackupOptions: o, had: map[string]SnapshotFile{}}
	if b.vault, err = openVault(ctx, o.To, o.Logger); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.vault.close()) }()
	b.snapshot = Snapshot{Format: snapshotFormat, Version: o.Version, Made: time.Now().UTC()}
	before, err := b.vault.begin(ctx, b.snapshot.Made.Format(snapshotForm))
	if err != nil {
		return nil, fmt.Errorf("begin the backup: %w", err)
	}
	if before != nil {
		for _, f := range before.Files {
			b.had[f.Name] = f
		}
	}
	if err := b.fill(ctx); err != nil {
		return nil, errors.Join(err, b.vault.abandon(context.WithoutCancel(ctx)))
	}
	if b.done.Folder, err = b.vault.end(ctx, &b.snapshot); err != nil {
		return nil, fmt.Errorf("complete the backup: %w", err)
	}
	if b.Keep > 0 {
		if b.done.Removed, err = b.vault.thin(ctx, b.Keep); err != nil {
			return &b.done, fmt.Errorf("remove an old backup: %w", err)
		}
	}
	return &b.done, nil
}

// fill copies in an order in which nothing can fall between: what has left the log by the time it is copied is in the
// archive, which comes after it.
func (b *backup) fill(ctx context.Context) error {
	if err := b.copyLog(ctx); err != nil {
		return fmt.Errorf("back up the log: %w", err)
	}
	if err := b.copyArchive(ctx); err != nil {
		return fmt.Errorf("back up the archive: %w", err)
	}
	if err := b.copyControl(ctx); err != nil {
		return fmt.Errorf("back up the control plane: %w", err)
	}
	for _, f := range b.snapshot.Files {
		b.done.Bytes += f.Bytes
	}
	b.done.Files, b.done.Position = len(b.snapshot.Files), b.snapshot.Position
	return nil
}

func (b *backup) copyLog(ctx context.Context) error {
	dir := filepath.Join(b.Config.Data, "log")
	names, err := disk.Segments(dir)
	if err != nil {
		return err
	}
	first := true
	for i, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		source := ""
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && i+1 < len(names) {
			source = fmt.Sprintf("%d bytes, %s", info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
		}
		var end eventlog.Position
		err := b.take(ctx, "log/"+name, source, func(to *hashed) error {
			var err error
			end, err = disk.CopySegment(dir, name, to)
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			continue // It left the log meanwhile, so the archive has it.
		}
		if err != nil {
			return err
		}
		b.snapshot.Position = max(b.snapshot.Position, end)
		if first {
			first = false
			if _, err := fmt.Sscanf(name, "%d.log", (*uint64)(&b.start)); err != nil {
				return err
			}
		}
		b.tell(i+1, len(names))
	}
	return nil
}

func (b *backup) copyArchive(ctx context.Context) (err error) {
	bucket, closer, err := openBucket(ctx, b.Config, b.Logger, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	spans, err := archive.Spans(ctx, bucket)
	if err != nil {
		return err
	}
	if holes := archive.Holes(append(slices.Clone(spans), archive.Span{From: b.start, To: b.start})); len(holes) > 0 && b.start > 0 {
		return fmt.Errorf("positions %d to %d are neither in the log nor in the archive: such a folder can only be copied as a whole, with the server stopped",
			holes[0].From, holes[0].To-1)
	}
	names, err := archive.Names(ctx, bucket, spans)
	if err != nil {
		return err
	}
	for i, f := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := b.take(ctx, "archive/"+f.Name, f.SHA256, func(to *hashed) error {
			content, err := bucket.Read(ctx, f.Name)
			if err == nil {
				_, err = to.Write(content)
			}
			if err == nil && f.SHA256 != "" && hex.EncodeToString(to.sum.Sum(nil)) != f.SHA256 {
				err = fmt.Errorf("%s does not match its checksum: see freshet verify", f.Name)
			}
			return err
		})
		if err != nil && (!f.MayGo || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
		b.tell(i+1, len(names))
	}
	return nil
}

// copyControl copies the control plane. A server with a database of its own for it may not have made a copy yet.
func (b *backup) copyControl(ctx context.Context) error {
	name, content, err := controlContent(ctx, b.Config)
	if b.Config.Project != "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return b.take(ctx, name, "", func(to *hashed) error {
		_, err := to.Write(content)
		return err
	})
}

// take puts a file into the backup: that of the backup before when its source is the same, otherwise a copy. An empty source
// is never the same.
func (b *backup) take(ctx context.Context, name, source string, copyTo func(*hashed) error) error {
	if had, ok := b.had[name]; ok && source != "" && had.Source == source && b.vault.again(had) {
		b.snapshot.Files = append(b.snapshot.Files, had)
		return nil
	}
	f, copied, err := b.vault.put(ctx, name, copyTo)
	if err != nil {
		return err
	}
	f.Source = source
	b.snapshot.Files = append(b.snapshot.Files, f)
	if copied {
		b.done.Copied++
		b.done.CopiedBytes += f.Bytes
	}
	return nil
}

func (b *backup) tell(done, of int) {
	if b.Progress != nil {
		b.Progress(int64(done), int64(of))
	}
}

// RestoreOptions are what Restore works with.
type RestoreOptions struct {
	// From is a backup, or a folder or a bucket of backups, of which the latest is taken.
	From   string
	Logger *slog.Logger
	// To is the data folder to make; it must not have anything in it.
	To string
	// Progress is told how many of how many files are done; it may be nil.
	Progress func(done, of int64)
}

// Restore makes a data folder from a backup and compares everything with its checksum on the way. The first start of a
// server on it, or Rebuild, makes the store.
func Restore(ctx context.Context, o RestoreOptions) (_ *Snapshot, err error) {
	v, err := openVault(ctx, o.From, o.Logger)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	s, err := v.latest(ctx)
	if err != nil {
		return nil, err
	}
	if err := mustBeEmpty(o.To); err != nil {
		return nil, err
	}
	for i := range s.Files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := s.Files[i].restore(ctx, v, o.To); err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
		if o.Progress != nil {
			o.Progress(int64(i+1), int64(len(s.Files)))
		}
	}
	return s, syncTree(o.To)
}

// mustBeEmpty refuses to restore over anything.
func mustBeEmpty(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restore: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("restore: %s is not empty", folder)
	}
	return nil
}

func (f *SnapshotFile) restore(ctx context.Context, from vault, to string) error {
	if !filepath.IsLocal(f.Name) {
		return fmt.Errorf("%s is no name of a file in a backup", f.Name)
	}
	out, err := createHashed(filepath.Join(to, f.Name))
	if err != nil {
		return err
	}
	return errors.Join(f.copyTo(ctx, from, out), out.finish())
}

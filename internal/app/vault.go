package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/archive/cloud"
	"github.com/freshet/freshet/internal/durable"
)

// vault is where backups are kept. One backup is made at a time: begin, then again and put for its files, then end or
// abandon.
type vault interface {
	// begin begins a backup and returns the one before, nil when there is none that can be read.
	begin(ctx context.Context, name string) (*Snapshot, error)
	// again takes a file over from the backup before, and tells whether it could.
	again(f SnapshotFile) bool
	// put adds the file that write writes, and tells whether it was not there yet.
	put(ctx context.Context, name string, write func(*hashed) error) (f SnapshotFile, copied bool, err error)
	// end reads back what was put, adds the list, and returns where the backup is.
	end(ctx context.Context, s *Snapshot) (string, error)
	// abandon removes what was put.
	abandon(ctx context.Context) error
	// thin removes the oldest backups beyond those to keep, and returns how many there were.
	thin(ctx context.Context, keep int) (int, error)
	// latest is the list of the newest backup.
	latest(ctx context.Context) (*Snapshot, error)
	// fetch writes a file of the latest backup to a writer, whatever its checksum is.
	fetch(ctx context.Context, f *SnapshotFile, to io.Writer) error
	close() error
}

// openVault opens the place of backups: a folder, or the address of a bucket.
func openVault(ctx context.Context, at string, logger *slog.Logger) (vault, error) {
	if !cloud.Is(at) {
		return &folderVault{root: at}, nil
	}
	b, err := cloud.Open(ctx, cloud.Options{URL: at, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("open the place of backups: %w", err)
	}
	return newBucketVault(b, at), nil
}

// folderVault keeps each backup in a folder of its own; what has not changed is a hard link.
type folderVault struct {
	root string
	// dir is the backup at hand, previous the one before.
	dir, previous string
	added         []SnapshotFile
}

// begin implements vault.
func (v *folderVault) begin(ctx context.Context, name string) (*Snapshot, error) {
	if err := os.MkdirAll(v.root, 0o700); err != nil {
		return nil, err
	}
	if err := removeUnfinished(v.root); err != nil {
		return nil, fmt.Errorf("remove an unfinished backup: %w", err)
	}
	before, err := v.latest(ctx)
	if err != nil {
		before = nil // One that cannot be read is no help; it stays, and everything is copied.
	}
	v.previous = v.dir
	v.dir = filepath.Join(v.root, name+unfinished)
	return before, os.Mkdir(v.dir, 0o700)
}

// again implements vault.
func (v *folderVault) again(f SnapshotFile) bool {
	path := filepath.Join(v.dir, filepath.FromSlash(f.Name))
	return os.MkdirAll(filepath.Dir(path), 0o700) == nil && os.Link(filepath.Join(v.previous, filepath.FromSlash(f.Name)), path) == nil
}

// put implements vault.
func (v *folderVault) put(_ context.Context, name string, write func(*hashed) error) (SnapshotFile, bool, error) {
	path := filepath.Join(v.dir, filepath.FromSlash(name))
	f, err := createHashed(path)
	if err != nil {
		return SnapshotFile{}, false, err
	}
	if err := errors.Join(write(f), f.finish()); err != nil {
		return SnapshotFile{}, false, errors.Join(err, os.Remove(path))
	}
	out := SnapshotFile{Name: name, Bytes: f.bytes, SHA256: hex.EncodeToString(f.sum.Sum(nil))}
	v.added = append(v.added, out)
	return out, true, nil
}

// end implements vault. What was just written is compared with what was read; what was linked was compared when it was
// written.
func (v *folderVault) end(ctx context.Context, s *Snapshot) (string, error) {
	for i := range v.added {
		if err := v.added[i].copyTo(ctx, v, io.Discard); err != nil {
			return "", errors.Join(fmt.Errorf("verify: %w", err), v.abandon(ctx))
		}
	}
	list, err := s.encode()
	if err == nil {
		err = durable.WriteFile(filepath.Join(v.dir, snapshotFile), list)
	}
	if err := errors.Join(err, syncTree(v.dir)); err != nil {
		return "", errors.Join(err, v.abandon(ctx))
	}
	whole := strings.TrimSuffix(v.dir, unfinished)
	return whole, errors.Join(os.Rename(v.dir, whole), durable.SyncDir(v.root))
}

// abandon implements vault.
func (v *folderVault) abandon(context.Context) error { return os.RemoveAll(v.dir) }

// thin implements vault. A folder gets the name of half a backup first, which is none.
func (v *folderVault) thin(_ context.Context, keep int) (removed int, err error) {
	names, err := snapshots(v.root)
	if err != nil {
		return 0, err
	}
	for ; len(names) > keep; names = names[1:] {
		old := filepath.Join(v.root, names[0])
		if err := os.Rename(old, old+unfinished); err != nil {
			return removed, err
		}
		if err := os.RemoveAll(old + unfinished); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// latest implements vault: the folder itself may be a backup.
func (v *folderVault) latest(context.Context) (*Snapshot, error) {
	v.dir = v.root
	if _, err := os.Stat(filepath.Join(v.root, snapshotFile)); err != nil {
		names, err := snapshots(v.root)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("there is no backup in %s", v.root)
		}
		v.dir = filepath.Join(v.root, names[len(names)-1])
	}
	b, err := os.ReadFile(filepath.Join(v.dir, snapshotFile))
	if err != nil {
		return nil, fmt.Errorf("read the backup %s: %w", v.dir, err)
	}
	return readSnapshot(b, v.dir)
}

// fetch implements vault.
func (v *folderVault) fetch(_ context.Context, f *SnapshotFile, to io.Writer) (err error) {
	if !filepath.IsLocal(f.Name) {
		return errors.New("that is no name of a file in a backup")
	}
	in, err := os.Open(filepath.Join(v.dir, f.Name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	_, err = io.Copy(to, in)
	return err
}

// close implements vault.
func (v *folderVault) close() error { return nil }

// snapshots are the names of the complete ones in a folder, oldest first.
func snapshots(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	var out []string
	for _, e := range entries {
		if _, err := time.Parse(snapshotForm, e.Name()); err == nil && e.IsDir() {
			out = append(out, e.Name())
		}
	}
	slices.Sort(out)
	return out, nil
}

// removeUnfinished removes what a backup that was broken off has left.
func removeUnfinished(root string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), unfinished) {
			if err := os.RemoveAll(filepath.Join(root, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

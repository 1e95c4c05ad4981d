package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/archive"
)

// In a bucket a file is kept under its SHA-256, once for all backups that have it, and a list says what a backup has:
//
//	objects/4fa1…          the bytes
//	lists/TIME.json        a backup
//	open/TIME              one that is being made
const (
	objectPrefix = "objects/"
	listPrefix   = "lists/"
	openPrefix   = "open/"
	listSuffix   = ".json"
	// openFor is how long one that is being made keeps others from removing objects that no list has.
	openFor = 24 * time.Hour
)

// objects is what a backup needs of a bucket.
type objects interface {
	archive.Bucket
	Upload(ctx context.Context, name string, content io.ReadSeeker) error
	Download(ctx context.Context, name string, to io.Writer) error
	Close() error
}

// bucketVault keeps backups in a bucket.
type bucketVault struct {
	bucket objects
	at     string
	name   string
	// have are the objects that the bucket has.
	have map[string]bool
}

func newBucketVault(b objects, at string) *bucketVault {
	return &bucketVault{bucket: b, at: at, have: map[string]bool{}}
}

// begin implements vault.
func (v *bucketVault) begin(ctx context.Context, name string) (*Snapshot, error) {
	v.name = name
	if err := v.write(ctx, openPrefix+name, nil); err != nil {
		return nil, err
	}
	if err := v.look(ctx); err != nil {
		return nil, err
	}
	names, err := v.lists(ctx)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	before, err := v.load(ctx, names[len(names)-1])
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // One that cannot be read is no help; it stays, and everything is copied.
	}
	return before, nil
}

// look finds out what there is.
func (v *bucketVault) look(ctx context.Context) error {
	names, err := v.bucket.List(ctx, objectPrefix)
	clear(v.have)
	for _, n := range names {
		v.have[n] = true
	}
	return err
}

func (v *bucketVault) write(ctx context.Context, name string, content []byte) error {
	o, err := v.bucket.Create(ctx, name)
	if err != nil {
		return err
	}
	if _, err := o.Write(content); err != nil {
		o.Abort()
		return err
	}
	return o.Commit()
}

// again implements vault.
func (v *bucketVault) again(f SnapshotFile) bool { return v.have[objectPrefix+f.SHA256] }

// put implements vault. The file is written to one for temporary files first, because its checksum is its name.
func (v *bucketVault) put(ctx context.Context, name string, write func(*hashed) error) (f SnapshotFile, copied bool, err error) {
	dir, err := os.MkdirTemp("", "freshet-backup-")
	if err != nil {
		return f, false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file, err := createHashed(filepath.Join(dir, "file"))
	if err != nil {
		return f, false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := write(file); err != nil {
		return f, false, err
	}
	f = SnapshotFile{Name: name, Bytes: file.bytes, SHA256: hex.EncodeToString(file.sum.Sum(nil))}
	object := objectPrefix + f.SHA256
	if v.have[object] {
		return f, false, nil
	}
	if err := v.bucket.Upload(ctx, object, file.File); err != nil {
		return f, false, err
	}
	if err := f.copyTo(ctx, v, io.Discard); err != nil {
		return f, false, errors.Join(fmt.Errorf("verify: %w", err), v.bucket.Delete(ctx, object))
	}
	v.have[object] = true
	return f, true, nil
}

// end implements vault. What was put was read back then.
func (v *bucketVault) end(ctx context.Context, s *Snapshot) (string, error) {
	if err := v.look(ctx); err != nil {
		return "", err
	}
	for _, f := range s.Files {
		if !v.have[objectPrefix+f.SHA256] {
			return "", errors.Join(fmt.Errorf("%s is not in the bucket any more: was another backup made at the same time?", f.Name), v.abandon(ctx))
		}
	}
	list, err := s.encode()
	if err != nil {
		return "", err
	}
	name := listPrefix + v.name + listSuffix
	if err := v.write(ctx, name, list); err != nil {
		return "", err
	}
	if _, err := v.load(ctx, name); err != nil {
		return "", fmt.Errorf("verify: %w", err)
	}
	address, parameters, _ := strings.Cut(v.at, "?")
	if parameters != "" {
		parameters = "?" + parameters
	}
	return strings.TrimSuffix(address, "/") + "/" + name + parameters, v.abandon(ctx)
}

// abandon implements vault. Objects that no list has are removed by thin.
func (v *bucketVault) abandon(ctx context.Context) error {
	return v.bucket.Delete(ctx, openPrefix+v.name)
}

// thin implements vault. A list goes before what only it has.
func (v *bucketVault) thin(ctx context.Context, keep int) (removed int, err error) {
	names, err := v.lists(ctx)
	if err != nil {
		return 0, err
	}
	for ; len(names) > keep; names = names[1:] {
		if err := v.bucket.Delete(ctx, names[0]); err != nil {
			return removed, err
		}
		removed++
	}
	if busy, err := v.busy(ctx); err != nil || busy {
		return removed, err
	}
	needed := map[string]bool{}
	for _, name := range names {
		s, err := v.load(ctx, name)
		if err != nil {
			return removed, err
		}
		for _, f := range s.Files {
			needed[objectPrefix+f.SHA256] = true
		}
	}
	for name := range v.have {
		if !needed[name] {
			if err := v.bucket.Delete(ctx, name); err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

// busy tells whether another backup is being made, and forgets those that were broken off long ago.
func (v *bucketVault) busy(ctx context.Context) (busy bool, err error) {
	names, err := v.bucket.List(ctx, openPrefix)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		began, err := time.Parse(snapshotForm, strings.TrimPrefix(name, openPrefix))
		if err == nil && time.Since(began) < openFor {
			busy = true
			continue
		}
		if err := v.bucket.Delete(ctx, name); err != nil {
			return busy, err
		}
	}
	return busy, nil
}

// lists are the names of the lists of all backups, oldest first.
func (v *bucketVault) lists(ctx context.Context) ([]string, error) {
	names, err := v.bucket.List(ctx, listPrefix)
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		_, err := time.Parse(snapshotForm, strings.TrimSuffix(strings.TrimPrefix(name, listPrefix), listSuffix))
		return err != nil
	})
	slices.Sort(names)
	return names, nil
}

func (v *bucketVault) load(ctx context.Context, name string) (*Snapshot, error) {
	b, err := v.bucket.Read(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	return readSnapshot(b, name)
}

// latest implements vault.
func (v *bucketVault) latest(ctx context.Context) (*Snapshot, error) {
	names, err := v.lists(ctx)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no backup in %s", v.at)
	}
	return v.load(ctx, names[len(names)-1])
}

// fetch implements vault.
func (v *bucketVault) fetch(ctx context.Context, f *SnapshotFile, to io.Writer) error {
	return v.bucket.Download(ctx, objectPrefix+f.SHA256, to)
}

// close implements vault.
func (v *bucketVault) close() error { return v.bucket.Close() }

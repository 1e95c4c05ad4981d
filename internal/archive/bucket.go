package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/freshet/freshet/internal/durable"
)

// Bucket is a place for whole objects: a folder, or a service that keeps objects. Names are paths with slashes.
type Bucket interface {
	// Create begins an object. Nothing of it can be seen before Commit, which replaces what has the name.
	Create(ctx context.Context, name string) (Object, error)
	// Read returns the whole object as it lies on the medium, past what memory has of it where that can be had. The
	// error of one that is not there wraps fs.ErrNotExist.
	Read(ctx context.Context, name string) ([]byte, error)
	// List returns the names that begin with prefix, in order.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, name string) error
}

// Object is one that is being written. Either Commit or Abort ends it.
type Object interface {
	io.Writer
	// Commit makes the object durable and visible.
	Commit() error
	Abort()
}

// partSuffix marks a file that is being written.
const partSuffix = ".part"

// Folder is a bucket in a folder of the file system.
type Folder string

// Create implements Bucket.
func (d Folder) Create(_ context.Context, name string) (Object, error) {
	path := d.path(name)
	if err := d.makeFor(path); err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	f, err := os.OpenFile(path+partSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	return &file{File: f, path: path}, nil
}

// makeFor makes the folders above a file, and their names durable.
func (d Folder) makeFor(path string) error {
	dir := filepath.Dir(path)
	var made []string
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		made = append(made, filepath.Dir(at))
	}
	if len(made) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, parent := range made {
		if err := durable.SyncDir(parent); err != nil {
			return err
		}
	}
	return nil
}

// Read implements Bucket.
func (d Folder) Read(_ context.Context, name string) ([]byte, error) {
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	// What was just written is in memory; only the disk can say whether it has it.
	forget(f)
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}

// List implements Bucket.
func (d Folder) List(ctx context.Context, prefix string) ([]string, error) {
	root := filepath.Dir(d.path(prefix + "x"))
	var out []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rel, err := filepath.Rel(string(d), path)
		if err != nil {
			return err
		}
		if name := filepath.ToSlash(rel); !e.IsDir() && strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, partSuffix) {
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", d, err)
	}
	sort.Strings(out)
	return out, nil
}

// Delete implements Bucket. A folder that gets empty is removed too.
func (d Folder) Delete(_ context.Context, name string) error {
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	_ = os.Remove(filepath.Dir(d.path(name)))
	return nil
}

func (d Folder) path(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

// file is an Object of a Folder.
type file struct {
	*os.File
	path string
}

// Commit implements Object.
func (f *file) Commit() error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", f.path, err), os.Remove(f.path+partSuffix))
	}
	if err := os.Rename(f.path+partSuffix, f.path); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return durable.SyncDir(filepath.Dir(f.path))
}

// Abort implements Object.
func (f *file) Abort() {
	_ = f.Close()
	_ = os.Remove(f.path + partSuffix)
}

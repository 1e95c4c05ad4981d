package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/durable"
)

// listWait is how long a bucket is waited for when its list is remembered: a start must not wait for one that is away.
const listWait = 5 * time.Second

// Remembering is a bucket elsewhere whose manifests are listed in a file of this machine too. A server whose bucket is away
// knows what is in it all the same: the list is written before Archive.Position moves on, so that the log is never
// trimmed of what the list does not have. Files are read from the bucket only.
type Remembering struct {
	Bucket
	// File is where the list is.
	File   string
	Logger *slog.Logger

	// mu guards the file.
	mu sync.Mutex
}

// List implements Bucket.
func (r *Remembering) List(ctx context.Context, prefix string) ([]string, error) {
	if prefix != manifestPrefix {
		return r.Bucket.List(ctx, prefix)
	}
	known, err := r.known()
	if errors.Is(err, fs.ErrNotExist) {
		names, err := r.Bucket.List(ctx, prefix)
		if err != nil {
			return nil, err
		}
		return names, r.remember(func([]string) []string { return names })
	}
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, listWait)
	defer cancel()
	names, err := r.Bucket.List(wait, prefix)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		r.Logger.Warn("the archive's bucket does not say what it has; going on with what was known", "batches", len(known), "error", err)
		return known, nil
	}
	if slices.Equal(names, known) {
		return names, nil
	}
	return names, r.remember(func([]string) []string { return names })
}

// Create implements Bucket.
func (r *Remembering) Create(ctx context.Context, name string) (Object, error) {
	o, err := r.Bucket.Create(ctx, name)
	if err != nil || !strings.HasPrefix(name, manifestPrefix) {
		return o, err
	}
	return &remembered{Object: o, bucket: r, name: name}, nil
}

// Delete implements Bucket.
func (r *Remembering) Delete(ctx context.Context, name string) error {
	if err := r.Bucket.Delete(ctx, name); err != nil || !strings.HasPrefix(name, manifestPrefix) {
		return err
	}
	return r.remember(func(names []string) []string {
		return slices.DeleteFunc(names, func(n string) bool { return n == name })
	})
}

// remembered is a manifest that is being written.
type remembered struct {
	Object
	bucket *Remembering
	name   string
}

// Commit implements Object.
func (o *remembered) Commit() error {
	if err := o.Object.Commit(); err != nil {
		return err
	}
	return o.bucket.remember(func(names []string) []string {
		if i, found := slices.BinarySearch(names, o.name); !found {
			names = slices.Insert(names, i, o.name)
		}
		return names
	})
}

// known is what the file lists, in order.
func (r *Remembering) known() ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.load()
}

func (r *Remembering) load() ([]string, error) {
	b, err := os.ReadFile(r.File)
	if err != nil {
		return nil, fmt.Errorf("read what the archive's bucket has: %w", err)
	}
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return nil, fmt.Errorf("read what the archive's bucket has: %s: %w; remove the file while the bucket can be reached", r.File, err)
	}
	return names, nil
}

func (r *Remembering) remember(change func([]string) []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	names, err := r.load()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b, err := json.Marshal(change(names))
	if err != nil {
		return fmt.Errorf("note what the archive's bucket has: %w", err)
	}
	if err := durable.WriteFile(r.File, b); err != nil {
		return fmt.Errorf("note what the archive's bucket has: %w", err)
	}
	return nil
}

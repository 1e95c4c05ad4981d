package archive_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"github.com/freshet/freshet/internal/archive"
)

// unsteady is a bucket that can be away.
type unsteady struct {
	archive.Bucket
	away bool
}

func (u *unsteady) List(ctx context.Context, prefix string) ([]string, error) {
	if u.away {
		return nil, errors.New("connection refused")
	}
	return u.Bucket.List(ctx, prefix)
}

func (u *unsteady) Create(ctx context.Context, name string) (archive.Object, error) {
	if u.away {
		return nil, errors.New("connection refused")
	}
	return u.Bucket.Create(ctx, name)
}

// TestRemembering takes the bucket away: what it had is known all the same, by the next process too, and nothing else is.
func TestRemembering(t *testing.T) {
	there := &unsteady{Bucket: archive.Folder(t.TempDir())}
	file := filepath.Join(t.TempDir(), "list")
	open := func() *archive.Remembering {
		return &archive.Remembering{Bucket: there, File: file, Logger: slog.New(slog.DiscardHandler)}
	}
	name := func(from int) string { return fmt.Sprintf("manifest/%020d-%020d.json", from, from+10) }
	write := func(b archive.Bucket, name string) error {
		o, err := b.Create(t.Context(), name)
		if err != nil {
			return err
		}
		return o.Commit()
	}
	list := func(prefix string) []string {
		t.Helper()
		names, err := open().List(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	there.away = true
	if names, err := open().List(t.Context(), "manifest/"); err == nil {
		t.Errorf("of a bucket that was never reached it knows %v", names)
	}
	there.away = false
	// The first is older than the list, the second is written with it in use.
	if err := errors.Join(write(there, name(0)), write(there, "events/a")); err != nil {
		t.Fatal(err)
	}
	list("manifest/")
	if err := errors.Join(write(open(), name(20)), write(open(), name(10)), write(open(), "events/b")); err != nil {
		t.Fatal(err)
	}
	there.away = true
	if got, want := list("manifest/"), []string{name(0), name(10), name(20)}; !slices.Equal(got, want) {
		t.Errorf("known are %v", got)
	}
	if err := write(open(), name(30)); err == nil {
		t.Error("written to a bucket that is away")
	}
	if _, err := open().List(t.Context(), "events/"); err == nil {
		t.Error("files are listed that nobody can have looked for")
	}
	spans, err := archive.Spans(t.Context(), open())
	if err != nil || len(spans) != 3 || spans[2].To != 30 {
		t.Errorf("%v, %v", spans, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := open().List(ended, "manifest/"); err == nil {
		t.Error("answered to somebody who has gone")
	}
	there.away = false
	if err := open().Delete(t.Context(), name(10)); err != nil {
		t.Fatal(err)
	}
	there.away = true
	if got := list("manifest/"); len(got) != 2 {
		t.Errorf("after one was removed there are %v", got)
	}
}

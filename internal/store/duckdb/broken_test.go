//go:build linux || darwin

package duckdb

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/event"
)

// TestBroken: a checkpoint that cannot write breaks the database. Questions are told to come again, whoever opened the
// store is told to open it again, and then all is there.
func TestBroken(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing goes on beside it")
	}
	ctx := context.Background()
	dir := t.TempDir()
	s := open(t, dir)
	s.idle()
	fill(t, s, 0, 5000)
	if err := s.flush(ctx); err != nil {
		t.Fatal(err)
	}
	c, err := s.Cut(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	release := noSpace(t, filepath.Join(dir, Files()[0]))
	defer release()
	s.sinceCheckpoint = 7
	if err := s.checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Broken():
	default:
		t.Fatal("the store does not know that it is broken")
	}
	wantOpening := func(what string, err error) {
		t.Helper()
		var e *event.Error
		if !errors.As(err, &e) || e.Kind != event.Unavailable || e.Code != "store_opening" || e.Wait == 0 {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = s.Cut(ctx, 1)
	wantOpening("a new question", err)
	for _, err := range c.Rows(ctx, "SELECT count(*) FROM "+c.Events("seq")) {
		wantOpening("a question that was begun", err)
	}
	_, err = s.DeadLetters(ctx, 1, 1000, 10)
	wantOpening("dead letters", err)
	_, err = s.Duplicates(ctx, 1, 0, 1<<40)
	wantOpening("duplicates", err)
	c.Close()
	_ = s.Close()
	release()
	s = open(t, dir)
	defer s.Close()
	if got := one(t, s, "seq", "count(*)"); got != int64(5000) {
		t.Errorf("%v rows of 5000 are left", got)
	}
}

// noSpace lets no file of this process become longer than one that is there, until it is released.
func noSpace(t *testing.T, path string) (release func()) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	limit := before
	limit.Cur = uint64(info.Size())
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Skipf("the size of files cannot be limited here: %v", err)
	}
	return sync.OnceFunc(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	})
}

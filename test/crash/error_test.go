//go:build crash

package crash_test

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/fault"
)

// failing is a call that fails from one pass to another. The process gets over it by itself unless it ends
// acknowledgements until a restart.
type failing struct {
	step     fault.Step
	err      string
	from, to int
	ends     bool
}

// failures are in the order in which an event meets them.
func failures() []failing {
	return []failing{
		{step: fault.LogRoll, err: "enospc", from: 1, to: 3},
		{step: fault.LogWrite, err: "eio", from: 20, to: 22},
		{step: fault.LogWrite, err: "enospc", from: 10, to: 30},
		{step: fault.LogSync, err: "enospc", from: 15, to: 17},
		{step: fault.LogSync, err: "eio", from: 25, to: 25, ends: true},
		{step: fault.StoreCommit, err: "eio", from: 3, to: 3},
		{step: fault.StoreFlush, err: "eio", from: 1, to: 2},
		{step: fault.StorePosition, err: "enospc", from: 1, to: 2},
		{step: fault.DedupRun, err: "enospc", from: 1, to: 9},
		{step: fault.DedupNamed, err: "eio", from: 1, to: 9},
		{step: fault.ArchiveFile, err: "enospc", from: 1, to: 1},
		{step: fault.ArchiveBatch, err: "eio", from: 1, to: 1},
	}
}

// TestFailures makes calls fail under load, one after the other on the same folder, and counts after each.
func TestFailures(t *testing.T) {
	t.Parallel()
	began := time.Now()
	k := newKilling(t, filepath.Join(t.TempDir(), "data"))
	bad := 0
	for _, f := range failures() {
		if err := k.fails(f); err != nil {
			bad++
			t.Errorf("%s fails with %s: %v", f.step, f.err, err)
		}
	}
	balance(t, "calls made to fail", len(failures()), bad, time.Since(began).Round(time.Second).String())
}

// fails lets a server meet a failure and goes on with the next one.
func (k *killing) fails(f failing) error {
	s := k.server
	s.env = []string{fmt.Sprintf("FRESHET_FAULT=%s=%s@%d-%d", f.step, f.err, f.from, f.to)}
	if err := s.start(); err != nil {
		return err
	}
	seen := len(s.log.String())
	l := k.book.load(s, 3, 4*time.Millisecond)
	err := k.struck(f, seen)
	if err == nil && !f.ends {
		at, _ := k.book.size()
		err = s.until("events are accepted after it", soon, func() bool { return k.book.count() > at+50 })
	}
	if err == nil && f.ends {
		err = k.ended()
	}
	l.finish()
	if err != nil {
		return err
	}
	if !f.ends {
		if err := s.count(k.book.page(k.book.size())); err != nil {
			return err
		}
	}
	s.kill()
	s.env = nil
	if err := s.start(); err != nil {
		return err
	}
	if err := s.count(k.book.page(k.book.size())); err != nil {
		return fmt.Errorf("after a restart: %w", err)
	}
	if err := s.stop(); err != nil {
		return err
	}
	_, err = verify(s.dir)
	return err
}

// struck waits until the failure can be seen: a request is refused, or the log tells of it.
func (k *killing) struck(f failing, seen int) error {
	s := k.server
	word := map[string]string{"eio": "input/output error", "enospc": "no space left"}[f.err]
	if f.step == fault.DedupRun || f.step == fault.DedupNamed {
		// The index of ids goes to disk at a stop. What it could not write is read again from the log.
		if err := s.idle(); err != nil {
			return err
		}
		if err := s.stop(); err == nil {
			return errors.New("a stop that could not write the index of ids says that all is well")
		}
		return s.start()
	}
	err := s.until("the failure strikes", soon, func() bool { return strings.Contains(s.log.String()[seen:], word) })
	if err == nil && (f.step == fault.ArchiveFile || f.step == fault.ArchiveBatch) {
		err = s.until("the archive goes on", soon, func() bool {
			_, metrics, err := s.call(http.MethodGet, "/metrics", "", nil)
			return err == nil && !strings.Contains(string(metrics), "\nfreshet_archive_batches_total 0\n")
		})
	}
	return err
}

// ended wants nothing acknowledged any more.
func (k *killing) ended() error {
	s := k.server
	at := k.book.count()
	refused := k.book.refusals()
	if err := s.until("events are refused", soon, func() bool { return k.book.refusals() > refused+50 }); err != nil {
		return err
	}
	if n := k.book.count(); n > at+3 { // those that were answered just before
		return fmt.Errorf("%d batches were acknowledged after an fsync had failed", n-at)
	}
	return nil
}

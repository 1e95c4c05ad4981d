//go:build crash

package crash_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Requests to a mounted file system, of which x/sys does not know: they stop all writing, and let it go on.
const (
	fiFreeze = 0xC0045877
	fiThaw   = 0xC0045878
)

const (
	// frozenFor is how long the disk does not answer, refusedWithin how long a request may wait meanwhile, and
	// healedWithin how long events may be refused afterwards.
	frozenFor     = 30 * time.Second
	refusedWithin = 3 * time.Second
	healedWithin  = 10 * time.Second
	// askEvery is how often events are sent meanwhile, and frozenMemory how much the server may grow.
	askEvery     = 50 * time.Millisecond
	frozenMemory = 64 << 20
)

// onDisk runs a server on a small ext4 file system of its own, under load.
func onDisk(t *testing.T, do func(k *killing, mounted string) error) {
	t.Helper()
	m := newImages(t)
	dir := filepath.Join(filepath.Dir(m.dir), "live")
	mount(t, m.format(t, "live.ext4"), dir, "ext4")
	k := newKilling(t, data(dir))
	k.must(k.server.start())
	l := k.book.load(k.server, 3, 4*time.Millisecond)
	k.must(k.server.until("some events are acknowledged", soon, func() bool { return k.book.count() > 20 }))
	err := do(k, dir)
	l.finish()
	k.must(err)
	k.must(k.server.count(k.book.page(k.book.size())))
	k.server.kill()
	k.must(k.server.start())
	k.must(k.server.count(k.book.page(k.book.size())))
	k.server.kill()
}

// TestFrozenDisk freezes the file system under load: nothing is acknowledged, each request is refused in time, the process
// counts as alive, and all goes on by itself.
func TestFrozenDisk(t *testing.T) {
	t.Parallel()
	onDisk(t, func(k *killing, mounted string) error {
		f, err := os.Open(mounted)
		if err != nil {
			return err
		}
		defer f.Close()
		// A frozen process cannot be killed, so the thaw must come whatever happens here.
		thawed := make(chan error, 1)
		time.AfterFunc(frozenFor, func() { thawed <- unix.IoctlSetPointerInt(int(f.Fd()), fiThaw, 0) })
		if err := unix.IoctlSetPointerInt(int(f.Fd()), fiFreeze, 0); err != nil {
			return errors.Join(fmt.Errorf("freeze: %w", err), <-thawed)
		}
		problem := k.frozen()
		if err := <-thawed; err != nil {
			return fmt.Errorf("thaw: %w", err)
		}
		return errors.Join(problem, k.healed())
	})
	balance(t, "disk frozen", 1, 0, frozenFor.String())
}

// frozen looks at a server whose disk does not answer.
func (k *killing) frozen() error {
	s := k.server
	before, err := s.memory()
	if err != nil {
		return err
	}
	first := true
	var at int
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for end := time.Now().Add(frozenFor - refusedWithin); time.Now().Before(end); <-tick.C {
		began := time.Now()
		code, answer, err := s.call(http.MethodPost, "/v1/events", s.write, body(k.book.begin(1), 1))
		took := time.Since(began)
		switch {
		case err != nil:
			return fmt.Errorf("the server does not answer: %w", err)
		case code == http.StatusOK:
			return errors.New("an event was acknowledged that no disk has")
		case code != http.StatusServiceUnavailable || took > refusedWithin:
			return fmt.Errorf("refused after %s: %d %s", took, code, answer)
		}
		if first { // What was acknowledged just before the freeze is entered by now.
			first, at = false, k.book.count()
		}
	}
	if n := k.book.count(); n > at {
		return fmt.Errorf("%d batches were acknowledged that no disk has", n-at)
	}
	after, err := s.memory()
	if err != nil {
		return err
	}
	if after > before+frozenMemory {
		return fmt.Errorf("the server grew from %d to %d bytes meanwhile", before, after)
	}
	if code, _, err := s.call(http.MethodGet, "/healthz", "", nil); err != nil || code != http.StatusOK {
		return fmt.Errorf("the process does not count as alive: %d %v", code, err) //nolint:errorlint // it may be nil
	}
	return nil
}

// healed wants events to be accepted again soon.
func (k *killing) healed() error {
	at := k.book.count()
	return k.server.until("events are accepted again", healedWithin, func() bool { return k.book.count() > at+20 })
}

// TestFullDisk fills an ext4 file system under load, several times: events are refused so that clients come again,
// questions are answered, and all goes on by itself when there is space.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	const rounds = 3
	onDisk(t, func(k *killing, mounted string) error {
		for n := range rounds {
			if err := k.full(filepath.Join(mounted, "filling"), n == 1); err != nil {
				return fmt.Errorf("round %d: %w", n, err)
			}
		}
		return nil
	})
	balance(t, "disk full", rounds, 0, "ext4")
}

// full fills the disk, perhaps kills the server while it is full, and makes room.
func (k *killing) full(path string, kill bool) error {
	s := k.server
	if err := fill(path); err != nil {
		return err
	}
	defer os.Remove(path)
	var code int
	var answer []byte
	refused := func() bool {
		var err error
		code, answer, err = s.call(http.MethodPost, "/v1/events", s.write, body(k.book.begin(1), 1))
		return err == nil && code != http.StatusOK
	}
	if err := s.until("the disk is full", soon, refused); err != nil {
		return err
	}
	if code != http.StatusServiceUnavailable {
		return fmt.Errorf("refused with %d %s", code, answer)
	}
	if kill {
		s.kill()
		if err := s.start(); err != nil {
			return fmt.Errorf("start on a full disk: %w", err)
		}
	}
	if _, err := s.ledger(); err != nil {
		return fmt.Errorf("a question while the disk is full: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return k.healed()
}

// fill takes all space of a file system.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size := int64(0)
	for step := int64(16 << 20); step >= 4096; {
		if err := unix.Fallocate(int(f.Fd()), 0, size, step); errors.Is(err, unix.ENOSPC) {
			step /= 2
			continue
		} else if err != nil {
			return err
		}
		size += step
	}
	return nil
}

// memory is what the process has of the machine's, in bytes.
func (s *server) memory() (bytes int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	if _, err := fmt.Sscan(rest, &bytes); err != nil {
		return 0, fmt.Errorf("read the memory of the server: %w", err)
	}
	return bytes << 10, nil
}

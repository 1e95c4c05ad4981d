//go:build crash

package crash_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/fault"
)

const (
	// countEvery is after how many kills the server is left alone for a moment and everything is counted.
	countEvery = 25
	// stepWithin is how long a process may take to get to the step at which it is to die; then it is killed anyway.
	stepWithin = 4 * time.Second
	// randomWithin bounds the life of a process that is killed at a random moment.
	randomWithin = 500 * time.Millisecond
	// leastAtStep is how often a process must have died at each step. Where fewer have, in a run on a busy machine, some more get
	// patientWithin each.
	leastAtStep   = 2
	moreAtStep    = 5
	patientWithin = 30 * time.Second
)

// TestKill kills a server under load, at each named step in turn, at the one where the fewest have died, and at a random moment, and
// counts.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := howMany(t, "CRASH_KILLS", defaultKills)
	began := time.Now()
	k := newKilling(t, filepath.Join(t.TempDir(), "data"))
	steps := fault.Steps()
	at := map[fault.Step]int{}
	bad := 0
	for n := 0; n < kills; {
		l := k.book.load(k.server, 2, 10*time.Millisecond)
		for end := min(kills, n+countEvery); n < end; n++ {
			step := fault.Step("")
			switch {
			case n%8 > 4:
				// On a busy machine some do not come to their step in time.
				step = slices.MinFunc(steps, func(a, b fault.Step) int { return at[a] - at[b] })
			case n%4 > 0:
				step = steps[(n-n/4)%len(steps)]
			}
			if k.cycle(step, stepWithin) {
				at[step]++
			}
		}
		if n >= kills {
			for _, step := range steps {
				for more := 0; more < moreAtStep && at[step] < min(leastAtStep, kills/len(steps)/2); more++ {
					if k.cycle(step, patientWithin) {
						at[step]++
					}
				}
			}
		}
		k.server.env = nil
		k.must(k.server.start())
		l.finish()
		acked, sent := k.book.page(k.book.size())
		if err := k.server.count(acked, sent); err != nil {
			bad++
			t.Errorf("after %d kills: %v", n, err)
		}
		k.server.kill()
	}
	rebuilt(t, k)
	for _, step := range steps {
		if want := min(leastAtStep, kills/len(steps)/2); at[step] < want {
			t.Errorf("%d processes died at %s, want at least %d", at[step], step, want)
		}
	}
	acked, sent := k.book.size()
	balance(t, "killed", kills, bad, fmt.Sprintf("%d of %d batches acknowledged, %d requests cut, at steps %v, %s",
		acked, sent, k.book.cut, at, time.Since(began).Round(time.Second)))
	if acked < kills {
		t.Error("the load was too small to prove anything")
	}
}

// killing is a server and what its clients know.
type killing struct {
	t      testing.TB
	server *server
	book   *book
}

// newKilling makes a server whose clients can be told of failures; its first life ends at once.
func newKilling(t testing.TB, dir string) *killing {
	t.Helper()
	s, err := newServer(dir)
	k := &killing{t: t, server: s, book: &book{}}
	k.must(err)
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			s.tell(t)
		}
	})
	k.must(s.start())
	k.must(s.change(http.MethodPatch, "/v1/projects/1", `{"retention_days":30}`, nil))
	k.must(s.stop())
	return k
}

func (k *killing) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

// passes is at which pass of a step a process dies at most: some steps come with every request, others once.
func passes(s fault.Step) int {
	switch s {
	case fault.LogWrite, fault.LogSync, fault.LogSynced:
		return 60
	case fault.StoreCommit, fault.StoreFlush, fault.StoreFlushed, fault.StorePosition:
		return 3
	default:
		return 1
	}
}

// cycle is one life of a process, which ends at the step, or at a random moment when that is empty. It tells whether the
// process died at the step within the time.
func (k *killing) cycle(step fault.Step, within time.Duration) bool {
	k.t.Helper()
	s := k.server
	if step == "" {
		s.env = nil
		k.must(s.run())
		k.ends(time.Duration(5+rand.IntN(int(randomWithin/time.Millisecond)-5)) * time.Millisecond)
		s.kill()
		return true
	}
	if step == fault.LogTrim {
		// The log keeps what the index of ids has not on disk, where it goes seldom, but always at a stop.
		s.env = nil
		k.must(s.run())
		k.must(s.until("the store is open", soon, func() bool { return s.idle() == nil }))
		k.must(s.stop())
	}
	s.env = []string{fmt.Sprintf("FRESHET_FAULT=%s=kill@%d", step, 1+rand.IntN(passes(step)))}
	k.must(s.run())
	if step == fault.DedupRun || step == fault.DedupNamed {
		// The index of ids goes to disk seldom, but always at a stop.
		k.must(s.until("the store is open", soon, func() bool { return s.idle() == nil }))
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
	}
	died := k.ends(within)
	s.kill()
	return died
}

// ends waits for the process to die by itself, and tells whether it did.
func (k *killing) ends(within time.Duration) bool {
	select {
	case <-k.server.exited:
		state := k.server.cmd.ProcessState.Sys().(syscall.WaitStatus)
		killed := state.Signaled() && state.Signal() == syscall.SIGKILL
		if !killed && k.server.err != nil {
			k.t.Fatalf("the server ended by itself: %v", k.server.err)
		}
		return killed
	case <-time.After(within):
		return false
	}
}

// rebuilt makes the store anew from the archive and the log and wants the same rows, by the sum of their hashes.
func rebuilt(t testing.TB, k *killing) {
	t.Helper()
	s := k.server
	k.must(s.start())
	k.must(s.idle())
	k.must(s.stop())
	before, err := verify(s.dir)
	k.must(err)
	rebuild := exec.Command(os.Getenv(binaryVariable), "rebuild", "--data", s.dir)
	if out, err := rebuild.CombinedOutput(); err != nil {
		t.Fatalf("rebuild: %v %s", err, out)
	}
	after, err := verify(s.dir)
	k.must(err)
	if was, is := before.kept(), after.kept(); len(was) == 0 || !slices.Equal(was, is) {
		t.Errorf("the store was %+v, made anew it is %+v", was, is)
	}
}

// kept are the days that retention does not remove.
func (v verified) kept() (days []digest) {
	if v.Store == nil {
		return nil
	}
	for _, d := range v.Store.Days {
		if d.Day > time.Now().Unix()/86400-60 {
			days = append(days, d)
		}
	}
	return days
}

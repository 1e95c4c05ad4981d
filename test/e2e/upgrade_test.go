package e2e_test

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// oldBinaryVariable names the binary of an older version that TestUpgrade begins with; without it all are of this version.
const oldBinaryVariable = "FRESHET_OLD_BIN"

// TestUpgrade starts the next server on the same data folder under open-loop load, ten times in a row, the first time from
// an older version if there is one: no request may fail or be refused, on kept connections or new ones, and every event is
// there once.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	s := startBinary(t, os.Getenv(oldBinaryVariable), filepath.Join(t.TempDir(), "data"))
	s.binary = ""
	kept := s.begin(4, 5*time.Millisecond, "f")
	fresh := s.beginOpenLoop(4 * time.Millisecond)
	for n := range 10 {
		at := kept.count()
		old := s.process
		began := time.Now()
		s.run()
		select {
		case <-old.exited:
		case <-time.After(soon):
			t.Fatal("the old server did not end")
		}
		if old.err != nil {
			t.Errorf("the old server ended with %v", old.err)
		}
		s.waitReady()
		t.Logf("upgrade %d took %s", n, time.Since(began).Round(time.Millisecond))
		eventually(t, soon, "the load goes on", func() bool { return kept.count() > at+200 })
	}
	kept.finish()
	fresh.finish()
	for name, l := range map[string]*load{"kept": kept, "new": fresh} {
		if refused, last := l.refusals(); len(refused) > 0 {
			t.Errorf("requests on %s connections failed: %v, the last with %s", name, refused, last)
		}
	}
	s.waitIdle()
	both := &load{acked: kept.acked}
	for id := range fresh.acked {
		both.acked[id] = true
	}
	t.Logf("%d events acknowledged", len(both.acked))
	both.check(t, s.export(""))
	s.ledger()
}

// beginOpenLoop posts batches at a fixed rate, whatever the answers do, each over a connection of its own.
func (s *server) beginOpenLoop(every time.Duration) *load {
	l := s.newLoad()
	l.wg.Go(func() { l.openLoop(every) })
	return l
}

// TestDrain stops the server with SIGTERM under load: whatever was acknowledged is there after the next start.
func TestDrain(t *testing.T) {
	t.Parallel()
	s := start(t)
	l := s.begin(6, time.Millisecond, "fa")
	for range 3 {
		at := l.count()
		eventually(t, soon, "the load goes on", func() bool { return l.count() > at+500 })
		s.stop()
		s.restart()
	}
	l.finish()
	s.waitIdle()
	l.check(t, s.export(""))
	s.ledger()
	for status := range l.refused {
		if status != 0 && status != 503 {
			t.Errorf("a draining server answered %d", status)
		}
	}
}

// TestStopTwice sends SIGTERM again and again to a server under load, as impatient supervisors do: it ends as well as after
// one, and loses nothing.
func TestStopTwice(t *testing.T) {
	t.Parallel()
	s := start(t)
	l := s.begin(4, time.Millisecond, "f")
	for range 2 {
		at := l.count()
		eventually(t, soon, "the load goes on", func() bool { return l.count() > at+200 })
		again := time.NewTicker(5 * time.Millisecond)
		for !s.process.gone() {
			_ = s.process.cmd.Process.Signal(syscall.SIGTERM) // it fails when the process is gone
			select {
			case <-again.C:
			case <-s.process.exited:
			case <-time.After(soon):
				t.Fatal("the server did not end")
			}
		}
		again.Stop()
		if s.process.err != nil {
			t.Errorf("the server ended with %v", s.process.err)
		}
		s.restart()
	}
	l.finish()
	s.waitIdle()
	l.check(t, s.export(""))
	s.ledger()
}

// TestTwoServers starts a second server on the same folder with another address, and then two at the same time: the
// folder has one owner, and no event is lost or doubled.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.send("/v1/events", manyEvents("one", 100))
	old := s.process
	s.addr = freeAddress(t)
	s.run()
	<-old.exited
	if old.err != nil {
		t.Errorf("the old server ended with %v", old.err)
	}
	s.waitReady()
	s.send("/v1/events", manyEvents("two", 100))

	servers := make([]*process, 0, 4)
	for range cap(servers) - 1 {
		servers = append(servers, s.spawn(s.addr))
	}
	servers = append(servers, s.process)
	var alive []*process
	eventually(t, 2*soon, "one server is left", func() bool {
		alive = alive[:0]
		for _, p := range servers {
			if !p.gone() {
				alive = append(alive, p)
			}
		}
		return len(alive) <= 1
	})
	if len(alive) != 1 {
		t.Fatalf("no server is left")
	}
	s.process = alive[0]
	s.waitReady()
	s.send("/v1/events", manyEvents("three", 100))
	s.waitIdle()
	if got := countIDs(s.export("")); got["one"] != 100 || got["two"] != 100 || got["three"] != 100 {
		t.Errorf("there are %v", got)
	}
	s.ledger()
}

// TestFolderInUse starts a server on a folder whose owner cannot hand over.
func TestFolderInUse(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.send("/v1/events", manyEvents("one", 100))
	owner := s.process
	if err := owner.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	second := s.spawn(freeAddress(t))
	select {
	case <-second.exited:
	case <-time.After(soon):
		t.Error("the second server neither took over nor gave up")
		_ = second.cmd.Process.Kill()
		<-second.exited
	}
	if second.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(s.log.String(), "take over from the running server") {
		t.Errorf("the second server ended with %v", second.err)
	}
	if err := owner.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.send("/v1/events", manyEvents("two", 100))
	s.waitIdle()
	if got := countIDs(s.export("")); got["one"] != 100 || got["two"] != 100 {
		t.Errorf("there are %v", got)
	}
}

// TestStopWhileStarting ends a server at any moment of its start: it goes, without an error, and leaves a folder that
// works.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.send("/v1/events", manyEvents("one", 1000))
	s.waitVisible(r.position())
	for range 10 {
		s.kill()
		s.run()
		// Before the process listens to signals, one ends it at once; /healthz answers from the first moment on.
		eventually(t, soon, "the server answers", func() bool {
			_, err := s.call(http.MethodGet, "/healthz", "", nil)
			return err == nil
		})
		<-time.After(time.Duration(rand.IntN(150)) * time.Millisecond)
		s.stop()
	}
	s.restart()
	s.waitIdle()
	if got := countIDs(s.export("")); got["one"] != 1000 {
		t.Errorf("there are %v", got)
	}
}

// TestKilledUpgrade kills the successor at any moment of an upgrade under load. When the old server had gone already
// there is none for a while; no event is lost or doubled.
func TestKilledUpgrade(t *testing.T) {
	t.Parallel()
	s := start(t, "--store-flush-rows", "1000")
	l := s.begin(3, 5*time.Millisecond, "fa")
	restarts := 0
	for range 8 {
		next := s.spawn(s.addr)
		<-time.After(time.Duration(rand.IntN(400)) * time.Millisecond)
		_ = next.cmd.Process.Kill()
		<-next.exited
		at := l.count()
		eventually(t, soon, "the load goes on, or no server is left", func() bool { return s.process.gone() || l.count() > at+100 })
		if s.process.gone() {
			if s.process.err != nil {
				t.Errorf("the old server ended with %v", s.process.err)
			}
			restarts++
			s.restart()
		}
	}
	l.finish()
	t.Logf("%d of 8 upgrades were killed after the old server had gone; %d events acknowledged", restarts, len(l.acked))
	s.waitIdle()
	l.check(t, s.export(""))
	s.ledger()
}

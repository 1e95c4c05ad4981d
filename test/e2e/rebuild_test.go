package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestUnreadableStore flips bits of the column store of a stopped server: the next start sets it aside, accepts events at
// once, and answers from a new store that has everything exactly once.
func TestUnreadableStore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		damage func(path string)
	}{
		{"file damaged", func(path string) { damage(t, path, func(b []byte) []byte { return flipped(b, 9) }) }},
		{"file gone", func(path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, "--archive-interval", "1s", "--log-keep", "0s", "--log-segment-bytes", "1MiB")
			for n := range 3 {
				s.send("/v1/events", manyEvents(fmt.Sprintf("b%d", n), 400))
			}
			s.send("/v1/events", manyEvents("b1", 400))
			s.waitIdle()
			s.forget()
			before := s.ledger()
			s.stop()
			c.damage(filepath.Join(s.dir, "store.duckdb"))
			s.run()
			s.waitReady()
			s.send("/v1/events", manyEvents("new", 50))
			eventually(t, soon, "the store is whole", func() bool { return strings.Contains(s.log.String(), "the store is whole") })
			s.waitIdle()
			want := map[string]int{"b0": 400, "b1": 400, "b2": 400, "forgotten": 1, "new": 50}
			if got := countIDs(s.export("")); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("there are %v, want %v", got, want)
			}
			after := s.ledger()
			if after.Duplicate != before.Duplicate || after.Accepted != before.Accepted+50 || after.Dead != 0 {
				t.Errorf("ledger before %+v, after %+v", before, after)
			}
			if c.name != "file gone" && !strings.Contains(s.log.String(), "it was set aside and is made anew") {
				t.Error("nothing said what happened")
			}
		})
	}
}

// TestUnreadableWriteAheadLog kills a server whose database has committed more than is in its file, and damages the log that has
// the rest: the next start sets all of it aside, and nothing is missing or twice in what it makes anew.
func TestUnreadableWriteAheadLog(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b []byte) []byte{
		"flipped": func(b []byte) []byte { return flipped(b, len(b)/2) },
		"zeroed":  func(b []byte) []byte { clear(b[len(b)/2:]); return b },
		"cut":     func(b []byte) []byte { return b[:len(b)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, archived()...)
			want := map[string]int{"new": 50}
			for n := range 3 {
				prefix := fmt.Sprintf("b%d", n)
				want[prefix] = 400
				s.send("/v1/events", manyEvents(prefix, 400))
				s.waitIdle()
				eventually(t, soon, "all is on disk", func() bool { return s.status().Store.HotRows == 0 })
			}
			before := s.ledger()
			s.kill()
			wal := filepath.Join(s.dir, "store.duckdb.wal")
			if info, err := os.Stat(wal); err != nil || info.Size() == 0 {
				t.Fatalf("there is no log to damage: %v", err)
			}
			damage(t, wal, change)
			s.restart()
			s.send("/v1/events", manyEvents("new", 50))
			eventually(t, soon, "a store that is made anew is whole", func() bool {
				_, err := os.Stat(filepath.Join(s.dir, "rebuild.json"))
				return errors.Is(err, fs.ErrNotExist)
			})
			s.waitIdle()
			if got := countIDs(s.export("")); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("there are %v, want %v", got, want)
			}
			if after := s.ledger(); after.Accepted != before.Accepted+50 || after.Stored != before.Stored+50 || after.Dead != 0 {
				t.Errorf("ledger before %+v, after %+v", before, after)
			}
		})
	}
}

// verified is what freshet verify prints.
type verified struct {
	Archive struct {
		End, Files int64
		Losses     []struct{ Events int64 }
	}
	Log   struct{ Start, End int64 }
	Store struct {
		Position int64
		Ledger   counts
		Days     []struct {
			Project, Day, Events int64
			Sum                  string
		}
	}
	Problems []string
}

// verify looks at the data folder of a server that does not run.
func (s *server) verify() (v verified) {
	s.t.Helper()
	stdout, stderr, code := s.cli("", append([]string{"verify", "--json", "--data", s.dir}, s.args...)...)
	if code != 0 {
		s.t.Fatalf("verify: %s%s", stdout, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// archived are the flags of a server that archives and trims all the time.
func archived() []string {
	return []string{"--archive-interval", "1s", "--log-keep", "0s", "--log-segment-bytes", "1MiB", "--store-flush-rows", "1000", "--store-flush-interval", "1s"}
}

// forget has the log give up what came so far, so that only the archive has it. It adds an event, because a segment is given
// up when there is one behind it.
func (s *server) forget() {
	s.t.Helper()
	end := float64(s.status().Log.End)
	eventually(s.t, soon, "everything so far is archived", func() bool { return s.metric("freshet_archive_position") >= end })
	s.stop()
	s.restart()
	s.waitVisible(s.send("/v1/events", manyEvents("forgotten", 1)).position())
	s.stop()
	s.restart()
	eventually(s.t, soon, "the log is trimmed", func() bool { return s.status().Log.Start > 0 })
}

// TestRebuild makes the store of a server that was killed under load anew, kills that too, and compares the sums of the
// hashes of all rows; then all again with a bit of the archive flipped, which is found.
func TestRebuild(t *testing.T) {
	t.Parallel()
	s := start(t, archived()...)
	l := s.begin(4, 5*time.Millisecond, "ffaa")
	for range 3 {
		<-time.After(time.Duration(200+rand.IntN(1000)) * time.Millisecond)
		s.kill()
		s.restart()
	}
	l.finish()
	s.waitIdle()
	s.forget()
	own := func(e stored) bool { return strings.HasPrefix(e.ID, "beside") || strings.HasPrefix(e.ID, "forgotten") }
	events := slices.DeleteFunc(s.export(""), own)
	l.check(t, events)
	s.stop()
	before := s.verify()
	if before.Archive.Files == 0 || before.Store.Position != before.Log.End || len(before.Store.Days) == 0 {
		t.Fatalf("before: %+v", before)
	}
	killed := 0
	rate := fmt.Sprint(1 + before.Log.End/6)
	for range 2 {
		cmd := exec.Command(os.Getenv(binaryVariable), append([]string{"rebuild", "--data", s.dir, "--rate", rate}, s.args...)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := time.AfterFunc(time.Duration(2000+rand.IntN(1000))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		stop.Stop()
	}
	stdout, stderr, code := s.cli("", append([]string{"rebuild", "--json", "--data", s.dir}, s.args...)...)
	if code != 0 {
		t.Fatalf("rebuild: %s", stderr)
	}
	t.Logf("%d events, killed %d times: %s", len(events), killed, stdout)
	if killed != 2 || strings.Contains(stdout, `"resumed": 0,`) {
		t.Errorf("killed %d times, and then: %s", killed, stdout)
	}
	after := s.verify()
	if !reflect.DeepEqual(after.Store, before.Store) {
		t.Errorf("the store before\n%+v\nand after\n%+v", before.Store, after.Store)
	}
	s.restart()
	s.rebuildBeside()
	s.waitIdle()
	l.check(t, slices.DeleteFunc(s.export(""), own))
	s.ledger()
	s.stop()
	files, err := filepath.Glob(filepath.Join(s.dir, "archive", "events", "*", "*", "*.parquet"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	damage(t, files[0], func(b []byte) []byte { return flipped(b, len(b)/2) })
	if stdout, _, code := s.cli("", append([]string{"verify", "--data", s.dir}, s.args...)...); code != 1 || !strings.Contains(stdout, filepath.Base(files[0])) {
		t.Errorf("a flipped bit of the archive was not found: %s", stdout)
	}
}

// rebuildBeside rebuilds while the server runs: it answers all the time but for the moment of the change, and has what came
// in meanwhile.
func (s *server) rebuildBeside() {
	s.t.Helper()
	const whole = "the store is whole"
	before := strings.Count(s.log.String(), whole)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for n := range 20 {
			s.send("/v1/events", manyEvents(fmt.Sprintf("beside%d", n), 50))
		}
	}()
	stdout, stderr, code := s.cli("", append([]string{"rebuild", "--json", "--data", s.dir}, s.args...)...)
	<-sent
	if code != 0 || !strings.Contains(stdout, `"served": true`) {
		s.t.Fatalf("rebuild beside the server: %s%s", stdout, stderr)
	}
	eventually(s.t, soon, "the new store is whole", func() bool { return strings.Count(s.log.String(), whole) > before })
	s.waitIdle()
	n := 0
	for _, e := range s.export("") {
		if strings.HasPrefix(e.ID, "beside") {
			n++
		}
	}
	if n != 1000 {
		s.t.Errorf("%d of 1000 events that came in meanwhile are there", n)
	}
}

// TestBackup backs up a server under load twice, restores the second backup to a new folder, and wants everything there that
// was acknowledged before it, exactly once.
func TestBackup(t *testing.T) {
	t.Parallel()
	s := start(t, archived()...)
	s.send("/v1/events", manyEvents("before", 500))
	s.forget()
	l := s.begin(4, 5*time.Millisecond, "ffaa")
	to := filepath.Join(t.TempDir(), "backups")
	var acked map[string]bool
	var done struct{ Files, Copied int64 }
	for n := range 2 {
		eventually(t, soon, "more is archived", func() bool { return s.metric("freshet_archive_batches_total") > float64(2*n) })
		l.mu.Lock()
		acked = maps.Clone(l.acked)
		l.mu.Unlock()
		stdout, stderr, code := s.cli("", append([]string{"backup", "--json", "--data", s.dir, to}, s.args...)...)
		if code != 0 {
			t.Fatalf("backup: %s", stderr)
		}
		if err := json.Unmarshal([]byte(stdout), &done); err != nil {
			t.Fatal(err)
		}
	}
	if done.Copied == 0 || done.Copied >= done.Files {
		t.Errorf("the second backup copied %d of %d files", done.Copied, done.Files)
	}
	l.finish()
	if stdout, _, code := s.cli("", "verify", "--backup", to); code != 0 {
		t.Errorf("the backup is not good: %s", stdout)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	if _, stderr, code := s.cli("", "restore", to, dir); code != 0 {
		t.Fatalf("restore: %s", stderr)
	}
	if _, stderr, code := s.cli("", "restore", to, dir); code != 1 || !strings.Contains(stderr, "not empty") {
		t.Errorf("restored over a folder: %d %s", code, stderr)
	}
	r := &server{t: t, dir: dir, addr: freeAddress(t), args: s.args, http: newClient(), write: s.write, admin: s.admin}
	t.Cleanup(r.end)
	r.run()
	r.waitReady()
	eventually(t, soon, "the store is whole", func() bool { return strings.Contains(r.log.String(), "the store is whole") })
	r.waitIdle()
	for id := range l.acked {
		if !acked[id] {
			l.open[id] = true
		}
	}
	l.acked = acked
	events := r.export("")
	l.check(t, slices.DeleteFunc(slices.Clone(events), func(e stored) bool { return strings.HasPrefix(e.ID, "before") || strings.HasPrefix(e.ID, "forgotten") }))
	if got := countIDs(events); got["before"] != 500 || got["forgotten"] != 1 {
		t.Errorf("of what only the archive had there are %d and %d", got["before"], got["forgotten"])
	}
	r.ledger()
	newest, err := filepath.Glob(filepath.Join(to, "*", "control.db"))
	if err != nil || len(newest) != 2 {
		t.Fatal(newest, err)
	}
	damage(t, newest[1], func(b []byte) []byte { return flipped(b, len(b)/2) })
	if stdout, _, code := s.cli("", "verify", "--backup", to); code != 1 || !strings.Contains(stdout, "control.db") {
		t.Errorf("a flipped bit of the backup was not found: %s", stdout)
	}
}

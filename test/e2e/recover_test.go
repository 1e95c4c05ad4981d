package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRecoverFromArchive loses a machine but for the folder of its archive.
func TestRecoverFromArchive(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	recoverFrom(t, "--archive-folder", dir, dir)
}

// recovered is what freshet restore --from-archive prints.
type recovered struct {
	Archived, Position uint64
	Control            string
	Lost               struct {
		Events       int64
		Since, Until time.Time
	}
}

// recoverFrom loses a machine with everything on it but its archive, which is at a place and has its objects in a folder. A new one
// goes on with it: it has every event that was archived, equal by hash, knows the keys, says how many are lost, uses no position
// again, and takes everything that is sent again for what it is.
func recoverFrom(t *testing.T, flag, place, objects string, more ...string) {
	args := append(append(archived(), flag, place), more...)
	s := start(t, args...)
	var second struct{ ID int }
	s.ask("POST", "/v1/projects", []byte(`{"name":"second"}`), &second)
	var key struct{ Key string }
	s.ask("POST", fmt.Sprintf("/v1/projects/%d/keys", second.ID), []byte(`{"kind":"write","name":"second"}`), &key)
	var done struct{ Unlinked bool }
	s.send("/v1/events", manyEvents("kept", 800))
	s.send("/v1/events", manyEvents("kept", 800))
	s.send("/v1/events", []byte(`[{"event":"x","user_id":"u","timestamp":"never"},{"kind":"identify","id":"link-1","anonymous_id":"phone","user_id":"ann"}]`))
	s.waitIdle()
	s.ask("POST", "/v1/persons/unlink", []byte(`{"kind":"anonymous","id":"phone"}`), &done)
	if r, err := s.call("POST", "/v1/events", key.Key, manyEvents("other", 200)); err != nil || r.status != 200 {
		t.Fatal(err, r)
	}
	s.forget()
	s.waitIdle()
	end := s.status().Log.End
	eventually(t, soon, "all is archived", func() bool { return s.metric("freshet_archive_position") >= float64(end) })
	s.stop()
	before := s.verify()

	// What comes now is not archived in time. A mark is left of a part of it.
	s.args = append(slices.Clone(args), "--archive-interval", "1h")
	s.restart()
	last := s.send("/v1/events", manyEvents("lost", 300)).position()
	s.kill()
	s.restart()
	eventually(t, soon, "there is a mark of it", func() bool {
		b, err := os.ReadFile(filepath.Join(objects, "server", "mark.json"))
		var m struct{ End uint64 }
		return err == nil && json.Unmarshal(b, &m) == nil && m.End == last
	})
	last = s.send("/v1/events", manyEvents("unknown", 50)).position()
	s.kill()
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}

	serve := func(dir string) (string, int) {
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Getenv(binaryVariable), append([]string{"serve", "--data", dir, "--listen", freeAddress(t), "--admin-listen", ""}, args...)...)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	if stderr, code := serve(filepath.Join(t.TempDir(), "new")); code == 0 || !strings.Contains(stderr, "--from-archive") {
		t.Errorf("a new server beside the archive of another: %d %s", code, stderr)
	}
	r := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freeAddress(t), args: args, http: newClient(), write: s.write, admin: s.admin}
	twin := filepath.Join(t.TempDir(), "twin")
	var found recovered
	for _, dir := range []string{twin, r.dir} {
		stdout, stderr, code := s.cli("", "restore", "--json", "--from-archive", place, dir)
		if code != 0 || json.Unmarshal([]byte(stdout), &found) != nil {
			t.Fatalf("restore: %d %s%s", code, stdout, stderr)
		}
	}
	if found.Lost.Events != 300 || found.Archived != end || found.Position < last || found.Lost.Since.IsZero() || found.Lost.Until.Before(found.Lost.Since) {
		t.Errorf("found %+v; the archive ended at %d and the log at %d", found, end, last)
	}
	t.Cleanup(r.end)
	r.run()
	r.waitReady()
	eventually(t, soon, "the store is whole", func() bool { return strings.Contains(r.log.String(), "the store is whole") })
	r.waitIdle()
	r.stop()
	after := r.verify()
	if !reflect.DeepEqual(after.Store.Days, before.Store.Days) {
		t.Errorf("the days before\n%+v\nand after\n%+v", before.Store.Days, after.Store.Days)
	}
	want := before.Store.Ledger
	want.Accepted, want.Dead = want.Accepted+300, want.Dead+300
	if after.Store.Ledger != want {
		t.Errorf("the ledger before %+v and after %+v", before.Store.Ledger, after.Store.Ledger)
	}
	if len(after.Archive.Losses) != 1 || after.Archive.Losses[0].Events != 300 {
		t.Errorf("verify tells of the losses %+v", after.Archive.Losses)
	}

	r.restart()
	if stderr, code := serve(twin); code == 0 || !strings.Contains(stderr, "the archive has gone on") {
		t.Errorf("a second one goes on with the archive: %d %s", code, stderr)
	}
	for prefix, n := range map[string]int{"kept": 800, "lost": 300, "unknown": 50} {
		if at := r.send("/v1/events", manyEvents(prefix, n)).position(); at <= found.Position {
			t.Errorf("position %d was given out again", at)
		}
	}
	if a, err := r.call("POST", "/v1/events", key.Key, manyEvents("other", 200)); err != nil || a.status != 200 {
		t.Error(err, a)
	}
	r.ledger()
	if got, want := fmt.Sprint(countIDs(r.export(""))), "map[forgotten:1 kept:800 link:1 lost:300 unknown:50]"; got != want {
		t.Errorf("there are %s, want %s", got, want)
	}
	r.forget()
	r.waitIdle()
	r.stop()
	whole := r.verify()
	if stdout, stderr, code := r.cli("", append([]string{"rebuild", "--data", r.dir}, args...)...); code != 0 {
		t.Fatalf("rebuild: %s%s", stdout, stderr)
	}
	if again := r.verify(); !reflect.DeepEqual(again.Store, whole.Store) {
		t.Errorf("the store before\n%+v\nand made anew\n%+v", whole.Store, again.Store)
	}
}

// TestArchiveOfAnother goes on with the archive of a server that lives after all: that one sees it, and archives nothing more, so
// that the archive is whole and everything else is in its log.
func TestArchiveOfAnother(t *testing.T) {
	t.Parallel()
	place := filepath.Join(t.TempDir(), "archive")
	s := start(t, append(archived(), "--archive-folder", place)...)
	end := s.send("/v1/events", manyEvents("first", 100)).position()
	marked := func(end uint64) bool {
		b, err := os.ReadFile(filepath.Join(place, "server", "mark.json"))
		var m struct{ End uint64 }
		return err == nil && json.Unmarshal(b, &m) == nil && m.End == end
	}
	eventually(t, soon, "all is archived", func() bool { return s.metric("freshet_archive_position") >= float64(end) && marked(end) })
	dir := filepath.Join(t.TempDir(), "data")
	if _, stderr, code := s.cli("", "restore", "--from-archive", place, dir); code != 0 {
		t.Fatal(stderr)
	}
	r := &server{t: t, dir: dir, addr: freeAddress(t), args: s.args, http: newClient(), write: s.write, admin: s.admin}
	t.Cleanup(r.end)
	r.run()
	r.waitReady()
	begin := r.send("/v1/events", manyEvents("other", 100)).position()
	eventually(t, soon, "the new server archives", func() bool { return r.metric("freshet_archive_position") >= float64(begin) })
	s.send("/v1/events", manyEvents("second", 100))
	eventually(t, soon, "the old one sees that it does", func() bool { return strings.Contains(s.log.String(), "the archive belongs to another server now") })
	s.waitIdle()
	if got := fmt.Sprint(countIDs(s.export(""))); got != "map[first:100 second:100]" {
		t.Errorf("the old server has %s", got)
	}
	s.stop()
	r.stop()
	if v := r.verify(); v.Archive.End < int64(begin) || len(v.Archive.Losses) != 1 {
		t.Errorf("%+v", v)
	}
}

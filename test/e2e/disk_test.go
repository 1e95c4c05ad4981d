package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk mounts a file system of 256 MB and returns its folder. A hundredth of it is the server's ballast: more than a flush of
// 20,000 rows takes, so that there is some left for settings.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256m,mode=700", "freshet-e2e", dir).CombinedOutput(); err != nil {
		t.Skipf("a tmpfs cannot be mounted here: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("unmount: %v %s", err, out)
		}
	})
	return dir
}

// ballast takes all space of a file system but a rest.
func ballast(t *testing.T, dir string, rest int64) (release func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	piece := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(piece)
	}
	info, serr := f.Stat()
	if !errors.Is(err, syscall.ENOSPC) || serr != nil {
		t.Fatal(err, serr)
	}
	if err := f.Truncate(info.Size() - min(rest, info.Size())); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// TestDiskFull fills the disk under load, three times, and kills the server while it is full: events are refused so
// that clients come again, questions are answered, nothing acknowledged is lost, and all goes on by itself as soon as
// there is space.
func TestDiskFull(t *testing.T) {
	disk := smallDisk(t)
	s := startIn(t, filepath.Join(disk, "data"), "--store-flush-rows", "20000")
	l := s.begin(2, 5*time.Millisecond, "ffa")
	eventually(t, soon, "some events are acknowledged", func() bool { return l.count() > 2000 })
	for round := range 3 {
		release := ballast(t, disk, int64(round)*300<<10)
		s.wantFull()
		known := s.visibleEvents()
		s.stillGoverned(round)
		if round > 0 {
			s.kill()
			s.restart()
			s.wantFull()
			eventually(t, soon, "everything is counted again after the crash", func() bool { return s.visibleEvents() >= known })
		}
		release()
		freed := time.Now()
		eventually(t, 10*time.Second, "events are taken again", func() bool {
			r, err := s.call(http.MethodPost, "/v1/events", s.write, manyEvents("new"+strconv.Itoa(round), 1))
			return err == nil && r.status == http.StatusOK
		})
		t.Logf("round %d: events taken %s after there was space", round, time.Since(freed).Round(time.Millisecond))
		eventually(t, 10*time.Second, "the ballast is there again", s.hasBallast)
		at := l.count()
		eventually(t, soon, "the load goes on", func() bool { return l.count() > at+1000 })
	}
	l.finish()
	refused, _ := l.refusals()
	t.Logf("%d events acknowledged; refused %v", len(l.acked), refused)
	s.ledger()
	for _, id := range []string{"new0-0", "new1-0", "new2-0"} {
		l.acked[id] = true
	}
	l.open["full-0"] = true // taken or not, by when the disk was full
	l.check(t, s.export(""))
	s.stop()
	s.restart()
	s.waitIdle()
	l.check(t, s.export(""))
}

// TestOldDaysGoOnAFullDisk: what the ballast makes room for is that days which a project does not keep are really removed while
// the disk is full, without a restart.
func TestOldDaysGoOnAFullDisk(t *testing.T) {
	disk := smallDisk(t)
	s := startIn(t, filepath.Join(disk, "data"), "--store-flush-rows", "1000", "--store-flush-interval", "1s")
	var old strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&old, "{\"event\":\"e\",\"user_id\":\"u%d\",\"id\":\"old-%d\",\"timestamp\":%q}\n", i%7, i, time.Now().AddDate(0, 0, -100-i%3).Format(time.RFC3339))
	}
	s.send("/v1/events", []byte(old.String()))
	s.send("/v1/events", manyEvents("new", 100))
	s.waitIdle()
	eventually(t, soon, "all is on disk", func() bool { return s.status().Store.HotRows == 0 })
	if got := countIDs(s.export("")); got["old"] != 3000 {
		t.Fatalf("before the disk is full there are %v", got)
	}
	if r, err := s.call(http.MethodPatch, "/v1/projects/1", s.admin, []byte(`{"retention_days":30}`)); err != nil || r.status != http.StatusOK {
		t.Fatalf("set the retention: %v %s", err, r)
	}
	release := ballast(t, disk, 0)
	defer release()
	s.wantFull()
	eventually(t, soon, "the old days are removed", func() bool { return s.export("to=-31d") == nil })
	s.wantFull()
	if got := countIDs(s.export("")); got["old"] != 0 || got["new"] != 100 {
		t.Errorf("there are %v", got)
	}
	if l := s.ledger(); l.Expired != 3000 {
		t.Errorf("the ledger is %+v", l)
	}
}

// wantFull waits until events are refused, and looks at how.
func (s *server) wantFull() {
	s.t.Helper()
	var r reply
	eventually(s.t, soon, "the disk is full", func() bool {
		began := time.Now()
		var err error
		if r, err = s.call(http.MethodPost, "/v1/events", s.write, manyEvents("full", 1)); err != nil {
			s.t.Fatalf("the server does not answer: %v", err)
		}
		if took := time.Since(began); took > soon {
			s.t.Errorf("an answer took %s", took)
		}
		return r.status != http.StatusOK
	})
	wait, err := strconv.Atoi(r.header.Get("Retry-After"))
	if r.status != http.StatusServiceUnavailable || r.code() != "disk_full" || err != nil || wait < 60 {
		s.t.Errorf("refused with %s, Retry-After %q", r, r.header.Get("Retry-After"))
	}
}

// stillGoverned changes a setting, for which the ballast has made room.
func (s *server) stillGoverned(round int) {
	s.t.Helper()
	eventually(s.t, soon, "the ballast is given up", func() bool { return !s.hasBallast() })
	body := []byte(`{"retention_days":` + strconv.Itoa(1000+round) + `}`)
	if r, err := s.call(http.MethodPatch, "/v1/projects/1", s.admin, body); err != nil || r.status != http.StatusOK {
		s.t.Errorf("a setting cannot be changed on a full disk: %v %v", r, err)
	}
}

func (s *server) hasBallast() bool {
	_, err := os.Stat(filepath.Join(s.dir, "ballast"))
	return err == nil
}

// visibleEvents asks a question.
func (s *server) visibleEvents() float64 {
	s.t.Helper()
	var a answer
	s.ask(http.MethodPost, "/v1/query", []byte(`{"kind":"trends","range":{"from":"-30d","to":"now"},"interval":"day","series":[{"id":"A","aggregate":"total"}]}`), &a)
	return *a.Series[0].Total
}

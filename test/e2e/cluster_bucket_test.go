//go:build cluster

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// gatewayModule is the S3 server that buckets are tried on: files in a folder behind the protocol.
const gatewayModule = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

// gateway is an S3 server with a bucket named freshet, behind a network that can be bad.
type gateway struct {
	// dir is where the bucket's objects lie as files.
	dir string
	*network
}

// startGateway builds and starts the server. VERSITYGW names a binary that is there.
func startGateway(t *testing.T) *gateway {
	t.Helper()
	binary := os.Getenv("VERSITYGW")
	if binary == "" {
		bin := t.TempDir()
		install := exec.Command("go", "install", gatewayModule)
		install.Dir, install.Env = bin, append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-mod=mod")
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("build the S3 server: %v\n%s", err, out)
		}
		binary = filepath.Join(bin, "versitygw")
	}
	root := t.TempDir()
	dir := filepath.Join(root, "freshet")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	addr := freeAddress(t)
	cmd := exec.Command(binary, "--quiet", "--port", addr, "posix", root)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY=freshet", "ROOT_SECRET_KEY=not-a-secret")
	log := &output{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the S3 server:\n%s", tail(log.String(), 2000))
		}
	})
	eventually(t, soon, "the S3 server listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	t.Setenv("AWS_ACCESS_KEY_ID", "freshet")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
	return &gateway{dir: dir, network: newNetwork(t, addr)}
}

// url is the address of a folder of the bucket.
func (g *gateway) url(folder string) string {
	return fmt.Sprintf("s3://freshet/%s?endpoint=http://%s&region=us-east-1&use_path_style=true", folder, g.addr)
}

// TestBucketAway archives to a bucket whose network fails in every way: events are taken and questions are answered all the
// time, over a restart too, the log keeps what is not archived, and everything is archived by itself soon after. In the end
// the store is made anew from the bucket, equal by hash.
func TestBucketAway(t *testing.T) {
	g := startGateway(t)
	s := start(t, append(archived(), "--archive-bucket", g.url("archive"))...)
	s.send("/v1/events", manyEvents("first", 400))
	s.forget()
	l := s.begin(4, 5*time.Millisecond, "ffaa")
	for _, fault := range []string{netRefused, netBroken, netCut, netSlow, netSilent} {
		batches := s.metric("freshet_archive_batches_total")
		eventually(t, soon, "it archives", func() bool { return s.metric("freshet_archive_batches_total") > batches })
		g.set(fault)
		began := time.Now()
		if fault == netRefused || fault == netBroken {
			eventually(t, 2*soon, fault+": it is known to be away", func() bool { return s.metric("freshet_bucket_away") == 1 })
		}
		if fault == netRefused {
			s.restart()
			if s.metric("freshet_archive_position") == 0 {
				t.Error("after a start without its bucket the server does not know what is archived")
			}
		}
		at, asked := l.count(), 0
		eventually(t, soon, fault+": events are taken", func() bool {
			if r, err := s.call(http.MethodGet, "/readyz", "", nil); err != nil || r.status != http.StatusOK {
				t.Fatalf("%s: not ready: %v %s", fault, err, r)
			}
			s.waitVisible(s.send("/v1/events", manyEvents(fmt.Sprint(fault, asked), 1)).position())
			asked++
			return l.count() > at+1000 && time.Since(began) > 3*time.Second
		})
		if start := float64(s.status().Log.Start); start > s.metric("freshet_archive_position") {
			t.Errorf("%s: the log begins at %v, the archive ends at %v", fault, start, s.metric("freshet_archive_position"))
		}
		g.set(netHealthy)
		healed := time.Now()
		end := float64(s.status().Log.End)
		eventually(t, time.Minute, fault+": what came meanwhile is archived", func() bool { return s.metric("freshet_archive_position") >= end })
		t.Logf("%s for %s: %d questions answered, archived %s after", fault, healed.Sub(began).Round(time.Second), asked, time.Since(healed).Round(time.Second))
	}
	l.finish()
	if codes, last := l.refusals(); len(codes) > 0 {
		for code := range codes {
			if code != 0 { // those that the restart cut off
				t.Errorf("refused: %v, the last with %s", codes, last)
			}
		}
	}
	s.waitIdle()
	s.forget()
	s.ledger()
	s.stop()
	before := s.verify()
	if before.Archive.Files == 0 || len(before.Problems) > 0 {
		t.Fatalf("%+v", before)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "archive")); err == nil {
		t.Error("there is an archive in the data folder too")
	}
	if stdout, stderr, code := s.cli("", append([]string{"rebuild", "--json", "--data", s.dir}, s.args...)...); code != 0 {
		t.Fatalf("rebuild: %s%s", stdout, stderr)
	}
	if after := s.verify(); !reflect.DeepEqual(after.Store, before.Store) {
		t.Errorf("the store before\n%+v\nand after\n%+v", before.Store, after.Store)
	}
}

// TestBackupToBucket backs a running server up to a bucket over a network that fails now and then, restores it, and wants
// everything there; what has not changed is not sent again, what is not needed any more is removed, and what is damaged is found.
func TestBackupToBucket(t *testing.T) {
	g := startGateway(t)
	s := start(t, archived()...)
	to := g.url("backups/one")
	var done struct{ Files, Copied int64 }
	backup := func(args ...string) {
		t.Helper()
		stdout, stderr, code := s.cli("", append(append([]string{"backup", "--json", "--data", s.dir, to}, args...), s.args...)...)
		if code != 0 {
			t.Fatalf("backup: %s", stderr)
		}
		if err := json.Unmarshal([]byte(stdout), &done); err != nil {
			t.Fatal(err)
		}
	}
	s.send("/v1/events", manyEvents("a", 5000))
	s.forget()
	backup()
	if done.Copied != done.Files || done.Files == 0 {
		t.Errorf("the first backup copied %d of %d files", done.Copied, done.Files)
	}
	s.send("/v1/events", manyEvents("b", 5000))
	s.forget()
	g.setFor(netCut, 3)
	backup()
	if done.Copied == 0 || done.Copied >= done.Files {
		t.Errorf("the second backup copied %d of %d files", done.Copied, done.Files)
	}
	backup("--keep", "1")
	if lists, err := filepath.Glob(filepath.Join(g.dir, "backups", "one", "lists", "*")); err != nil || len(lists) != 1 {
		t.Errorf("%v are left, %v", lists, err)
	}
	if stdout, stderr, code := s.cli("", "verify", "--backup", to); code != 0 {
		t.Errorf("the backup is not good: %s%s", stdout, stderr)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	if _, stderr, code := s.cli("", "restore", to, dir); code != 0 {
		t.Fatalf("restore: %s", stderr)
	}
	r := &server{t: t, dir: dir, addr: freeAddress(t), args: s.args, http: newClient(), write: s.write, admin: s.admin}
	t.Cleanup(r.end)
	r.run()
	r.waitReady()
	eventually(t, soon, "the store is whole", func() bool { return strings.Contains(r.log.String(), "the store is whole") })
	r.waitIdle()
	if got := countIDs(r.export("")); got["a"] != 5000 || got["b"] != 5000 {
		t.Errorf("restored: %v", got)
	}
	objects, err := filepath.Glob(filepath.Join(g.dir, "backups", "one", "objects", "*"))
	if err != nil || len(objects) == 0 {
		t.Fatal(objects, err)
	}
	damage(t, objects[0], func(b []byte) []byte { return flipped(b, len(b)/2) })
	if stdout, _, code := s.cli("", "verify", "--backup", to); code != 1 {
		t.Errorf("a flipped bit of the backup was not found: %s", stdout)
	}
	if _, stderr, code := s.cli("", "backup", "--data", s.dir, g.url("backups")+"&nonsense=1"); code == 0 || !strings.Contains(stderr, "nonsense") {
		t.Errorf("an address that makes no sense: %d %s", code, stderr)
	}
}

// TestRecoverFromBucket loses a machine whose archive is in a bucket.
func TestRecoverFromBucket(t *testing.T) {
	g := startGateway(t)
	recoverFrom(t, "--archive-bucket", g.url("archive"), filepath.Join(g.dir, "archive"))
}

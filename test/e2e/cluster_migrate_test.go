//go:build cluster

package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/app"
	"github.com/freshet/freshet/test/clickhousetest"
	"github.com/freshet/freshet/test/postgrestest"
)

// TestMigrate moves a store to ClickHouse and its projects and keys to PostgreSQL under load, killed twice on the way, and switches
// without a refused request; then back, which catches up, there again, and for good. Every day is compared each time, and every acknowledged event is there once.
func TestMigrate(t *testing.T) {
	url := clickhousetest.Database(t, t.TempDir())
	s := start(t)
	cluster := filepath.Join(t.TempDir(), "cluster.yaml")
	pg := postgrestest.Start(t)
	if err := os.WriteFile(cluster, []byte("project: "+pg.URL(pg.Create())+"\nstore:\n  address: "+url+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, batch := range pastEvents(3000) {
		if r, err := s.call(http.MethodPost, "/v1/events", s.write, batch); err != nil || r.status >= 500 {
			t.Fatalf("%v %s", err, r)
		}
	}
	began := time.Now()
	l := s.begin(4, 30*time.Millisecond, "fa")
	eventually(t, soon, "the load is under way", func() bool { return l.count() > 5000 })
	for range 2 {
		killedMigration(t, s, cluster)
	}
	moved := migrated(t, s, cluster)
	if moved.Resumed == 0 || moved.Days < 1 || moved.Events < 5000 {
		t.Errorf("moved: %+v", moved)
	}
	s.switchTo(t, "--config", cluster)
	at := l.count()
	eventually(t, soon, "the load goes on", func() bool { return l.count() > at+1000 })
	if refused, last := l.refusals(); len(refused) > 0 {
		t.Errorf("requests failed: %v, the last with %s", refused, last)
	}
	s.waitReady()
	if _, stderr, code := s.cli(s.admin, "migrate", "--data", s.dir, "--to", cluster); code == 0 || !strings.Contains(stderr, "ClickHouse") {
		t.Errorf("moved again: %d %s", code, stderr)
	}

	unlink := []byte(`{"kind":"anonymous","id":"device-1-0"}`)
	var answer any
	s.ask(http.MethodPost, "/v1/persons/unlink", unlink, &answer)
	if out, stderr, code := s.cli(s.admin, "project", "create", "made in PostgreSQL"); code != 0 {
		t.Fatal(out, stderr)
	}
	if _, stderr, code := s.cli("", "migrate", "--data", s.dir, "--config", cluster, "--back"); code != 0 {
		t.Fatal(stderr)
	}
	s.switchTo(t)
	if out, _, _ := s.cli(s.admin, "project", "list"); !strings.Contains(out, "made in PostgreSQL") {
		t.Errorf("the projects after going back: %s", out)
	}
	at = l.count()
	eventually(t, soon, "the load goes on", func() bool { return l.count() > at+1000 })
	moved = migrated(t, s, cluster)
	if moved.Resumed <= 3000 {
		t.Errorf("moved again from %d on", moved.Resumed)
	}
	s.switchTo(t, "--config", cluster)
	at = l.count()
	eventually(t, soon, "the load goes on", func() bool { return l.count() > at+1000 })
	if _, stderr, code := s.cli("", "migrate", "--data", s.dir, "--config", cluster, "--confirm"); code != 0 {
		t.Fatal(stderr)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "store.duckdb")); err == nil {
		t.Error("the store of before is still there")
	}
	l.finish()
	t.Logf("%d events in %s", l.count(), time.Since(began).Round(time.Second))
	s.waitIdle()
	l.check(t, s.loaded(s.export("")))
	s.ledger()
	if refused, last := l.refusals(); len(refused) > 0 {
		t.Errorf("requests failed: %v, the last with %s", refused, last)
	}
}

// TestMigrateControl moves projects and keys alone, and back: keys go on to work, and what was changed in between is there.
func TestMigrateControl(t *testing.T) {
	pg := postgrestest.Start(t)
	s := start(t)
	if _, stderr, code := s.cli("", "migrate", "--data", s.dir, "--back"); code == 0 || !strings.Contains(stderr, "nothing to go back from") {
		t.Errorf("back from nowhere: %d %s", code, stderr)
	}
	project := []string{"--project", pg.URL(pg.Create())}
	s.switchTo(t, project...)
	if out, stderr, code := s.cli(s.admin, "project", "create", "made in PostgreSQL"); code != 0 {
		t.Fatal(out, stderr)
	}
	if _, stderr, code := s.cli("", append([]string{"migrate", "--data", s.dir, "--back"}, project...)...); code != 0 {
		t.Fatal(stderr)
	}
	s.switchTo(t)
	if out, _, _ := s.cli(s.admin, "project", "list"); !strings.Contains(out, "made in PostgreSQL") {
		t.Errorf("the projects after going back: %s", out)
	}
	s.waitVisible(s.send("/v1/events", manyEvents("e", 10)).position())
}

// loaded are the events of a load.
func (s *server) loaded(all []stored) (out []stored) {
	for _, e := range all {
		if !strings.HasPrefix(e.ID, "past-") {
			out = append(out, e)
		}
	}
	return out
}

// switchTo has a server with other flags take over from the one that runs.
func (s *server) switchTo(t *testing.T, args ...string) {
	t.Helper()
	old := s.process
	s.args = args
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
}

func killedMigration(t *testing.T, s *server, cluster string) {
	t.Helper()
	cmd := exec.Command(os.Getenv(binaryVariable), "migrate", "--data", s.dir, "--to", cluster, "--rate", "800")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(time.Duration(3000+rand.IntN(1000))*time.Millisecond, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	if cmd.Wait() == nil {
		t.Error("the migration was done before it was killed")
	}
}

func migrated(t *testing.T, s *server, cluster string) (out app.Migrated) {
	t.Helper()
	stdout, stderr, code := s.cli(s.admin, "migrate", "--data", s.dir, "--to", cluster, "--json")
	if code != 0 {
		t.Fatalf("%s%s", stdout, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &out); err != nil {
		t.Fatal(fmt.Errorf("%w: %s", err, stdout))
	}
	if len(out.Different)+len(out.Reworked) > 0 {
		t.Errorf("%d days have other events, and of %d others was worked out: %+v %+v", len(out.Different), len(out.Reworked), out.Different, out.Reworked)
	}
	t.Logf("%+v", out)
	return out
}

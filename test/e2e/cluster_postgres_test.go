//go:build cluster

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/test/postgrestest"
)

// change sets the retention of project 1.
func (s *server) change(days int) reply {
	s.t.Helper()
	r, err := s.call(http.MethodPatch, "/v1/projects/1", s.admin, fmt.Appendf(nil, `{"retention_days":%d}`, days))
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// hidesPassword looks for the password of the database's address where people look.
func (s *server) hidesPassword() {
	s.t.Helper()
	shown, _, _ := s.cli("", append([]string{"config", "--data", s.dir}, s.args...)...)
	if !strings.Contains(shown, "freshet:********@") {
		s.t.Errorf("the configuration is shown without its database:\n%s", shown)
	}
	if strings.Contains(shown+s.log.String()+s.out.String(), "pg-s3cret") {
		s.t.Error("the database's password is in the log or in what is shown")
	}
}

// TestPostgresAway has the control plane's database fail in every way: events are taken and questions are answered all the time,
// over a restart too, settings get a clear 503, and everything works by itself soon after.
func TestPostgresAway(t *testing.T) {
	pg := postgrestest.Start(t)
	n := newNetwork(t, pg.Addr)
	s := start(t, "--project", postgrestest.Address(n.addr, pg.Create()))
	if r := s.change(1); r.status != http.StatusOK {
		t.Fatalf("a setting: %s", r)
	}
	eventually(t, soon, "there is a copy", func() bool {
		b, err := os.ReadFile(filepath.Join(s.dir, "control.json"))
		return err == nil && strings.Contains(string(b), `"retention_days":1,`)
	})
	l := s.begin(2, 5*time.Millisecond, "ff")
	days := 1
	for _, f := range []struct {
		name    string
		restart bool
		begin   func() (end func())
	}{
		{"stopped", false, func() func() { pg.Stop(); return pg.Start }},
		{"refused", true, func() func() { n.set(netRefused); return func() { n.set(netHealthy) } }},
		{"silent", true, func() func() { n.set(netSilent); return func() { n.set(netHealthy) } }},
		{"frozen", false, n.freeze},
	} {
		heal := f.begin()
		days++
		began := time.Now()
		r := s.change(days)
		if r.status != http.StatusServiceUnavailable || r.code() != "control_plane_unavailable" || r.header.Get("Retry-After") == "" ||
			!strings.Contains(string(r.body), "try again later") {
			t.Errorf("%s: a setting: %s", f.name, r)
		}
		t.Logf("%s: the first change was refused after %s", f.name, time.Since(began).Round(time.Millisecond))
		eventually(t, soon, f.name+": it is known to be away", func() bool { return s.metric("freshet_project_away") == 1 })
		if f.restart {
			s.kill()
			s.restart()
			if !strings.Contains(s.log.String(), "going on with the projects and keys of the last copy") {
				t.Errorf("%s: the start said nothing of the copy", f.name)
			}
		}
		at := l.count()
		for asked := range 3 {
			s.waitVisible(s.send("/v1/events", manyEvents(fmt.Sprint(f.name, asked), 1)).position())
			var a answer
			s.question(map[string]any{"kind": "trends", "interval": "day", "series": []any{map[string]any{"id": "A", "events": []string{"e"}}}}, &a)
			var schema struct{ Events []struct{ Name string } }
			s.get("/v1/schema", &schema)
			if len(a.Series) != 1 || len(schema.Events) == 0 {
				t.Errorf("%s: %+v %+v", f.name, a, schema)
			}
		}
		eventually(t, soon, f.name+": events are taken", func() bool { return l.count() > at+200 })
		heal()
		healed := time.Now()
		days++
		eventually(t, soon, f.name+": settings can be changed again", func() bool { return s.change(days).status == http.StatusOK })
		t.Logf("%s: settings can be changed again after %s", f.name, time.Since(healed).Round(time.Millisecond))
		eventually(t, soon, f.name+": it is known to be back", func() bool { return s.metric("freshet_project_away") == 0 })
	}
	l.finish()
	codes, last := l.refusals()
	for code := range codes {
		if code != 0 { // those that a kill cut off
			t.Errorf("refused: %v, the last with %s", codes, last)
		}
	}
	var audit struct{ Entries []struct{ Detail string } }
	s.get("/v1/audit?limit=1", &audit)
	if len(audit.Entries) != 1 || !strings.Contains(audit.Entries[0].Detail, fmt.Sprintf("retention_days %d", days)) {
		t.Errorf("the last entry of the audit: %+v", audit)
	}
	s.waitIdle()
	s.ledger()
	s.hidesPassword()
	pg.Stop()
	s.stop() // well, although it is away
	if _, stderr, code := s.cli("", append([]string{"doctor", "--data", s.dir, "--listen", s.addr}, s.args...)...); code != 1 || !strings.Contains(stderr, "mended first") {
		t.Errorf("the doctor finds nothing wrong: %d %s", code, stderr)
	}
}

// TestSharedPostgres has two servers on one database, which both find empty: what one changes holds for the other.
func TestSharedPostgres(t *testing.T) {
	pg := postgrestest.Start(t)
	url := pg.URL(pg.Create())
	both := [2]*server{}
	for i := range both {
		s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freeAddress(t), args: []string{"--project", url}, http: newClient()}
		t.Cleanup(s.end)
		s.run()
		both[i] = s
	}
	printed := ""
	for _, s := range both {
		s.waitReady()
		printed += s.out.String()
	}
	keys := printedKey.FindAllStringSubmatch(printed, -1)
	if len(keys) != 2 {
		t.Fatalf("%d keys were printed:\n%s", len(keys), anyKey.ReplaceAllString(printed, "KEY"))
	}
	a, b := both[0], both[1]
	for _, s := range both {
		s.write, s.admin = keys[0][2], keys[1][2]
	}
	allowed := func(s *server, key string) bool {
		r, err := s.call(http.MethodPost, "/v1/events", key, manyEvents("a", 1))
		if err != nil || r.status != http.StatusOK && r.status != http.StatusUnauthorized {
			t.Fatal(err, r)
		}
		return r.status == http.StatusOK
	}
	began := time.Now()
	eventually(t, soon, "the keys are known to both", func() bool { return allowed(a, a.write) && allowed(b, b.write) })
	id, secret := a.createKey("write")
	made := time.Now()
	eventually(t, soon, "a new key is known to the other", func() bool { return allowed(b, secret) })
	t.Logf("the first keys were known after %s, a new one after %s", made.Sub(began).Round(time.Millisecond), time.Since(made).Round(time.Millisecond))
	if r, err := b.call(http.MethodDelete, fmt.Sprint("/v1/keys/", id), b.admin, nil); err != nil || r.status >= 300 {
		t.Fatal(err, r)
	}
	revoked := time.Now()
	eventually(t, soon, "a revoked key is refused by the other", func() bool { return !allowed(a, secret) })
	t.Logf("a revoked key was refused after %s", time.Since(revoked).Round(time.Millisecond))
	var insight struct{ ID string }
	a.ask(http.MethodPost, "/v1/insights", text(`{"name":"Mine","question":{"kind":"trends","series":[{"id":"A","events":["e"]}],"range":{"from":"-1d","to":"now"}}}`), &insight)
	b.get("/v1/insights/"+insight.ID, &insight)

	// Another database is not taken for this one, nor one that is in use for an empty one.
	a.stop()
	for dir, args := range map[string][]string{a.dir: {"--project", pg.URL(pg.Create())}, b.dir: nil} {
		_, stderr, code := a.cli("", append([]string{"serve", "--data", dir, "--listen", freeAddress(t), "--admin-listen", ""}, args...)...)
		if code == 0 || !strings.Contains(stderr, "control.json") {
			t.Errorf("%v on the folder of another control plane: %d %s", args, code, stderr)
		}
	}
	lite := start(t)
	lite.stop()
	_, stderr, code := lite.cli("", "serve", "--data", lite.dir, "--listen", freeAddress(t), "--admin-listen", "", "--project", url)
	if code == 0 || !strings.Contains(stderr, "other projects and keys") {
		t.Errorf("PostgreSQL on a folder with SQLite: %d %s", code, stderr)
	}
}

// TestPostgresLater starts a first server before its database, makes its store anew from beside, backs it up and restores it.
func TestPostgresLater(t *testing.T) {
	pg := postgrestest.Start(t)
	url := pg.URL(pg.Create())
	pg.Stop()
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freeAddress(t), args: append(archived(), "--project", url), http: newClient()}
	t.Cleanup(s.end)
	s.run()
	eventually(t, soon, "it says what it waits for", func() bool {
		r, err := s.call(http.MethodGet, "/readyz", "", nil)
		return err == nil && r.status == http.StatusServiceUnavailable && strings.Contains(string(r.body), "waits for PostgreSQL")
	})
	pg.Start()
	s.waitReady()
	keys := printedKey.FindAllStringSubmatch(s.out.String(), -1)
	if len(keys) != 2 {
		t.Fatal("the first start printed no keys")
	}
	s.write, s.admin = keys[0][2], keys[1][2]
	s.send("/v1/events", manyEvents("a", 300))
	s.forget()
	if out, stderr, code := s.cli("", append([]string{"doctor", "--json", "--data", s.dir, "--listen", s.addr}, s.args...)...); !strings.Contains(out, "PostgreSQL 1") {
		t.Errorf("the doctor does not see it: %d %s%s", code, out, stderr)
	}
	s.stop()
	before := s.verify()
	if out, stderr, code := s.cli("", append([]string{"rebuild", "--json", "--data", s.dir}, s.args...)...); code != 0 {
		t.Fatalf("rebuild: %s%s", out, stderr)
	}
	if after := s.verify(); len(after.Problems) > 0 || !reflect.DeepEqual(after.Store, before.Store) {
		t.Errorf("%+v, before %+v", after, before)
	}
	to, dir := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	if _, stderr, code := s.cli("", append([]string{"backup", "--data", s.dir, to}, s.args...)...); code != 0 {
		t.Fatalf("backup: %s", stderr)
	}
	if _, stderr, code := s.cli("", "restore", to, dir); code != 0 {
		t.Fatalf("restore: %s", stderr)
	}
	var kept struct{ Format int }
	if b, err := os.ReadFile(filepath.Join(dir, "control.json")); err != nil || json.Unmarshal(b, &kept) != nil || kept.Format != 1 {
		t.Errorf("the copy of projects and keys is not in the backup: %v", err)
	}
}

// TestDrillBesidePostgres drills on the folder of a server whose projects and keys are in PostgreSQL: the copy has them in SQLite, and
// the project of the drill does not come to be in the database.
func TestDrillBesidePostgres(t *testing.T) {
	pg := postgrestest.Start(t)
	address := postgrestest.Address(pg.Addr, pg.Create())
	s := start(t, "--project", address)
	s.send("/v1/events", manyEvents("a", 500))
	if r := s.change(400); r.status != http.StatusOK {
		t.Fatalf("a setting: %s", r)
	}
	eventually(t, soon, "there is a copy", func() bool {
		b, err := os.ReadFile(filepath.Join(s.dir, "control.json"))
		return err == nil && strings.Contains(string(b), `"retention_days":400,`)
	})
	s.waitIdle()
	for _, step := range s.drill([]string{"FRESHET_PROJECT=" + address}, "--data", s.dir) {
		if step.Problem != "" || step.Stored < 500 {
			t.Errorf("%+v", step)
		}
	}
	var all struct{ Projects []struct{ Name string } }
	s.get("/v1/projects", &all)
	if len(all.Projects) != 1 {
		t.Errorf("the projects are %+v", all.Projects)
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, "control.db")); err != nil || len(left) > 0 {
		t.Errorf("the folder got %v, %v", left, err)
	}
}

// TestRecoverWithPostgres loses a machine whose projects and keys are in PostgreSQL, which lives on.
func TestRecoverWithPostgres(t *testing.T) {
	pg := postgrestest.Start(t)
	dir := filepath.Join(t.TempDir(), "archive")
	recoverFrom(t, "--archive-folder", dir, dir, "--project", pg.URL(pg.Create()))
}

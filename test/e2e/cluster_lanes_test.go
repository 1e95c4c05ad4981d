//go:build cluster

package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/test/clickhousetest"
	"github.com/freshet/freshet/test/kafkatest"
	"github.com/freshet/freshet/test/postgrestest"
)

// tenant is a project, as who sends its events and who asks about them see it.
type tenant struct {
	id, lane     int
	door, reader *server
	load         *load
}

// view is a server as one with other keys sees it.
func (s *server) view(write, admin string) *server {
	return &server{t: s.t, addr: s.addr, http: s.http, write: write, admin: admin, process: s.process}
}

// tenants makes projects until there are so many.
func (s *server) tenants(door *server, names ...string) (out []*tenant) {
	s.t.Helper()
	out = append(out, &tenant{id: 1, door: door, reader: s})
	for _, name := range names {
		var p struct{ ID, Lane int }
		s.ask(http.MethodPost, "/v1/projects", []byte(fmt.Sprintf(`{"name":%q}`, name)), &p)
		keys := map[string]string{}
		for _, kind := range []string{"write", "admin"} {
			var k struct{ Key string }
			s.ask(http.MethodPost, fmt.Sprintf("/v1/projects/%d/keys", p.ID), []byte(`{"kind":"`+kind+`"}`), &k)
			keys[kind] = k.Key
		}
		out = append(out, &tenant{p.ID, p.Lane, door.view(keys["write"], keys["admin"]), s.view(keys["write"], keys["admin"]), nil})
	}
	return out
}

// working is how many lanes the process stores events of.
func (s *server) working(lanes int) int { return lanes - int(s.metric("freshet_standby")) }

// TestLanes has two processes store the events of five projects, whose events go two lanes. Each works on one. Under load one is killed,
// and the other works on both; it comes back, and has one again. One is stopped for longer than its leases are good and goes on, and one
// ends in an orderly way. Every acknowledged event of every project is there once, and each project sees what it was told of.
func TestLanes(t *testing.T) {
	const lanes = 2
	pg, k := postgrestest.Start(t), kafkatest.Start(t)
	database := clickhousetest.Database(t, t.TempDir())
	name, cluster, _ := strings.Cut(database, "?")
	clickhousetest.Drop(t, strings.TrimSuffix(name+"_1?"+cluster, "?"))
	project := pg.URL(pg.Create())
	shared := []string{"--project", project, "--log-address", k.URL("events"), "--log-replicas", "1", "--store-address", database}
	before := start(t, append([]string{"--roles", "ingest"}, shared...)...)
	before.other("process", shared...).stop() // an installation of one lane, which has events
	early := before.send("/v1/events", manyEvents("early", 10)).position()
	before.stop()

	shared = append(shared, "--lanes", "2")
	door := &server{
		t: t, dir: before.dir, addr: before.addr, args: append([]string{"--roles", "ingest"}, shared...), http: newClient(),
		write: before.write, admin: before.admin,
	}
	t.Cleanup(door.end)
	door.restart()
	one := door.other("process", shared...)
	reader := door.other("query,admin", shared...)
	projects := reader.tenants(door, "b", "c", "d", "e")
	for i, p := range projects {
		if p.lane != i%lanes {
			t.Errorf("project %d is on lane %d", p.id, p.lane)
		}
	}
	reader.waitVisible(early)
	eventually(t, soon, "one works on both", func() bool { return one.working(lanes) == lanes })
	two := door.other("process", shared...)
	balanced := func() bool { return one.working(lanes) == 1 && two.working(lanes) == 1 }
	eventually(t, soon, "each works on one", balanced)

	for _, p := range projects {
		p.load = p.door.begin(1, 100*time.Millisecond, "ff")
	}
	visible := func(when string) {
		t.Helper()
		began := time.Now()
		for _, p := range projects {
			at := p.load.count()
			eventually(t, soon, when+": events are taken", func() bool { return p.load.count() > at+20 })
			position := p.door.send("/v1/events", manyEvents(when, 1)).position()
			question := []byte(`{"kind":"trends","interval":"day","series":[{"id":"A","events":["e"]}]}`)
			eventually(t, time.Minute, fmt.Sprintf("%s: project %d sees its own", when, p.id), func() bool {
				r, err := p.reader.call(http.MethodPost, fmt.Sprint("/v1/query?timeout=20s&consistent_with=", position), p.reader.admin, question)
				if err != nil || r.status != http.StatusOK && r.status != http.StatusServiceUnavailable && r.status != http.StatusGatewayTimeout {
					t.Errorf("%s: a question: %v %s", when, err, r)
				}
				return err == nil && r.status == http.StatusOK
			})
			if now := p.reader.status().Watermark.Position; now < position {
				t.Errorf("%s: project %d is answered at position %d, before %d", when, p.id, now, position)
			}
		}
		t.Logf("%s: all see their own after %s", when, time.Since(began).Round(time.Millisecond))
	}
	visible("at first")
	for _, s := range []*server{one, two} {
		if s.metric("freshet_process_stored_total") == 0 {
			t.Error("a process that works on a lane has stored nothing")
		}
	}
	// Whoever works on the lane, each process can be asked what looks into the store and writes to the log.
	for _, s := range []*server{one, two} {
		for _, p := range projects {
			r, err := s.call(http.MethodPost, "/v1/persons/unlink", p.reader.admin, []byte(`{"kind":"anonymous","id":"nobody"}`))
			if err != nil || r.status != http.StatusNotFound || r.code() == "other_role" {
				t.Errorf("project %d: unlink: %v %s", p.id, err, r)
			}
		}
	}

	one.kill()
	eventually(t, soon, "the other works on both", func() bool { return two.working(lanes) == lanes })
	visible("one is killed")
	one.restart()
	eventually(t, soon, "it has one again", balanced)
	visible("it is back")
	began := time.Now()
	two.signal(syscall.SIGSTOP)
	eventually(t, soon, "the other works on both", func() bool { return one.working(lanes) == lanes })
	visible("two is stopped")
	<-time.After(time.Until(began.Add(frozenFor)))
	two.signal(syscall.SIGCONT)
	visible("two goes on")
	eventually(t, soon, "each works on one", balanced)
	if two.process.gone() {
		t.Error("who has lost its lanes has ended")
	}
	visible("each works on one again")
	one.stop()
	eventually(t, soon, "the other works on both", func() bool { return two.working(lanes) == lanes })
	visible("one has ended")
	one.dir = filepath.Join(t.TempDir(), "empty") // its machine is lost
	one.restart()
	eventually(t, soon, "it has one again", balanced)
	visible("one is on another machine")

	for command, want := range map[string]string{"doctor": "lane 1: a process on", "verify --lane 1": ""} {
		args := slices.Concat(strings.Fields(command), []string{"--data", two.dir}, shared)
		if out, errors, code := runCLI(t, nil, args...); command != "doctor" && code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: %d\n%s%s", command, code, out, errors)
		}
	}

	for _, p := range projects {
		p.load.finish()
		last := p.door.send("/v1/events", manyEvents("last", 1)).position()
		p.reader.waitVisible(last)
		refused, _ := p.load.refusals()
		t.Logf("project %d, lane %d: %d events acknowledged; refused %v; the ledger is %+v", p.id, p.lane, len(p.load.acked), refused, p.reader.ledger())
		p.load.check(t, slices.DeleteFunc(p.reader.export(""), func(e stored) bool { return e.Event == "e" })) // of manyEvents
	}

	// Who takes events hears from those who store them that a project has all that it may have, and from whoever raises that.
	for i, p := range reader.tenants(door, "f", "g")[1:] {
		path := fmt.Sprint("/v1/projects/", p.id)
		p.reader.ask(http.MethodPatch, path, []byte(`{"events_per_month":200}`), &struct{}{})
		taken := func(when string) {
			t.Helper()
			eventually(t, soon, when, func() bool {
				r, err := door.call(http.MethodPost, "/v1/events", p.door.write, manyEvents(when, 1))
				return err == nil && r.status == http.StatusOK
			})
		}
		taken("its key is known")
		n, _ := door.fill(p.door.write, fmt.Sprint("tenant ", i))
		t.Logf("project %d, lane %d: %d events were taken of 200", p.id, p.lane, n)
		if n < 199 {
			t.Errorf("%d events of project %d were taken of 199", n, p.id)
		}
		p.reader.ask(http.MethodPatch, path, []byte(`{"events_per_month":100000}`), &struct{}{})
		taken("it may have more")
	}

	one.stop()
	fewer := door.view(door.write, door.admin)
	fewer.dir, fewer.args = one.dir, append([]string{"--roles", "query"}, append(slices.Clone(shared), "--lanes", "1")...)
	fewer.addr = freeAddress(t)
	fewer.run()
	select {
	case <-fewer.process.exited:
	case <-time.After(soon):
		t.Error("a process with fewer lanes than projects are on goes on")
	}
}

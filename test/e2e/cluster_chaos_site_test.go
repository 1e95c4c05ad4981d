//go:build cluster

package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet/freshet/test/clickhousetest"
	"github.com/freshet/freshet/test/kafkatest"
	"github.com/freshet/freshet/test/postgrestest"
	"github.com/freshet/freshet/test/redistest"
)

// wellWithin is how long everything may take to be well after what was done to it has ended: more than a lease, the longest pause
// between two tries, and starts on a busy machine.
const wellWithin = 2 * time.Minute

// ground is what installations stand on, one after the other: the engines, and the networks between these and each process.
type ground struct {
	t       *testing.T
	engines []engine
	// stores are servers of ClickHouse, the first one that which processes speak to, with whatever there is of its shards.
	stores   []*clickhousetest.Server
	postgres *postgrestest.Server
	redis    *redistest.Server
	// links are the networks of each process, in the order of processes.
	links []map[string]*network
	// sites is how many installations there have been.
	sites int
}

// processes are the names of those of an installation. The first words are their roles.
var processes = []string{"ingest 1", "ingest 2", "process 1", "process 2", "query 1", "query 2"}

// newGround starts the engines, ClickHouse with so many shards, and builds a server for the laboratory.
func newGround(t *testing.T, shards int) *ground {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "freshet")
	if out, err := exec.Command("go", "build", "-tags", "duckdb_arrow,fault", "-o", binary, "../../cmd/freshet").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	t.Setenv(binaryVariable, binary)
	g := &ground{t: t, postgres: postgrestest.Start(t), redis: redistest.Start(t), stores: clickhousetest.StartCluster(t, shards)}
	listeners := make([]kafkatest.Listener, len(processes))
	for i := range processes {
		listeners[i].Address = freeAddress(t)
		links := map[string]*network{
			"Kafka": newNetwork(t, listeners[i].Address), "ClickHouse": newNetwork(t, g.stores[0].Address()),
			"PostgreSQL": newNetwork(t, g.postgres.Addr), "Redis": newNetwork(t, g.redis.Addr),
		}
		listeners[i].Advertised = links["Kafka"].addr
		g.links = append(g.links, links)
	}
	k := kafkatest.Start(t, listeners...)
	g.engines = []engine{
		{"Kafka", k.Kill, k.Run, k.Pause, k.Resume},
		{"PostgreSQL", g.postgres.Kill, g.postgres.Start, g.postgres.Pause, g.postgres.Resume},
		{"Redis", g.redis.Kill, g.redis.Run, g.redis.Freeze, g.redis.Thaw},
	}
	for i, h := range g.stores {
		g.engines = append(g.engines, engine{[]string{"ClickHouse", "the second shard"}[i], h.Kill, h.Run, h.Pause, h.Resume})
	}
	return g
}

// plan says how an installation is made.
type plan struct {
	// lanes are those that events go; of two, each of those who store works on one.
	lanes int
	// together tells that those who answer have their links in common: who shares answers must name the engines alike, who has links of its
	// own may be cut off alone.
	together bool
	// seals tells that rows are sealed by the hundred, not by the ten thousand, which are more than come.
	seals bool
	// env is what the process of a name has in its environment besides.
	env func(name string) []string
}

// site is an installation on several machines.
type site struct {
	*ground
	t                       testing.TB
	lanes                   int
	doors, writers, readers []*member
	// shops are the projects.
	shops []shop
}

// shop is a project, with a key to write to it.
type shop struct {
	id, lane int
	key      string
}

// engine is what processes have in common.
type engine struct {
	name string
	// kill and run end and start it, pause and resume have it do nothing for a while.
	kill, run, pause, resume func()
}

// member is a process of the installation.
type member struct {
	*server
	name string
	// links are what stands between it and an engine.
	links map[string]*network
	// down is true while it is not to run.
	down bool
	// troubled is true while it may not answer; troubles counts how often that was.
	troubled atomic.Bool
	troubles atomic.Int64
}

// trouble says that something is done to the process itself. It ends when everything is well.
func (m *member) trouble() {
	m.troubles.Add(1)
	m.troubled.Store(true)
}

func (s *site) everyone() []*member { return slices.Concat(s.doors, s.writers, s.readers) }

// site starts an installation of its own events and projects.
func (g *ground) site(t testing.TB, of plan) *site {
	t.Helper()
	g.sites++
	s := &site{ground: g, t: t, lanes: of.lanes}
	database, members := g.postgres.Create(), make([]*member, len(processes))
	for i, name := range processes {
		links := g.links[i]
		if of.together && i == 5 {
			links = g.links[4]
		}
		role, _, _ := strings.Cut(name, " ")
		if role == "query" {
			role = "query,admin"
		}
		m := &member{name: name, links: links, server: &server{
			t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freeAddress(t), http: newClient(), env: of.env(name), args: []string{
				"--roles", role, "--log-replicas", "1", "--log-address", fmt.Sprintf("kafka://%s/events%d", links["Kafka"].addr, g.sites),
				"--project", postgrestest.Address(links["PostgreSQL"].addr, database),
				"--store-address", fmt.Sprintf("clickhouse://default:@%s/freshet%d", links["ClickHouse"].addr, g.sites) + g.cluster(),
				"--lanes", strconv.Itoa(of.lanes),
				"--cache-address", fmt.Sprintf("redis://:%s@%s/0", redistest.Password, links["Redis"].addr),
			},
		}}
		if of.seals {
			m.env = append(m.env, "FRESHET_SMALL=1")
		}
		members[i] = m
		if folder := os.Getenv("CHAOS_LOGS"); folder != "" {
			t.Cleanup(func() {
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(m.name, " of ", g.sites, ".log")), []byte(m.log.String()), 0o600); err != nil {
					t.Error(err)
				}
			})
		}
		if i == 0 {
			m.launch()
			m.http.Timeout = answerWithin
			continue
		}
		m.write, m.admin, m.http.Timeout = members[0].write, members[0].admin, answerWithin
		t.Cleanup(m.end)
		m.run()
		if i == 3 && of.lanes == 1 {
			m.waitStandby()
			continue
		}
		m.waitReady()
	}
	s.doors, s.writers, s.readers = members[:2], members[2:4], members[4:]
	s.shops = []shop{{1, 0, s.doors[0].write}}
	return s
}

// cluster is what the address of the store has of its shards.
func (g *ground) cluster() string {
	if len(g.stores) == 1 {
		return ""
	}
	return "?cluster=" + clickhousetest.Both
}

// working is the process that stores events, or the first of those who do when it is not known which.
func (s *site) working() *member {
	for _, m := range s.writers {
		if m.state() == "ready" {
			return m
		}
	}
	return s.writers[0]
}

// suffer has a fault happen, and waits until everything is well again.
func (s *site) suffer(f fault) {
	s.t.Helper()
	began := time.Now()
	s.t.Logf("%s: %s", began.Format(time.TimeOnly), f.name)
	f.begin()
	s.during(f.lasts)
	f.end()
	over := time.Now()
	s.well(f.name)
	s.t.Logf("%s: took %s, well again after %s", f.name, over.Sub(began).Round(time.Millisecond), time.Since(over).Round(time.Millisecond))
}

// during lets a fault last, and starts meanwhile what would be started by whoever watches over processes.
func (s *site) during(lasts time.Duration) {
	s.t.Helper()
	over := time.After(lasts)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			s.tend()
		}
	}
}

// tend starts again what has ended by itself. Only a process that stores may, when its place was taken.
func (s *site) tend() {
	s.t.Helper()
	for _, m := range s.everyone() {
		if m.down || !m.process.gone() {
			continue
		}
		said := m.log.String()
		if !slices.Contains(s.writers, m) || !strings.Contains(tail(said, 2000), "another process stores events now") {
			s.t.Errorf("%s has ended: %v", m.name, m.process.err)
		}
		s.t.Logf("%s %s has ended, and is started again", time.Now().Format(time.TimeOnly), m.name)
		m.trouble()
		m.run()
	}
	for _, h := range s.stores {
		if h.Gone() {
			s.t.Log("ClickHouse has ended by itself, and is started again")
			h.Run()
		}
	}
}

// well returns when everybody is at work: each process is ready, one of those who store stands by or both have a lane, and an event of each lane
// that is taken by either who takes them is visible at either who answers.
func (s *site) well(when string) {
	s.t.Helper()
	missing := "nothing was looked at"
	end := time.Now().Add(wellWithin)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	positions := map[sent]uint64{}
	for missing != "" {
		if time.Now().After(end) {
			s.t.Fatalf("%s: not well within %s: %s", when, wellWithin, missing)
		}
		<-tick.C
		s.tend()
		missing = s.missing(positions)
	}
	for _, m := range s.everyone() {
		m.troubled.Store(false)
	}
}

// sent is an event of a project that a process has taken.
type sent struct {
	by      string
	project int
}

// missing is the first thing that is not well. positions are those up to which who takes events has them.
func (s *site) missing(positions map[sent]uint64) string {
	for _, m := range slices.Concat(s.doors, s.readers) {
		if got := m.state(); got != "ready" {
			return m.name + " is " + got
		}
	}
	states, want := []string{s.writers[0].stores(), s.writers[1].stores()}, []string{"ready", "standby"}
	if s.lanes == 2 {
		want[1] = "ready"
	}
	slices.Sort(states)
	if !slices.Equal(states, want) {
		return fmt.Sprintf("those who store are %v", states)
	}
	for lane := range s.lanes {
		i := slices.IndexFunc(s.shops, func(p shop) bool { return p.lane == lane })
		if i < 0 {
			continue
		}
		project, key := s.shops[i].id, s.shops[i].key
		for _, d := range s.doors {
			at := sent{d.name, project}
			if positions[at] > 0 {
				continue
			}
			r, err := d.call(http.MethodPost, "/v1/events", key, manyEvents("well", 1))
			if err != nil || r.status != http.StatusOK {
				return fmt.Sprintf("%s takes no events: %v %s", d.name, err, r)
			}
			positions[at] = r.position()
		}
		last := max(positions[sent{s.doors[0].name, project}], positions[sent{s.doors[1].name, project}])
		for _, m := range s.readers {
			path := fmt.Sprintf("/v1/query?timeout=5s&project=%d&consistent_with=%d", project, last)
			r, err := m.call(http.MethodPost, path, m.admin, []byte(`{"series":[{}]}`))
			if err != nil || r.status != http.StatusOK {
				return fmt.Sprintf("%s does not show position %d of project %d: %v %s", m.name, last, project, err, r)
			}
		}
	}
	return ""
}

// stores is the state of a process that stores events: where there are lanes, it is ready when it works on some.
func (m *member) stores() string {
	state := m.state()
	r, err := m.call(http.MethodGet, "/metrics", "", nil)
	if err != nil {
		return err.Error()
	}
	if state == "ready" && strings.Contains(string(r.body), "\nfreshet_standby{") && !workingLane.Match(r.body) {
		return "standby"
	}
	return state
}

// workingLane is what a process says of a lane that it works on.
var workingLane = regexp.MustCompile(`(?m)^freshet_standby\{.*\} 0$`)

// state is "ready", or why it is not.
func (m *member) state() string {
	r, err := m.call(http.MethodGet, "/readyz", "", nil)
	switch {
	case err != nil:
		return err.Error()
	case r.status == http.StatusOK:
		return "ready"
	}
	return r.code()
}

//go:build cluster

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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

// site is an installation on several machines.
type site struct {
	t                       *testing.T
	engines                 []engine
	clickhouse              *clickhousetest.Server
	doors, writers, readers []*member
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

func newSite(t *testing.T, r *rand.Rand) *site {
	t.Helper()
	s := &site{t: t}
	pg, rd, ch := postgrestest.Start(t), redistest.Start(t), clickhousetest.Start(t)
	database := pg.Create()
	names := []string{"ingest 1", "ingest 2", "process 1", "process 2", "query 1", "query 2"}
	members := make([]*member, len(names))
	listeners := make([]kafkatest.Listener, len(names))
	for i, name := range names {
		listeners[i].Address = freeAddress(t)
		m := &member{name: name, links: map[string]*network{
			"Kafka": newNetwork(t, listeners[i].Address), "ClickHouse": newNetwork(t, ch.Address()),
			"PostgreSQL": newNetwork(t, pg.Addr), "Redis": newNetwork(t, rd.Addr),
		}}
		listeners[i].Advertised = m.links["Kafka"].addr
		members[i] = m
	}
	// Who has an answer in common must name the engines alike; who has links of its own may be cut off alone.
	if r.IntN(2) == 0 {
		members[5].links = members[4].links
		t.Log("those who answer have their links in common")
	}
	k := kafkatest.Start(t, listeners...)
	for i, m := range members {
		role, _, _ := strings.Cut(names[i], " ")
		if role == "query" {
			role = "query,admin"
		}
		m.server = &server{
			t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freeAddress(t), http: newClient(), args: []string{
				"--roles", role, "--log-replicas", "1", "--log-address", "kafka://" + m.links["Kafka"].addr + "/events",
				"--project", postgrestest.Address(m.links["PostgreSQL"].addr, database),
				"--store-address", "clickhouse://default:@" + m.links["ClickHouse"].addr + "/freshet",
				"--cache-address", fmt.Sprintf("redis://:%s@%s/0", redistest.Password, m.links["Redis"].addr),
			},
		}
		m.http.Timeout = answerWithin
		if folder := os.Getenv("CHAOS_LOGS"); folder != "" {
			t.Cleanup(func() {
				if err := os.WriteFile(filepath.Join(folder, m.name+".log"), []byte(m.log.String()), 0o600); err != nil {
					t.Error(err)
				}
			})
		}
		if i == 0 {
			m.launch()
			continue
		}
		m.write, m.admin = members[0].write, members[0].admin
		t.Cleanup(m.end)
		m.run()
		if role == "process" && i == 3 {
			m.waitStandby()
			continue
		}
		m.waitReady()
	}
	s.clickhouse = ch
	s.doors, s.writers, s.readers = members[:2], members[2:4], members[4:]
	s.engines = []engine{
		{"Kafka", k.Kill, k.Run, k.Pause, k.Resume},
		{"ClickHouse", ch.Kill, ch.Run, ch.Pause, ch.Resume},
		{"PostgreSQL", pg.Kill, pg.Start, pg.Pause, pg.Resume},
		{"Redis", rd.Kill, rd.Run, rd.Freeze, rd.Thaw},
	}
	return s
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
	if s.clickhouse.Gone() {
		s.t.Log("ClickHouse has ended by itself, and is started again")
		s.clickhouse.Run()
	}
}

// well returns when everybody is at work: each process is ready, one of those who store stands by, and an event that is taken by either
// who takes them is visible at either who answers.
func (s *site) well(when string) {
	s.t.Helper()
	missing := "nothing was looked at"
	end := time.Now().Add(wellWithin)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	positions := make([]uint64, len(s.doors))
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

// missing is the first thing that is not well. positions are those up to which either who takes events has them, 0 for none yet.
func (s *site) missing(positions []uint64) string {
	for _, m := range slices.Concat(s.doors, s.readers) {
		if got := m.state(); got != "ready" {
			return m.name + " is " + got
		}
	}
	states := []string{s.writers[0].state(), s.writers[1].state()}
	slices.Sort(states)
	if !slices.Equal(states, []string{"ready", "standby"}) {
		return fmt.Sprintf("those who store are %v", states)
	}
	for i, d := range s.doors {
		if positions[i] > 0 {
			continue
		}
		r, err := d.call(http.MethodPost, "/v1/events", d.write, manyEvents("well", 1))
		if err != nil || r.status != http.StatusOK {
			return fmt.Sprintf("%s takes no events: %v %s", d.name, err, r)
		}
		positions[i] = r.position()
	}
	for _, m := range s.readers {
		r, err := m.call(http.MethodPost, fmt.Sprintf("/v1/query?timeout=5s&consistent_with=%d", slices.Max(positions)), m.admin, []byte(`{"series":[{}]}`))
		if err != nil || r.status != http.StatusOK {
			return fmt.Sprintf("%s does not show position %d: %v %s", m.name, slices.Max(positions), err, r)
		}
	}
	return ""
}

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

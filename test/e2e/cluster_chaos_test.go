//go:build cluster

package e2e_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"
)

// The least and the most that the load of TestChaos sends is a batch of 20 events in the mean, from each client at each tick.
const (
	chaosProjects = 3
	chaosClients  = 2
	chaosTick     = 200 * time.Millisecond
)

// TestChaos has two processes take events, two store them and two answer, on a real Kafka, ClickHouse, PostgreSQL and Redis, with a
// network of its own between each of them and each engine. Under load, what can happen to any of these happens, in an order that
// the seed decides: it is killed, it is stopped for 30 s, its connections are reset, swallowed or slow, two of these at once, and all
// processes are started anew one by one. After each, everything is well again by itself. Meanwhile both who answer are asked: what
// they say is compared, at the end, with what there was at the watermark that they named, and what they refuse they refuse with a known
// code. Every acknowledged event is there once, and the ledgers balance.
//
// The seed decides as well whether both who store do at once, each the events of a lane, whether events are on two servers of ClickHouse, and
// whether rows are sealed all the time or not at all.
//
// CHAOS_SEED repeats an order, though not the moments; CHAOS_FAULTS is how many there are, 12 unless set, which takes some six minutes.
// CHAOS_LANES and CHAOS_SHARDS, 1 or 2, and CHAOS_SEALS, 0 or 1, say what the seed would decide.
// CHAOS_ONLY is a part of the names of those that are to happen. CHAOS_LOGS is a folder for what each process has logged.
func TestChaos(t *testing.T) {
	seed, faults := uint64(time.Now().UnixNano()), 12
	if s := os.Getenv("CHAOS_SEED"); s != "" {
		seed = number(t, s)
	}
	if s := os.Getenv("CHAOS_FAULTS"); s != "" {
		faults = int(number(t, s))
	}
	r := rand.New(rand.NewPCG(seed, 1))
	together, lanes, shards, seals := r.IntN(2) == 0, 1+r.IntN(2), 1+r.IntN(2), r.IntN(2)
	for name, of := range map[string]*int{"LANES": &lanes, "SHARDS": &shards, "SEALS": &seals} {
		if s := os.Getenv("CHAOS_" + name); s != "" {
			*of = int(number(t, s))
		}
	}
	t.Logf("CHAOS_SEED=%d CHAOS_FAULTS=%d CHAOS_LANES=%d CHAOS_SHARDS=%d CHAOS_SEALS=%d; those who answer have links in common: %v", seed, faults, lanes, shards, seals, together)
	s := newGround(t, shards).site(t, plan{lanes, together, seals == 1, func(string) []string { return nil }})
	u := s.use()
	dealer := &deck{site: s, r: r, only: os.Getenv("CHAOS_ONLY")}
	for i := 0; i < faults && !t.Failed(); i++ {
		s.suffer(dealer.draw())
	}
	u.judge(t)
}

// use is what clients do with a site, and what is known about it.
type use struct {
	*site
	loads []*load
	watch *watch
}

// use has clients send events to projects of their own, and others ask about them.
func (s *site) use() *use {
	s.t.Helper()
	u := &use{site: s}
	for i := range chaosProjects {
		key := s.project(fmt.Sprint("Shop ", i)).key
		l := s.doors[0].newLoad()
		l.key, l.every, l.ages, l.persistent, l.patience, l.newcomers = key, chaosTick, "ffa", true, 10*time.Second, 4
		l.others = []string{"http://" + s.doors[1].addr}
		clients := chaosClients
		if i == 0 { // So little comes that those who answer see the same of it most of the time.
			l.every, clients = 5*chaosTick, 1
		}
		l.start(clients)
		u.loads = append(u.loads, l)
	}
	s.well("at first")
	u.watch = s.watch(u.loads)
	return u
}

// judge ends it all, and says what is wrong.
func (u *use) judge(t testing.TB) {
	t.Helper()
	u.watch.stop()
	for _, l := range u.loads {
		l.finish()
	}
	u.well("at the end")
	for _, m := range u.readers {
		m.http.Timeout = time.Minute // for all events at once
	}
	u.watch.report(t)
	for i, shop := range u.shops[1:] {
		p := shop.id
		for _, code := range sorted(u.loads[i].codes) {
			e := u.loads[i].codes[code]
			t.Logf("project %d: an event was refused with %s, %d times", p, code, e.times)
			if wait := e.header.Get("Retry-After"); !refusalsOfEvents[code] && (e.status != http.StatusTooManyRequests || wait == "") {
				t.Errorf("an event was refused with %s, Retry-After %q", e, wait)
			}
		}
		one, other := u.readers[0].ledgerOf(p), u.readers[1].ledgerOf(p)
		if one != other {
			t.Errorf("the ledger of project %d is %+v and %+v", p, one, other)
		}
		if one.Dead != 0 || one.Accepted < u.loads[i].received {
			t.Errorf("%d events of project %d were acknowledged, the ledger says %+v", u.loads[i].received, p, one)
		}
		of := fmt.Sprint("project=", p)
		events := u.readers[0].export(of)
		if there := u.readers[1].export(of); !reflect.DeepEqual(events, there) {
			t.Errorf("of project %d one exports %d events, the other %d", p, len(events), len(there))
		}
		if one.Stored != int64(len(events)) {
			t.Errorf("%d events of project %d are there, the ledger says %+v", len(events), p, one)
		}
		u.loads[i].check(t, slices.DeleteFunc(slices.Clone(events), func(e stored) bool { return e.Event == "e" })) // of manyEvents
		u.watch.check(t, p, events)
		t.Logf("project %d: %d events acknowledged; the ledger is %+v", p, len(u.loads[i].acked), one)
	}
}

// refusalsOfEvents are the answers other than 200 that an SDK may get besides 429, and tries again after.
var refusalsOfEvents = map[string]bool{
	"no answer": true, "503 log_unavailable": true, "503 log_slow": true, "503 starting": true, "503 draining": true,
	"503 control_plane_unavailable": true,
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// project makes a project and a key to write to it, which everybody knows after a moment.
func (s *site) project(name string) shop {
	s.t.Helper()
	var p struct{ ID, Lane int }
	s.readers[0].ask(http.MethodPost, "/v1/projects", fmt.Appendf(nil, `{"name":%q}`, name), &p)
	var k struct{ Key string }
	s.readers[0].ask(http.MethodPost, fmt.Sprintf("/v1/projects/%d/keys", p.ID), []byte(`{"kind":"write"}`), &k)
	for _, d := range s.doors {
		eventually(s.t, soon, "a new key is known to "+d.name, func() bool {
			r, err := d.call(http.MethodPost, "/v1/events", k.Key, manyEvents(name, 1))
			return err == nil && r.status == http.StatusOK
		})
	}
	made := shop{p.ID, p.Lane, k.Key}
	s.shops = append(s.shops, made)
	return made
}

// ledgerOf is the ledger of a project of a server at rest.
func (s *server) ledgerOf(project int) counts {
	s.t.Helper()
	var l struct {
		Total      counts
		Difference int64
		Balanced   bool
	}
	s.get(fmt.Sprint("/v1/ledger?from=-7d&project=", project), &l)
	if l.Difference != 0 || !l.Balanced {
		s.t.Errorf("the ledger of project %d does not balance: %+v", project, l)
	}
	return l.Total
}

// sorted are the keys of answers that were counted.
func sorted(codes map[string]*example) []string { return slices.Sorted(maps.Keys(codes)) }

//go:build cluster

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	planted "github.com/freshet/freshet/internal/fault"
)

// planting is a bug, or two in different processes, and the shortest chaos that shows it.
type planting struct {
	// bugs are those that are planted, each in the processes whose names begin so.
	bugs map[string]planted.Bug
	// together tells that those who answer have their links in common, and so their answers.
	together bool
	// seals tells that rows are sealed. Then what is wrong in those that are not is so for a moment only.
	seals bool
	// chaos is what happens; nothing but load and questions when there is none.
	chaos func(s *site, d *deck)
	// says is what has to be said of each bug, by the process it is in: a part of a sentence.
	says map[string]string
}

// wrong is what is said of an answer that is compared with what there was.
const wrong = ", and there were "

// calm is for how long there are questions only, and enough how many each of those who answer has answered by then.
const (
	calm   = 8 * time.Second
	enough = 50
)

// plantings are all of them. Bugs of those who answer are planted in one of the two, if they can be: of the other one nothing may be said.
func plantings() []planting {
	killed := func(s *site, d *deck) { s.suffer(d.kill(s.working())) }
	within := func(at moment, how func(*deck, *member) fault) func(*site, *deck) {
		return func(s *site, d *deck) {
			s.suffer(d.within(s.working(), at, func(m *member) fault { return how(d, m) }))
		}
	}
	return []planting{
		{
			bugs: map[string]planted.Bug{"query 1": planted.CutLate, "query 2": planted.CutEarly},
			says: map[string]string{"query 1": wrong, "query 2": wrong},
		},
		{
			bugs: map[string]planted.Bug{"query 1": planted.LinkLate, "query 2": planted.WaitShort},
			says: map[string]string{"query 1": wrong, "query 2": "query 2 was asked for position "},
		},
		{
			bugs: map[string]planted.Bug{"query": planted.AnyVersion}, together: true,
			says: map[string]string{"query": wrong},
		},
		{
			bugs: map[string]planted.Bug{"query": planted.KeptAnyhow}, together: true,
			chaos: func(s *site, d *deck) {
				s.suffer(d.soonLate("the network of those who answer to Redis", s.readers[0].links["Redis"]))
			},
			says: map[string]string{"query": wrong},
		},
		{
			bugs: map[string]planted.Bug{"query 2": planted.CountedAgain},
			chaos: func(s *site, d *deck) {
				for range 4 { // It is one of the statements after a look that has to fail.
					f := d.within(s.readers[1], anytime, d.cut)
					f.lasts = 2 * time.Second
					s.suffer(f)
				}
			},
			says: map[string]string{"query 2": wrong},
		},
		{
			bugs:  map[string]planted.Bug{"query 1": planted.EpochIgnored},
			chaos: within(underWay, (*deck).isolate),
			says:  map[string]string{"query 1": wrong},
		},
		{
			bugs:  map[string]planted.Bug{"process": planted.PositionFirst},
			chaos: within(underWay, (*deck).kill),
			says:  map[string]string{"process": "was acknowledged and is not there"},
		},
		{
			bugs:  map[string]planted.Bug{"process": planted.CommitAgain},
			chaos: within(unanswered, (*deck).snap),
			says:  map[string]string{"process": "is there twice"},
		},
		{bugs: map[string]planted.Bug{"process": planted.FirstUnasked}, chaos: killed, says: map[string]string{"process": "is there twice"}},
		{bugs: map[string]planted.Bug{"process": planted.IDsForgotten}, chaos: killed, says: map[string]string{"process": "is there twice"}},
		{bugs: map[string]planted.Bug{"process": planted.SealedAsWere}, seals: true, says: map[string]string{"process": wrong}},
		{
			bugs: map[string]planted.Bug{"process": planted.BuriedEarly}, seals: true,
			chaos: func(s *site, d *deck) {
				f := d.lateFor(600*time.Millisecond, "the network of query 1 to ClickHouse", s.readers[0].links["ClickHouse"])
				f.lasts = 15 * time.Second
				s.suffer(f)
			},
			says: map[string]string{"process": wrong},
		},
		{
			bugs:  map[string]planted.Bug{"ingest": planted.AckEarly},
			chaos: func(s *site, d *deck) { s.suffer(d.kill(s.doors[0])); s.suffer(d.killEngine(s.engines[0])) },
			says:  map[string]string{"ingest": "was acknowledged and is not there"},
		},
	}
}

// TestChaosFinds plants bugs in a cluster, each where it would be, has the least chaos happen that shows it, and demands that the checks of
// TestChaos tell.
func TestChaosFinds(t *testing.T) {
	g := newGround(t, 1)
	missing := planted.ClusterBugs()
	for _, p := range plantings() {
		names := make([]string, 0, 2)
		for _, bug := range p.bugs {
			names = append(names, string(bug))
			missing = slices.DeleteFunc(missing, func(b planted.Bug) bool { return b == bug })
		}
		slices.Sort(names)
		t.Run(strings.Join(names, "+"), func(t *testing.T) { p.found(t, g) })
	}
	if len(missing) > 0 {
		t.Errorf("nobody looks for %v", missing)
	}
}

// found plants the bugs and wants each to be told of.
func (p *planting) found(t *testing.T, g *ground) {
	h := &hearing{TB: t}
	began := time.Now()
	h.hear(func() {
		s := g.site(h, plan{1, p.together, p.seals, func(name string) []string {
			for of, bug := range p.bugs {
				if strings.HasPrefix(name, of) {
					return []string{"FRESHET_PLANTED=" + string(bug)}
				}
			}
			return nil
		}})
		u := s.use()
		s.during(calm)
		for end := time.Now().Add(wellWithin); u.watch.fewest(s.readers) < enough && time.Now().Before(end); {
			s.during(100 * time.Millisecond)
		}
		if p.chaos != nil {
			p.chaos(s, &deck{site: s, r: rand.New(rand.NewPCG(rand.Uint64(), 1))})
			s.during(calm / 2)
		}
		u.judge(h)
		for _, m := range s.everyone() {
			m.kill()
		}
	})
	for of, bug := range p.bugs {
		i := slices.IndexFunc(h.said, func(s string) bool {
			return strings.Contains(s, p.says[of]) && (!strings.HasPrefix(of, "query") || strings.HasPrefix(s, of))
		})
		if i < 0 {
			t.Errorf("%s in %s is not found; what is said is %q", bug, of, h.said)
			continue
		}
		t.Logf("%s in %s is found after %s: %s", bug, of, time.Since(began).Round(time.Second), h.said[i])
	}
	for _, reader := range processes[4:] {
		bad := false
		for of := range p.bugs {
			bad = bad || !strings.HasPrefix(of, "query") || strings.HasPrefix(reader, of)
		}
		for _, said := range h.said {
			if !bad && strings.HasPrefix(said, reader) {
				t.Errorf("nothing was planted in %s, and it is said: %s", reader, said)
			}
		}
	}
}

// hearing is a test whose failures are what is looked for.
type hearing struct {
	testing.TB

	mu   sync.Mutex
	said []string
}

// hear does something, until it is done or fails for good.
func (h *hearing) hear(do func()) {
	h.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	<-done
}

func (h *hearing) say(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, what)
}

// Error implements testing.TB.
func (h *hearing) Error(args ...any) { h.say(strings.TrimSpace(fmt.Sprintln(args...))) }

// Errorf implements testing.TB.
func (h *hearing) Errorf(format string, args ...any) { h.say(fmt.Sprintf(format, args...)) }

// Fatal implements testing.TB.
func (h *hearing) Fatal(args ...any) {
	h.Error(args...)
	runtime.Goexit()
}

// Fatalf implements testing.TB.
func (h *hearing) Fatalf(format string, args ...any) {
	h.Errorf(format, args...)
	runtime.Goexit()
}

//go:build cluster

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// answerWithin bounds the wait for an answer that is asked for within 10 s.
const answerWithin = 25 * time.Second

// sameFor is for how long the same is asked.
const sameFor = 400 * time.Millisecond

// refusalsOfQuestions are the answers other than 200 that a question may get while something is away.
var refusalsOfQuestions = map[string]bool{
	"503 store_away": true, "503 store_opening": true, "503 starting": true, "503 draining": true, "503 control_plane_unavailable": true,
	"504 not_visible_yet": true, "504 query_timeout": true, "504 timeout": true, "429 too_many_queries": true, "429 store_busy": true,
}

// statesOfProcesses are what a process may say of itself besides that it is ready.
var statesOfProcesses = map[string]bool{"starting": true, "standby": true, "draining": true, "store_away": true, "waiting": true}

// watch asks questions all the time, and looks at what processes say of themselves.
type watch struct {
	quit  chan struct{}
	wg    sync.WaitGroup
	shops []shop
	// loads are what is sent to each.
	loads []*load
	// from and to are the range of all questions: what is counted may be newer than a question is.
	from, to string

	// mu guards everything below.
	mu      sync.Mutex
	answers map[int][]*observed
	// latest is the last answer of each process about each lane, times how many it has given.
	latest   map[asker]*observed
	times    map[string]int
	codes    map[string]*example
	problems []string
	// largest are the most memory, in bytes, and the most goroutines that a process had, by its name and the metric's.
	largest map[string]float64
}

// asker is a process, asked about a project of a lane, which has positions of its own.
type asker struct {
	name string
	lane int
}

// observed is what was answered about a project, as of a position.
type observed struct {
	by       string
	kind     string
	position uint64
	// next is the position of the same process's next answer about the lane; the largest number while there is none.
	next uint64
	// numbers are a trend's events and people, a funnel's entered and converted, or the events of a ledger.
	numbers [2]int64
}

func (s *site) watch(loads []*load) *watch {
	today := time.Now().UTC()
	w := &watch{
		quit: make(chan struct{}), shops: s.shops[1:], loads: loads, answers: map[int][]*observed{}, latest: map[asker]*observed{}, times: map[string]int{}, codes: map[string]*example{}, largest: map[string]float64{},
		from: today.AddDate(0, 0, -10).Format(time.DateOnly), to: today.AddDate(0, 0, 2).Format(time.DateOnly),
	}
	for _, m := range s.readers {
		w.wg.Go(func() { w.every(150*time.Millisecond, func() { w.ask(m) }) })
	}
	for _, m := range s.everyone() {
		w.wg.Go(func() { w.every(500*time.Millisecond, func() { w.look(m) }) })
	}
	return w
}

func (w *watch) every(pause time.Duration, do func()) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
			do()
		}
	}
}

func (w *watch) stop() {
	close(w.quit)
	w.wg.Wait()
}

// fewest is how many answers the process has given that has given fewest.
func (w *watch) fewest(of []*member) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := math.MaxInt
	for _, m := range of {
		n = min(n, w.times[m.name])
	}
	return n
}

func (w *watch) problem(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, time.Now().Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
}

// call is member's. To wait in vain is wrong unless something was done to the process; one that has ended is noticed elsewhere.
func (w *watch) call(m *member, method, path, key string, body []byte) (reply, bool) {
	troubled, troubles := m.troubled.Load(), m.troubles.Load()
	began := time.Now()
	r, err := m.call(method, path, key, body)
	if err == nil {
		return r, true
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() && !troubled && !m.troubled.Load() && troubles == m.troubles.Load() {
		w.problem("%s does not answer %s within %s: %v", m.name, path, time.Since(began).Round(time.Millisecond), err)
	}
	return r, false
}

// asked are the questions, by their names.
var asked = map[string]string{
	"trends": `{"kind":"trends","interval":"day","series":[{"id":"A","events":["event 0","event 1","event 2","event 3","event 4"]},
		{"id":"B","aggregate":"unique","events":["event 0","event 1","event 2","event 3","event 4"]}],%s}`,
	"funnel": `{"kind":"funnel","window":"30d","steps":[{"events":["event 2"]},{"events":["event 1"]}],%s}`,
}

func (w *watch) ask(m *member) {
	// Both are asked the same for a moment: they share answers, and what they are working out.
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()/int64(sameFor)), 1))
	i, kind := r.IntN(len(w.shops)), []string{"trends", "funnel", "ledger"}[r.IntN(3)]
	var from uint64
	path := fmt.Sprintf("/v1/query?timeout=10s&project=%d", w.shops[i].id)
	var got reply
	var ok bool
	if kind == "ledger" {
		got, ok = w.call(m, http.MethodGet, fmt.Sprintf("/v1/ledger?from=%s&to=%s&project=%d", w.from, w.to, w.shops[i].id), m.admin, nil)
	} else {
		if rand.IntN(2) == 0 {
			from = w.loads[i].latest()
			path += fmt.Sprint("&consistent_with=", from)
		}
		got, ok = w.call(m, http.MethodPost, path, m.admin, fmt.Appendf(nil, asked[kind], fmt.Sprintf(`"range":{"from":%q,"to":%q}`, w.from, w.to)))
	}
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	count(w.codes, got)
	if got.status != http.StatusOK {
		return
	}
	var a struct {
		Watermark  struct{ Position uint64 }
		Series     []struct{ Total float64 }
		Groups     []struct{ Entered, Converted int64 }
		Total      counts
		Difference int64
	}
	if err := json.Unmarshal(got.body, &a); err != nil {
		w.problems = append(w.problems, fmt.Sprintf("%s: %v in %s", m.name, err, got))
		return
	}
	o := &observed{by: m.name, kind: kind, position: a.Watermark.Position, next: math.MaxUint64}
	by := asker{m.name, w.shops[i].lane}
	if before := w.latest[by]; before != nil {
		before.next = o.position
		if o.position < before.position {
			w.problems = append(w.problems, fmt.Sprintf("%s answered as of position %d, and then as of %d", m.name, before.position, o.position))
		}
	}
	w.latest[by] = o
	w.times[m.name]++
	switch {
	case o.position < from:
		w.problems = append(w.problems, fmt.Sprintf("%s was asked for position %d and answered as of %d", m.name, from, o.position))
	case a.Difference != 0:
		w.problems = append(w.problems, fmt.Sprintf("%s: the ledger does not balance: %s", m.name, got))
	case kind == "ledger":
		o.numbers = [2]int64{a.Total.Stored, a.Total.Accepted}
	case kind == "trends" && len(a.Series) == 2:
		o.numbers = [2]int64{int64(a.Series[0].Total), int64(a.Series[1].Total)}
	case kind == "funnel" && len(a.Groups) == 1:
		o.numbers = [2]int64{a.Groups[0].Entered, a.Groups[0].Converted}
	case kind == "funnel" && len(a.Groups) == 0: // nobody yet
	default:
		w.problems = append(w.problems, fmt.Sprintf("%s answers a question about %s with %s", m.name, kind, got))
	}
	w.answers[w.shops[i].id] = append(w.answers[w.shops[i].id], o)
}

// look samples what a process says of itself.
func (w *watch) look(m *member) {
	r, ok := w.call(m, http.MethodGet, "/readyz", "", nil)
	if ok && r.status != http.StatusOK && (r.status != http.StatusServiceUnavailable || !statesOfProcesses[r.code()]) {
		w.problem("%s: /readyz: %s", m.name, r)
	}
	if r, ok = w.call(m, http.MethodGet, "/metrics", "", nil); !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for line := range strings.Lines(string(r.body)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		var v float64
		if _, err := fmt.Sscan(value, &v); err != nil {
			continue
		}
		switch name {
		case "freshet_ledger_difference":
			if v != 0 {
				w.problems = append(w.problems, fmt.Sprintf("%s: the metric of the ledger's difference is %v", m.name, v))
			}
		case "process_resident_memory_bytes", "go_goroutines":
			w.largest[m.name+" "+name] = max(v, w.largest[m.name+" "+name])
		}
	}
}

// report fails the test for what was wrong in itself.
func (w *watch) report(t testing.TB) {
	t.Helper()
	for _, code := range sorted(w.codes) {
		e := w.codes[code]
		t.Logf("questions: %s, %d times, one with %s", code, e.times, tail(e.String(), 300))
		if e.status == http.StatusOK {
			continue
		}
		if !refusalsOfQuestions[code] {
			t.Errorf("a question was answered with %s", e)
		}
		if e.status == http.StatusServiceUnavailable && e.header.Get("Retry-After") == "" {
			t.Errorf("a question was refused without Retry-After: %s", e)
		}
	}
	if w.codes["200 "] == nil || w.codes["200 "].times < 50 {
		t.Error("hardly any question was answered")
	}
	for i, p := range w.problems {
		if i == 30 {
			t.Errorf("and %d more", len(w.problems)-i)
			break
		}
		t.Error(p)
	}
	for name, v := range w.largest {
		if strings.HasSuffix(name, "bytes") {
			t.Logf("at most, %s: %.0f MiB", name, v/(1<<20))
		} else {
			t.Logf("at most, %s: %.0f", name, v)
		}
	}
}

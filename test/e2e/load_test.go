package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// The ages of a load's events, told by the first letter of their ids. The letters are hexadecimal digits, because half
// of the ids are UUIDs, which are kept in another way than other texts.
const (
	freshEvent   = 'f'
	oldEvent     = 'a' // a closed day, which is compacted when it has several runs
	expiredEvent = 'e' // older than a retention of 30 days
)

// load is a number of apps that post batches of events with ids of their own. A batch that is not acknowledged is sent
// again with the same ids, or given up for good; some that are acknowledged are sent again all the same, as an app does
// that was cut off before it read the answer. It knows which events were acknowledged.
type load struct {
	url, key string
	// others are where else the same events may be sent to, as through a balancer: each try goes to one of them or to url.
	others []string
	// every is the pause between two batches of a client; patience is how long it waits for an answer, 40 s unless set.
	every, patience time.Duration
	// persistent clients never give a batch up.
	persistent bool
	ages       string
	// newcomers is how many people leave, and as many come, with each batch of a client; without any, everybody is known by two ids soon.
	// With some, a third of what people do is known by their user ids only, so that it matters who is whom.
	newcomers int
	quit      chan struct{}
	wg        sync.WaitGroup

	// mu guards everything below.
	mu sync.Mutex
	// acked are the ids that were acknowledged, open those that were sent and never were.
	acked, open map[string]bool
	// received is how many events were acknowledged, repeated ones each time; refused counts answers by status, 0 for
	// those that never came.
	received int64
	refused  map[int]int
	// codes are examples of the answers other than 200, by status and code, and counted how often they came.
	codes map[string]*example
	// last is the latest answer other than 200.
	last reply
	// newest is the largest position that was acknowledged.
	newest uint64
}

// example is one of many answers that are alike.
type example struct {
	reply
	times int
}

// begin starts the clients.
func (s *server) begin(clients int, every time.Duration, ages string) *load {
	l := s.newLoad()
	l.every, l.ages = every, ages
	l.start(clients)
	return l
}

func (s *server) newLoad() *load {
	return &load{
		url: "http://" + s.addr, key: s.write, patience: 40 * time.Second, quit: make(chan struct{}),
		acked: map[string]bool{}, open: map[string]bool{}, refused: map[int]int{}, codes: map[string]*example{},
	}
}

func (l *load) start(clients int) {
	run := rand.Uint32() >> 4
	for n := range clients {
		l.wg.Go(func() { l.client(n, run) })
	}
}

// finish lets each client bring its last batch to an end.
func (l *load) finish() {
	close(l.quit)
	l.wg.Wait()
}

// count is how many events were acknowledged so far.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// latest is a position up to which everything is there.
func (l *load) latest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest
}

func (l *load) refusals() (map[int]int, reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.refused), l.last
}

// client posts one batch after the other over a connection of its own.
func (l *load) client(n int, run uint32) {
	c := &http.Client{Timeout: l.patience, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer c.CloseIdleConnections()
	r := rand.New(rand.NewPCG(uint64(n), rand.Uint64()))
	pace := time.NewTicker(l.every)
	defer pace.Stop()
	var recent []batch
	for i := 0; ; i++ {
		select {
		case <-l.quit:
			return
		case <-pace.C:
		}
		age := l.ages[i%len(l.ages)]
		b := makeBatch(r, age, fmt.Sprintf("%c%07x-%04x-%04x", age, run, n, i), crowd{i * l.newcomers, l.newcomers > 0})
		l.mu.Lock()
		for _, id := range b.ids {
			l.open[id] = true
		}
		l.mu.Unlock()
		for !l.post(c, b) && (l.persistent || r.IntN(6) > 0) {
			<-pace.C
		}
		if recent = append(recent, b); len(recent) > 100 {
			recent = recent[1:]
		}
		if r.IntN(8) == 0 {
			// Some seconds and kills ago: what remembers the ids must have come back with the rows.
			l.post(c, recent[r.IntN(len(recent))])
		}
	}
}

// batch is a request and the ids in it.
type batch struct {
	path string
	body []byte
	ids  []string
}

// post tells whether the batch was acknowledged.
func (l *load) post(c *http.Client, b batch) bool {
	got := reply{}
	to := l.url
	if n := rand.IntN(1 + len(l.others)); n > 0 {
		to = l.others[n-1]
	}
	req, err := http.NewRequest(http.MethodPost, to+b.path, bytes.NewReader(b.body))
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+l.key)
	req.GetBody = nil // or Go would send it again by itself when a kept connection was closed, and nobody would know
	if resp, err := c.Do(req); err == nil {
		got.body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if got.header = resp.Header; err == nil {
			got.status = resp.StatusCode
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if got.status != http.StatusOK {
		l.refused[got.status]++
		l.last = got
		count(l.codes, got)
		return false
	}
	for _, id := range b.ids {
		delete(l.open, id)
		l.acked[id] = true
	}
	l.received += int64(len(b.ids))
	l.newest = max(l.newest, got.position())
	return true
}

// count adds an answer to those that are alike.
func count(codes map[string]*example, got reply) {
	key := "no answer"
	if got.status != 0 {
		key = fmt.Sprint(got.status, " ", got.code())
	}
	if codes[key] == nil {
		codes[key] = &example{reply: got}
	}
	codes[key].times++
}

// crowd are 500 people from a first one on. Apart tells that a third of what they do has their user ids only.
type crowd struct {
	first int
	apart bool
}

// makeBatch makes a body in one of the two formats; one of its ids may come twice.
func makeBatch(r *rand.Rand, age byte, prefix string, of crowd) batch {
	when := time.Now().UTC()
	switch age {
	case oldEvent:
		when = when.Add(-time.Duration(72+24*r.IntN(3)) * time.Hour)
	case expiredEvent:
		when = when.Add(-400 * 24 * time.Hour)
	}
	n := 1 + r.IntN(40)
	events, ids := make([]map[string]any, 0, n+1), make([]string, 0, n+1)
	native := r.IntN(2) == 0
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		if native {
			id = fmt.Sprintf("%s-8000-%012x", prefix, i)
		}
		person := of.first + r.IntN(500)
		e := map[string]any{"properties": map[string]any{"n": i, "plan": []string{"free", "pro"}[i%2], "nested": map[string]int{"a": i}}}
		at := when.Add(-time.Duration(i) * time.Second).Format(time.RFC3339Nano)
		kind := "track"
		if i == 0 {
			kind = "identify"
		} else {
			e["event"] = fmt.Sprintf("event %d", i%5)
		}
		if native {
			e["id"], e["kind"], e["anonymous_id"], e["timestamp"] = id, kind, fmt.Sprintf("a%d", person), at
			if kind == "identify" {
				e["user_id"] = fmt.Sprintf("u%d", person)
			}
		} else {
			e["messageId"], e["type"], e["anonymousId"], e["timestamp"] = id, kind, fmt.Sprintf("a%d", person), at
			if kind == "identify" {
				e["userId"] = fmt.Sprintf("u%d", person)
			}
		}
		if of.apart && i > 0 && r.IntN(3) == 0 {
			device, user := "anonymousId", "userId"
			if native {
				device, user = "anonymous_id", "user_id"
			}
			delete(e, device)
			e[user] = fmt.Sprintf("u%d", person)
		}
		ids, events = append(ids, id), append(events, e)
	}
	if r.IntN(8) == 0 {
		ids, events = append(ids, ids[0]), append(events, events[0])
	}
	if native {
		body, _ := json.Marshal(events)
		return batch{"/v1/events", body, ids}
	}
	body, _ := json.Marshal(map[string]any{"batch": events, "sentAt": time.Now().UTC().Format(time.RFC3339Nano)})
	return batch{"/v1/batch", body, ids}
}

// check wants every acknowledged event exactly once, every other at most once, and nothing that was never sent. Events
// that retention may have removed need not be there. It returns how many of each age there are.
func (l *load) check(t testing.TB, events []stored) map[byte]int {
	t.Helper()
	seen, ages := make(map[string]bool, len(events)), map[byte]int{}
	for _, e := range events {
		switch {
		case seen[e.ID]:
			t.Errorf("%s is there twice", e.ID)
		case !l.acked[e.ID] && !l.open[e.ID]:
			t.Errorf("%s is there and was never sent", e.ID)
		}
		seen[e.ID] = true
		ages[e.ID[0]]++
	}
	lost := 0
	for id := range l.acked {
		if !seen[id] && id[0] != expiredEvent {
			if lost++; lost <= 10 {
				t.Errorf("%s was acknowledged and is not there", id)
			}
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged events are lost", lost, len(l.acked))
	}
	return ages
}

// openLoop starts a batch at every tick, each with a new connection, and waits for all of them at the end.
func (l *load) openLoop(every time.Duration) {
	var requests sync.WaitGroup
	defer requests.Wait()
	c := &http.Client{Timeout: l.patience, Transport: &http.Transport{DisableKeepAlives: true}}
	run := rand.Uint32() >> 4
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-l.quit:
			return
		case <-tick.C:
		}
		requests.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			l.post(c, makeBatch(r, freshEvent, fmt.Sprintf("%c%07x-ffff-%04x", freshEvent, run, i), crowd{}))
		})
	}
}

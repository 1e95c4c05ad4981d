//go:build cluster

package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/test/clickhousetest"
)

// counted asks all the time how many events there are, until it is told to end. Each answer is a number that is not smaller than the one
// before, or says that the store does not answer.
type counted struct {
	s    *server
	quit chan struct{}
	done sync.WaitGroup

	mu            sync.Mutex
	latest        float64
	answers, away int
}

func (s *server) keepCounting() *counted {
	c := &counted{s: s, quit: make(chan struct{})}
	c.done.Go(func() {
		pace := time.NewTicker(50 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-c.quit:
				return
			case <-pace.C:
				c.ask()
			}
		}
	})
	return c
}

func (c *counted) ask() {
	// Another range each time: an answer that was kept is still right while nothing is committed, and tells nothing of the shards.
	question := fmt.Sprintf(`{"kind":"trends","interval":"month","range":{"from":"-%dd","to":"now"},"series":[{"id":"A"}]}`, 30+rand.IntN(1000))
	r, err := c.s.call(http.MethodPost, "/v1/query", c.s.admin, []byte(question))
	if err != nil {
		return // the server is killed, or starts
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.status {
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout: // it has waited for a shard as long as it may
		c.away++
	case http.StatusOK:
		var a answer
		if err := json.Unmarshal(r.body, &a); err != nil || len(a.Series) != 1 || a.Series[0].Total == nil {
			c.s.t.Errorf("an answer is %v %s", err, r)
			return
		}
		if *a.Series[0].Total < c.latest {
			c.s.t.Errorf("there were %v events, and now there are %v", c.latest, *a.Series[0].Total)
		}
		c.latest = *a.Series[0].Total
		c.answers++
	default:
		c.s.t.Errorf("a question is answered with %s", r)
	}
}

// times are how often there was a number, and how often the store was away.
func (c *counted) times() (answers, away int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers, c.away
}

func (c *counted) end() float64 {
	close(c.quit)
	c.done.Wait()
	return c.latest
}

// alive starts servers of ClickHouse again that have ended by themselves.
func alive(t *testing.T, servers []*clickhousetest.Server) {
	t.Helper()
	for _, h := range servers {
		if h.Gone() {
			t.Log("a shard has ended by itself, and is started again")
			h.Run()
		}
	}
}

// TestShardsKilled has the events on two servers of ClickHouse under load, and kills one of them, the other, and the server of Freshet, and stops one.
// Everything is accepted all the time and there once at the end, and no question is ever answered from one of the two alone.
func TestShardsKilled(t *testing.T) {
	shards := clickhousetest.StartCluster(t, 2)
	address := strings.Replace(shards[0].URL(), "default@", "default:@", 1) + "/freshet?cluster=" + clickhousetest.Both
	s := start(t, "--store-address", address)
	l := s.begin(2, 50*time.Millisecond, "ffaaf")
	c := s.keepCounting()
	answered := func(when string) {
		t.Helper()
		before, _ := c.times()
		eventually(t, time.Minute, when+": questions are answered", func() bool {
			alive(t, shards)
			n, _ := c.times()
			return n > before+3
		})
	}
	// awayWhen holds that events are accepted while questions are not answered.
	awayWhen := func(when string) {
		t.Helper()
		at := l.count()
		_, before := c.times()
		eventually(t, soon, when+": events are accepted", func() bool { return l.count() > at+100 })
		eventually(t, time.Minute, when+": questions are told so", func() bool { _, n := c.times(); return n > before })
	}
	pause := func() { <-time.After(time.Duration(300+rand.IntN(900)) * time.Millisecond) }
	answered("at first")
	for round := range 6 {
		victim := shards[(round+1)%2]
		pause()
		victim.Kill()
		awayWhen("a shard is killed")
		victim.Run()
		s.waitReady()
		answered("a shard is back")
		if round%2 == 1 {
			s.kill()
			s.restart()
		}
	}
	answered("before a shard is stopped")
	shards[1].Pause()
	awayWhen("a shard does not answer")
	shards[1].Resume()
	answered("it goes on")
	l.finish()
	eventually(t, 3*time.Minute, "everything is stored", func() bool {
		alive(t, shards)
		st := s.status()
		return st.Watermark.Position == st.Log.End
	})
	answered("at the end")
	total := c.end()
	refused, last := l.refusals()
	t.Logf("%d events acknowledged, refused %v; questions: %d answers, %d times the store was away", len(l.acked), refused, c.answers, c.away)
	for code := range refused {
		if code != 0 { // those that a kill cut off
			t.Errorf("refused: %v, the last with %s", refused, last)
		}
	}
	events := s.export("")
	l.check(t, events)
	if n := s.ledger(); n.Stored != int64(len(events)) || total != float64(len(events)) {
		t.Errorf("%d events are there, a question counts %v, the ledger says %+v", len(events), total, n)
	}
}

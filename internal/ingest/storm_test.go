package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/client"
	"github.com/freshet/freshet/internal/ingest"
)

// shore is a server that may be away, and what it sees in each second.
type shore struct {
	mux   http.Handler
	began time.Time

	mu              sync.Mutex
	away            bool
	tries, accepted map[int]int
}

func (s *shore) second() int { return int(time.Since(s.began) / time.Second) }

// phone is the way of one client to the server.
type phone struct {
	*shore

	address string
}

func (p phone) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	away := p.away
	if !away {
		p.tries[p.second()]++
	}
	p.mu.Unlock()
	if away {
		return nil, errors.New("connection refused")
	}
	r.RemoteAddr = p.address
	w := httptest.NewRecorder()
	p.mux.ServeHTTP(w, r)
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.Code == http.StatusOK {
		p.accepted[p.second()]++
	}
	return w.Result(), nil
}

// patience is how a client comes to have one batch accepted.
type patience func(ctx context.Context, p phone, random *rand.Rand) error

// ours is the client of this repository.
func ours(ctx context.Context, p phone, _ *rand.Rand) error {
	_, _, err := client.Over(p, "http://server", "1").Send(ctx, client.Request{Path: "/v1/events", Body: []byte(oneEvent)})
	return err
}

const oneEvent = `{"event":"e","user_id":"u"}`

// heeding waits as long as it is told to, and otherwise twice as long as before, up to a minute, with jitter.
func heeding(ctx context.Context, p phone, random *rand.Rand) error {
	wait := time.Second
	for {
		pause := time.Duration(random.Int64N(int64(wait))) + wait/2
		switch told, err := try(ctx, p); {
		case err == nil && told < 0:
			return nil
		case err == nil:
			pause = max(pause, told)
		}
		<-time.After(pause)
		wait = min(2*wait, time.Minute)
	}
}

// stubborn comes back every ten seconds, whatever it is told.
func stubborn(ctx context.Context, p phone, _ *rand.Rand) error {
	for {
		if told, err := try(ctx, p); err == nil && told < 0 {
			return nil
		}
		<-time.After(10 * time.Second)
	}
}

// try sends once; told is how long to wait before the next time, less than 0 when there is no need for one.
func try(ctx context.Context, p phone) (told time.Duration, err error) {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/events", strings.NewReader(oneEvent))
	r.SetBasicAuth("1", "")
	answer, err := p.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	if answer.StatusCode == http.StatusOK {
		return -1, nil
	}
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	return time.Duration(seconds) * time.Second, nil
}

// TestRetryStorm lets 10,000 clients find the server away for a minute, each with a batch that it will not give up, and then
// brings it back: it does not collapse again, each is rid of its batch soon, and those who sent in moderation all the while
// are not refused anything. most is how many tries there may be for each batch once the server is back.
func TestRetryStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("a simulation, which has no more races than the other tests")
	}
	for name, c := range map[string]struct {
		clients patience
		most    float64
	}{"ours": {ours, 1.1}, "heeding": {heeding, 1.2}, "stubborn": {stubborn, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { storm(t, c.clients, c.most) })
		})
	}
}

func storm(t *testing.T, clients patience, most float64) {
	const (
		swarm   = 10_000
		outage  = time.Minute
		calm    = 10 // seconds until nothing is left of the beginning
		soon    = 5 * time.Minute
		takes   = 1000 // requests a second
		atWork  = 300
		nearAll = 0.85
	)
	s := &shore{mux: overloaded(ingest.DefaultLimits()), began: time.Now(), away: true, tries: map[int]int{}, accepted: map[int]int{}}
	var all sync.WaitGroup
	for i := range swarm {
		random := rand.New(rand.NewPCG(4, uint64(i)))
		all.Go(func() {
			<-time.After(time.Duration(random.Int64N(int64(outage))))
			if err := clients(context.Background(), phone{s, fmt.Sprintf("10.1.%d.%d:1", i/250, i%250)}, random); err != nil {
				t.Error(err)
			}
		})
	}
	<-time.After(outage)
	s.mu.Lock()
	s.away = false
	s.mu.Unlock()
	back, lasts := s.second(), make(chan struct{})
	steady := &sender{project: "2", address: "10.0.0.2", perSecond: atWork}
	go func() {
		defer close(lasts)
		sendAll(s.mux, 30*time.Second, steady)
	}()
	all.Wait()
	cleared := time.Since(s.began) - outage
	<-lasts
	if cleared > soon {
		t.Errorf("the last batch was accepted %s after the server came back", cleared)
	}
	tries := 0
	for at, n := range s.tries {
		tries += n
		if room := takes - atWork; at >= back+calm && float64(s.accepted[at]) < nearAll*float64(min(n, room)) {
			t.Errorf("second %d: %d of %d accepted", at-back, s.accepted[at], n)
		}
	}
	if per := float64(tries) / swarm; per > most {
		t.Errorf("%.2f tries for each batch", per)
	}
	if len(steady.codes) > 0 || steady.p99() > 200*time.Millisecond {
		t.Errorf("beside them: refused %v, p99 %s", steady.codes, steady.p99())
	}
	t.Logf("cleared %s after the server came back, %.2f tries for each batch, p99 beside %s", cleared.Round(time.Second), float64(tries)/swarm, steady.p99())
}

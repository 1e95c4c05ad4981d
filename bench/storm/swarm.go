package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/bench"
)

// second is what the swarm saw in one.
type second struct {
	// tries reached the server; unreachable found none.
	tries, accepted, refused, unreachable int
	// queued are the batches that waited in all phones at its end.
	queued int
}

// swarm is all phones.
type swarm struct {
	plan

	http  *http.Client
	began time.Time

	mu      sync.Mutex
	queued  int
	seconds []second
}

// newSwarm makes phones that open a connection for each request, as most do.
func newSwarm(p plan) *swarm {
	return &swarm{plan: p, began: time.Now(), http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}}
}

func (s *swarm) second() int { return int(time.Since(s.began) / time.Second) }

// run returns when all phones have ended, soon after ctx has.
func (s *swarm) run(ctx context.Context) {
	var phones sync.WaitGroup
	for i := range s.phones {
		phones.Go(func() { s.phone(ctx, i) })
	}
	phones.Wait()
}

// note counts what has happened in the present second.
func (s *swarm) note(count func(*second)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := s.second(); len(s.seconds) <= at; {
		s.seconds = append(s.seconds, second{queued: s.queued})
	}
	last := &s.seconds[len(s.seconds)-1]
	count(last)
	last.queued = s.queued
}

// phone makes a batch every so often and sends what it has, over a connection that lasts as long as there is something. When
// that fails it waits for half to one and a half times a second, then twice as long, up to a minute, and at least for as long
// as it is told to: what
// the better SDKs do.
func (s *swarm) phone(ctx context.Context, index int) {
	random := rand.New(rand.NewPCG(uint64(index), 1))
	next := s.began.Add(time.Duration(random.Int64N(int64(s.every))))
	var retry time.Time
	wait, has, count := time.Second, 0, 0
	for {
		until := next
		if has > 0 && retry.Before(next) {
			until = retry
		}
		if !sleepUntil(ctx, until) {
			return
		}
		for !time.Now().Before(next) {
			has++
			next = next.Add(s.every)
			s.note(func(*second) { s.queued++ })
		}
		if has == 0 || time.Now().Before(retry) {
			continue
		}
		told, sent := s.flush(ctx, index, has, &count)
		if has -= sent; has == 0 {
			wait, retry = time.Second, time.Time{}
			continue
		}
		pause := max(wait/2+time.Duration(random.Int64N(int64(wait))), told)
		retry, wait = time.Now().Add(pause), min(2*wait, time.Minute)
	}
}

// flush sends until something fails, and returns how long it was told to wait.
func (s *swarm) flush(ctx context.Context, index, has int, count *int) (told time.Duration, sent int) {
	for ; sent < has; sent++ {
		*count++
		status, told, err := s.post(ctx, s.body(index, *count))
		s.note(func(n *second) {
			switch {
			case err != nil:
				n.unreachable++
			case status == http.StatusOK:
				n.tries++
				n.accepted++
				s.queued--
			default:
				n.tries++
				n.refused++
			}
		})
		if err != nil || status != http.StatusOK {
			return told, sent
		}
	}
	return 0, sent
}

func (s *swarm) post(ctx context.Context, body []byte) (status int, told time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	r.SetBasicAuth(s.key, "")
	answer, err := s.http.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	return answer.StatusCode, time.Duration(seconds) * time.Second, nil
}

func (s *swarm) body(index, count int) []byte {
	b := append(make([]byte, 0, 160*s.events), '[')
	for i := range s.events {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"event":"screen_viewed","id":"%d-%d-%d","anonymous_id":"phone-%d","properties":{"screen":"home","position":%d}}`,
			index, count, i, index, i)
	}
	return append(b, ']')
}

// tell prints and draws what happened; gone and back are the seconds in which the server went and came.
func (s *swarm) tell(gone, back int) error {
	tries, accepted, refused := bench.Series{Name: "tries"}, bench.Series{Name: "accepted"}, bench.Series{Name: "refused"}
	queue := bench.Series{Name: "batches that wait"}
	cleared := -1
	var sum second
	fmt.Println("| second | reached the server | accepted | refused | found no server | batches that wait |")
	fmt.Println("|---|---|---|---|---|---|")
	for at, n := range s.seconds {
		x := float64(at)
		tries.X, tries.Y = append(tries.X, x), append(tries.Y, float64(n.tries))
		accepted.X, accepted.Y = append(accepted.X, x), append(accepted.Y, float64(n.accepted))
		refused.X, refused.Y = append(refused.X, x), append(refused.Y, float64(n.refused))
		queue.X, queue.Y = append(queue.X, x), append(queue.Y, float64(n.queued))
		if at%10 == 0 || at >= back && at < back+10 {
			fmt.Printf("| %d | %d | %d | %d | %d | %d |\n", at, n.tries, n.accepted, n.refused, n.unreachable, n.queued)
		}
		if at > back {
			sum.tries, sum.accepted, sum.refused = sum.tries+n.tries, sum.accepted+n.accepted, sum.refused+n.refused
			if n.queued > s.phones/20 {
				cleared = -1
			} else if cleared < 0 {
				cleared = at - back
			}
		}
	}
	fmt.Printf("\nThe server is away from second %d to %d. Back, it accepts %d batches in %d tries: %.2f tries for each. ",
		gone, back, sum.accepted, sum.tries, float64(sum.tries)/float64(max(sum.accepted, 1)))
	if cleared < 0 {
		fmt.Printf("The backlog was not cleared within %d s.\n", len(s.seconds)-back)
	} else {
		fmt.Printf("After %d s fewer than one phone in twenty has a batch that waits, for good.\n", cleared)
	}
	if s.pictures == "" {
		return nil
	}
	for name, c := range map[string]bench.Chart{
		"storm":       {Title: "Requests a second; " + s.machine, X: "seconds", Y: "a second", Series: []bench.Series{accepted, tries, refused}},
		"storm-queue": {Title: "What waits in the phones; " + s.machine, X: "seconds", Y: "batches", Series: []bench.Series{queue}},
	} {
		if err := os.WriteFile(s.pictures+"-"+name+".svg", []byte(c.SVG()), 0o600); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
	}
	return nil
}

// sleepUntil waits for t; false when ctx ended first.
func sleepUntil(ctx context.Context, t time.Time) bool {
	wait(ctx, time.Until(t))
	return ctx.Err() == nil
}

package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestHeldRequestsComeInOrder holds back more requests than a handler takes at a time, as a hand-over does: none is refused,
// they come in the order in which they were sent, and those that do not end or go away keep nobody from coming.
func TestHeldRequestsComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sent, room = 2000, 2000/100 + passing
		s := New(Options{Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Hold: time.Minute})
		var requests sync.WaitGroup
		codes := make([]int, sent)
		gone, leave := context.WithCancel(t.Context())
		for i := range sent {
			ctx := t.Context()
			if i%10 == 5 {
				ctx = gone
			}
			requests.Go(func() {
				w := httptest.NewRecorder()
				s.serve(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/"+strconv.Itoa(i), nil))
				codes[i] = w.Code
			})
			synctest.Wait()
		}
		leave()
		synctest.Wait()
		end := make(chan struct{})
		var mu sync.Mutex
		inside, last := 0, -1
		s.SetHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Path[1:])
			mu.Lock()
			defer mu.Unlock()
			// Of ten that wait one has gone away.
			if n < last-2*passing {
				t.Errorf("%d comes after %d", n, last)
			}
			if last = max(last, n); inside >= room {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			inside++
			mu.Unlock()
			if n%100 == 0 {
				<-end
			} else {
				<-time.After(time.Millisecond)
			}
			mu.Lock()
			inside--
		}))
		<-time.After(10 * time.Second)
		mu.Lock()
		if inside != sent/100 || last != sent-1 {
			t.Errorf("%d are inside, the last to come was %d", inside, last)
		}
		mu.Unlock()
		close(end)
		requests.Wait()
		for i, code := range codes {
			if want := map[bool]int{true: http.StatusServiceUnavailable, false: http.StatusOK}[i%10 == 5]; code != want {
				t.Errorf("%d was answered with %d", i, code)
			}
		}
		if s.turns.busy != 0 || len(s.turns.queue) != 0 {
			t.Errorf("%d turns and %d waiting are left", s.turns.busy, len(s.turns.queue))
		}
	})
}

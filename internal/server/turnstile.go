package server

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// passing is how many requests are at the handler at a time while there are some that had to wait for it. All at once
	// they would look like an overload, which they are not: a hand-over held them back. As many as this are admitted by a
	// server however slow it is.
	passing = 16
	// turnMost is how long one that does not end, such as a live stream, keeps the next from its turn.
	turnMost = time.Second
)

// turnstile lets what waited through in the order in which it came, and what comes meanwhile behind it. When nobody waits
// any more it is gone. It is safe for concurrent use.
type turnstile struct {
	gone atomic.Bool
	// mu guards everything below.
	mu    sync.Mutex
	open  bool
	busy  int
	queue []chan struct{}
}

// wait joins the queue. What it returns is closed when it is one's turn, which begins then and has to be ended with done.
func (t *turnstile) wait() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	turn := make(chan struct{})
	t.queue = append(t.queue, turn)
	t.next()
	return turn
}

// unlock lets the first through.
func (t *turnstile) unlock() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = true
	t.next()
}

// done ends a turn.
func (t *turnstile) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy--
	t.next()
}

// leave gives up a turn that may have begun.
func (t *turnstile) leave(turn <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, c := range t.queue {
		if c == turn {
			t.queue = append(t.queue[:i], t.queue[i+1:]...)
			return
		}
	}
	t.busy--
	t.next()
}

// next begins as many turns as may be; mu is held.
func (t *turnstile) next() {
	for t.open && t.busy < passing && len(t.queue) > 0 {
		close(t.queue[0])
		t.queue[0] = nil
		t.queue = t.queue[1:]
		t.busy++
	}
	if t.open && len(t.queue) == 0 {
		t.gone.Store(true)
	}
}

// inTurn is a handler whose turn has begun, and ends with it or after turnMost.
func (t *turnstile) inTurn(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done := sync.OnceFunc(t.done)
		late := time.AfterFunc(turnMost, done)
		defer func() {
			late.Stop()
			done()
		}()
		h.ServeHTTP(w, r)
	})
}

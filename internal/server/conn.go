package server

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// tracker knows the connections of a server and drains them without the gap that http.Server.Shutdown has: that drops
// a request which arrives while it looks, and closes kept connections under clients that are about to use them. Here a
// connection that is between two requests is passed to the successor, if there is one, and every request of which a
// byte was read is served.
type tracker struct {
	// most is how many connections are open at a time.
	most int
	// room is told when a connection goes or has nothing to do.
	room *sync.Cond
	// mu guards everything below, and each connection's place.
	mu    sync.Mutex
	conns map[*conn]struct{}
	// quiet are the connections in the order in which they last had something to do.
	quiet    list.List
	draining bool
	// give passes a connection on; nil when there is no successor.
	give func(*net.TCPConn) error
	// empty is closed when draining and the last connection is gone.
	empty chan struct{}
}

func newTracker(most int) *tracker {
	t := &tracker{most: most, conns: map[*conn]struct{}{}, empty: make(chan struct{})}
	t.room = sync.NewCond(&t.mu)
	return t
}

// makeRoom waits until there is room for one more connection, and ends the one that has been quiet for longest to that
// end. While all are busy new ones wait in the kernel's queue: a busy connection is one that gets its answer, or is too slow
// and cut.
func (t *tracker) makeRoom() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.conns) >= t.most && !t.draining {
		for e := t.quiet.Front(); e != nil; e = e.Next() {
			if c := e.Value.(*conn); c.dismiss() {
				t.quiet.Remove(e)
				break
			}
		}
		t.room.Wait()
	}
}

// rested notes that a connection has nothing to do from now on.
func (t *tracker) rested(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.quiet.MoveToBack(c.place)
	if len(t.conns) >= t.most {
		t.room.Signal()
	}
}

// listener wraps what it accepts.
type listener struct {
	net.Listener
	tracker *tracker
}

func (l listener) Accept() (net.Conn, error) {
	l.tracker.makeRoom()
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	t := &conn{TCPConn: tcp, tracker: l.tracker}
	l.tracker.mu.Lock()
	defer l.tracker.mu.Unlock()
	l.tracker.conns[t] = struct{}{}
	t.place = l.tracker.quiet.PushBack(t)
	t.stopping = l.tracker.draining
	return t, nil
}

// conn is a connection that knows whether it is between two requests.
type conn struct {
	*net.TCPConn
	tracker *tracker
	place   *list.Element
	// mu guards everything below.
	mu sync.Mutex
	// busy: bytes of a request were read that was not answered yet. ahead: among them is the first byte of the next
	// one, which net/http reads in the background while a handler runs. dead: the peer is gone.
	busy, ahead, dead bool
	// phase is what net/http does next.
	phase phase
	// stopping: reads that wait for a next request end at once. interrupted: the deadline was set for that.
	stopping, interrupted bool
	deadline              time.Time
	framing               framing
}

// phase is how far net/http is between two requests. Behind an answer it sets a deadline and waits for four bytes of the next
// request, which are less than its first line; then it sets another deadline and reads the rest of the head. When it reads
// nothing between the two, those bytes had come along with the request that was answered.
type phase uint8

const (
	serving phase = iota
	answered
	waiting
)

var longAgo = time.Unix(1, 0)

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case n > 0:
		c.busy, c.phase = true, serving
		c.framing.read(p[:n])
		// Only net/http's background read is of one byte.
		c.ahead = c.ahead || len(p) == 1
		if c.interrupted {
			// The request was faster than the interruption: it is served.
			c.interrupted = false
			_ = c.TCPConn.SetReadDeadline(c.deadline)
		}
	case err != nil:
		if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() {
			c.dead = true
		}
	}
	return n, err
}

// SetReadDeadline keeps a connection that is to stop from waiting for another request.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	switch c.phase {
	case answered:
		c.phase = waiting
	case waiting:
		// It is served, too, whatever was to stop the connection meanwhile.
		c.phase, c.busy, c.interrupted, c.framing.missed = serving, true, false, true
	case serving:
	}
	if c.stopping && !c.busy {
		c.interrupted, t = true, longAgo
	}
	return c.TCPConn.SetReadDeadline(t)
}

// idle notes that the request was answered.
func (c *conn) idle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy, c.ahead = c.ahead, false
	// A first byte that was read ahead is of a method, and not missed.
	c.phase, c.framing = answered, framing{}
}

// dismiss is stop for a connection that is between two requests; otherwise it does nothing and is false.
func (c *conn) dismiss() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy {
		return false
	}
	c.stopping, c.interrupted = true, true
	_ = c.TCPConn.SetReadDeadline(longAgo)
	return true
}

// stop ends the wait for a next request, upon which net/http closes the connection.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	if !c.busy {
		c.interrupted = true
		_ = c.TCPConn.SetReadDeadline(longAgo)
	}
}

// Close closes the connection, or passes it on when it is between two requests and there is a successor.
func (c *conn) Close() error {
	t := c.tracker
	t.mu.Lock()
	give := t.give
	_, mine := t.conns[c]
	t.mu.Unlock()
	c.mu.Lock()
	idle := !c.busy && !c.dead
	c.mu.Unlock()
	if give != nil && mine && idle {
		// When this fails the client sees a closed connection, as it would without a successor.
		_ = give(c.TCPConn)
	}
	err := c.TCPConn.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.conns[c]; ok {
		delete(t.conns, c)
		t.quiet.Remove(c.place)
		t.room.Signal()
		t.check()
	}
	return err
}

// check tells that everything is done; mu is held.
func (t *tracker) check() {
	if !t.draining || len(t.conns) > 0 {
		return
	}
	select {
	case <-t.empty:
	default:
		close(t.empty)
	}
}

// state is the server's ConnState hook.
func (t *tracker) state(c net.Conn, s http.ConnState) {
	if c, ok := c.(*conn); ok && s == http.StateIdle {
		c.idle()
		t.rested(c)
	}
}

// drain ends every connection as soon as it is idle and returns when none is left. give may be nil.
func (t *tracker) drain(ctx context.Context, give func(*net.TCPConn) error) error {
	t.mu.Lock()
	t.draining, t.give = true, give
	t.room.Broadcast()
	all := make([]*conn, 0, len(t.conns))
	for c := range t.conns {
		all = append(all, c)
	}
	t.check()
	t.mu.Unlock()
	for _, c := range all {
		c.stop()
	}
	select {
	case <-t.empty:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.give = nil
	return ctx.Err()
}

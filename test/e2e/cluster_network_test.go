//go:build cluster

package e2e_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// network carries connections to an address, and does to them what is asked.
type network struct {
	addr string
	// late is how much later everything arrives, in nanoseconds; pace is how many bytes a second do, 0 as many as there are.
	late, pace atomic.Int64
	// waiting is how many bytes have come that have not been carried on.
	waiting atomic.Int64

	// mu guards everything below.
	mu    sync.Mutex
	fault string
	// left is how many connections the fault is for; 0 is all.
	left  int
	conns map[net.Conn]bool
	// frozen is closed when something gets through again; nil when it does.
	frozen chan struct{}
}

// The faults of a network.
const (
	netHealthy = ""
	// netRefused closes every connection at once.
	netRefused = "refused"
	// netSilent takes everything and answers nothing.
	netSilent = "silent"
	// netBroken answers every request with 500.
	netBroken = "broken"
	// netCut ends a connection in the middle of what it carries.
	netCut = "cut"
	// netSlow carries 64 KiB a second.
	netSlow = "slow"
	// netReset is netRefused with a reset, which loses what is on its way.
	netReset = "reset"
)

func newNetwork(t *testing.T, to string) *network {
	t.Helper()
	l, err := net.Listen("tcp", freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	n := &network{addr: l.Addr().String(), conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { n.carry(c, to) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		n.set(netRefused)
		wg.Wait()
	})
	return n
}

// set changes what the network does, and ends the connections that there are.
func (n *network) set(fault string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault, n.left = fault, 0
	for c := range n.conns {
		end(c, fault)
	}
	clear(n.conns)
}

// end closes a connection in the way of a fault.
func end(c net.Conn, fault string) {
	if tcp, ok := c.(*net.TCPConn); ok && fault == netReset {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// setFor is set for the next connections only.
func (n *network) setFor(fault string, conns int) {
	n.set(fault)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.left = conns
}

func (n *network) carry(c net.Conn, to string) {
	n.mu.Lock()
	fault := n.fault
	if n.left > 0 {
		if n.left--; n.left == 0 {
			n.fault = netHealthy
		}
	}
	n.conns[c] = true
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		delete(n.conns, c)
		n.mu.Unlock()
		_ = c.Close()
	}()
	switch fault {
	case netRefused, netReset:
		end(c, fault)
		return
	case netSilent:
		_, _ = io.Copy(io.Discard, c)
		return
	case netBroken:
		buf := make([]byte, 64<<10)
		_, _ = c.Read(buf)
		_, _ = io.WriteString(c, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	there, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	n.mu.Lock()
	n.conns[there] = true
	n.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.copy(there, c, fault); _ = there.Close() })
	wg.Go(func() { _ = n.copy(c, there, fault); _ = c.Close() })
	wg.Wait()
	n.mu.Lock()
	delete(n.conns, there)
	n.mu.Unlock()
}

// copy copies from one side to the other.
func (n *network) copy(to, from net.Conn, fault string) error {
	switch fault {
	case netCut:
		_, err := io.CopyN(to, from, 6<<10)
		return errors.Join(err, to.Close(), from.Close())
	case netSlow:
		pace := time.NewTicker(time.Second / 16)
		defer pace.Stop()
		for {
			if _, err := io.CopyN(to, from, 4<<10); err != nil {
				return err
			}
			<-pace.C
		}
	default:
		_, err := io.Copy(held{to, n}, from)
		return err
	}
}

// held is a side to which nothing gets through while the network is frozen, and everything late or slowly if it is to.
type held struct {
	net.Conn
	n *network
}

// Write implements io.Writer.
func (h held) Write(b []byte) (done int, err error) {
	h.n.waiting.Add(int64(len(b)))
	defer func() { h.n.waiting.Add(-int64(len(b))) }()
	if late := h.n.late.Load(); late > 0 {
		<-time.After(time.Duration(late))
	}
	for len(b) > 0 && err == nil {
		piece := b
		if pace := h.n.pace.Load(); pace > 0 {
			piece = b[:min(len(b), 2<<10)]
			<-time.After(time.Duration(len(piece)) * time.Second / time.Duration(pace))
		}
		h.n.pass()
		var n int
		n, err = h.Conn.Write(piece)
		done, b = done+n, b[n:]
		h.n.waiting.Add(-int64(n))
	}
	return done, err
}

// pass returns when something gets through.
func (n *network) pass() {
	n.mu.Lock()
	frozen := n.frozen
	n.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
}

// freeze has the connections stay, and carry nothing, until thaw is called. New ones are taken.
func (n *network) freeze() (thaw func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	frozen := make(chan struct{})
	n.frozen = frozen
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.frozen = nil
		close(frozen)
	}
}

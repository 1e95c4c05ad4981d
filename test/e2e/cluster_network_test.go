//go:build cluster

package e2e_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// network carries connections to an address, and does to them what is asked.
type network struct {
	addr string
	// frozen is held while nothing gets through.
	frozen sync.RWMutex

	// mu guards everything below.
	mu    sync.Mutex
	fault string
	// left is how many connections the fault is for; 0 is all.
	left  int
	conns map[net.Conn]bool
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
		_ = c.Close()
	}
	clear(n.conns)
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
	case netRefused:
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
	wg.Go(func() { _ = n.pass(there, c, fault); _ = there.Close() })
	wg.Go(func() { _ = n.pass(c, there, fault); _ = c.Close() })
	wg.Wait()
	n.mu.Lock()
	delete(n.conns, there)
	n.mu.Unlock()
}

// pass copies from one side to the other.
func (n *network) pass(to, from net.Conn, fault string) error {
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
		_, err := io.Copy(held{to, &n.frozen}, from)
		return err
	}
}

// held is a side to which nothing gets through while the network is frozen.
type held struct {
	net.Conn
	frozen *sync.RWMutex
}

// Write implements io.Writer.
func (h held) Write(b []byte) (int, error) {
	h.frozen.RLock()
	defer h.frozen.RUnlock()
	return h.Conn.Write(b)
}

// freeze has the connections stay, and carry nothing, until thaw is called.
func (n *network) freeze() (thaw func()) {
	n.frozen.Lock()
	return n.frozen.Unlock
}

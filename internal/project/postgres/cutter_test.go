//go:build cluster

package postgres_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// cutter stands before a server and cuts the first connection that commits once it is armed.
type cutter struct {
	addr string

	mu    sync.Mutex
	armed bool
	after bool
	cut   int
}

func newCutter(t *testing.T, to string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			t.Cleanup(func() { _, _ = client.Close(), server.Close() })
			wg.Go(func() { c.carry(client, server) })
			wg.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
	})
	return c
}

// arm has the next commit cut, after the server got it or before.
func (c *cutter) arm(after bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.after = true, after
}

func (c *cutter) cuts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

func (c *cutter) carry(client, server net.Conn) {
	defer server.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		c.mu.Lock()
		hit := c.armed && bytes.Contains(buf[:n], []byte("commit"))
		if hit {
			c.armed, c.cut = false, c.cut+1
		}
		after := c.after
		c.mu.Unlock()
		if hit {
			_ = client.Close()
		}
		if hit && !after {
			return
		}
		if _, err := server.Write(buf[:n]); err != nil || hit {
			return
		}
	}
}

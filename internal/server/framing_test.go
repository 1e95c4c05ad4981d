package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAmbiguousLength: a request with a length and chunks is refused and its connection closed, so that what follows it there is
// not taken for another one; wherever the head is cut into packets, and on a connection that was good before.
func TestAmbiguousLength(t *testing.T) {
	s, url, _ := start(t, Options{})
	s.SetHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %v", r.URL.Path, b, err)
	}))
	const chunks = "4\r\ntest\r\n0\r\n\r\n"
	good := "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 44\r\n\r\n\r\nTransfer-Encoding: chunked\r\nContent-Length"
	both := "POST /both HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 4\r\nX-Long: " + strings.Repeat("x", 5000) + "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
	only := "POST /only HTTP/1.1\r\nHost: a\r\nX-Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
	for name, piece := range map[string]int{"whole": 1 << 20, "in pieces": 7} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		for i, c := range []struct {
			request string
			status  int
		}{{good, 200}, {only, 200}, {good, 200}, {both + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", 400}} {
			for rest := c.request; rest != ""; {
				n := min(piece, len(rest))
				_, _ = io.WriteString(conn, rest[:n]) // a refused request is not read to its end
				rest = rest[n:]
			}
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(name, i, err)
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != c.status || resp.Close != (c.status == 400) {
				t.Errorf("%s, request %d: %d %s, close %v", name, i, resp.StatusCode, body, resp.Close)
			}
		}
		if b, err := io.ReadAll(in); len(b) > 0 {
			t.Errorf("%s: behind it there is %s, %v", name, b, err)
		}
	}
}

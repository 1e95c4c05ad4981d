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

// TestAmbiguousLengthBehind: a request with chunks whose head came along with the request before it is refused, too, since the
// head was not seen from its start. Without chunks it is served, and the connection is as good as before.
func TestAmbiguousLengthBehind(t *testing.T) {
	s, url, _ := start(t, Options{})
	entered, leave := make(chan struct{}), make(chan struct{})
	s.SetHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-leave
		}
	}))
	const (
		get   = "GET /get HTTP/1.1\r\nHost: a\r\n\r\n"
		slow  = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
		begin = "POST /both HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
		tail  = "Transfer-Encoding: chunked\r\n\r\n4\r\ntest\r\n0\r\n\r\n"
		only  = "POST /only HTTP/1.1\r\nHost: a\r\n" + tail
		both  = begin + tail
	)
	post := func(n int) string {
		return fmt.Sprintf("POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: %04d\r\n\r\n%s", n, strings.Repeat("x", n))
	}
	// net/http reads 4,096 bytes at a time.
	upTo := func(seen string) string { return post(4096 - len(seen) - len(post(0))) }
	for name, c := range map[string]struct {
		// writes are one write each; the next one comes when all of the one before is answered, or at work.
		writes []string
		want   []int
	}{
		"a body":              {[]string{post(9) + both + get}, []int{200, 400}},
		"no body":             {[]string{get + both + get}, []int{200, 400}},
		"chunks":              {[]string{only + both + get}, []int{200, 400}},
		"chunks only":         {[]string{get + only + get}, []int{200, 400}},
		"a read at a line":    {[]string{upTo(begin) + both + get}, []int{200, 400}},
		"a read in a line":    {[]string{upTo(begin[:45]) + both + get}, []int{200, 400}},
		"a read in a method":  {[]string{upTo("PO") + both + get}, []int{200, 400}},
		"a read, chunks only": {[]string{upTo("PO") + only, get}, []int{200, 200, 200}},
		"the third":           {[]string{get + post(9), post(9) + get + both}, []int{200, 200, 200, 200, 400}},
		"good again":          {[]string{get + post(9) + get, only, post(9), only, both + get}, []int{200, 200, 200, 200, 200, 200, 400}},
		"while one is served": {[]string{slow, only, slow, both + get}, []int{200, 200, 200, 400}},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			in, n := bufio.NewReader(conn), 0
			read := func() {
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(n, err)
				}
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != c.want[n] || resp.Close != (c.want[n] == 400) {
					t.Fatalf("request %d: %d %s, close %v", n, resp.StatusCode, body, resp.Close)
				}
				n++
			}
			for i, write := range c.writes {
				if _, err := io.WriteString(conn, write); err != nil {
					t.Fatal(err)
				}
				if i > 0 && c.writes[i-1] == slow {
					leave <- struct{}{}
					read()
				}
				if write == slow {
					<-entered
					continue
				}
				for answers := strings.Count(write, " HTTP/1.1\r\n"); answers > 0 && n < len(c.want); answers-- {
					read()
				}
			}
			if n != len(c.want) {
				t.Fatalf("%d answers, want %d", n, len(c.want))
			}
			if c.want[n-1] != 400 {
				return
			}
			if b, err := io.ReadAll(in); len(b) > 0 {
				t.Errorf("behind it there is %s, %v", b, err)
			}
		})
	}
}

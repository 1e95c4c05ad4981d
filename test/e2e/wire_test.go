package e2e_test

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

// wire is a connection on which bytes are written by hand.
type wire struct {
	t    *testing.T
	conn *net.TCPConn
	in   *bufio.Reader
}

func (s *server) dial(t *testing.T) *wire {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(2 * soon)); err != nil {
		t.Fatal(err)
	}
	return &wire{t, c.(*net.TCPConn), bufio.NewReader(c)}
}

func (w *wire) write(s string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, s); err != nil {
		w.t.Fatal(err)
	}
}

// reply reads an answer.
func (w *wire) reply() (r reply) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	r.status, r.header = resp.StatusCode, resp.Header
	if r.body, err = io.ReadAll(resp.Body); err != nil {
		w.t.Fatalf("half an answer: %v", err)
	}
	return r
}

// head is the head of a request with more header lines.
func (s *server) head(version string, lines ...string) string {
	return "POST /v1/events HTTP/" + version + "\r\nHost: localhost\r\nAuthorization: Bearer " + s.write + "\r\n" +
		strings.Join(append(lines, "", ""), "\r\n")
}

// TestWire writes requests by hand: odd ones that are good, and broken ones.
func TestWire(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := `{"event":"wire","user_id":"u"}`
	length := fmt.Sprintf("Content-Length: %d", len(body))
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	for _, c := range []struct {
		name    string
		request string
		half    bool
		status  int
		code    string
	}{
		{"HTTP/1.0", s.head("1.0", length) + body, false, 200, ""},
		{"HTTP/1.0, half-closed", s.head("1.0", length) + body, true, 200, ""},
		{"half-closed", s.head("1.1", length) + body, true, 200, ""},
		{"chunked", s.head("1.1", "Transfer-Encoding: chunked") + chunk, false, 200, ""},
		{"no content type", s.head("1.1", length) + body, false, 200, ""},
		{"a doubled slash", strings.Replace(s.head("1.1", length)+body, "/v1/events", "//v1//events/", 1), false, 200, ""},
		{"Expect: 100-continue", s.head("1.1", length, "Expect: 100-continue") + body, false, 100, ""},
		{"body shorter than its length", s.head("1.1", "Content-Length: 1000") + body, true, 400, "cut_body"},
		{"half-closed in a chunk", s.head("1.1", "Transfer-Encoding: chunked") + "ff\r\n" + body, true, 400, "cut_body"},
		{"a chunk of a bad size", s.head("1.1", "Transfer-Encoding: chunked") + "zz\r\n" + body, false, 400, "cut_body"},
		{"body longer than its length", s.head("1.1", "Content-Length: 10") + body, false, 400, "malformed_json"},
		{"two lengths", s.head("1.1", length, "Content-Length: 3") + body, false, 400, ""},
		{"a negative length", s.head("1.1", "Content-Length: -1") + body, false, 400, ""},
		{"an announced 40 MB", s.head("1.1", "Content-Length: 41943040"), false, 413, "body_too_large"},
		{"no host", "POST /v1/events HTTP/1.1\r\n" + length + "\r\n\r\n" + body, false, 400, ""},
		{"100 KB of headers", s.head("1.1", length, "X-Long: "+strings.Repeat("x", 100<<10)) + body, false, 431, ""},
		{"no HTTP", "hello\r\n\r\n", false, 400, ""},
		{"an unknown version", s.head("9.9", length) + body, false, 505, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := s.dial(t)
			go func() {
				_, _ = io.WriteString(w.conn, c.request) // a refused request is not read to its end
				if c.half {
					_ = w.conn.CloseWrite()
				}
			}()
			r := w.reply()
			if r.status == http.StatusContinue {
				if r = w.reply(); r.status != http.StatusOK {
					t.Errorf("after 100: %s", r)
				}
				return
			}
			if r.status != c.status || r.code() != c.code {
				t.Errorf("%s, want %d %s", r, c.status, c.code)
			}
		})
	}
	s.checkAlive("broken requests")
}

// TestSlowBody sends a body byte by byte, which is fine, and one that stops half-way, which is given up after a while
// without holding up anybody.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := `{"event":"slow","user_id":"u","id":"slow-1"}`
	stalled := s.dial(t)
	stalled.write(s.head("1.1", "Content-Length: 1000") + body)
	began := time.Now()

	drip := s.dial(t)
	drip.write(s.head("1.1", fmt.Sprintf("Content-Length: %d", len(body))))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, c := range body {
		<-tick.C
		drip.write(string(c))
	}
	if r := drip.reply(); r.status != http.StatusOK {
		t.Errorf("a body byte by byte: %s", r)
	}
	s.checkAlive("a body byte by byte")
	// Not a 4xx: apps drop their events at one, and a slow network may get better.
	if r := stalled.reply(); r.status != http.StatusGatewayTimeout || r.code() != "slow_body" {
		t.Errorf("a body that stops: %s", r)
	}
	if took := time.Since(began); took < 20*time.Second || took > 45*time.Second {
		t.Errorf("a body that stops is given up after %s", took)
	}
	if _, err := stalled.in.ReadByte(); err != io.EOF {
		t.Errorf("the connection is still open: %v", err)
	}
	s.checkAlive("a body that stops")
}

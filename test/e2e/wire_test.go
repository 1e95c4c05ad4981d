package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// wire is a connection on which bytes are written by hand.
type wire struct {
	conn *net.TCPConn
	in   *bufio.Reader
}

func (s *server) dial() (*wire, error) {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	return &wire{c.(*net.TCPConn), bufio.NewReader(c)}, c.SetDeadline(time.Now().Add(2 * soon))
}

// reply reads an answer; what came before it with 100 is passed over.
func (w *wire) reply() (r reply, err error) {
	for r.status < 200 {
		resp, err := http.ReadResponse(w.in, nil)
		if err != nil {
			return r, err
		}
		r.status, r.header = resp.StatusCode, resp.Header
		r.body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// tellWire says what was answered; what net/http refuses before the server sees it is plain text.
func (c *catalogue) tellWire(w *wire) string {
	r, err := w.reply()
	switch {
	case r.status >= http.StatusBadRequest && isClosed(err):
		// Refused while bytes were still on their way, upon which the kernel may reset the connection behind the status.
		return refused(r.status, "")
	case isClosed(err):
		return closed
	case err != nil:
		return err.Error()
	case r.status == http.StatusOK:
		return c.results(r, nil)
	case r.header.Get("Content-Type") != "application/problem+json":
		return refused(r.status, "")
	}
	return c.tell(r, nil)
}

// head is the head of a request with more header lines.
func (s *server) head(version string, lines ...string) string {
	return "POST /v1/events HTTP/" + version + "\r\nHost: localhost\r\nAuthorization: Bearer " + s.write + "\r\n" +
		strings.Join(append(lines, "", ""), "\r\n")
}

// rawInput is a request written by hand; after half of one the client sends no more.
func rawInput(id, what, answer, request string, half bool) input {
	return input{id: id, what: what, answer: answer, try: func(c *catalogue) string {
		w, err := c.dial()
		if err != nil {
			return err.Error()
		}
		defer w.conn.Close()
		c.sent = []byte(request[:min(len(request), sentKept)])
		go func() {
			_, _ = io.WriteString(w.conn, request) // a refused request is not read to its end
			if half {
				_ = w.conn.CloseWrite()
			}
		}()
		defer c.alivePost()
		return c.tellWire(w)
	}}
}

// wireInputs are requests written by hand: odd ones that are good, and broken ones.
func wireInputs(s *server) []input {
	body := `{"event":"wire","user_id":"u"}`
	length := fmt.Sprintf("Content-Length: %d", len(body))
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	raw := rawInput
	header := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "X-%d: y\r\n", i)
		}
		return b.String()
	}
	return []input{
		raw("I24", "a body shorter than its length, and the end", refused(400, "cut_body"), s.head("1.1", "Content-Length: 1000")+body, true),
		raw("I24", "a body longer than its length", refused(400, "malformed_json"), s.head("1.1", "Content-Length: 10")+body, false),
		raw("I24", "the end within a chunk", refused(400, "cut_body"), s.head("1.1", "Transfer-Encoding: chunked")+"ff\r\n"+body, true),
		raw("I24", "a chunk of a size that is no number", refused(400, "cut_body"), s.head("1.1", "Transfer-Encoding: chunked")+"zz\r\n"+body, false),
		raw("I23", "40 MB announced", refused(413, "body_too_large"), s.head("1.1", "Content-Length: 41943040"), false),
		raw("I23", "40 MB in chunks", refused(413, "body_too_large"), s.head("1.1", "Transfer-Encoding: chunked")+strings.Repeat("100000\r\n"+strings.Repeat(" ", 1<<20)+"\r\n", 40), false),
		raw("I37", "100 KB of headers", refused(431, ""), s.head("1.1", length, "X-Long: "+strings.Repeat("x", 100<<10))+body, false),
		raw("I37", "5,000 headers", refused(431, ""), strings.Replace(s.head("1.1", length), "Host:", header(5000)+"Host:", 1)+body, false),
		raw("I38", "two lengths", refused(400, ""), s.head("1.1", length, "Content-Length: 3")+body, false),
		raw("I38", "a length and chunks", refused(400, "ambiguous_length"), s.head("1.1", "Content-Length: 3", "Transfer-Encoding: chunked")+chunk, false),
		shown("I38", "chunks right behind a request that was not answered yet", refused(400, "ambiguous_length"), "TestAmbiguousLengthBehind"),
		raw("I38", "a negative length", refused(400, ""), s.head("1.1", "Content-Length: -1")+body, false),
		raw("I38", "an encoding of the transfer that does not exist", refused(501, ""), s.head("1.1", "Transfer-Encoding: x, chunked")+chunk, false),
		raw("I38", "a space before a colon", refused(400, ""), s.head("1.1", length, "X-A : b")+body, false),
		raw("I38", "a header that goes on in the next line", accepted, s.head("1.1", length, "X-A: b", " c")+body, false),
		raw("I38", "lines that end in LF only", accepted, strings.ReplaceAll(s.head("1.1", length), "\r\n", "\n")+body, false),
		raw("I38", "no host", refused(400, ""), "POST /v1/events HTTP/1.1\r\n"+length+"\r\n\r\n"+body, false),
		raw("I38", "no HTTP", refused(400, ""), "hello\r\n\r\n", false),
		raw("I38", "an unknown version", refused(505, ""), s.head("9.9", length)+body, false),
		raw("I39", "the preface of HTTP/2", refused(400, ""), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false),
		raw("I24", "HTTP/1.0", accepted, s.head("1.0", length)+body, false),
		raw("I24", "HTTP/1.0, and the end", accepted, s.head("1.0", length)+body, true),
		raw("I24", "a whole request, and the end", accepted, s.head("1.1", length)+body, true),
		raw("I24", "chunks", accepted, s.head("1.1", "Transfer-Encoding: chunked")+chunk, false),
		raw("I24", "no content type", accepted, s.head("1.1", length)+body, false),
		raw("I24", "doubled slashes in the path", accepted, strings.Replace(s.head("1.1", length)+body, "/v1/events", "//v1//events/", 1), false),
		raw("I24", "`Expect: 100-continue`", accepted, s.head("1.1", length, "Expect: 100-continue")+body, false),
	}
}

// connectionInputs are clients that are slow, or many.
func connectionInputs() []input {
	return []input{
		{id: "I33", what: "a header of a byte a second", answer: refused(400, "") + " within 10 s", slow: true, try: slowHeader},
		{id: "I34", what: "a body that stops", answer: refused(504, "slow_body") + " within 20 s", slow: true, try: func(c *catalogue) string { return slowBody(c, 0) }},
		{id: "I34", what: "a body of 10 bytes a second", answer: refused(504, "slow_body") + " within 20 s", slow: true, try: func(c *catalogue) string { return slowBody(c, 10) }},
		{id: "I34", what: "a body of 1,000 bytes a second", answer: accepted, slow: true, try: steadyBody},
		{id: "I35", what: "a client that is gone half-way", answer: "nothing stored", try: halfway},
		{id: "I66", what: "31 MB beside 600 uploads that stop half-way", answer: refused(429, "overloaded") + ", unread", try: tooMuchAtOnce},
		{id: "I36", what: "3,000 connections with nothing to do, where 1,000 may be", answer: "the oldest are closed, others are served", try: idleConnections},
	}
}

func slowHeader(c *catalogue) string {
	w, err := c.dial()
	if err != nil {
		return err.Error()
	}
	defer w.conn.Close()
	began := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	gone := make(chan string, 1)
	go func() { gone <- c.tellWire(w) }()
	for _, b := range []byte(c.head("1.1")) {
		select {
		case got := <-gone:
			if took := time.Since(began); took > 10*time.Second {
				return fmt.Sprintf("%s after %s", got, took)
			}
			return got + " within 10 s"
		case <-tick.C:
		}
		_, _ = w.conn.Write([]byte{b}) // the end is seen by the reader
	}
	return "still open"
}

// slowBody sends a body whose end never comes, at a rate in bytes a second.
func slowBody(c *catalogue, rate int) string {
	w, err := c.dial()
	if err != nil {
		return err.Error()
	}
	defer w.conn.Close()
	began := time.Now()
	if _, err := io.WriteString(w.conn, c.head("1.1", "Content-Length: 100000")+`{"event":"slow","user_id":"u","x":"`); err != nil {
		return err.Error()
	}
	done := make(chan struct{})
	var drip sync.WaitGroup
	if rate > 0 {
		drip.Go(func() {
			tick := time.NewTicker(time.Second / time.Duration(rate))
			defer tick.Stop()
			for {
				select {
				case <-done:
					return
				case <-tick.C:
					_, _ = w.conn.Write([]byte("x"))
				}
			}
		})
	}
	got := c.tellWire(w)
	close(done)
	drip.Wait()
	c.alivePost()
	if took := time.Since(began); took > 20*time.Second {
		return fmt.Sprintf("%s after %s", got, took)
	}
	return got + " within 20 s"
}

// steadyBody sends for longer than a stall may last, slowly and steadily.
func steadyBody(c *catalogue) string {
	w, err := c.dial()
	if err != nil {
		return err.Error()
	}
	defer w.conn.Close()
	body := `{"event":"slow","user_id":"u","properties":{"x":"` + strings.Repeat("x", 11_500) + `"}}`
	if _, err := io.WriteString(w.conn, c.head("1.1", fmt.Sprintf("Content-Length: %d", len(body)))); err != nil {
		return err.Error()
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for len(body) > 0 {
		<-tick.C
		n := min(100, len(body))
		if _, err := io.WriteString(w.conn, body[:n]); err != nil {
			return err.Error()
		}
		body = body[n:]
	}
	return c.tellWire(w)
}

func halfway(c *catalogue) string {
	_, end := c.status().Log.Start, c.status().Log.End
	for range 20 {
		w, err := c.dial()
		if err != nil {
			return err.Error()
		}
		_, _ = io.WriteString(w.conn, c.head("1.1", "Content-Length: 100")+`{"event":"gone","user_id":"u"}`)
		_ = w.conn.SetLinger(0)
		_ = w.conn.Close()
	}
	c.waitIdle()
	if now := c.status().Log.End; now != end {
		return fmt.Sprintf("%d events stored", now-end)
	}
	return "nothing stored"
}

func idleConnections(c *catalogue) string {
	const many = 3000
	conns := make([]*wire, many)
	defer func() {
		for _, w := range conns {
			if w != nil {
				_ = w.conn.Close()
			}
		}
	}()
	for i := range conns {
		w, err := c.dial()
		if err != nil {
			return err.Error()
		}
		conns[i] = w
		if _, err := io.WriteString(w.conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return err.Error()
		}
		if r, err := w.reply(); err != nil || r.status != http.StatusOK {
			return fmt.Sprintf("connection %d: %v %s", i, err, r)
		}
	}
	for i, w := range conns[:many/2] {
		if _, err := w.in.ReadByte(); !isClosed(err) {
			return fmt.Sprintf("connection %d is still open: %v", i, err)
		}
	}
	last := conns[many-1]
	if _, err := io.WriteString(last.conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return err.Error()
	}
	if r, err := last.reply(); err != nil || r.status != http.StatusOK {
		return fmt.Sprintf("the latest connection: %v %s", err, r)
	}
	c.alivePost()
	return "the oldest are closed, others are served"
}

// tooMuchAtOnce has as many bytes of uploads under way as may be: one more is refused by its head, and good events are taken again
// when they are gone.
func tooMuchAtOnce(c *catalogue) string {
	const (
		many  = 600
		each  = 130 << 10 // counts as 192 KiB
		least = 100 << 20
		more  = 31 << 20
	)
	var held []*wire
	leave := func() {
		for _, w := range held {
			_ = w.conn.Close()
		}
	}
	defer leave()
	open := func(length int, body string) (*wire, error) {
		w, err := c.dial()
		if err == nil {
			held = append(held, w)
			_, err = io.WriteString(w.conn, c.head("1.1", fmt.Sprintf("Content-Length: %d", length))+body)
		}
		return w, err
	}
	piece := strings.Repeat(" ", each)
	for range many {
		if _, err := open(1<<20, piece); err != nil {
			return err.Error()
		}
	}
	eventually(c.t, soon, "the uploads have come", func() bool { return c.metric("freshet_ingest_in_flight_bytes") > least })
	w, err := open(more, "")
	if err != nil {
		return err.Error()
	}
	got := c.tellWire(w)
	leave()
	eventually(c.t, soon, "good events are taken again", func() bool {
		r, err := c.call(http.MethodPost, "/v1/events", c.write, text(`{"event":"good","user_id":"u"}`))
		return err == nil && r.status == http.StatusOK
	})
	return got + ", unread"
}

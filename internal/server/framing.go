package server

import (
	"bytes"
	"context"
	"net"
	"net/http"
)

// framing reads along with the head of a request and notes whether it says twice where the body ends: by a length and by chunks.
// net/http drops the length before a handler could see it. The rest of such a request may be another one to a proxy in front,
// which is how requests are smuggled past it.
type framing struct {
	// line has the beginning of the line at hand, n how much of that is there.
	line [len(chunksField)]byte
	n    int
	// begun: there was a line with something in it. done: the head has ended.
	begun, done      bool
	length, encoding bool
	// missed: the head had begun in what was read along with the request before it, and was never seen from its start.
	missed bool
}

const (
	lengthField = "content-length:"
	chunksField = "transfer-encoding:"
)

// read takes the next bytes of the connection. Those behind the head are passed over.
func (f *framing) read(p []byte) {
	for len(p) > 0 && !f.done {
		part, rest, whole := bytes.Cut(p, []byte("\n"))
		f.n += copy(f.line[f.n:], part)
		if !whole {
			return
		}
		f.end(bytes.TrimSuffix(f.line[:f.n], []byte("\r")))
		f.n, p = 0, rest
	}
}

// end looks at the beginning of a line that is whole.
func (f *framing) end(line []byte) {
	has := func(field string) bool {
		return len(line) >= len(field) && bytes.EqualFold(line[:len(field)], []byte(field))
	}
	f.done = len(line) == 0 && f.begun
	f.begun = f.begun || len(line) > 0
	f.length = f.length || has(lengthField)
	f.encoding = f.encoding || has(chunksField)
}

type connKey struct{}

// withConn has the requests of a connection know it.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// ambiguous tells of a request with chunks why it is unknown whether they say where its body ends; empty when they do.
func ambiguous(r *http.Request) string {
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok || len(r.TransferEncoding) == 0 {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.framing.missed:
		return "a request with chunks came before the answer to the one before it; whether it has a Content-Length, too, is unknown"
	case c.framing.length && c.framing.encoding:
		return "the request has both a Content-Length and chunks; which of them counts is unknown"
	}
	return ""
}

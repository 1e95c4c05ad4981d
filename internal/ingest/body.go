package ingest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/fault"
)

var (
	bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	chunks = sync.Pool{New: func() any { return new([chunkBytes]byte) }}
)

// maxPooled keeps one huge request from holding its memory for ever.
const maxPooled = 4 << 20

// read returns the decompressed body. release gives back its memory and its share of the bytes in flight.
func (h *Handler) read(r *http.Request, bodiless bool) (body []byte, release func(), err error) {
	limit := int64(h.opts.Limits.Body)
	buf := bodies.Get().(*bytes.Buffer)
	held := int64(0)
	release = func() {
		h.inFlight.Add(-held)
		if buf.Cap() <= maxPooled {
			buf.Reset()
			bodies.Put(buf)
		}
	}
	if r.ContentLength > limit {
		return nil, release, tooLarge(limit)
	}
	// What a client announces and does not send must not keep others out: a body counts as what has come of it.
	if h.inFlight.Load()+r.ContentLength > h.opts.Limits.InFlight {
		return nil, release, tooBusy()
	}
	if bodiless { // an event in an address counts as a body that has begun
		held = weighStep
		if h.inFlight.Add(held) > h.opts.Limits.InFlight {
			return nil, release, tooBusy()
		}
	}
	if err := h.fill(buf, r, limit, &held); err != nil {
		return nil, release, err
	}
	body = bytes.TrimPrefix(buf.Bytes(), []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(body)) == 0 && !bodiless {
		return nil, release, event.Errorf(event.Invalid, "empty_body", "the body is empty")
	}
	return body, release, nil
}

// fill reads the body through the decompressor that its encoding, or its first bytes, ask for: some SDKs send gzip
// without saying so.
func (h *Handler) fill(buf *bytes.Buffer, r *http.Request, limit int64, held *int64) error {
	raw := &peeked{r: http.MaxBytesReader(nil, r.Body, limit)}
	src, done, err := decompressor(raw, strings.ToLower(r.Header.Get("Content-Encoding")))
	if err != nil {
		return err
	}
	defer done()
	if fault.Planted(fault.InputBound) {
		limit = math.MaxInt64 / 2
	}
	n, err := readBody(buf, &weighed{Reader: src, door: h, held: held}, limit)
	var over *http.MaxBytesError
	var refused *event.Error
	switch {
	case errors.As(err, &refused):
		return refused
	case n > limit || errors.As(err, &over):
		return tooLarge(limit)
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &event.Error{Kind: event.Timeout, Code: "slow_body", Message: "the body came too slowly", Err: err}
	case src != io.Reader(raw):
		return badCompression(err)
	default:
		return &event.Error{Kind: event.Invalid, Code: "cut_body", Message: "the body ended early", Err: err}
	}
}

// weighStep is how much of a body is counted at a time; a body that has begun counts as this much.
const weighStep = 64 << 10

// weighed counts what is read as bytes in flight, and ends when there are too many.
type weighed struct {
	io.Reader
	door *Handler
	held *int64
	read int64
}

func (b *weighed) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.read += int64(n); b.read > *b.held {
		more := max(weighStep, b.read-*b.held)
		*b.held += more
		if b.door.inFlight.Add(more) > b.door.opts.Limits.InFlight {
			return n, tooBusy()
		}
	}
	return n, err
}

func tooBusy() error {
	return &event.Error{Kind: event.Overloaded, Code: "overloaded", Message: "too many bytes in flight; send again later", Wait: time.Minute}
}

func tooLarge(limit int64) error {
	return event.Errorf(event.TooLarge, "body_too_large", "the body is larger than %d bytes", limit)
}

// peeked lets the first bytes be looked at before they are read.
type peeked struct {
	r    io.Reader
	head []byte
	err  error
	done bool
}

func (p *peeked) begins(a, b byte) bool {
	if !p.done {
		p.done = true
		p.head = make([]byte, 2)
		n, err := io.ReadFull(p.r, p.head)
		p.head = p.head[:n]
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			p.err = err
		}
	}
	return len(p.head) == 2 && p.head[0] == a && p.head[1] == b
}

func (p *peeked) Read(b []byte) (int, error) {
	if len(p.head) > 0 {
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	}
	if p.err != nil {
		return 0, p.err
	}
	return p.r.Read(b)
}

func decodeBase64(s string) string {
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		if b, err := enc.DecodeString(s); err == nil {
			return strings.TrimSuffix(string(b), ":")
		}
	}
	return ""
}

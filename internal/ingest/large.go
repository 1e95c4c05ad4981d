package ingest

import (
	"bytes"
	"io"
)

// chunkBytes is the size of the pieces in which a large body is gathered.
const chunkBytes = 256 << 10

// large gathers a body in pieces that are used again.
type large struct {
	chunks []*[chunkBytes]byte
	size   int
}

// Write implements io.Writer.
func (l *large) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		at := l.size % chunkBytes
		if at == 0 {
			l.chunks = append(l.chunks, chunks.Get().(*[chunkBytes]byte))
		}
		n := copy(l.chunks[len(l.chunks)-1][at:], rest)
		l.size, rest = l.size+n, rest[n:]
	}
	return len(b), nil
}

// moveTo appends what was gathered.
func (l *large) moveTo(buf *bytes.Buffer) {
	buf.Grow(l.size)
	rest := l.size
	for _, c := range l.chunks {
		buf.Write(c[:min(rest, chunkBytes)])
		rest -= chunkBytes
	}
}

func (l *large) release() {
	for _, c := range l.chunks {
		chunks.Put(c)
	}
}

// readBody reads a body of up to limit bytes and returns its size, which is greater when there was more. A buffer that
// doubles as it grows would take a multiple of the limit, so what does not fit a usual buffer is gathered first, and
// copied when its size is known and allowed.
func readBody(buf *bytes.Buffer, src io.Reader, limit int64) (int64, error) {
	n, err := buf.ReadFrom(io.LimitReader(src, min(maxPooled, limit+1)))
	if err != nil || n < maxPooled {
		return n, err
	}
	var l large
	defer l.release()
	more, err := io.Copy(&l, io.LimitReader(src, limit+1-n))
	if n += more; err == nil && n <= limit {
		l.moveTo(buf)
	}
	return n, err
}

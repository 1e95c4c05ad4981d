package ingest

import (
	"bytes"
	"io"

	"github.com/freshet/freshet/internal/event"
)

const (
	// usualBody is what a pooled buffer takes without growing beyond maxPooled.
	usualBody = 1 << 20
	// chunkBytes is the size of the pieces in which a large body is gathered.
	chunkBytes = 256 << 10
	// maxValues bounds the JSON values of a body: parsed, each takes a hundred bytes, so that 32 MB of two bytes a value
	// would become gigabytes before anybody has looked at the key. Every body of a usual size is below it.
	maxValues = usualBody
)

// large gathers a body in pieces that are used again.
type large struct {
	chunks []*[chunkBytes]byte
	size   int
	// values is at least the number of JSON values, but for the body's first part.
	values int
}

// Write implements io.Writer.
func (l *large) Write(b []byte) (int, error) {
	l.values += countValues(b)
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
	first := min(usualBody, limit+1)
	n, err := buf.ReadFrom(io.LimitReader(src, first))
	if err != nil || n < first {
		return n, err
	}
	var l large
	defer l.release()
	more, err := io.Copy(&l, io.LimitReader(src, limit+1-n))
	if n += more; err != nil || n > limit {
		return n, err
	}
	if l.values+countValues(buf.Bytes()) > maxValues {
		return n, event.Errorf(event.TooLarge, "too_many_values", "the body has more than %d JSON values", maxValues)
	}
	l.moveTo(buf)
	return n, nil
}

// countValues counts at least as many values as there are.
func countValues(b []byte) int {
	return bytes.Count(b, []byte(",")) + 2*bytes.Count(b, []byte("[")) + 2*bytes.Count(b, []byte("{"))
}

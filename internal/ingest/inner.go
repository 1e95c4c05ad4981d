package ingest

import (
	"encoding/base64"

	"github.com/freshet/freshet/internal/jsontree"
)

// Inner parses JSON that lies as text within an event, plain or as base64. One Inner serves one text of an event, and
// the next event's again: its value is valid until then.
type Inner struct {
	parser jsontree.Parser
	buf    []byte
}

// Parse returns the value, or nil after it has noted what is wrong with the event.
func (in *Inner) Parse(s *Sink, text string) *jsontree.Value {
	b := bytesOf(text)
	if len(b) > 0 && b[0] != '{' && b[0] != '[' {
		if cap(in.buf) < len(b) {
			in.buf = make([]byte, 2*len(b))
		}
		if n, err := base64.RawURLEncoding.Decode(in.buf[:cap(in.buf)], b); err == nil {
			b = in.buf[:n]
		} else if b, err = Payload(b); err != nil {
			s.fail("malformed_json", "a part of the event is neither JSON nor base64")
			return nil
		}
	}
	if code, reason := flaw(b); code != "" {
		s.fail(code, reason)
		return nil
	}
	v, err := in.parser.ParseBytes(b)
	if err != nil {
		s.fail(Malformed(err).Code, "a part of the event is not JSON")
		return nil
	}
	return v
}

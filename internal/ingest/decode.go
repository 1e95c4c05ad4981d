package ingest

import "github.com/freshet/freshet/internal/event"

// Decode reads a body as a request of the protocol would be read and returns the payload of its log record. It is the
// door without the house, for benchmarks and fuzzing.
func Decode(p Protocol, r *Request) ([]byte, error) {
	var s Sink
	s.begin(r.Limits, p.Name(), "", "", r.Body)
	r.sink, r.json, r.form, r.inner, r.used = &s, parsed{}, parsedForm{}, parsedText{}, false
	if err := p.Decode(r, &s); err != nil {
		return nil, err
	}
	return s.payload(1, 0, event.Trace{}), nil
}

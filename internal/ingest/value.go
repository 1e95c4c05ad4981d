package ingest

import (
	"bytes"
	"unicode/utf8"
	"unsafe"
)

// What decoders need whose events are not one JSON object each: the same rules for texts, names and values that come
// from other places.

// Fail notes the first thing that is wrong with the event; Accept then sets it aside.
func (s *Sink) Fail(code, reason string) { s.fail(code, reason) }

// Fault takes back what was found to be wrong so far. What is wrong with a part that several events share has to be
// failed for each of them.
func (s *Sink) Fault() Result {
	f := s.fault
	s.fault = Result{}
	return f
}

// Clean returns a text that shares the memory of b, and fails the event when it is not what an event may hold.
func (s *Sink) Clean(b []byte) string {
	switch {
	case !utf8.Valid(b):
		s.fail("invalid_utf8", "the event has bytes that are not UTF-8")
	case bytes.IndexByte(b, 0) >= 0:
		s.fail("nul_byte", "the event has a NUL character")
	}
	return alias(b)
}

// Key fails the event when a property may not have that name.
func (s *Sink) Key(name string) {
	if name == "" || len(name) > s.limits.Name {
		s.fail("bad_key", "a property has no name, or one that is longer than the limit")
	}
}

// Members notes the names of an object's members, so that none comes twice.
type Members struct {
	sink  *Sink
	names *names
}

// Members begins an object at a level of the event, 2 being its properties; it ends the one begun before at that level.
// An object below the deepest level allowed fails the event.
func (s *Sink) Members(level int) Members {
	if level > s.limits.Depth {
		s.fail("too_deep", "the event is nested deeper than the limit")
	}
	return Members{s, s.names(min(level, s.limits.Depth+1))}
}

// Has tells whether a name was noted, and notes it.
func (m Members) Has(name string) bool { return m.names.again(bytesOf(name)) }

// Note fails the event when the name was noted before.
func (m Members) Note(name string) {
	if m.Has(name) {
		m.sink.twice()
	}
}

func bytesOf(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s)) //nolint:gosec // the names are only read
}

// AcceptFrom is Accept for an event whose own bytes are made only if it has to be set aside.
func (s *Sink) AcceptFrom(raw func() []byte) {
	if code, reason := s.take(); code != "" {
		s.Dead(code, reason, raw())
	}
}

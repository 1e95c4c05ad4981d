package ingest

import (
	"slices"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/jsontree"
)

// Change adds an object's members to the traits, as an operation on those of the person or group. Given twice, an
// operation on a name counts as it was given first.
func (s *Sink) Change(op event.Op, v *jsontree.Value) {
	e := &s.Event
	before := len(e.Traits)
	e.Traits = s.Properties(e.Traits, v)
	kept := e.Traits[:before]
	for _, p := range e.Traits[before:] {
		if p.Op = op; !slices.ContainsFunc(e.Traits[:before], func(q event.Property) bool { return q.Key == p.Key && q.Op == op }) {
			kept = append(kept, p)
		}
	}
	e.Traits = kept
}

// NoteKey is Note for a name that the parser holds.
func (m Members) NoteKey(name []byte) { m.Note(alias(name)) }

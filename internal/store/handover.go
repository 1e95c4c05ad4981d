package store

import (
	"cmp"
	"maps"
	"slices"

	"github.com/freshet/freshet/internal/eventlog"
)

// An anonymous id that an app keeps when somebody signs out has several users one after the other. What it does between
// two of them is a span: its events are of the user before, until another one signs in and the span is handed over.

// Handover says that the events of a span belong to another person than they did.
type Handover struct {
	Project ProjectID
	// ID is the number of the id (event.OwnNumber) that the span is of.
	ID uint64
	// Span is event.Derived.Span of its events. Each is handed over at most once, and has no event behind Position.
	Span uint64
	// From is the person that they were of, To the one whose they are from now on, and were all along.
	From, To uint64
	Position eventlog.Position
}

// Holder is what is known of an id that has, or may get, several users.
type Holder struct {
	Project ProjectID
	// ID is the number of the id.
	ID uint64
	// Owner is the number of the user who signed in last; 0 for the person that the id is linked to.
	Owner uint64
	// Span is the one that is open, 0 for none. Rival is the number of a user who has been active in it without signing in, 0 for
	// none.
	Span, Rival uint64
}

// Forgotten tells that nothing is known that links do not tell.
func (h Holder) Forgotten() bool { return h.Owner == 0 && h.Span == 0 }

// Identities are what an event changes of whose ids are whose.
type Identities struct {
	Links   []Link
	Hands   []Handover
	Holders []Holder
}

// LatestHolders are the last ones of each id, without those that are forgotten, by project and id.
func LatestHolders(list []Holder) []Holder {
	type key struct {
		project ProjectID
		id      uint64
	}
	last := map[key]Holder{}
	for _, h := range list {
		last[key{h.Project, h.ID}] = h
	}
	out := slices.DeleteFunc(slices.Collect(maps.Values(last)), Holder.Forgotten)
	slices.SortFunc(out, func(a, b Holder) int { return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.ID, b.ID)) })
	return out
}

// Attribution says whose the events are of an id that somebody has signed out of.
type Attribution uint8

const (
	// NextUser is the default: they are of whoever signs in next, unless somebody else was active since. Until then, and if
	// nobody does, they are of the user before.
	NextUser Attribution = iota
	// LastUser leaves them with the user before for good, as Amplitude does.
	LastUser
)

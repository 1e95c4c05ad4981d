package project

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// MaxNotes is how many events and properties of a project may be described.
	MaxNotes = 10_000
	// maxSubject bounds the name of an event or property, in bytes; ingestion takes none that is longer.
	maxSubject = 512
)

// NoteKind is what a note is about.
type NoteKind string

// The kinds of notes.
const (
	// NoteEvent is about the events of a name.
	NoteEvent NoteKind = "event"
	// NoteProperty is about a property of events, whichever events have it.
	NoteProperty NoteKind = "property"
)

// Subject is an event or a property, whether it was ever seen or not.
type Subject struct {
	Kind NoteKind
	// Name has 1 to 512 bytes, as apps send it.
	Name string
}

// Note says what an event or a property means, and who answers for it.
type Note struct {
	Project ID
	Subject
	// Description has at most 2,000 characters, line feeds among them.
	Description string
	// Owner is a person or a team, of at most 100 characters.
	Owner string
	// Version is 1 at first and one more after each change. A note that was emptied keeps counting.
	Version   uint64
	UpdatedAt time.Time
}

// Empty tells that the note says nothing.
func (n Note) Empty() bool { return n.Description == "" && n.Owner == "" }

// NoteChange names what to set; nil leaves it as it is, or empty where nothing was said before.
type NoteChange struct {
	Description, Owner *string
}

// Notes returns the notes of a project, those of events first and by name. It asks the store.
func (s *Service) Notes(ctx context.Context, id ID) ([]Note, error) {
	list, err := s.store.Notes(ctx, id)
	if err != nil {
		return nil, storeError("read the notes", err)
	}
	return list, nil
}

// Describe changes what is said of an event or a property. seen is the version that the caller knows, 0 for none yet; nil for
// whichever there is. Another one is NoteChanged. A change that changes nothing is neither written nor audited.
func (s *Service) Describe(ctx context.Context, actor string, p ID, about Subject, seen *uint64, c NoteChange) (Note, error) {
	if err := about.check(); err != nil {
		return Note{}, err
	}
	old, err := s.store.Note(ctx, p, about)
	if err != nil {
		return Note{}, storeError("read the note", err)
	}
	if seen != nil && *seen != old.Version {
		return Note{}, NoteChanged(about)
	}
	n, err := c.apply(old)
	if err != nil {
		return Note{}, err
	}
	detail := old.difference(n)
	if detail == "" {
		return old, nil
	}
	n.Version, n.UpdatedAt = old.Version+1, s.moment()
	audit := AuditEntry{
		At: n.UpdatedAt, Actor: actor, Action: "note.update", Project: p,
		Detail: fmt.Sprintf("%s %s: %s", about.Kind, quote(about.Name), detail),
	}
	if err := s.store.SetNote(ctx, n, MaxNotes, audit); err != nil {
		return Note{}, storeError("write the note", err)
	}
	return n, nil
}

func (s Subject) check() error {
	if s.Kind != NoteEvent && s.Kind != NoteProperty {
		return invalid("bad_subject", "kind", "%s is neither an event nor a property", quote(string(s.Kind)))
	}
	if n := len(s.Name); n == 0 || n > maxSubject || !utf8.ValidString(s.Name) || strings.ContainsRune(s.Name, 0) {
		return invalid("bad_subject", string(s.Kind), "the name has %d bytes; 1 to %d of valid UTF-8 without NUL are allowed", n, maxSubject)
	}
	return nil
}

// apply returns n with the change made, or what is wrong with the change.
func (c NoteChange) apply(n Note) (Note, error) {
	var err error
	if c.Description != nil {
		if n.Description, err = validDescription(*c.Description); err != nil {
			return n, err
		}
	}
	if c.Owner != nil {
		if n.Owner, err = validName(*c.Owner, 0); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				return n, err
			}
			return n, invalid("bad_owner", "owner", "%s", strings.Replace(e.Message, "the name", "the owner", 1))
		}
	}
	return n, nil
}

// difference says what is different in another version, for the audit.
func (n Note) difference(next Note) string {
	var parts []string
	if n.Description != next.Description {
		parts = append(parts, "description")
	}
	if n.Owner != next.Owner {
		parts = append(parts, fmt.Sprintf("owner %q", next.Owner))
	}
	return strings.Join(parts, "; ")
}

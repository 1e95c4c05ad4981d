package query

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/freshet/freshet/internal/event"
)

// place is where an event stands in the order of time.
type place struct {
	// time is in microseconds since 1970 UTC.
	time int64
	seq  uint64
}

// A cursor is, in base64: version (1 byte) | time | seq | hash of the question it belongs to (8 bytes each).
const (
	cursorVersion = 1
	cursorBytes   = 1 + 3*8
)

// encode makes a cursor that goes on behind p, for the question with the hash.
func (p place) encode(question uint64) string {
	b := append(make([]byte, 0, cursorBytes), cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(p.time))
	b = binary.BigEndian.AppendUint64(b, p.seq)
	b = binary.BigEndian.AppendUint64(b, question)
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor reads a cursor; nil stands for the beginning.
func decodeCursor(cursor string, question uint64) (*place, error) {
	if cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	// The decoder passes over line ends, so the length of the text counts too.
	if err != nil || len(b) != cursorBytes || b[0] != cursorVersion ||
		len(cursor) != base64.RawURLEncoding.EncodedLen(cursorBytes) {
		return nil, badCursor("the cursor is none that this server gave out")
	}
	if binary.BigEndian.Uint64(b[17:]) != question {
		return nil, badCursor("the cursor belongs to another project or filter: begin again without it")
	}
	return &place{int64(binary.BigEndian.Uint64(b[1:])), binary.BigEndian.Uint64(b[9:])}, nil
}

func badCursor(message string) error {
	return &event.Error{Kind: event.Invalid, Code: "bad_cursor", Field: "cursor", Message: message}
}

// A cursor into a list of people is, in base64: version (1 byte) | person | hash of the question and cell (8 bytes each).
const (
	peopleCursorVersion = 2
	peopleCursorBytes   = 1 + 2*8
)

// PeopleCursor is a cursor that goes on behind a person, in the list with the hash.
func PeopleCursor(person, list uint64) string {
	b := append(make([]byte, 0, peopleCursorBytes), peopleCursorVersion)
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, person), list)
	return base64.RawURLEncoding.EncodeToString(b)
}

// AfterPerson reads a cursor of PeopleCursor; ok is false for the beginning. Errors are *event.Error.
func AfterPerson(cursor string, list uint64) (person uint64, ok bool, err error) {
	if cursor == "" {
		return 0, false, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != peopleCursorBytes || b[0] != peopleCursorVersion ||
		len(cursor) != base64.RawURLEncoding.EncodedLen(peopleCursorBytes) {
		return 0, false, badCursor("the cursor is none that this server gave out")
	}
	if binary.BigEndian.Uint64(b[9:]) != list {
		return 0, false, badCursor("the cursor belongs to another project, question or cell: begin again without it")
	}
	return binary.BigEndian.Uint64(b[1:]), true, nil
}

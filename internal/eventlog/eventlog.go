// Package eventlog is the port of the durable, ordered, replayable log between ingest and process. The log knows
// nothing of what it carries: a record is a payload and the number of events in it. Every event has a position of its
// own, dense from 0, so that a position names one event for ever.
//
// Adapters: disk (segment files). All adapters pass the suite in eventlogtest.
package eventlog

import (
	"context"
	"errors"
	"fmt"
)

// Position is the place of an event in the log. The position after the last event of a record is the position of
// the first event of the next one.
type Position uint64

// Record is what one append adds: a payload that holds Events events (at least 1).
type Record struct {
	Payload []byte
	Events  int
}

// Entry is a record as read back.
type Entry struct {
	// First is the position of the record's first event.
	First  Position
	Events int
	// Payload is valid until the next call of Next on the same subscription.
	Payload []byte
}

// End is the position after the entry's last event.
func (e Entry) End() Position { return e.First + Position(e.Events) }

// Log is what its writers and its owner see.
type Log interface {
	// Append makes the record durable and returns the position of its first event. It returns only after the bytes
	// are fsynced (group commit: concurrent appends share a sync; a sync starts when the previous one is done, never
	// on a timer). The payload is not kept after the call. When ctx ends first, Append returns its error, and the
	// record may or may not become durable. Errors are *event.Error: Unavailable with code "disk_full" when there is
	// no space, "log_failed" after a failed fsync, "closed" after Close; Invalid or TooLarge for a record that no log takes.
	Append(ctx context.Context, r Record) (Position, error)
	// Subscribe reads from the given position on, which must lie within the bounds; otherwise the error is Invalid. When
	// it lies within a record, that record is the first.
	Subscribe(from Position) (Subscription, error)
	// Bounds are the first position still held and the position after the last durable event.
	Bounds() (start, end Position)
	// Trim gives up everything before the position, as far as whole units of storage allow.
	Trim(before Position) error
}

// Several is implemented by a Log that stands for several, of which each has the records of some projects.
type Several interface {
	// Of is the one that a project's records go to.
	Of(project uint32) Log
	// Number tells it apart from the others.
	Number(project uint32) int
}

// Of is the Log that a project's records go to: l itself, or the one of Several.
func Of(l Log, project uint32) Log {
	if s, ok := l.(Several); ok {
		return s.Of(project)
	}
	return l
}

// Number tells the Log that a project's records go to apart from others; 0 where there is one.
func Number(l Log, project uint32) int {
	if s, ok := l.(Several); ok {
		return s.Number(project)
	}
	return 0
}

// Subscription reads the log in order.
type Subscription interface {
	// Next waits until there is something to read and returns at least one and at most limit entries, in order,
	// without gaps. Only durable entries are returned. ErrClosed after Close of the log; Invalid when Trim has
	// overtaken the subscription; Corrupt when the next entries cannot be read.
	Next(ctx context.Context, limit int) ([]Entry, error)
	Close() error
}

// LossError is in the error of Next where it is known how many events stood in what cannot be read: not one for each position.
type LossError struct{ Events int64 }

// Error implements error.
func (e *LossError) Error() string { return fmt.Sprintf("%d events are lost", e.Events) }

// ErrClosed is returned by Next when the log was closed and everything durable has been read.
var ErrClosed = errors.New("event log closed")

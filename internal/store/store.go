// Package store is the port of the column store: process writes batches of events into it, query reads one consistent
// cut of everything committed. Adapters: duckdb, clickhouse. All adapters pass the suite in storetest.
package store

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// ProjectID numbers a project; it is the number in keys, records and tables. 0 is no project.
type ProjectID uint32

// Writer takes events in the order of the log. It has one user at a time.
type Writer interface {
	// Position is the position up to which everything is durable in the store; process resumes from it.
	Position() eventlog.Position
	// Links returns every identity link that is durable in the store, in the order they were added, for process to begin
	// with. Of several from one person the last counts.
	Links(ctx context.Context) ([]Link, error)
	// Poisoned returns the positions, from the given one on and in order, of durable dead letters with code CodePoison:
	// process does not count their ids as seen, before a restart and after it.
	Poisoned(ctx context.Context, from eventlog.Position) ([]eventlog.Position, error)
	// Add puts an event that came in the given wire format into the open batch. The event is copied. Its project's
	// day is cut by loc.
	Add(project ProjectID, loc *time.Location, protocol string, e *event.Event)
	// AddDead puts an event that could not be used into the open batch.
	AddDead(d DeadLetter)
	// AddLink records that the person From is the person To, from this batch on and for all earlier events.
	AddLink(l Link)
	// Unlink undoes what links have made of an id, for all earlier events. It has the open batch for itself, and Commit
	// applies it wholly or not at all: then it is durable, as is everything before it.
	Unlink(u Unlink)
	// Hand gives the events of a span to another person, from this batch on and for all earlier events.
	Hand(h Handover)
	// Hold replaces what is known of an id from this batch on. It becomes durable with the batch.
	Hold(h Holder)
	// Holders returns what Hold has left that is durable, for process to begin with, in no order.
	Holders(ctx context.Context) ([]Holder, error)
	// Count adds to the ledger of the open batch.
	Count(project ProjectID, receivedHour int64, c Counts)
	// CountDuplicate tells which SDK sent an event that Count counts as a duplicate of that hour. The texts are copied.
	CountDuplicate(project ProjectID, receivedHour int64, sdk SDK)
	// Commit makes the open batch visible to every query that begins after it, together with the position after it.
	// The rows become durable later. After an error the writer is of no further use: open the store anew.
	Commit(ctx context.Context, after eventlog.Position) error
}

// Link says that all events of the person From belong to the person To. One from a person to itself says that an earlier one
// from it does not count any more.
type Link struct {
	Project  ProjectID
	From, To uint64
	// Position is that of the event that made the link.
	Position eventlog.Position
}

// Counts are the ledger's figures of one project and hour of receipt. Accepted = Stored + Duplicate + Dead once
// everything accepted has been processed.
type Counts struct {
	Accepted  int64 `json:"accepted"`
	Stored    int64 `json:"stored"`
	Duplicate int64 `json:"duplicate"`
	Dead      int64 `json:"dead_lettered"`
	// Expired are stored events that retention has removed since; they are part of Stored.
	Expired int64 `json:"expired"`
}

// Difference is how many accepted events are neither stored, duplicates nor dead letters, or how many there are too many: 0.
func (c Counts) Difference() int64 {
	d := c.Accepted - c.Stored - c.Duplicate - c.Dead
	return max(d, -d)
}

// Plus adds two ledger entries.
func (c Counts) Plus(d Counts) Counts {
	return Counts{
		Accepted: c.Accepted + d.Accepted, Stored: c.Stored + d.Stored, Duplicate: c.Duplicate + d.Duplicate,
		Dead: c.Dead + d.Dead, Expired: c.Expired + d.Expired,
	}
}

// CodePoison is the code of the dead letter of an event that could be read but not processed.
const CodePoison = "poison"

// CodeConflict is the code of the dead letter of an event that came with the id of an earlier one and another content.
const CodeConflict = "id_conflict"

// DeadLetter is an event that was accepted and could not become a row.
type DeadLetter struct {
	Project    ProjectID         `json:"-"`
	Position   eventlog.Position `json:"position"`
	ReceivedAt int64             `json:"-"`
	// Stage is the room that gave up: "decode" or "process".
	Stage string `json:"stage"`
	// Code is a stable word such as "malformed_json", Reason a sentence.
	Code   string `json:"code"`
	Reason string `json:"reason"`
	// Protocol is the wire format it came in, Body its bytes (at most 64 KiB of them).
	Protocol string `json:"protocol"`
	Body     []byte `json:"-"`
}

package store

import (
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// Previewer is what a Writer offers that can show the newest events while older ones are still to come. What is shown so is
// never durable and no part of the ledger: it is visible as long as the writer's commits have not come to it, and then the event
// that was committed at its position, if any, is what there is. It has the caller of the Writer.
type Previewer interface {
	// Preview puts an event that lies behind the position, and behind all that were put in before, into what ShowPreview
	// will show. The event is copied.
	Preview(project ProjectID, loc *time.Location, protocol string, e *event.Event)
	// ShowPreview makes visible what was put in, for every query that begins after it: events up to the given position. When
	// they are many the first ones are let go of. It returns the position from which events are shown.
	ShowPreview(to eventlog.Position) (from eventlog.Position)
	// Withdraw hides the event at a position from the commit of the open batch on: it has turned out to be a duplicate of one
	// in that batch.
	Withdraw(at eventlog.Position)
	// EndPreview shows nothing ahead any more.
	EndPreview()
}

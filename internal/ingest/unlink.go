package ingest

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// operatorProtocol stands in the log for the wire format of what no client has sent.
const operatorProtocol = "operator"

// Unlink puts into the log that an id is to be taken out of the person it was linked to, and returns the position after
// that. It does not look whether the id is linked to anybody; to unlink one that is not does nothing.
func (h *Handler) Unlink(ctx context.Context, p store.ProjectID, space event.Space, id string) (eventlog.Position, error) {
	e := event.Event{Kind: event.Unlink, Name: event.NameUnlink}
	switch space {
	case event.SpaceUser:
		e.UserID = id
	case event.SpaceAnonymous:
		e.AnonymousID = id
	case event.SpaceDevice:
		e.Context.DeviceID = id
	default:
		return 0, fmt.Errorf("unlink: ids of space %q are of no person", space)
	}
	var c event.Encoder
	c.Begin(event.Header{Project: uint32(p), ReceivedAt: h.opts.Now().UnixMicro(), Protocol: operatorProtocol})
	c.Add(&e)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	first, err := eventlog.Of(h.opts.Operator, uint32(p)).Append(ctx, eventlog.Record{Payload: c.Payload(), Events: 1})
	if err != nil {
		return 0, err
	}
	return first + 1, nil
}

package ingest

import (
	"context"
	"fmt"
	"net/http"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/jsontree"
	"github.com/freshet/freshet/internal/store"
)

// Outcome is what became of a dead letter that was tried again.
type Outcome struct {
	// Position is the one after the event, 0 when it is still not readable; Code and Reason then say why.
	Position     eventlog.Position
	Code, Reason string
}

// Replay gives a dead letter's bytes to the decoder of its wire format again, under today's limits, and appends the event
// with its first time of receipt. Tried twice it is stored once, as any event with the same id. With dry set nothing is
// appended. A letter of the stage "process" holds a log record of its own and is appended as it is, but for one whose id is
// another event's: it would come back. An error concerns
// the log, not the letter.
func (h *Handler) Replay(ctx context.Context, d store.DeadLetter, dry bool) (Outcome, error) {
	payload := d.Body
	var events int
	if d.Code == store.CodeConflict {
		return Outcome{Code: d.Code, Reason: d.Reason + "; what it says can only be sent with an id of its own"}, nil
	}
	if d.Stage == "process" {
		var out Outcome
		if events, out = readable(d.Body); out.Code != "" {
			return out, nil
		}
	} else {
		p := h.protocols[d.Protocol]
		if p == nil {
			return Outcome{Code: "unknown_protocol", Reason: fmt.Sprintf("this version reads no wire format %q", d.Protocol)}, nil
		}
		sink := h.sinks.Get().(*Sink)
		defer h.sinks.Put(sink)
		if out := h.decodeAgain(p, sink, d.Body, d.ReceivedAt); out.Code != "" {
			return out, nil
		}
		events = sink.Len()
		payload = append([]byte(nil), sink.payload(uint32(d.Project), d.ReceivedAt, event.Trace{})...)
	}
	if dry {
		return Outcome{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	first, err := eventlog.Of(h.opts.Operator, uint32(d.Project)).Append(ctx, eventlog.Record{Payload: payload, Events: events})
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Position: first + eventlog.Position(events)}, nil
}

// decodeAgain fills the sink with the one event, or says why it cannot.
func (h *Handler) decodeAgain(p Protocol, sink *Sink, body []byte, received int64) Outcome {
	if len(body) >= maxDeadBytes {
		return Outcome{Code: "truncated", Reason: fmt.Sprintf("only the first %d bytes of the event were kept", maxDeadBytes)}
	}
	parser := h.parsers.Get().(*jsontree.Parser)
	defer h.parsers.Put(parser)
	whole := p.Envelope(body)
	sink.begin(h.opts.Limits, p.Name(), "", "", whole)
	req := &Request{
		Method: http.MethodPost, Path: p.Paths()[0], Header: http.Header{}, Body: whole, Key: "replay", Limits: h.opts.Limits,
		Parser: parser, ReceivedAt: received, sink: sink,
	}
	if err := p.Decode(req, sink); err != nil {
		return Outcome{Code: "malformed_json", Reason: err.Error()}
	}
	if len(sink.Results) != 1 {
		return Outcome{Code: "malformed_json", Reason: fmt.Sprintf("the bytes are %d events, not one", len(sink.Results))}
	}
	return Outcome{Code: sink.Results[0].Code, Reason: sink.Results[0].Reason}
}

// readable tells whether a log record can be read to its end, and how many events it has.
func readable(payload []byte) (events int, out Outcome) {
	var d event.Decoder
	var e event.Event
	if err := d.Open(payload); err != nil {
		return 0, Outcome{Code: "malformed_record", Reason: err.Error()}
	}
	for range d.Items {
		if _, _, err := d.Next(&e); err != nil {
			return 0, Outcome{Code: "malformed_record", Reason: err.Error()}
		}
	}
	return d.Items, Outcome{}
}

package process

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// mostSpans bounds the spans of one batch.
const mostSpans = 64

// traced goes on with the trace of the request that a record came from, if it has one: the span lasts until the
// record's events are visible.
func (p *Processor) traced(ctx context.Context, entry *eventlog.Entry, h *event.Header) {
	if h.Trace == (event.Trace{}) || len(p.batch.spans) >= mostSpans {
		return
	}
	remote := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(h.Trace[:16]), SpanID: trace.SpanID(h.Trace[16:]), TraceFlags: trace.FlagsSampled, Remote: true,
	})
	_, span := p.Tracer.Start(trace.ContextWithRemoteSpanContext(ctx, remote), "process",
		trace.WithAttributes(attribute.Int64("position", int64(entry.First)), attribute.Int("events", entry.Events)))
	p.batch.spans = append(p.batch.spans, span)
}

// commitTraced commits the batch to the store, as a span of each trace in it.
func (p *Processor) commitTraced(ctx context.Context) error {
	commits := make([]trace.Span, len(p.batch.spans))
	for i, s := range p.batch.spans {
		_, commits[i] = p.Tracer.Start(trace.ContextWithSpan(ctx, s), "store commit",
			trace.WithAttributes(attribute.Int("batch_events", p.batch.events)))
	}
	err := p.Store.Commit(ctx, p.at)
	for i, s := range p.batch.spans {
		if err != nil {
			commits[i].SetStatus(codes.Error, err.Error())
		}
		commits[i].End()
		s.End()
	}
	return err
}

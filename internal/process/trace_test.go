package process_test

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestTraceGoesOn holds the trace of a request together across the log: processing and the commit are its children.
func TestTraceGoesOn(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	w := newWorld(t)
	w.tracer = provider.Tracer("process")
	w.start(t)
	traced := header
	copy(traced.Trace[:], "a trace of 16 by and 8 b")
	w.append(t, header, named("1"))
	w.append(t, traced, named("2"), named("3"))
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	w.close(t)
	got := spans.GetSpans()
	if len(got) != 2 {
		t.Fatalf("%d spans, want one for the traced record and one for its commit: %v", len(got), got)
	}
	commit, process := got[0], got[1]
	if process.Name != "process" || process.Parent.TraceID().String() != "61207472616365206f66203136206279" ||
		process.Parent.SpanID().String() != "20616e6420382062" || !process.Parent.IsRemote() {
		t.Errorf("process span %q of parent %v", process.Name, process.Parent)
	}
	if commit.Name != "store commit" || commit.Parent.SpanID() != process.SpanContext.SpanID() {
		t.Errorf("commit span %q of parent %v", commit.Name, commit.Parent)
	}
}

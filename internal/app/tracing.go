package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/config"
)

// tracing is where spans go: to a collector, or nowhere.
type tracing struct {
	provider trace.TracerProvider
	sdk      *sdktrace.TracerProvider
}

// newTracing makes the tracer. What a caller has sampled is traced; of the rest one request in a hundred is, so that
// tracing costs little at any rate of events.
func newTracing(ctx context.Context, c config.Tracing, version string) (*tracing, error) {
	if c.OTLPEndpoint == "" {
		return &tracing{provider: noop.NewTracerProvider()}, nil
	}
	headers := map[string]string{}
	for pair := range strings.SplitSeq(c.OTLPHeaders, ",") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	endpoint := strings.TrimSuffix(c.OTLPEndpoint, "/") + "/v1/traces"
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint), otlptracehttp.WithHeaders(headers))
	if err != nil {
		return nil, fmt.Errorf("export traces to %s: %w", c.OTLPEndpoint, err)
	}
	sdk := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(0.01))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "freshet"), attribute.String("service.version", version),
		)),
	)
	return &tracing{provider: sdk, sdk: sdk}, nil
}

func (t *tracing) tracer(room string) trace.Tracer {
	return t.provider.Tracer("github.com/freshet/freshet/internal/" + room)
}

// close sends what is left; a collector that does not answer keeps nobody from stopping.
func (t *tracing) close(ctx context.Context, logger *slog.Logger) {
	if t.sdk == nil {
		return
	}
	if err := t.sdk.Shutdown(ctx); err != nil {
		logger.Warn("last traces not sent", "error", err)
	}
}

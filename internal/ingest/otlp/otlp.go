// Package otlp reads events that come as OpenTelemetry log records over HTTP, in protobuf and in JSON: what an SDK's OTLP
// log exporter sends to /v1/logs. A record is an event when it has an event name; one without is a log line, which is set
// aside and reported back as rejected. Resource and scope are the context of the events below them.
package otlp

import (
	"bytes"
	"net/http"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// Protocol implements ingest.Protocol, ingest.Headed and ingest.Refuser.
type Protocol struct{}

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "otlp" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string { return []string{"/v1/logs"} }

// Headed implements ingest.Headed: a protobuf message without content has no bytes.
func (Protocol) Headed(h http.Header) bool {
	return strings.Contains(h.Get("Content-Type"), "protobuf")
}

// Envelope implements ingest.Protocol. A dead letter is a record with its resource and its scope, in the encoding in
// which it came.
func (Protocol) Envelope(event []byte) []byte {
	if len(event) > 0 && event[0] == '{' {
		return append(append([]byte(`{"resourceLogs":[`), event...), `]}`...)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, requestResourceLogs, protowire.BytesType), event)
}

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	if r.Key == "" {
		r.Key = r.Header.Get("X-Api-Key")
	}
	d := decoder{sink: s, depth: r.Limits.Depth}
	if isJSON(r) {
		return d.json(r)
	}
	return d.protobuf(r.Body, r.Limits.Batch)
}

// isJSON tells the encoding from the bytes, and from the type only when they say nothing.
func isJSON(r *ingest.Request) bool {
	text := bytes.TrimLeft(r.Body, " \t\r\n")
	switch {
	case len(text) == 0:
		return strings.Contains(r.Header.Get("Content-Type"), "json")
	case text[0] != '{' && text[0] != '[':
		return false
	case len(text) == len(r.Body):
		return true
	}
	// A message begins with a line feed too, and its length may look like a bracket.
	_, ok := countRecords(r.Body)
	return !ok
}

func tooMany(n, limit int) error {
	return event.Errorf(event.TooLarge, "too_many_events", "%d log records in one request, the limit is %d", n, limit)
}

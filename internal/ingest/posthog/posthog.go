// Package posthog reads what PostHog's SDKs send: capture in its two versions, single events, arrays and batches, as
// JSON, as a form with base64, or in a query; the key in the header, the envelope or the first event. It answers as the
// SDKs expect, and serves the documents that they fetch at start.
package posthog

import (
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Protocol implements ingest.Protocol, ingest.Getter, ingest.Claimer and ingest.Refuser.
type Protocol struct{}

// eventsPath is the path of the second version of capture.
const eventsPath = "/i/v1/analytics/events"

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "posthog" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string {
	return []string{"/batch", "/e", "/i/v0/e", "/capture", eventsPath, "/track", "/engage"}
}

// GetPaths implements ingest.Getter.
func (Protocol) GetPaths() []string {
	return []string{"/e", "/i/v0/e", "/capture", "/track", "/engage"}
}

// Envelope implements ingest.Protocol.
func (Protocol) Envelope(event []byte) []byte { return fmt.Appendf(nil, `{"batch":[%s]}`, event) }

// Claims implements ingest.Claimer. A batch is PostHog's when it has that name. On the old paths an event is when it, or
// what it came in, has the key outside of its properties, or names the library as only PostHog does. When there is nothing
// to read, the SDK is known by its name.
func (Protocol) Claims(r *ingest.Request) bool {
	switch r.Path {
	case "/batch", "/track", "/engage":
	default:
		return true
	}
	if len(r.Body) == 0 && len(r.Query) == 0 {
		return strings.HasPrefix(strings.ToLower(r.Header.Get("User-Agent")), "posthog")
	}
	v, err := payload(r)
	if err != nil {
		return false
	}
	if r.Path == "/batch" {
		return v.Get("batch") != nil
	}
	events, _ := unpack(v)
	if len(events) > 0 {
		v = events[0]
	}
	return keyOf(v) != "" || v.Get("properties", "$lib") != nil || v.Get("distinct_id") != nil
}

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	v, err := payload(r)
	if err != nil {
		return err
	}
	events, err := unpack(v)
	if err != nil {
		return err
	}
	if len(events) > r.Limits.Batch {
		return event.Errorf(event.TooLarge, "too_many_events", "%d events in one batch, the limit is %d", len(events), r.Limits.Batch)
	}
	findKey(r, v, events)
	d := newDecoder(r, s, v)
	for _, e := range events {
		if s.Sound(e) {
			d.event(e)
		}
	}
	return nil
}

// payload is the JSON of a request, wherever it is.
func payload(r *ingest.Request) (*jsontree.Value, error) {
	data, compression := r.Query.Get("data"), r.Query.Get("compression")
	if len(r.Body) > 0 {
		v, err := r.JSON()
		if err == nil {
			return v, nil
		}
		form, ok := r.Form()
		if !ok || !form.Has("data") {
			return nil, err
		}
		data = form.Get("data")
		if form.Has("compression") {
			compression = form.Get("compression")
		}
	}
	if data == "" {
		return nil, event.Errorf(event.Invalid, "empty_body", "neither the body nor the query has any data")
	}
	if compression == "lz64" {
		b, err := unpackLZ(data, min(r.Limits.Body, maxUnpacked))
		if err != nil {
			return nil, err
		}
		return r.ParseInner(b)
	}
	return r.Parse(data)
}

// unpack lists the events of a body: those of its batch or of an array, or the body itself.
func unpack(v *jsontree.Value) ([]*jsontree.Value, error) {
	switch v.Type() {
	case jsontree.TypeArray:
		events, _ := v.Array()
		return events, nil
	case jsontree.TypeObject:
		batch := v.Get("batch")
		if batch == nil {
			return []*jsontree.Value{v}, nil
		}
		events, err := batch.Array()
		if err != nil {
			return nil, event.Errorf(event.Invalid, "no_batch", "batch is a JSON %s, not an array", batch.Type())
		}
		return events, nil
	default:
		return nil, event.Errorf(event.Invalid, "not_object", "the body is a JSON %s, neither an object nor an array", v.Type())
	}
}

// findKey gives the request the key of the body when its headers have none. All events of a request share one.
func findKey(r *ingest.Request, v *jsontree.Value, events []*jsontree.Value) {
	if r.Key == "" {
		r.Key = keyOf(v)
	}
	if r.Key != "" || len(events) == 0 {
		return
	}
	if r.Key = keyOf(events[0]); r.Key == "" {
		r.Key = keyOf(events[0].Get("properties"))
	}
}

func keyOf(v *jsontree.Value) string {
	for _, name := range [...]string{"api_key", "token"} {
		if key := v.GetStringBytes(name); len(key) > 0 {
			return strings.Clone(string(key))
		}
	}
	return ""
}

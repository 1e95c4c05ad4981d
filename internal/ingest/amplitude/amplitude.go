// Package amplitude reads Amplitude's HTTP API as its SDKs speak it: HTTP V2 and batch, the identify calls, and the form
// that SDKs of its first years send. What an answer makes an SDK do is in answer.go.
package amplitude

import (
	"fmt"
	"net/url"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Protocol implements ingest.Protocol.
type Protocol struct{}

const (
	pathBatch         = "/batch"
	pathRoot          = "/"
	pathIdentify      = "/identify"
	pathGroupIdentify = "/groupidentify"
)

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "amplitude" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string {
	return []string{"/2/httpapi", pathBatch, "/httpapi", pathIdentify, pathGroupIdentify, pathRoot}
}

// GetPaths implements ingest.Getter.
func (Protocol) GetPaths() []string { return []string{"/httpapi", pathIdentify, pathGroupIdentify} }

// Claims implements ingest.Claimer: other formats have batches and the root as well.
func (Protocol) Claims(r *ingest.Request) bool {
	if r.Path != pathBatch && r.Path != pathRoot {
		return true
	}
	if len(r.Body) == 0 {
		return false
	}
	if form, ok := r.Form(); ok {
		return field(form, keyFields) != "" && field(form, eventFields) != ""
	}
	v, err := r.JSON()
	return err == nil && v.Type() == jsontree.TypeObject && v.Exists("events") && !v.Exists("batch")
}

// Envelope implements ingest.Protocol.
func (Protocol) Envelope(event []byte) []byte { return fmt.Appendf(nil, `{"events":[%s]}`, event) }

// The names that one thing has had.
var (
	keyFields   = []string{"api_key", "client"}
	eventFields = []string{"events", "event", "identification", "e"}
	sentFields  = []string{"client_upload_time", "upload_time"}
)

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	b, err := read(r)
	if err != nil {
		return err
	}
	if r.Key == "" {
		r.Key = b.key
	}
	if len(b.events) > r.Limits.Batch {
		return event.Errorf(event.TooLarge, "too_many_events", "%d events in one batch, the limit is %d", len(b.events), r.Limits.Batch)
	}
	d := decoder{request: r, sink: s, sentAt: b.sentAt}
	for _, v := range b.events {
		if s.Sound(v) {
			d.event(typed(v, r.Path))
		}
	}
	return nil
}

// batch is what a request has, however it is written.
type batch struct {
	key    string
	sentAt int64
	events []*jsontree.Value
}

func read(r *ingest.Request) (*batch, error) {
	form, ok := r.Form()
	if !ok && len(r.Body) == 0 {
		form, ok = r.Query, true
	}
	if ok {
		return readForm(r, form)
	}
	v, err := r.JSON()
	if err != nil {
		return nil, err
	}
	if v.Type() != jsontree.TypeObject {
		return nil, event.Errorf(event.Invalid, "not_object", "the body is a JSON %s, not an object", v.Type())
	}
	b := &batch{}
	for _, name := range keyFields {
		if b.key == "" {
			b.key = string(v.GetStringBytes(name))
		}
	}
	for _, name := range sentFields {
		if t := v.Get(name); t != nil && b.sentAt == 0 {
			b.sentAt, _ = ingest.Time(t)
		}
	}
	for _, name := range eventFields {
		if events := v.Get(name); events != nil {
			return b, b.take(events)
		}
	}
	return nil, noEvents()
}

func readForm(r *ingest.Request, form url.Values) (*batch, error) {
	b := &batch{key: field(form, keyFields)}
	b.sentAt, _ = ingest.ParseTime(field(form, sentFields))
	text := field(form, eventFields)
	if text == "" {
		return nil, noEvents()
	}
	v, err := r.Parse(text)
	if err != nil {
		return nil, err
	}
	return b, b.take(v)
}

func noEvents() error {
	return event.Errorf(event.Invalid, "no_events", "the body has no array named events")
}

// take takes one event or an array of them.
func (b *batch) take(v *jsontree.Value) error {
	switch v.Type() {
	case jsontree.TypeArray:
		b.events, _ = v.Array()
	case jsontree.TypeObject:
		b.events = []*jsontree.Value{v}
	default:
		return event.Errorf(event.Invalid, "no_events", "events is a JSON %s, not an array", v.Type())
	}
	return nil
}

// typed gives an event that came over one of the identify calls the type that it has in a batch.
func typed(v *jsontree.Value, path string) *jsontree.Value {
	kind := ""
	switch path {
	case pathIdentify:
		kind = typeIdentify
	case pathGroupIdentify:
		kind = typeGroupIdentify
	}
	o, err := v.Object()
	if kind == "" || err != nil || v.Exists("event_type") {
		return v
	}
	text := v.MarshalTo(nil)
	text = text[:len(text)-1]
	if o.Len() > 0 {
		text = append(text, ',')
	}
	text = fmt.Appendf(text, `"event_type":%q}`, kind)
	if whole, err := new(jsontree.Parser).ParseBytes(text); err == nil {
		return whole
	}
	return v
}

// field is the first of the fields that a form has.
func field(form url.Values, names []string) string {
	for _, name := range names {
		if text := form.Get(name); text != "" {
			return text
		}
	}
	return ""
}

// Package ga4 reads the Measurement Protocol of Google Analytics 4. The api_secret of the query is the write key.
//
// A user id links the client that it comes with, as Google's reports do it. User properties are traits.
package ga4

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Protocol implements ingest.Protocol.
type Protocol struct{}

const (
	path      = "/mp/collect"
	debugPath = "/debug/mp/collect"
)

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "ga4" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string { return []string{path, debugPath} }

// Envelope implements ingest.Protocol: a dead letter holds a request with one event.
func (Protocol) Envelope(event []byte) []byte { return event }

// Decode implements ingest.Protocol. What comes to the debug path is looked at, and not kept.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	if r.Key == "" {
		r.Key = r.Query.Get("api_secret")
	}
	v, err := r.JSON()
	if err != nil {
		return err
	}
	list := v.Get("events")
	if list == nil || list.Type() != jsontree.TypeArray {
		return event.Errorf(event.Invalid, "no_events", "the body has no array named events")
	}
	events := list.GetArray()
	if len(events) > r.Limits.Batch {
		return event.Errorf(event.TooLarge, "too_many_events", "%d events in one request, the limit is %d", len(events), r.Limits.Batch)
	}
	if r.Path == debugPath {
		return nil
	}
	d := decoder{r: r, sink: s, body: v.GetObject()}
	d.common()
	for _, e := range events {
		d.take(e)
	}
	return nil
}

// Answer implements ingest.Protocol.
func (Protocol) Answer(w http.ResponseWriter, r *ingest.Request, _ *ingest.Sink) {
	if r.Path != debugPath {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	type message struct {
		FieldPath      string `json:"fieldPath"`
		Description    string `json:"description"`
		ValidationCode string `json:"validationCode"`
	}
	messages := []message{}
	if v, err := r.JSON(); err == nil {
		if len(v.GetStringBytes("client_id")) == 0 && len(v.GetStringBytes("app_instance_id")) == 0 && len(v.GetStringBytes("user_id")) == 0 {
			messages = append(messages, message{"client_id", "the request names neither a client, an app instance nor a user", "VALUE_REQUIRED"})
		}
		for i, e := range v.GetArray("events") {
			if len(e.GetStringBytes("name")) == 0 {
				messages = append(messages, message{fmt.Sprintf("events[%d].name", i), "the event has no name", "NAME_INVALID"})
			}
		}
	}
	body, err := json.Marshal(map[string]any{"validationMessages": messages})
	if err != nil {
		body = []byte(`{"validationMessages":[]}`)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

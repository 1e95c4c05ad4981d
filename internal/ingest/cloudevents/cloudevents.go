// Package cloudevents reads CloudEvents 1.0 as their HTTP binding has them: one event with its attributes in headers
// (binary), one as a JSON object (structured), many as a JSON array (batched). It answers on / to requests that say what
// they are, and on /cloudevents to any.
package cloudevents

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Protocol implements ingest.Protocol, ingest.Claimer and ingest.Headed.
type Protocol struct{}

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "cloudevents" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string { return []string{"/"} }

// Claims implements ingest.Claimer.
func (p Protocol) Claims(r *ingest.Request) bool { return p.Headed(r.Header) || isEvents(r.Header) }

// isEvents tells that the body has the attributes too, whatever the headers repeat of them.
func isEvents(h http.Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "application/cloudevents")
}

// Headed implements ingest.Headed: an event need not have data.
func (Protocol) Headed(h http.Header) bool {
	return (h.Get("Ce-Specversion") != "" || h.Get("Ce-Id") != "") && !isEvents(h)
}

// Envelope implements ingest.Protocol. A dead letter is an event in structured form, however it came.
func (Protocol) Envelope(event []byte) []byte { return append(append([]byte("["), event...), ']') }

// Decode implements ingest.Protocol.
func (p Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	d := decoder{request: r, sink: s}
	if p.Headed(r.Header) {
		return d.binary()
	}
	v, err := r.JSON()
	if err != nil {
		return err
	}
	switch v.Type() {
	case jsontree.TypeArray:
		list, _ := v.Array()
		if len(list) > r.Limits.Batch {
			return event.Errorf(event.TooLarge, "too_many_events", "%d events in one batch, the limit is %d", len(list), r.Limits.Batch)
		}
		for _, item := range list {
			d.structured(item)
		}
	case jsontree.TypeObject:
		if !p.Claims(r) && !v.Exists("specversion") {
			return event.Errorf(event.Invalid, "no_cloudevent", "neither the headers nor the body are those of a CloudEvent: there is no specversion")
		}
		d.structured(v)
	default:
		return event.Errorf(event.Invalid, "not_object", "the body is a JSON %s, neither an object nor an array", v.Type())
	}
	return nil
}

// Answer implements ingest.Protocol: nothing, or what was set aside and why. Some clients take a body for an event in
// return, so that there is none when there is nothing to say.
func (Protocol) Answer(w http.ResponseWriter, _ *ingest.Request, s *ingest.Sink) {
	if s.Accepted() == len(s.Results) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var a fastjson.Arena
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"accepted":%d,"rejected":%d,"errors":[`, s.Accepted(), len(s.Results)-s.Accepted())
	first := true
	for i, result := range s.Results {
		if result.Code == "" {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		fmt.Fprintf(&b, `{"index":%d,"code":%q,"reason":%s}`, i, result.Code, a.NewString(result.Reason).MarshalTo(nil))
	}
	b.WriteString("]}\n")
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b.Bytes())
}

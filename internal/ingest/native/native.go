// Package native reads Freshet's own format: POST /v1/events with a JSON array, an object with an array "events", one
// event, or a line of JSON an event; the answer says what became of each.
package native

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/segment"
	"github.com/freshet/freshet/internal/jsontree"
)

// Protocol implements ingest.Protocol.
type Protocol struct{}

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "native" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string { return []string{"/v1/events"} }

// Envelope implements ingest.Protocol.
func (Protocol) Envelope(event []byte) []byte { return fmt.Appendf(nil, `[%s]`, event) }

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	d := decoder{sink: s, idempotency: r.Header.Get("Idempotency-Key")}
	v, err := r.JSON()
	if err != nil {
		if lines := bytes.TrimSpace(r.Body); bytes.IndexByte(lines, '\n') > 0 {
			return d.lines(r, lines)
		}
		return err
	}
	events := []*jsontree.Value{v}
	switch v.Type() {
	case jsontree.TypeArray:
		events, _ = v.Array()
	case jsontree.TypeObject:
		if list := v.Get("events"); list != nil {
			if events, err = list.Array(); err != nil {
				return &event.Error{Kind: event.Invalid, Code: "not_array", Field: "events", Message: "events is not an array"}
			}
		}
	default:
		return event.Errorf(event.Invalid, "not_object", "the body is a JSON %s, neither an array nor an object", v.Type())
	}
	if err := checkBatch(len(events), r.Limits.Batch); err != nil {
		return err
	}
	for _, e := range events {
		if s.Sound(e) {
			d.event(e)
		}
	}
	return nil
}

func checkBatch(n, limit int) error {
	if n == 0 {
		return event.Errorf(event.Invalid, "empty_batch", "the batch has no events")
	}
	if n > limit {
		return event.Errorf(event.TooLarge, "too_many_events", "%d events in one batch, the limit is %d", n, limit)
	}
	return nil
}

// lines reads one event a line; a line that is no JSON concerns only itself.
func (d *decoder) lines(r *ingest.Request, body []byte) error {
	if err := checkBatch(bytes.Count(body, []byte("\n"))+1, r.Limits.Batch); err != nil {
		return err
	}
	read := 0
	for line := range bytes.Lines(body) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		v, err := r.Parser.ParseBytes(line)
		if err != nil {
			d.sink.Dead("malformed_json", "the line is not JSON: "+err.Error(), line)
			continue
		}
		read++
		if d.sink.Sound(v) {
			d.event(v)
		}
	}
	if read == 0 {
		return event.Errorf(event.Invalid, "malformed_json", "the body is not JSON, and none of its lines is")
	}
	return nil
}

// Answer implements ingest.Protocol.
func (Protocol) Answer(w http.ResponseWriter, _ *ingest.Request, s *ingest.Sink) {
	w.Header().Set("Content-Type", "application/json")
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"accepted":%d,"rejected":%d,"position":%d,"results":[`, s.Accepted(), len(s.Results)-s.Accepted(), s.Position)
	var a fastjson.Arena
	for i, r := range s.Results {
		if i > 0 {
			b.WriteByte(',')
		}
		if r.Code == "" {
			fmt.Fprintf(&b, `{"index":%d,"status":"accepted"}`, i)
			continue
		}
		fmt.Fprintf(&b, `{"index":%d,"status":"rejected","code":%q,"reason":`, i, r.Code)
		b.Write(a.NewString(r.Reason).MarshalTo(nil))
		b.WriteByte('}')
	}
	b.WriteString("]}\n")
	_, _ = w.Write(b.Bytes())
}

type decoder struct {
	sink        *ingest.Sink
	idempotency string
	original    *jsontree.Value
}

var kinds = map[string]event.Kind{
	"": event.Track, "track": event.Track, "page": event.Page, "screen": event.Screen,
	"identify": event.Identify, "group": event.Group, "alias": event.Alias,
}

var names = map[event.Kind]string{
	event.Page: event.NamePage, event.Screen: event.NameScreen, event.Identify: event.NameIdentify,
	event.Group: event.NameGroup, event.Alias: event.NameAlias,
}

func (d *decoder) event(v *jsontree.Value) {
	o, err := v.Object()
	if err != nil {
		d.sink.Dead("not_object", "the event is no JSON object", ingest.AppendJSON(nil, v))
		return
	}
	e := &d.sink.Event
	word := strings.ToLower(string(v.GetStringBytes("kind")))
	kind, ok := kinds[word]
	if !ok {
		d.sink.Dead("unknown_kind", fmt.Sprintf("kind %q is none of track, page, screen, identify, group, alias", word), ingest.AppendJSON(nil, v))
		return
	}
	e.Kind, e.Name, e.SentFresh = kind, names[kind], true
	d.original = nil
	o.Visit(d.set)
	if d.original != nil {
		if t, ok := ingest.Time(d.original); ok {
			e.OriginalTime = t
		} else if d.original.Type() != jsontree.TypeNull {
			d.sink.Dead("bad_time", "timestamp is neither an ISO 8601 time nor a number of seconds or milliseconds", ingest.AppendJSON(nil, v))
			return
		}
	}
	if e.ID == "" {
		e.ID = d.madeID(v)
	}
	d.sink.Accept(v)
}

func (d *decoder) set(key []byte, v *jsontree.Value) {
	s := d.sink
	s.Member(key)
	e := &s.Event
	switch string(key) {
	case "event", "name":
		if e.Kind == event.Track {
			e.Name = s.Text(v)
		} else if string(key) == "name" || s.Text(v) != e.Name {
			e.Properties = append(e.Properties, s.Property([]byte("name"), v))
		}
	case "id":
		e.ID = s.Text(v)
	case "user_id":
		e.UserID = s.Text(v)
	case "anonymous_id":
		e.AnonymousID = s.Text(v)
	case "previous_id":
		e.PreviousID = s.Text(v)
	case "group_id":
		e.GroupID = s.Text(v)
	case "session_id":
		e.SessionID = s.Text(v)
	case "timestamp":
		d.original = v
	case "sent_at":
		e.SentAt, _ = ingest.Time(v)
	case "properties":
		e.Properties = s.Properties(e.Properties, v)
	case "traits":
		e.Traits = s.Properties(e.Traits, v)
	case "trait_ops":
		traitOps(s, v)
	case "context":
		segment.Context(s, v)
	}
}

// traitOps adds traits by operation: {"set_once":{"source":"ad"},"unset":{"age":null}}.
func traitOps(s *ingest.Sink, v *jsontree.Value) {
	o, err := v.Object()
	if err != nil {
		return
	}
	o.Visit(func(key []byte, v *jsontree.Value) {
		op, ok := event.OpOf(string(key))
		if !ok || op == event.Set {
			s.Fail("unknown_operation", fmt.Sprintf("trait_ops has no operation %q", string(key)))
			return
		}
		s.Change(op, v)
	})
}

// madeID gives an event without an id one that is the same when the request is sent again: from the request's
// Idempotency-Key and the event's place in it, otherwise from the event's content.
func (d *decoder) madeID(v *jsontree.Value) string {
	text := v.MarshalTo(nil)
	if d.idempotency != "" {
		text = fmt.Appendf(nil, "%s\x00%d", d.idempotency, d.sink.Len())
	}
	return ingest.TextID(text)
}

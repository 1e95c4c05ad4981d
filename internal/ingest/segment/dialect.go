package segment

import (
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Dialect is the format as one vendor's SDKs speak it.
type Dialect struct {
	// Kinds are what the type of an event, and the last word of the path of a single one, may be.
	Kinds map[string]event.Kind
	// Fresh tells of a library whether it stamps sentAt anew at each try.
	Fresh func(library string) bool
	// TimestampFirst: an event's timestamp is what the app gave, and goes before originalTimestamp.
	TimestampFirst bool
	// ContextTraits: who is identified without traits has those of the context.
	ContextTraits bool
	// Merge: an alias may name the ids that are one person as mergeProperties.
	Merge bool
}

// Decode reads a batch, or a single event on another path.
func (dialect Dialect) Decode(r *ingest.Request, s *ingest.Sink) error {
	v, err := r.JSON()
	if err != nil {
		return err
	}
	return dialect.DecodeValue(r, s, v)
}

// DecodeValue is Decode for a body that came in another way.
func (dialect Dialect) DecodeValue(r *ingest.Request, s *ingest.Sink, v *jsontree.Value) error {
	if v.Type() != jsontree.TypeObject {
		return event.Errorf(event.Invalid, "not_object", "the body is a JSON %s, not an object", v.Type())
	}
	if r.Key == "" {
		r.Key = string(v.GetStringBytes("writeKey"))
	}
	d := decoder{Dialect: dialect, sink: s}
	batch := v.Get("batch")
	if batch == nil {
		word := r.Path[strings.LastIndexByte(r.Path, '/')+1:]
		kind, single := d.Kinds[word]
		if !single {
			return event.Errorf(event.Invalid, "no_batch", "the body has no array named batch")
		}
		if s.Sound(v) {
			d.event(v, kind)
		}
		return nil
	}
	events, err := batch.Array()
	if err != nil {
		return event.Errorf(event.Invalid, "no_batch", "batch is a JSON %s, not an array", batch.Type())
	}
	if len(events) > r.Limits.Batch {
		return event.Errorf(event.TooLarge, "too_many_events", "%d events in one batch, the limit is %d", len(events), r.Limits.Batch)
	}
	d.envelope, d.sentAt = v.Get("context"), v.Get("sentAt")
	d.batch(r, events)
	return nil
}

func (d *decoder) batch(r *ingest.Request, events []*jsontree.Value) {
	s := d.sink
	code, reason := s.Flaw(d.envelope)
	for _, e := range events {
		if !s.Sound(e) {
			continue
		}
		if r.Key == "" {
			r.Key = string(e.GetStringBytes("writeKey"))
		}
		if code != "" {
			s.Dead(code, "the context of the batch: "+reason, ingest.AppendJSON(nil, e))
			continue
		}
		d.event(e, d.kindOf(e))
	}
}

const noKind = event.Kind(255)

func (d *decoder) kindOf(v *jsontree.Value) event.Kind {
	if k, ok := d.Kinds[string(v.GetStringBytes("type"))]; ok {
		return k
	}
	return noKind
}

type decoder struct {
	Dialect
	sink             *ingest.Sink
	envelope, sentAt *jsontree.Value
	fields           fields
}

func (d *decoder) event(v *jsontree.Value, kind event.Kind) {
	s := d.sink
	o, err := v.Object()
	if err != nil {
		s.Dead("not_object", "the event is no JSON object", ingest.AppendJSON(nil, v))
		return
	}
	if kind == noKind {
		s.Dead("unknown_type", fmt.Sprintf("type %q is none of track, page, screen, identify, group, alias",
			string(v.GetStringBytes("type"))), ingest.AppendJSON(nil, v))
		return
	}
	e := &s.Event
	e.Kind = kind
	d.fields = fields{sink: s, circumstances: circumstances{sink: s, extra: d.fields.extra[:0]}}
	if d.envelope != nil {
		d.fields.read(d.envelope)
	}
	if d.sentAt != nil {
		e.SentAt, _ = ingest.Time(d.sentAt)
	}
	o.Visit(d.fields.set)
	d.finish(e, &d.fields, v)
	s.Accept(v)
}

// fields holds what more than one member of an event speaks of.
type fields struct {
	circumstances
	sink                  *ingest.Sink
	original, timestamp   *jsontree.Value
	name, category, merge *jsontree.Value
}

func (f *fields) set(key []byte, v *jsontree.Value) {
	s := f.sink
	s.Member(key)
	e := &s.Event
	switch string(key) {
	case "event":
		if e.Kind == event.Track {
			e.Name = s.Text(v)
		} else {
			f.keep(string(key), v)
		}
	case "name":
		f.name = v
	case "category":
		f.category = v
	case "messageId":
		e.ID = s.Text(v)
	case "userId":
		e.UserID = s.Text(v)
	case "anonymousId":
		e.AnonymousID = s.Text(v)
	case "groupId":
		e.GroupID = s.Text(v)
	case "previousId":
		e.PreviousID = s.Text(v)
	case "properties":
		e.Properties = s.Properties(e.Properties, v)
	case "traits":
		e.Traits = s.Properties(e.Traits, v)
	case "timestamp":
		f.timestamp = v
	case "originalTimestamp":
		f.original = v
	case "sentAt":
		if t, ok := ingest.Time(v); ok {
			e.SentAt = t
		}
	case "context":
		f.read(v)
	case "type", "writeKey", "integrations", "_metadata", "receivedAt":
		// These speak to the vendor's servers.
	case "mergeProperties":
		f.merge = v
	default:
		f.keep(string(key), v)
	}
}

// merged reads [{"type":"user_id","value":"u"},{"type":"anonymous_id","value":"a"}]: the first user is whom the other
// becomes. What names no user or no other is kept as it is.
func (f *fields) merged() {
	s, e := f.sink, &f.sink.Event
	var user, other string
	items := f.merge.GetArray()
	for _, item := range items {
		id := s.Text(item.Get("value"))
		switch kind := string(item.GetStringBytes("type")); {
		case kind == "user_id" && user == "":
			user = id
		case kind == "user_id" || kind == "anonymous_id":
			other = id
		}
	}
	if len(items) != 2 || user == "" || other == "" {
		f.keep("mergeProperties", f.merge)
		return
	}
	e.UserID, e.PreviousID = user, other
}

var names = map[event.Kind]string{
	event.Page: event.NamePage, event.Screen: event.NameScreen, event.Identify: event.NameIdentify,
	event.Group: event.NameGroup, event.Alias: event.NameAlias,
}

func (d *decoder) finish(e *event.Event, f *fields, raw *jsontree.Value) {
	s := d.sink
	if e.Kind != event.Track {
		e.Name = names[e.Kind]
	}
	d.named(e, f)
	when := f.original
	if when == nil || d.TimestampFirst && f.timestamp != nil {
		when = f.timestamp
	}
	if when != nil {
		var ok bool
		if e.OriginalTime, ok = ingest.Time(when); !ok && when.Type() != jsontree.TypeNull {
			e.Properties = append(e.Properties, s.Property([]byte("$original_timestamp"), when))
		}
	}
	if d.ContextTraits && e.Kind == event.Identify && len(e.Traits) == 0 {
		f.identified()
	}
	e.Context.Extra = f.text()
	e.SentFresh = d.Fresh(e.Context.LibraryName)
	if e.ID == "" {
		e.ID = ingest.ContentID(raw, "sentAt")
	}
}

// named gives what a call is named by, and the ids that it merges, to where its kind has them.
func (d *decoder) named(e *event.Event, f *fields) {
	s := d.sink
	if e.Kind == event.Page || e.Kind == event.Screen {
		e.Properties = addText(s, e.Properties, "name", f.name)
		e.Properties = addText(s, e.Properties, "category", f.category)
	} else {
		f.keep("name", f.name)
		f.keep("category", f.category)
	}
	if d.Merge && e.Kind == event.Alias && f.merge != nil {
		f.merged()
	} else {
		f.keep("mergeProperties", f.merge)
	}
}

// addText adds a property unless the SDK sent one of that name itself.
func addText(s *ingest.Sink, ps []event.Property, key string, v *jsontree.Value) []event.Property {
	if v == nil || v.Type() == jsontree.TypeNull {
		return ps
	}
	for i := range ps {
		if ps[i].Key == key {
			return ps
		}
	}
	return append(ps, s.Property([]byte(key), v))
}

// Package segment reads the HTTP tracking API of Segment as its SDKs speak it: single calls and batches, the key in
// the header, the envelope or the event, ids as text or numbers.
package segment

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// Protocol implements ingest.Protocol.
type Protocol struct{}

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "segment" }

var kinds = map[string]event.Kind{
	"track": event.Track, "t": event.Track, "page": event.Page, "p": event.Page, "screen": event.Screen, "s": event.Screen,
	"identify": event.Identify, "i": event.Identify, "group": event.Group, "g": event.Group, "alias": event.Alias, "a": event.Alias,
}

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string {
	out := make([]string, 0, 3+len(kinds))
	out = append(out, "/v1/batch", "/v1/b", "/v1/import")
	for word := range kinds {
		out = append(out, "/v1/"+word)
	}
	return out
}

// Answer implements ingest.Protocol. SDKs read the status only.
func (Protocol) Answer(w http.ResponseWriter, _ *ingest.Request, _ *ingest.Sink) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"success":true}`))
}

// Envelope implements ingest.Protocol.
func (Protocol) Envelope(event []byte) []byte { return fmt.Appendf(nil, `{"batch":[%s]}`, event) }

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	v, err := r.JSON()
	if err != nil {
		return err
	}
	if v.Type() != fastjson.TypeObject {
		return event.Errorf(event.Invalid, "not_object", "the body is a JSON %s, not an object", v.Type())
	}
	if r.Key == "" {
		r.Key = string(v.GetStringBytes("writeKey"))
	}
	batch := v.Get("batch")
	if batch == nil {
		word := r.Path[strings.LastIndexByte(r.Path, '/')+1:]
		kind, single := kinds[word]
		if !single {
			return event.Errorf(event.Invalid, "no_batch", "the body has no array named batch")
		}
		if s.Sound(v) {
			d := decoder{sink: s}
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
	d := decoder{sink: s, envelope: v.Get("context"), sentAt: v.Get("sentAt")}
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
		d.event(e, kindOf(e))
	}
	return nil
}

const noKind = event.Kind(255)

func kindOf(v *fastjson.Value) event.Kind {
	if k, ok := kinds[string(v.GetStringBytes("type"))]; ok {
		return k
	}
	return noKind
}

type decoder struct {
	sink             *ingest.Sink
	envelope, sentAt *fastjson.Value
}

func (d *decoder) event(v *fastjson.Value, kind event.Kind) {
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
	if d.envelope != nil {
		Context(s, d.envelope)
	}
	if d.sentAt != nil {
		e.SentAt, _ = ingest.Time(d.sentAt)
	}
	f := fields{sink: s}
	o.Visit(f.set)
	d.finish(e, &f, v)
	s.Accept(v)
}

// fields holds what more than one member of an event speaks of.
type fields struct {
	sink                *ingest.Sink
	original, timestamp *fastjson.Value
	name, category      *fastjson.Value
}

func (f *fields) set(key []byte, v *fastjson.Value) {
	s := f.sink
	s.Member(key)
	e := &s.Event
	switch string(key) {
	case "event":
		if e.Kind == event.Track {
			e.Name = s.Text(v)
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
		Context(s, v)
	}
}

func (d *decoder) finish(e *event.Event, f *fields, raw *fastjson.Value) {
	switch e.Kind {
	case event.Page:
		e.Name = event.NamePage
	case event.Screen:
		e.Name = event.NameScreen
	case event.Identify:
		e.Name = event.NameIdentify
	case event.Group:
		e.Name = event.NameGroup
	case event.Alias:
		e.Name = event.NameAlias
	case event.Track: // It has the name that it came with.
	}
	if e.Kind == event.Page || e.Kind == event.Screen {
		e.Properties = addText(d.sink, e.Properties, "name", f.name)
		e.Properties = addText(d.sink, e.Properties, "category", f.category)
	}
	when := f.original
	if when == nil {
		when = f.timestamp
	}
	if when != nil {
		var ok bool
		if e.OriginalTime, ok = ingest.Time(when); !ok && when.Type() != fastjson.TypeNull {
			e.Properties = append(e.Properties, d.sink.Property([]byte("$original_timestamp"), when))
		}
	}
	e.SentFresh = fresh[e.Context.LibraryName]
	if e.ID == "" {
		e.ID = ingest.ContentID(raw, "sentAt")
	}
}

// fresh lists the libraries that stamp sentAt anew at each try, so that their clocks can be told from it.
var fresh = map[string]bool{
	"@segment/analytics-node": true, "analytics.js": true, "analytics-go": true, "analytics-python": true,
	"freshet-demo": true,
}

// addText adds a property unless the SDK sent one of that name itself.
func addText(s *ingest.Sink, ps []event.Property, key string, v *fastjson.Value) []event.Property {
	if v == nil || v.Type() == fastjson.TypeNull {
		return ps
	}
	for i := range ps {
		if ps[i].Key == key {
			return ps
		}
	}
	return append(ps, s.Property([]byte(key), v))
}

// Context fills the event's context from a Segment context object. Members without a place of their own are kept.
func Context(s *ingest.Sink, v *fastjson.Value) {
	o, err := v.Object()
	if err != nil {
		return
	}
	c := &s.Event.Context
	var extra []byte
	o.Visit(func(key []byte, v *fastjson.Value) {
		if !contextMember(s, c, string(key), v) && v.Type() != fastjson.TypeNull {
			if extra == nil {
				extra = append(extra, '{')
			} else {
				extra = append(extra, ',')
			}
			extra = event.AppendJSONString(extra, string(key))
			extra = append(extra, ':')
			extra = s.Nested(extra, v)
		}
	})
	if extra != nil {
		c.Extra = string(append(extra, '}'))
	}
}

func contextMember(s *ingest.Sink, c *event.Context, key string, v *fastjson.Value) bool {
	set := func(dst *string, v *fastjson.Value) {
		if v != nil {
			if t := s.Text(v); t != "" {
				*dst = t
			}
		}
	}
	switch key {
	case "app":
		set(&c.AppName, v.Get("name"))
		set(&c.AppVersion, v.Get("version"))
		set(&c.AppBuild, v.Get("build"))
		set(&c.AppNamespace, v.Get("namespace"))
	case "device":
		set(&c.DeviceID, v.Get("id"))
		set(&c.DeviceManufacturer, v.Get("manufacturer"))
		set(&c.DeviceModel, v.Get("model"))
		set(&c.DeviceType, v.Get("type"))
	case "os":
		set(&c.OSName, v.Get("name"))
		set(&c.OSVersion, v.Get("version"))
	case "library":
		set(&c.LibraryName, v.Get("name"))
		set(&c.LibraryVersion, v.Get("version"))
	case "page":
		set(&c.PageURL, v.Get("url"))
		set(&c.PagePath, v.Get("path"))
		set(&c.PageReferrer, v.Get("referrer"))
		set(&c.PageTitle, v.Get("title"))
		set(&c.PageSearch, v.Get("search"))
	case "campaign":
		set(&c.CampaignSource, v.Get("source"))
		set(&c.CampaignMedium, v.Get("medium"))
		set(&c.CampaignName, v.Get("name"))
		set(&c.CampaignTerm, v.Get("term"))
		set(&c.CampaignContent, v.Get("content"))
	case "network":
		set(&c.Carrier, v.Get("carrier"))
		for _, kind := range []string{"wifi", "cellular", "bluetooth"} {
			if c.NetworkType == "" && v.GetBool(kind) {
				c.NetworkType = kind
			}
		}
	case "screen":
		c.ScreenWidth, c.ScreenHeight = int32(v.GetInt("width")), int32(v.GetInt("height"))
		c.ScreenDensity = v.GetFloat64("density")
	case "locale":
		set(&c.Locale, v)
	case "timezone":
		set(&c.Timezone, v)
	case "userAgent":
		set(&c.UserAgent, v)
	case "ip":
		set(&c.IP, v)
	case "sessionId":
		set(&s.Event.SessionID, v)
	default:
		return false
	}
	return true
}

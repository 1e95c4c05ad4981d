package snowplow

import (
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// decoder reads the events of one request.
type decoder struct {
	sink *ingest.Sink
	key  string
	// own and entities are the self-describing parts of an event.
	own, entities ingest.Inner

	fields
}

// fields is what an event says that is looked at when all of it is known.
type fields struct {
	kind, data, contexts, action string
	created, sent, certain       *jsontree.Value
	domain, network              string
	members                      ingest.Members
	extra                        ingest.Extra
}

func (d *decoder) event(v *jsontree.Value) {
	s := d.sink
	o, err := v.Object()
	if err != nil {
		s.Dead("not_object", "the event is no JSON object", ingest.AppendJSON(nil, v))
		return
	}
	d.fields = fields{members: s.Members(2), extra: s.Extra()}
	o.Visit(d.set)
	e := &s.Event
	if d.domain != "" {
		e.AnonymousID = d.domain
	}
	d.name()
	d.readEntities()
	if e.AnonymousID == "" {
		e.AnonymousID = d.network
	}
	d.times(e)
	if e.ID == "" {
		e.ID = ingest.ContentID(v, "stm")
	}
	e.Context.Extra = d.extra.String()
	// The tracker has no other call by which it says whose device it is.
	e.Links = e.UserID != "" && e.AnonymousID != ""
	s.Accept(v)
}

// set takes one member of an event; all of them are texts.
func (d *decoder) set(key []byte, v *jsontree.Value) {
	s := d.sink
	s.Member(key)
	e, c := &s.Event, &s.Event.Context
	switch string(key) {
	case "e":
		d.kind = s.Text(v)
	case "eid":
		e.ID = s.Text(v)
	case "dtm":
		d.created = v
	case "stm":
		d.sent = v
	case "ttm":
		d.certain = v
	case "aid":
		if id := s.Text(v); id != d.key {
			d.extra.AddText("aid", id)
		}
	case "uid":
		e.UserID = s.Text(v)
	case "duid":
		d.domain = s.Text(v)
	case "nuid", "tnuid":
		d.network = s.Text(v)
		d.extra.AddText(string(key), d.network)
	case "sid":
		e.SessionID = s.Text(v)
	case "tv":
		c.LibraryName, c.LibraryVersion = library(s.Text(v))
	case "ue_px", "ue_pr":
		d.data = s.Text(v)
	case "cx", "co":
		d.contexts = s.Text(v)
	case "se_ac":
		d.action = s.Text(v)
	case "url":
		s.Page(s.Text(v))
	case "page":
		c.PageTitle = s.Text(v)
	case "refr":
		c.PageReferrer = s.Text(v)
	case "lang":
		c.Locale = s.Text(v)
	case "tz":
		c.Timezone = s.Text(v)
	case "ua":
		c.UserAgent = s.Text(v)
	case "ip":
		c.IP = s.Text(v)
	case "res":
		if !s.Resolution(s.Text(v)) {
			d.extra.Add("res", v)
		}
	default:
		d.other(string(key), v)
	}
}

// structured are the names of a structured event's members.
var structured = map[string]string{"se_ca": "category", "se_la": "label", "se_pr": "property", "se_va": "value"}

// other keeps the rest: what an event is about as properties, with numbers as numbers, and the rest with the context.
func (d *decoder) other(key string, v *jsontree.Value) {
	name, ok := structured[key]
	if !ok {
		if len(key) < 4 || key[2] != '_' || key[:2] != "pp" && key[:2] != "tr" && key[:2] != "ti" {
			d.extra.Add(key, v)
			return
		}
		name = key
	}
	s := d.sink
	p := s.Property([]byte(name), v)
	if f, numeric := ingest.Numeric(p.Str); numeric && p.Type == event.String && isNumber(key) {
		p = event.Property{Key: p.Key, Type: event.Number, Num: f}
	}
	d.add(p)
}

// add appends a property that no other has the name of.
func (d *decoder) add(p event.Property) {
	d.members.Note(p.Key)
	d.sink.Event.Properties = append(d.sink.Event.Properties, p)
}

// isNumber tells which members are numbers, though they are sent as texts like all others.
func isNumber(key string) bool {
	switch key {
	case "se_va", "tr_tt", "tr_tx", "tr_sh", "ti_pr", "ti_qu":
		return true
	}
	return key[:2] == "pp"
}

// name tells what kind of event it is and what it is called.
func (d *decoder) name() {
	s, e := d.sink, &d.sink.Event
	switch d.kind {
	case "pv":
		e.Kind, e.Name = event.Page, event.NamePage
		if e.Context.PageTitle != "" {
			d.add(event.Property{Key: "name", Type: event.String, Str: e.Context.PageTitle})
		}
	case "pp":
		e.Name = "page_ping"
	case "se":
		e.Name = d.action
	case "tr":
		e.Name = "transaction"
	case "ti":
		e.Name = "transaction_item"
	case "ue":
		d.describe(e)
	case "":
		s.Fail("unknown_type", "the event does not say of what type it is")
	default:
		s.Fail("unknown_type", "the event is of a type that the tracker protocol does not have")
	}
}

// describe reads a self-describing event: its schema has the name, its data are the properties.
func (d *decoder) describe(e *event.Event) {
	s := d.sink
	v := d.own.Parse(s, d.data)
	if v == nil {
		return
	}
	inner := v.Get("data")
	uri := string(inner.GetStringBytes("schema"))
	name := schemaName(uri)
	d.extra.AddText("schema", uri)
	data := inner.Get("data")
	if data == nil || data.Type() != jsontree.TypeObject {
		s.Fail("not_object", "the event has no data, or they are no JSON object")
		return
	}
	switch name {
	case "identify":
		e.Kind, e.Name = event.Identify, event.NameIdentify
		e.Traits = s.Properties(e.Traits, data)
		return
	case "screen_view":
		e.Kind, e.Name = event.Screen, event.NameScreen
	default:
		e.Name = name
	}
	data.GetObject().Visit(func(key []byte, v *jsontree.Value) { d.add(s.Property(key, v)) })
}

// schemaName is the name in "iglu:vendor/name/format/version".
func schemaName(uri string) string {
	_, rest, _ := strings.Cut(uri, "/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// library takes "node-4.8.0" apart.
func library(text string) (name, version string) {
	i := strings.LastIndexByte(text, '-')
	if i < 0 {
		return "snowplow-" + text, ""
	}
	return "snowplow-" + text[:i], text[i+1:]
}

// times: a time that the app vouches for is the event's, and needs no correction.
func (d *decoder) times(e *event.Event) {
	when := d.created
	if d.certain != nil {
		when = d.certain
	}
	if when != nil {
		var ok bool
		if e.OriginalTime, ok = ingest.Time(when); !ok {
			d.extra.Add("dtm", when)
		}
	}
	if d.sent != nil && d.certain == nil {
		e.SentAt, _ = ingest.Time(d.sent)
		e.SentFresh = e.SentAt != 0 && fresh(e.Context.LibraryName)
	}
}

// fresh tells which trackers write the time of sending into each request anew, also when it is one more try.
func fresh(library string) bool {
	switch library {
	case "snowplow-node", "snowplow-js", "snowplow-ios", "snowplow-andr":
		return true
	}
	return false
}

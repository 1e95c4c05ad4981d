package cloudevents

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

type decoder struct {
	request *ingest.Request
	sink    *ingest.Sink
	attributes
}

// attributes are those of the event being read that more than one thing depends on.
type attributes struct {
	version, source, id string
	subject, user, time string
	contentType         string
	extra               ingest.Extra
	// data is the event's data when it is JSON, text when it is a text; neither when there is none.
	data *jsontree.Value
	text *string
	// name is the property of data that has no members.
	name string
}

func (d *decoder) begin() {
	d.attributes = attributes{extra: d.sink.Extra(), name: "data"}
}

// structured reads an event that is a JSON object.
func (d *decoder) structured(v *jsontree.Value) {
	s := d.sink
	if !s.Sound(v) {
		return
	}
	o, err := v.Object()
	if err != nil {
		s.Dead("not_object", "the event is no JSON object", ingest.AppendJSON(nil, v))
		return
	}
	d.begin()
	var encoded *jsontree.Value
	o.Visit(func(key []byte, v *jsontree.Value) {
		s.Member(key)
		switch string(key) {
		case "data":
			d.data = v
		case "data_base64":
			encoded = v
		default:
			if text := s.Text(v); !d.attribute(string(key), text) {
				d.extra.Add(string(key), v)
			}
		}
	})
	if encoded != nil {
		d.base64(s.Text(encoded))
	}
	d.finish()
	s.Accept(v)
}

// base64 takes data that was bytes. Those of JSON are read as if they had come as such.
func (d *decoder) base64(text string) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		d.sink.Fail("bad_base64", "data_base64 is no base64")
		return
	}
	if isJSON(d.contentType) {
		if v, err := d.request.ParseInner(b); err == nil {
			if code, reason := d.sink.Flaw(v); code != "" {
				d.sink.Fail(code, reason)
				return
			}
			d.data = v
			return
		}
	}
	d.text, d.name = &text, "data_base64"
}

// isJSON tells what data is; it is JSON when nothing is said.
func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	kind = strings.TrimSpace(kind)
	return kind == "" || strings.HasSuffix(kind, "/json") || strings.HasSuffix(kind, "+json")
}

// attribute puts an attribute into its place, and is false when it has none.
func (d *decoder) attribute(name, value string) bool {
	e := &d.sink.Event
	switch name {
	case "specversion":
		d.version = value
	case "id":
		d.id = value
	case "source":
		d.source = value
		return false // it is part of the id, and kept by itself
	case "type":
		e.Name = value
	case "time":
		d.time = value
	case "subject":
		d.subject = value
	case "datacontenttype":
		d.contentType = value
		return false
	case "userid":
		d.user = value
	case "anonymousid":
		e.AnonymousID = value
	case "deviceid":
		e.Context.DeviceID = value
	case "sessionid":
		e.SessionID = value
	case "groupid":
		e.GroupID = value
	case "previousid":
		e.PreviousID = value
	case "sentat":
		t, ok := ingest.ParseTime(value)
		e.SentAt = t
		return ok
	default:
		return false
	}
	return true
}

var kinds = map[string]event.Kind{
	event.NamePage: event.Page, event.NameScreen: event.Screen, event.NameIdentify: event.Identify,
	event.NameGroup: event.Group, event.NameAlias: event.Alias,
}

// finish puts together what was found.
func (d *decoder) finish() {
	s, e := d.sink, &d.sink.Event
	e.Kind = kinds[e.Name]
	switch {
	case d.version != "1.0":
		s.Fail("bad_specversion", fmt.Sprintf("specversion is %.20q, this server reads 1.0", d.version))
	case d.id == "" || d.source == "" || e.Name == "":
		s.Fail("missing_attribute", "an event must have an id, a source and a type")
	}
	e.ID = idOf(d.source, d.id)
	if e.UserID = d.user; d.user == "" {
		e.UserID = d.subject
	}
	switch {
	case d.data != nil:
		d.takeData()
	case d.text != nil:
		e.Properties = append(e.Properties, event.Property{Key: d.name, Type: event.String, Str: *d.text})
	}
	if d.user != "" {
		d.keep("subject", d.subject)
	}
	if d.time != "" {
		var ok bool
		if e.OriginalTime, ok = ingest.ParseTime(d.time); !ok {
			d.keep("$original_timestamp", d.time)
		}
	}
	e.Context.Extra = d.extra.String()
}

func (d *decoder) takeData() {
	s, e := d.sink, &d.sink.Event
	list := &e.Properties
	if e.Kind == event.Identify || e.Kind == event.Group {
		list = &e.Traits
	}
	switch d.data.Type() {
	case jsontree.TypeObject:
		*list = s.Properties(*list, d.data)
	case jsontree.TypeNull:
	default:
		*list = append(*list, s.Property([]byte("data"), d.data))
	}
}

// keep adds a text as a property, unless the data has one of that name.
func (d *decoder) keep(name, text string) {
	e := &d.sink.Event
	if text == "" {
		return
	}
	if slices.ContainsFunc(e.Properties, func(p event.Property) bool { return p.Key == name }) {
		d.extra.AddText(name, text)
		return
	}
	e.Properties = append(e.Properties, event.Property{Key: name, Type: event.String, Str: text})
}

// maxID is the length of the longest event id, in bytes.
const maxID = 256

// idOf is the source and the id: together they tell an event from all others, and no source has a space in it.
func idOf(source, id string) string {
	if whole := source + " " + id; len(whole) <= maxID {
		return whole
	}
	sum := xxh3.HashString128(source + " " + id)
	return fmt.Sprintf("ce-%016x%016x", sum.Hi, sum.Lo)
}

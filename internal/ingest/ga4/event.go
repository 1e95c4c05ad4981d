package ga4

import (
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// decoder reads the events of one request.
type decoder struct {
	r    *ingest.Request
	sink *ingest.Sink
	body *jsontree.Object
	// base is what all events of the request share, fault what is wrong with it.
	base   event.Event
	traits []event.Property
	fault  ingest.Result
	count  int
	text   []byte
}

// common reads what all events of the request share.
func (d *decoder) common() {
	s, e := d.sink, &d.sink.Event
	extra := s.Extra()
	names := s.Members(1)
	d.body.Visit(func(key []byte, v *jsontree.Value) {
		names.NoteKey(key)
		if string(key) == "events" {
			return
		}
		if code, reason := s.Flaw(v); code != "" {
			s.Fail(code, reason)
			return
		}
		if !d.member(key, v, &extra) {
			extra.Add(string(key), v)
		}
	})
	for _, name := range []string{"measurement_id", "firebase_app_id"} {
		extra.AddText(name, s.Clean([]byte(d.r.Query.Get(name))))
	}
	e.Links = e.UserID != "" && e.AnonymousID != ""
	e.Context.Extra = extra.String()
	d.base, d.fault = *e, s.Fault()
	d.base.UserID, d.base.AnonymousID = strings.Clone(e.UserID), strings.Clone(e.AnonymousID)
	d.base.Properties, d.base.Traits = nil, nil
	e.Reset()
}

func (d *decoder) member(key []byte, v *jsontree.Value, extra *ingest.Extra) (taken bool) {
	s, e := d.sink, &d.sink.Event
	switch string(key) {
	case "client_id", "app_instance_id":
		return e.AnonymousID == "" && s.Take(&e.AnonymousID, v)
	case "user_id":
		return s.Take(&e.UserID, v)
	case "timestamp_micros":
		e.OriginalTime, taken = ingest.Time(v)
	case "ip_override":
		return v.Type() == jsontree.TypeString && s.Take(&e.Context.IP, v)
	case "user_agent":
		return v.Type() == jsontree.TypeString && s.Take(&e.Context.UserAgent, v)
	case "user_properties":
		if taken = v.Type() == jsontree.TypeObject; taken {
			d.user(v)
		}
	case "device":
		if taken = v.Type() == jsontree.TypeObject; taken {
			d.device(v, extra)
		}
	}
	return taken
}

// user reads {"plan":{"value":"pro"}}.
func (d *decoder) user(v *jsontree.Value) {
	s := d.sink
	names := s.Members(2)
	v.GetObject().Visit(func(key []byte, v *jsontree.Value) {
		names.NoteKey(key)
		if value := v.Get("value"); value != nil {
			v = value
		}
		p := s.Property(key, v)
		p.Key, p.Str = strings.Clone(p.Key), strings.Clone(p.Str) // They are for more than one event.
		d.traits = append(d.traits, p)
	})
}

func (d *decoder) device(v *jsontree.Value, extra *ingest.Extra) {
	s, c := d.sink, &d.sink.Event.Context
	left := s.Extra()
	names := s.Members(2)
	v.GetObject().Visit(func(key []byte, v *jsontree.Value) {
		names.NoteKey(key)
		column := map[string]*string{
			"category": &c.DeviceType, "language": &c.Locale, "operating_system": &c.OSName, "operating_system_version": &c.OSVersion,
			"model": &c.DeviceModel, "brand": &c.DeviceManufacturer,
		}[string(key)]
		switch {
		case string(key) == "screen_resolution" && s.Resolution(s.Text(v)):
		case column != nil && v.Type() == jsontree.TypeString:
			*column = s.Text(v)
		default:
			left.Add(string(key), v)
		}
	})
	extra.AddJSON("device", left.String())
}

// take reads one event.
func (d *decoder) take(v *jsontree.Value) {
	s, e := d.sink, &d.sink.Event
	d.count++
	d.text = v.MarshalTo(d.text[:0])
	properties, traits := e.Properties, e.Traits
	*e = d.base
	e.Properties, e.Traits = properties, traits
	e.Traits = append(e.Traits, d.traits...)
	if d.fault.Code != "" {
		s.Fail(d.fault.Code, d.fault.Reason)
	}
	length := len(d.text)
	if code, reason := s.Flaw(v); code != "" {
		s.Fail(code, reason)
	} else {
		d.event(v)
	}
	// Without a time nothing tells two events from one that is sent twice.
	moment := int64(0)
	if e.OriginalTime == 0 {
		moment = d.r.ReceivedAt
	}
	d.text = fmt.Appendf(d.text, "\x00%s\x00%s\x00%d\x00%d", e.UserID, e.AnonymousID, moment, d.count)
	e.ID = ingest.TextID(d.text)
	s.AcceptFrom(func() []byte { return d.letter(d.text[:length]) })
}

// letter is the request with one event.
func (d *decoder) letter(one []byte) []byte {
	b := []byte{'{'}
	d.body.Visit(func(key []byte, v *jsontree.Value) {
		if string(key) != "events" {
			b = event.AppendJSONString(b, string(key))
			b = append(ingest.AppendJSON(append(b, ':'), v), ',')
		}
	})
	return append(append(append(b, `"events":[`...), one...), "]}"...)
}

func (d *decoder) event(v *jsontree.Value) {
	s, e := d.sink, &d.sink.Event
	o, err := v.Object()
	if err != nil {
		s.Fail("not_object", "the event is no JSON object")
		return
	}
	members := s.Members(2)
	var params *jsontree.Value
	o.Visit(func(key []byte, v *jsontree.Value) {
		s.Member(key)
		switch string(key) {
		case "name":
			e.Name = s.Text(v)
		case "timestamp_micros":
			if t, ok := ingest.Time(v); ok {
				e.OriginalTime = t
			}
		case "params":
			params = v
		default:
			members.NoteKey(key)
			e.Properties = append(e.Properties, s.Property(key, v))
		}
	})
	switch e.Name {
	case "page_view":
		e.Kind, e.Name = event.Page, event.NamePage
	case "screen_view":
		e.Kind, e.Name = event.Screen, event.NameScreen
	}
	params.GetObject().Visit(func(key []byte, v *jsontree.Value) {
		name := d.param(e, key, v)
		if name == "" {
			return
		}
		if members.Has(name) {
			name = string(key)
			members.Note(name)
		}
		p := s.Property(key, v)
		p.Key = name
		e.Properties = append(e.Properties, p)
	})
}

// param gives a parameter that Google has named to its column. It returns what the property is called otherwise.
func (d *decoder) param(e *event.Event, key []byte, v *jsontree.Value) string {
	s, c := d.sink, &e.Context
	taken := false
	switch string(key) {
	case "session_id":
		taken = s.Take(&e.SessionID, v)
	case "page_location":
		if taken = v.Type() == jsontree.TypeString; taken {
			s.Page(s.Text(v))
		}
	case "page_referrer":
		taken = s.Take(&c.PageReferrer, v)
	case "page_title":
		if taken = s.Take(&c.PageTitle, v); taken && e.Kind == event.Page {
			return "name"
		}
	case "screen_name", "firebase_screen":
		if e.Kind == event.Screen {
			return "name"
		}
	case "language":
		taken = s.Take(&c.Locale, v)
	case "screen_resolution":
		taken = s.Resolution(s.Text(v))
	}
	if taken {
		return ""
	}
	return string(key)
}

package mixpanel

import (
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Names of events that have a kind of their own.
const (
	nameIdentify = "$identify"
	nameAlias    = "$create_alias"
	nameMerge    = "$merge"
	namePage     = "$mp_web_page_view"
)

// webLibrary is the SDK for browsers, the only one that says when it sends, anew at each try.
const webLibrary = "web"

type decoder struct {
	request *ingest.Request
	sink    *ingest.Sink
	options options
	// token is the key of the first event.
	token string
}

// event decodes an event, or an update of a person or a group, whichever it is.
func (d *decoder) event(v *jsontree.Value) {
	s := d.sink
	o, err := v.Object()
	if err != nil {
		s.Dead("not_object", "the event is no JSON object", ingest.AppendJSON(nil, v))
		return
	}
	if !d.options.here {
		s.Elsewhere()
	}
	if v.Exists("event") || v.Exists("properties") {
		d.track(v, o)
	} else {
		d.update(v, o)
	}
}

// key notes the token of an event. One with another token than the first is of another project, which is not the
// request's.
func (d *decoder) key(token string) {
	if d.token == "" {
		d.token = strings.Clone(token)
	}
	if token != "" && token != d.token {
		d.sink.Fail("other_key", "the event has another token than the first of the request")
	}
}

func (d *decoder) track(v *jsontree.Value, o *jsontree.Object) {
	s := d.sink
	e := &s.Event
	f := fields{sink: s, decoder: d, extra: s.Extra()}
	var properties *jsontree.Value
	o.Visit(func(key []byte, v *jsontree.Value) {
		s.Member(key)
		switch string(key) {
		case "event":
			e.Name = s.Text(v)
		case "properties":
			properties = v
		default:
			f.extra.Add(string(key), v)
		}
	})
	if properties != nil {
		f.properties(properties)
	}
	f.finish()
	switch {
	case f.insert != "":
		e.ID = ingest.ScopedID(f.insert, e.Name, f.distinct, f.timeText())
	case e.OriginalTime != 0:
		e.ID = ingest.ContentID(v)
	default:
		e.ID = d.request.MomentID(v, s)
	}
	s.Accept(v)
}

// fields gathers the properties of an event that need others to be understood.
type fields struct {
	sink    *ingest.Sink
	decoder *decoder
	extra   ingest.Extra

	insert, distinct, user, device string
	// before is an id that the event joins with the user's, beforeKey the property that it came as.
	before, beforeKey string
	time, ids         *jsontree.Value
}

func (f *fields) timeText() string {
	if f.time == nil {
		return ""
	}
	return f.sink.Text(f.time)
}

func (f *fields) properties(v *jsontree.Value) {
	s := f.sink
	o, err := v.Object()
	if err != nil {
		s.Fail("not_object", "the properties are no JSON object")
		return
	}
	e := &s.Event
	names := s.Members(2)
	o.Visit(func(key []byte, v *jsontree.Value) {
		p := s.Property(key, v)
		names.Note(p.Key)
		if !f.identity(p.Key, v) && !f.place(&p) {
			e.Properties = append(e.Properties, p)
		}
	})
}

// identity reads what says who, when and which.
func (f *fields) identity(key string, v *jsontree.Value) bool {
	s := f.sink
	switch key {
	case "distinct_id":
		f.distinct = s.Text(v)
	case "$user_id":
		f.user = s.Text(v)
	case "$device_id":
		f.device = s.Text(v)
	case "$insert_id":
		f.insert = s.Text(v)
	case "time":
		f.time = v
	case "token":
		f.decoder.key(s.Text(v))
	case "alias":
		return s.Event.Name == nameAlias && f.join(key, v)
	case "$anon_distinct_id", "$anon_id":
		return s.Event.Name == nameIdentify && f.join(key, v)
	case "$identified_id":
		if s.Event.Name != nameIdentify {
			return false
		}
		f.user = s.Text(v)
	case "$distinct_ids":
		if s.Event.Name != nameMerge {
			return false
		}
		f.ids = v
	default:
		return false
	}
	return true
}

func (f *fields) join(key string, v *jsontree.Value) bool {
	if f.before != "" {
		return false
	}
	f.before, f.beforeKey = f.sink.Text(v), key
	return f.before != ""
}

func (f *fields) finish() {
	s := f.sink
	e := &s.Event
	if f.time != nil {
		var ok bool
		if e.OriginalTime, ok = ingest.Time(f.time); !ok {
			f.extra.Add("$original_timestamp", f.time)
		}
	}
	if e.Context.LibraryName == webLibrary && f.decoder.options.sentAt != 0 {
		e.SentAt, e.SentFresh = f.decoder.options.sentAt, true
	}
	f.who()
	switch e.Name {
	case nameIdentify:
		e.Kind, e.Name = event.Identify, event.NameIdentify
		f.identify()
	case nameAlias:
		e.Kind, e.Name = event.Alias, event.NameAlias
		f.alias(f.before, f.distinct)
	case nameMerge:
		e.Kind, e.Name = event.Alias, event.NameAlias
		f.merge()
	case namePage:
		e.Kind, e.Name = event.Page, event.NamePage
	}
	e.Context.Extra = f.extra.String()
}

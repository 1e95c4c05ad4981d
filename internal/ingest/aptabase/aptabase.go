// Package aptabase reads the events of Aptabase's SDKs. The write key is what follows A-SH- in the app key.
//
// Aptabase knows sessions and no users, so that a session is the person. An app that wants more says so in the properties:
// $user_id is the user, to whom the session is linked, and the properties of an event named $identify are traits.
package aptabase

import (
	"net/http"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Protocol implements ingest.Protocol and ingest.Refuser.
type Protocol struct{}

const (
	onePath  = "/api/v0/event"
	manyPath = "/api/v0/events"
	// userProperty is the property that names the user.
	userProperty = "$user_id"
)

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "aptabase" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string { return []string{onePath, manyPath} }

// Envelope implements ingest.Protocol.
func (Protocol) Envelope(event []byte) []byte { return event }

// Answer implements ingest.Protocol.
func (Protocol) Answer(w http.ResponseWriter, _ *ingest.Request, _ *ingest.Sink) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{}"))
}

// Refuse implements ingest.Refuser. The SDKs for phones throw away what is answered with any 4xx.
func (Protocol) Refuse(w http.ResponseWriter, _ *ingest.Request, e *event.Error) {
	if e.Kind == event.Overloaded || e.Kind == event.Timeout {
		later := *e
		later.Kind = event.Unavailable
		e = &later
	}
	ingest.WriteError(w, e)
}

// keyOf is the write key in an app key. SDKs send only to servers of one's own when it begins with A-SH-.
func keyOf(appKey string) string {
	if _, rest, ok := strings.Cut(appKey, "-fw_"); ok {
		return "fw_" + rest
	}
	return appKey
}

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	if appKey := r.Header.Get("App-Key"); appKey != "" && r.Key == "" {
		r.Key = keyOf(appKey)
	}
	v, err := r.JSON()
	if err != nil {
		return err
	}
	d := decoder{sink: s}
	if v.Type() != jsontree.TypeArray {
		d.event(v)
		return nil
	}
	events := v.GetArray()
	if len(events) > r.Limits.Batch {
		return event.Errorf(event.TooLarge, "too_many_events", "%d events in one batch, the limit is %d", len(events), r.Limits.Batch)
	}
	for _, e := range events {
		d.event(e)
	}
	return nil
}

type decoder struct {
	sink  *ingest.Sink
	extra ingest.Extra
	props *jsontree.Value
	debug bool
}

func (d *decoder) event(v *jsontree.Value) {
	s, e := d.sink, &d.sink.Event
	if !s.Sound(v) {
		return
	}
	o, err := v.Object()
	if err != nil {
		s.Dead("not_object", "the event is no JSON object", ingest.AppendJSON(nil, v))
		return
	}
	d.extra, d.props, d.debug = s.Extra(), nil, false
	e.ID = ingest.ContentID(v)
	o.Visit(d.set)
	if e.Name == event.NameIdentify {
		e.Kind = event.Identify
	}
	d.about()
	e.Links = e.UserID != ""
	e.Context.Extra = d.extra.String()
	s.Accept(v)
}

func (d *decoder) set(key []byte, v *jsontree.Value) {
	s := d.sink
	s.Member(key)
	e := &s.Event
	taken := false
	switch string(key) {
	case "eventName":
		taken = s.Take(&e.Name, v)
	case "timestamp":
		e.OriginalTime, taken = ingest.Time(v)
	case "sessionId":
		if taken = s.Take(&e.SessionID, v); taken {
			e.AnonymousID = e.SessionID
		}
	case "props":
		d.props, taken = v, v.Type() == jsontree.TypeObject
	case "systemProps":
		if taken = v.Type() == jsontree.TypeObject; taken {
			d.system(v)
		}
	}
	if !taken {
		d.extra.Add(string(key), v)
	}
}

// system reads what the SDK says of device and app.
func (d *decoder) system(v *jsontree.Value) {
	s, c := d.sink, &d.sink.Event.Context
	left := s.Extra()
	names := s.Members(1)
	v.GetObject().Visit(func(key []byte, v *jsontree.Value) {
		names.NoteKey(key)
		var column *string
		switch string(key) {
		case "locale":
			column = &c.Locale
		case "osName":
			column = &c.OSName
		case "osVersion":
			column = &c.OSVersion
		case "deviceModel":
			column = &c.DeviceModel
		case "appVersion":
			column = &c.AppVersion
		case "appBuildNumber":
			column = &c.AppBuild
		case "sdkVersion":
			c.LibraryName, c.LibraryVersion, _ = strings.Cut(s.Text(v), "@")
			return
		case "isDebug":
			if d.debug = v.Type() == jsontree.TypeTrue; d.debug || v.Type() == jsontree.TypeFalse {
				return
			}
		}
		if text := s.Text(v); column != nil && (text != "" || v.Type() == jsontree.TypeString) {
			*column = text
			return
		}
		left.Add(string(key), v)
	})
	d.extra.AddJSON("systemProps", left.String())
}

// about reads the properties, and marks what a developer's build has sent.
func (d *decoder) about() {
	s, e := d.sink, &d.sink.Event
	members := s.Members(2)
	if d.props != nil {
		d.props.GetObject().Visit(func(key []byte, v *jsontree.Value) {
			members.NoteKey(key)
			if string(key) == userProperty && s.Take(&e.UserID, v) {
				return
			}
			if p := s.Property(key, v); e.Kind == event.Identify {
				e.Traits = append(e.Traits, p)
			} else {
				e.Properties = append(e.Properties, p)
			}
		})
	}
	if d.debug && !members.Has("is_debug") {
		e.Properties = append(e.Properties, event.Property{Key: "is_debug", Type: event.Bool, Num: 1})
	}
}

package countly

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// The names of what is no event of the app's own.
const (
	nameSessionStart  = "$session_start"
	nameSessionUpdate = "$session_update"
	nameSessionEnd    = "$session_end"
	nameScreenEnd     = "$screen_end"
	nameRequest       = "$request"
)

// subjects are the parameters that are about something that happened, and what that is called.
var subjects = []struct{ param, name string }{
	{"crash", "$crash"}, {"consent", "$consent"}, {"apm", "$apm"}, {"token_session", "$push_token"}, {"campaign_id", "$conversion"},
}

// silent are the parameters that say nothing of the device or the user, or are spoken of elsewhere. Hour and day of week
// follow from the time and its zone.
var silent = map[string]bool{
	"app_key": true, "device_id": true, "old_device_id": true, "timestamp": true, "hour": true, "dow": true, "t": true,
	"sdk_name": true, "sdk_version": true, "av": true, "ip_address": true, "begin_session": true, "end_session": true,
	"session_duration": true, "metrics": true, "events": true, "user_details": true, "checksum": true, "checksum256": true,
	"rr": true, "callback": true, "crash": true, "consent": true, "apm": true, "token_session": true, "campaign_id": true,
}

// decoder reads one request of a device.
type decoder struct {
	r      *ingest.Request
	sink   *ingest.Sink
	params params
	// base is what all events of the request share, fault what is wrong with it.
	base  event.Event
	fault ingest.Result
	count int
	// text and content are buffers.
	text, content []byte
}

func newDecoder(r *ingest.Request, s *ingest.Sink, p params) *decoder {
	d := &decoder{r: r, sink: s, params: p}
	d.common()
	return d
}

// request takes everything that the parameters tell, in the order in which it must have happened.
func (d *decoder) request() {
	p := d.params
	if p["begin_session"] != "" {
		d.take(func() { d.sink.Event.Name = nameSessionStart }, "begin_session")
	}
	if p["old_device_id"] != "" {
		d.take(d.alias, "old_device_id")
	}
	if p["user_details"] != "" {
		d.take(d.user, "user_details")
	}
	if p["events"] != "" {
		d.events()
	}
	for _, subject := range subjects {
		if p[subject.param] != "" {
			d.take(func() { d.about(subject.param, subject.name) }, subject.param)
		}
	}
	switch {
	case p["end_session"] != "":
		d.take(func() { d.session(nameSessionEnd) }, "end_session", "session_duration")
	case p["session_duration"] != "" && p["begin_session"] == "":
		d.take(func() { d.session(nameSessionUpdate) }, "session_duration")
	}
	if d.count == 0 {
		d.take(func() { d.sink.Event.Name = nameRequest })
	}
}

// take makes one event out of some of the parameters.
func (d *decoder) take(fill func(), about ...string) {
	d.begin()
	fill()
	d.content = d.content[:0]
	for _, param := range about {
		d.content = append(d.content, param+"\x00"+d.params[param]+"\x00"...)
	}
	d.accept(d.content, func() []byte { return d.letter(nil, about) })
}

// common fills in what all events of the request share.
func (d *decoder) common() {
	s, p := d.sink, d.params
	e, c := &s.Event, &s.Event.Context
	if id := d.clean("device_id"); p["t"] == "0" {
		e.UserID = id
	} else {
		e.AnonymousID = id
	}
	e.OriginalTime, _ = ingest.ParseTime(p["timestamp"])
	c.AppVersion, c.IP = d.clean("av"), d.clean("ip_address")
	c.LibraryName, c.LibraryVersion = d.clean("sdk_name"), d.clean("sdk_version")
	x := s.Extra()
	if text := p["metrics"]; text != "" {
		if v, err := d.r.ParseInner([]byte(text)); err != nil || v.Type() != jsontree.TypeObject {
			x.AddText("metrics", d.clean("metrics"))
		} else if code, reason := s.Flaw(v); code != "" {
			s.Fail(code, reason)
		} else {
			d.device(v, &x)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if !silent[name] {
			x.AddText(s.Clean([]byte(name)), d.clean(name))
		}
	}
	c.Extra = x.String()
	d.base, d.fault = *e, s.Fault()
	e.Reset()
}

func (d *decoder) clean(param string) string { return d.sink.Clean([]byte(d.params[param])) }

// begin starts the next event with what all share.
func (d *decoder) begin() {
	e := &d.sink.Event
	properties, traits := e.Properties, e.Traits
	*e = d.base
	e.Properties, e.Traits = properties, traits
	if d.fault.Code != "" {
		d.sink.Fail(d.fault.Code, d.fault.Reason)
	}
}

// accept gives the event its id, which is the same when the request is sent again, and takes it.
func (d *decoder) accept(content []byte, letter func() []byte) {
	p := d.params
	d.text = append(d.text[:0], p["device_id"]+"\x00"+p["timestamp"]+"\x00"+strconv.Itoa(d.count)+"\x00"...)
	d.text = append(d.text, content...)
	d.sink.Event.ID = ingest.TextID(d.text)
	d.count++
	d.sink.AcceptFrom(letter)
}

// json is a parameter as JSON, or nil.
func (d *decoder) json(param string) *jsontree.Value {
	v, err := d.r.ParseInner([]byte(d.params[param]))
	if err != nil {
		return nil
	}
	if code, reason := d.sink.Flaw(v); code != "" {
		d.sink.Fail(code, reason)
		return nil
	}
	return v
}

// letter is a request with nothing but what a dead letter is about: some parameters, or one of the events.
func (d *decoder) letter(one []byte, about []string) []byte {
	b := []byte{'{'}
	for _, name := range slices.Sorted(maps.Keys(d.params)) {
		switch name {
		case "device_id", "timestamp", "t", "sdk_name", "sdk_version", "av", "ip_address", "metrics":
		default:
			if silent[name] && !slices.Contains(about, name) {
				continue
			}
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = event.AppendJSONString(append(event.AppendJSONString(b, name), ':'), d.params[name])
	}
	if one != nil {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, `"events":[`...), one...), ']')
	}
	return append(b, '}')
}

// alias: the device's earlier id is the user that it now has.
func (d *decoder) alias() {
	s, e := d.sink, &d.sink.Event
	e.Kind, e.Name = event.Alias, event.NameAlias
	e.PreviousID = s.Clean([]byte(d.params["old_device_id"]))
	if e.UserID != "" {
		return
	}
	// SDKs that do not say who chose the id go on with it as an anonymous one.
	e.UserID = e.AnonymousID
	link := *e
	link.Kind, link.Name, link.PreviousID = event.Identify, event.NameIdentify, ""
	link.ID = ingest.TextID([]byte("identify\x00" + e.UserID))
	link.Properties, link.Traits = nil, nil
	s.Beside(&link)
	e.AnonymousID = ""
}

func (d *decoder) session(name string) {
	e := &d.sink.Event
	e.Name = name
	if f, ok := ingest.Numeric(d.params["session_duration"]); ok {
		e.Properties = append(e.Properties, event.Property{Key: "duration", Type: event.Number, Num: f})
	}
}

// about makes an event of a parameter: an object's members are its properties.
func (d *decoder) about(param, name string) {
	s, e := d.sink, &d.sink.Event
	e.Name = name
	switch v := d.json(param); {
	case v == nil:
		e.Properties = append(e.Properties, event.Property{Key: param, Type: event.String, Str: d.clean(param)})
	case v.Type() == jsontree.TypeObject:
		e.Properties = s.Properties(e.Properties, v)
	default:
		e.Properties = append(e.Properties, s.Property([]byte(param), v))
	}
}

// events takes the list of what happened.
func (d *decoder) events() {
	s := d.sink
	v, err := d.r.ParseInner([]byte(d.params["events"]))
	if err != nil || v.Type() != jsontree.TypeArray {
		d.take(func() { s.Fail("malformed_json", "the events are not a JSON array") }, "events")
		return
	}
	for _, one := range v.GetArray() {
		d.begin()
		d.content = one.MarshalTo(d.content[:0])
		if code, reason := s.Flaw(one); code != "" {
			s.Fail(code, reason)
		} else {
			d.event(one)
		}
		d.accept(d.content, func() []byte { return d.letter(d.content, nil) })
	}
}

// webSDK tells the SDKs whose views are pages.
func webSDK(name string) bool { return strings.HasSuffix(name, "_web") }

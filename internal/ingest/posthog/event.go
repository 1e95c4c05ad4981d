package posthog

import (
	"net/http"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// decoder reads the events of one request.
type decoder struct {
	req  *ingest.Request
	sink *ingest.Sink
	// sentAt, library and version are what the request says for all its events; sentFresh is of the second version.
	sentAt           int64
	library, version string
	sentFresh        bool
	// elsewhere tells that the request asks not to look at where it comes from.
	elsewhere bool
	facts
}

// facts is what is known of the event at hand beside its fields.
type facts struct {
	// distinct is the id at the top, inner the one in the properties.
	distinct, inner, anonymous, alias, groupType string
	// userID, insertID and the times are kept until it is known what they mean.
	userID, insertID, timestamp, clock, offset *jsontree.Value
	identified                                 *jsontree.Value
	changes                                    []change
	extra                                      ingest.Extra
	// personless tells that the event makes no person, ignoreSent that the clock is not to be corrected.
	personless, ignoreSent, server bool
	windowID, screenName           *jsontree.Value
	named                          bool
}

// change is an object of traits and what to do with it.
type change struct {
	op event.Op
	v  *jsontree.Value
}

func newDecoder(r *ingest.Request, s *ingest.Sink, envelope *jsontree.Value) *decoder {
	d := &decoder{req: r, sink: s, elsewhere: r.Query.Get("ip") == "0"}
	if sent := envelope.Get("sent_at"); sent != nil {
		d.sentAt, _ = ingest.Time(sent)
	} else if at := r.Query.Get("_"); at != "" {
		d.sentAt, _ = ingest.ParseTime(at)
	}
	if r.Path == eventsPath {
		d.sdkHeaders(r.Header)
	}
	return d
}

// sdkHeaders reads what the second version of capture has in headers. It stamps each try anew.
func (d *decoder) sdkHeaders(h http.Header) {
	d.library, d.version, _ = strings.Cut(d.sink.Clean([]byte(h.Get("PostHog-Sdk-Info"))), "/")
	d.sink.Fault()
	if at, ok := ingest.ParseTime(h.Get("PostHog-Request-Timestamp")); ok {
		d.sentAt, d.sentFresh = at, true
	}
}

// kinds are the events of the SDKs that are not the app's own.
var kinds = map[string]event.Kind{
	"$identify": event.Identify, "$set": event.Identify, "$create_alias": event.Alias, "$merge_dangerously": event.Alias,
	"$groupidentify": event.Group, "$pageview": event.Page, "$screen": event.Screen,
}

var names = map[event.Kind]string{
	event.Page: event.NamePage, event.Screen: event.NameScreen, event.Identify: event.NameIdentify,
	event.Group: event.NameGroup, event.Alias: event.NameAlias,
}

func (d *decoder) event(v *jsontree.Value) {
	s := d.sink
	o, err := v.Object()
	if err != nil {
		s.Dead("not_object", "the event is no JSON object", ingest.AppendJSON(nil, v))
		return
	}
	e := &s.Event
	d.facts = facts{changes: d.changes[:0], extra: s.Extra()}
	if name := v.Get("event"); name != nil {
		e.Name = s.Text(name)
	}
	if kind, ok := kinds[e.Name]; ok {
		e.Kind, e.Name = kind, names[kind]
	}
	e.SentAt = d.sentAt
	o.Visit(d.top)
	d.finish(v)
	s.Accept(v)
}

// top takes a member of the event itself.
func (d *decoder) top(key []byte, v *jsontree.Value) {
	s := d.sink
	s.Member(key)
	e := &s.Event
	switch string(key) {
	case "event", "api_key", "token", "type", "messageId":
	case "distinct_id", "$distinct_id":
		d.distinct = s.Text(v)
	case "uuid":
		e.ID = s.Text(v)
	case "timestamp":
		d.timestamp = v
	case "offset":
		d.offset = v
	case "sent_at":
		if t, ok := ingest.Time(v); ok {
			e.SentAt = t
		}
	case "properties":
		d.properties(v)
	case "$set", "$set_once", "$unset":
		if !d.traits(string(key), v) {
			d.extra.Add(string(key), v)
		}
	case "session_id":
		e.SessionID = s.Text(v)
	case "window_id":
		d.windowID = v
	case "library":
		d.fallback(&e.Context.LibraryName, v)
	case "library_version":
		d.fallback(&e.Context.LibraryVersion, v)
	case "options":
		d.options(v)
	default:
		d.extra.Add(string(key), v)
	}
}

func (d *decoder) fallback(dst *string, v *jsontree.Value) {
	if *dst == "" {
		*dst = d.sink.Text(v)
	}
}

// options are what the second version of capture says of how to take the event.
func (d *decoder) options(v *jsontree.Value) {
	d.personless = d.personless || isFalse(v.Get("process_person_profile"))
	d.ignoreSent = d.ignoreSent || v.GetBool("disable_skew_correction")
	if o, err := v.Object(); err != nil || o.Len() > 0 {
		d.extra.Add("options", v)
	}
}

func isFalse(v *jsontree.Value) bool { return v != nil && v.Type() == jsontree.TypeFalse }

// traits notes an object that changes traits, or a list of those to take away. What it is not is left to the caller, as
// is all that does not concern the group when the event does.
func (d *decoder) traits(key string, v *jsontree.Value) bool {
	kind := d.sink.Event.Kind
	if (kind == event.Group) != (key == "$group_set") {
		return false
	}
	op, list := event.Set, v.Type() == jsontree.TypeArray
	switch key {
	case "$set_once":
		op = event.SetOnce
	case "$unset":
		op = event.Unset
	}
	if v.Type() != jsontree.TypeObject && (!list || op != event.Unset) {
		return false
	}
	d.changes = append(d.changes, change{op, v})
	return true
}

// change applies what traits has noted.
func (d *decoder) change() {
	s := d.sink
	for _, c := range d.changes {
		list, err := c.v.Array()
		if err != nil {
			s.Change(c.op, c.v)
			continue
		}
		names := s.Members(2)
		for _, item := range list {
			if name := s.Text(item); !names.Has(name) {
				s.Key(name)
				s.Event.Traits = append(s.Event.Traits, event.Property{Key: name, Op: c.op})
			}
		}
	}
}

// finish fills what more than one member has a say in.
func (d *decoder) finish(raw *jsontree.Value) {
	s := d.sink
	e := &s.Event
	d.change()
	if d.distinct == "" {
		d.distinct = d.inner
	}
	if e.Context.LibraryName == "" && d.library != "" {
		e.Context.LibraryName, e.Context.LibraryVersion = d.library, d.version
	}
	d.who()
	d.when(raw)
	if d.screenName != nil {
		d.screen()
	}
	if d.windowID != nil {
		e.Properties = append(e.Properties, s.Property([]byte("$window_id"), d.windowID))
	}
	if d.elsewhere || d.server || servers[e.Context.LibraryName] {
		s.Elsewhere()
	}
	e.Context.Extra = d.extra.String()
}

// screen names the screen as other SDKs do, unless the app has a property of that name.
func (d *decoder) screen() {
	name := "name"
	if d.named {
		name = "$screen_name"
	}
	e := &d.sink.Event
	e.Properties = append(e.Properties, d.sink.Property([]byte(name), d.screenName))
}

// when fills the times and the id. An offset says how long before the request the event happened, by one clock; without
// one the client's time counts, corrected by when the request was sent.
func (d *decoder) when(raw *jsontree.Value) {
	s := d.sink
	e := &s.Event
	at := d.timestamp
	if at == nil || at.Type() == jsontree.TypeNull {
		at = d.clock
	}
	timed := false
	if at != nil {
		if e.OriginalTime, timed = ingest.Time(at); !timed && at.Type() != jsontree.TypeNull {
			e.Properties = append(e.Properties, s.Property([]byte("$original_timestamp"), at))
		}
	}
	if d.offset != nil {
		if ms, err := d.offset.Int64(); err == nil && ms >= 0 && ms < 1e13 {
			if timed {
				e.Properties = append(e.Properties, s.Property([]byte("$original_timestamp"), at))
			}
			e.OriginalTime, e.SentAt, timed = d.req.ReceivedAt-ms*1000, 0, true
		} else {
			d.extra.Add("offset", d.offset)
		}
	}
	if d.ignoreSent {
		e.SentAt = 0
	}
	e.SentFresh = e.SentAt != 0 && (d.sentFresh || fresh[e.Context.LibraryName])
	d.id(raw, timed)
}

// id finds an id for an event without a UUID. With one, the older id says nothing more.
func (d *decoder) id(raw *jsontree.Value, timed bool) {
	s := d.sink
	e := &s.Event
	insert := ""
	if d.insertID != nil {
		insert = s.Text(d.insertID)
	}
	switch {
	case e.ID != "":
	case insert != "":
		e.ID = insert
	case timed:
		e.ID = ingest.ContentID(raw, "uuid", "sent_at", "offset", "api_key", "token")
	default:
		e.ID = d.req.MomentID(raw, s)
	}
}

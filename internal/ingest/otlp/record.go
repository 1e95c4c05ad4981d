package otlp

import (
	"encoding/binary"
	"strconv"
	"unsafe"

	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// decoder makes events of records, whichever encoding they come in. What both readers find goes through attribute,
// bodyMember and the like as properties.
type decoder struct {
	sink  *ingest.Sink
	depth int
	// base is what the records of a resource have in common, extra the members of its context that have no place of
	// their own; extra ends with those of the scope.
	base       event.Event
	ids        ids
	extra      []byte
	ofResource int
	first      int
	// hash is that of the resource, and with the scope's that of both.
	resourceHash, hash uint64
	// fault is what is wrong with the resource or the scope, and so with every record below.
	resourceFault, fault ingest.Result

	record record
	names  ingest.Members
	// arena holds texts, and texts nested values, until the event has been taken.
	arena, texts []byte
	// raw are the parts of the record being read, letter makes a dead letter of them.
	raw    struct{ resource, scope, record []byte }
	letter func() []byte
}

// record is what more than one field of a log record speaks of.
type record struct {
	time, observed, severity      uint64
	severityText, traceID, spanID string
	name, attributeName           string
	ids                           ids
}

func (d *decoder) beginResource(raw []byte) {
	d.base.Reset()
	d.ids = ids{}
	d.extra, d.arena, d.texts = nil, nil, nil // the context shares this memory
	d.resourceHash = xxh3.Hash(raw)
	d.names = d.sink.Members(2)
	d.first = 0
}

// resourceAttribute takes an attribute that describes where all the events come from.
func (d *decoder) resourceAttribute(p event.Property) {
	d.names.Note(p.Key)
	if lift(&d.base, &d.ids, &p) {
		return
	}
	d.extra = d.extraMember(d.extra, `"resource":{`, p)
}

// extraMember appends a member to an object that begins with head.
func (d *decoder) extraMember(dst []byte, head string, p event.Property) []byte {
	if d.first == 0 {
		dst = append(comma(dst, 0), head...)
		d.first = len(dst)
	}
	dst = append(event.AppendJSONString(comma(dst, d.first), p.Key), ':')
	return event.AppendValue(dst, &p)
}

func (d *decoder) closeMember(dst []byte) []byte {
	if d.first > 0 {
		dst = append(dst, '}')
	}
	d.first = 0
	return dst
}

func (d *decoder) endResource() {
	d.extra = d.closeMember(d.extra)
	d.ofResource = len(d.extra)
	d.resourceFault = d.sink.Fault()
}

func (d *decoder) beginScope(raw []byte) {
	d.extra = d.extra[:d.ofResource:d.ofResource]
	d.hash = xxh3.HashSeed(raw, d.resourceHash)
	d.names = d.sink.Members(2)
}

func (d *decoder) scopeMember(p event.Property) {
	if p.Type == event.String && p.Str == "" {
		return
	}
	if d.names.Has(p.Key) {
		p.Key = "attributes." + p.Key // of the scope's own name, say
		d.names.Note(p.Key)
	}
	d.extra = d.extraMember(d.extra, `"scope":{`, p)
}

func (d *decoder) endScope() {
	d.extra = d.closeMember(d.extra)
	d.base.Context.Extra = ""
	if len(d.extra) > 0 {
		d.base.Context.Extra = "{" + string(d.extra) + "}"
	}
	d.fault = d.resourceFault
	if fault := d.sink.Fault(); d.fault.Code == "" {
		d.fault = fault
	}
	d.arena, d.texts = nil, nil
}

func (d *decoder) beginRecord() {
	e := &d.sink.Event
	e.Context, e.SessionID, e.GroupID = d.base.Context, d.base.SessionID, d.base.GroupID
	d.record = record{ids: d.ids}
	d.arena, d.texts = d.arena[:0], d.texts[:0]
	d.names = d.sink.Members(2)
	if d.fault.Code != "" {
		d.sink.Fail(d.fault.Code, "the resource or the scope: "+d.fault.Reason)
	}
}

// attribute takes an attribute of the record.
func (d *decoder) attribute(p event.Property) {
	e := &d.sink.Event
	d.names.Note(p.Key)
	if p.Key == "event.name" && p.Type == event.String {
		d.record.attributeName = p.Str
		return
	}
	if !lift(e, &d.record.ids, &p) {
		d.sink.Key(p.Key)
		e.Properties = append(e.Properties, p)
	}
}

// bodyMember takes a member of the body. An attribute of the same name stands beside it.
func (d *decoder) bodyMember(p event.Property) {
	d.sink.Key(p.Key)
	if d.names.Has(p.Key) {
		p.Key = "body." + p.Key
		d.names.Note(p.Key)
	}
	d.sink.Event.Properties = append(d.sink.Event.Properties, p)
}

// bodyValue takes a body that has no members, such as a message.
func (d *decoder) bodyValue(p event.Property) {
	if p.Type != event.Null && (p.Type != event.String || p.Str != "") {
		d.bodyMember(p)
	}
}

var kinds = map[string]event.Kind{
	event.NamePage: event.Page, event.NameScreen: event.Screen, event.NameIdentify: event.Identify,
	event.NameGroup: event.Group, event.NameAlias: event.Alias, "browser.page_view": event.Page,
}

var kindNames = map[event.Kind]string{
	event.Page: event.NamePage, event.Screen: event.NameScreen, event.Identify: event.NameIdentify,
	event.Group: event.NameGroup, event.Alias: event.NameAlias,
}

// endRecord puts together what was found, and hands the event over.
func (d *decoder) endRecord() {
	e, r := &d.sink.Event, &d.record
	e.Name = r.name
	switch {
	case e.Name == "":
		e.Name = r.attributeName
	case r.attributeName != "" && r.attributeName != e.Name:
		e.Properties = append(e.Properties, text("event.name", r.attributeName))
	}
	if e.Name == "" {
		d.sink.Fail("bad_event_name", "the log record has no event name: it is a log line and no event")
	}
	if kind, ok := kinds[e.Name]; ok {
		e.Kind, e.Name = kind, kindNames[kind]
	}
	if e.Kind == event.Identify || e.Kind == event.Group {
		e.Properties, e.Traits = e.Traits, e.Properties
	}
	when := r.time
	if when == 0 {
		when = r.observed
	}
	e.OriginalTime = int64(when / 1000)
	r.ids.assign(e)
	d.recordExtra()
	if e.ID == "" {
		d.arena = binary.BigEndian.AppendUint64(d.arena, d.hash)
		at := len(d.arena) - 8
		d.arena = append(d.arena, d.raw.record...)
		e.ID = ingest.TextID(d.arena[at:])
	}
	d.sink.AcceptFrom(d.letter)
}

// observedApart is from when on the time at which a record was observed is kept beside its own, in nanoseconds.
const observedApart = 1e9

// recordExtra adds to the context what the record says of itself and has no place of its own.
func (d *decoder) recordExtra() {
	r := &d.record
	at := len(d.arena)
	b := append(append(d.arena, '{'), d.extra...)
	first := at + 1
	member := func(p event.Property) {
		b = append(event.AppendJSONString(comma(b, first), p.Key), ':')
		b = event.AppendValue(b, &p)
	}
	before := len(b)
	for _, p := range [...]event.Property{text("trace_id", r.traceID), text("span_id", r.spanID), text("severity_text", r.severityText)} {
		if p.Str != "" {
			member(p)
		}
	}
	if r.severity != 0 {
		member(event.Property{Key: "severity_number", Type: event.Number, Num: float64(int32(r.severity))})
	}
	if r.time != 0 && r.observed != 0 && max(r.time, r.observed)-min(r.time, r.observed) >= observedApart {
		member(text("observed_time_unix_nano", strconv.FormatUint(r.observed, 10)))
	}
	r.ids.unused(member)
	if len(b) > before {
		b = append(b, '}')
		d.sink.Event.Context.Extra = alias(b[at:])
		d.arena = b
	}
}

// text is a property that is a text.
func text(key, value string) event.Property {
	return event.Property{Key: key, Type: event.String, Str: value}
}

// comma begins another member or item of an object or array whose first one began at a place.
func comma(dst []byte, first int) []byte {
	if len(dst) > first {
		return append(dst, ',')
	}
	return dst
}

// alias shares the memory of bytes that do not change before the event has been taken.
func alias(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // see above
}

package ingest

import (
	"cmp"
	"math"
	"strings"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/jsontree"
)

// maxDeadBytes is how much of a dead letter's bytes is kept.
const maxDeadBytes = 64 << 10

// Result is what became of one event of a request.
type Result struct {
	Code, Reason string
}

// Sink collects a request's events for the log. A decoder fills Event and calls Accept, or calls Dead.
type Sink struct {
	// Event is the event being filled; Accept and Dead reset it.
	Event event.Event
	// Results has an entry an event, in order; an empty code means accepted.
	Results []Result
	// Position is the one after the last event, set before Answer.
	Position eventlog.Position

	enc      event.Encoder
	limits   Limits
	ip       string
	agent    string
	protocol string
	accepted int
	// device is a hash of whose the events are, as far as their ids tell; mixed tells that they are of several.
	device uint64
	mixed  bool
	// beside counts the events that came with others; Results does not know of them.
	beside    int
	deadCodes map[string]int
	// arena holds the raw text of nested values until the event is encoded.
	arena []byte
	// suspect tells that the body has a text somewhere which must not get into an event, as far as that was looked for; unseen
	// is a body in which it was not.
	suspect bool
	unseen  []byte
	// elsewhere tells that the event did not happen where the request comes from.
	elsewhere bool
	// fault is what was found to be wrong with the event so far.
	fault Result
	// top are the names of the event's members, levels those of objects within it, by depth.
	top    names
	levels []*names
}

func (s *Sink) begin(l Limits, protocol, ip, agent string, body []byte) {
	s.limits, s.protocol, s.ip, s.agent = l, protocol, ip, header(agent)
	s.enc.Begin(event.Header{Protocol: protocol})
	s.Results, s.accepted, s.beside, s.deadCodes = s.Results[:0], 0, 0, nil
	s.reset()
	s.suspect, s.device, s.mixed = false, 0, false
	s.unseen = body
}

// suspects tells that the body has a text somewhere which must not get into an event.
func (s *Sink) suspects() bool {
	if s.unseen != nil {
		s.examine(s.unseen)
		s.unseen = nil
	}
	return s.suspect
}

// examine looks for texts that must not get into an event.
func (s *Sink) examine(text []byte) {
	code, _ := flaw(text)
	s.suspect = s.suspect || code != ""
}

func (s *Sink) payload(project uint32, received int64, t event.Trace) []byte {
	return s.enc.PayloadFor(event.Header{Project: project, ReceivedAt: received, Protocol: s.protocol, Trace: t})
}

// Accept takes Event as it is, or sets it aside when it breaks a rule. raw is the event's own text.
func (s *Sink) Accept(raw *jsontree.Value) {
	if code, reason := s.take(); code != "" {
		s.Dead(code, reason, AppendJSON(nil, raw))
	}
}

// take takes Event, or says which rule it breaks.
func (s *Sink) take() (code, reason string) {
	e := &s.Event
	if code, reason := s.check(); code != "" {
		return code, reason
	}
	s.place(&e.Context)
	s.whose(e)
	if !s.enc.AddWithin(e, s.limits.Event) {
		return "event_too_large", "the event is larger than the limit"
	}
	s.accepted++
	s.Results = append(s.Results, Result{})
	s.reset()
	return "", ""
}

// whose notes which device the event is of.
func (s *Sink) whose(e *event.Event) {
	if s.limits.DeviceRate == 0 || s.mixed {
		return
	}
	id := xxhash.Sum64String(cmp.Or(e.Context.DeviceID, e.AnonymousID, e.UserID)) | 1
	s.mixed = s.device != 0 && s.device != id
	s.device = id
}

// Beside takes an event that the one being filled brings with it, such as the link between its ids. It is left out when
// that one cannot be taken as it is.
func (s *Sink) Beside(e *event.Event) {
	if code, _ := s.check(); code != "" {
		return
	}
	s.place(&e.Context)
	if s.enc.AddWithin(e, s.limits.Event) {
		s.beside++
	}
}

// place fills in where the request came from.
func (s *Sink) place(c *event.Context) {
	if c.IP == "" && !s.elsewhere {
		c.IP = s.ip
	}
	if c.UserAgent == "" {
		c.UserAgent = s.agent
	}
}

// Dead sets an event aside with its bytes and the reason.
func (s *Sink) Dead(code, reason string, body []byte) {
	s.enc.AddDead(event.Dead{Code: code, Reason: reason, Body: body[:min(len(body), maxDeadBytes)]})
	if s.deadCodes == nil {
		s.deadCodes = map[string]int{}
	}
	s.deadCodes[code]++
	s.Results = append(s.Results, Result{code, reason})
	s.reset()
}

func (s *Sink) reset() {
	s.Event.Reset()
	s.arena = s.arena[:0]
	s.fault, s.elsewhere = Result{}, false
	s.top.reset()
}

// Elsewhere tells that the request's address is not that of the person: a server sends it for somebody.
func (s *Sink) Elsewhere() { s.elsewhere = true }

// Len is the number of events taken so far, dead ones included.
func (s *Sink) Len() int { return s.enc.Len() }

// Accepted is the number of events taken that are not dead.
func (s *Sink) Accepted() int { return s.accepted }

func (s *Sink) check() (code, reason string) {
	e := &s.Event
	switch {
	case s.fault.Code != "":
		return s.fault.Code, s.fault.Reason
	case strings.TrimSpace(e.Name) == "":
		return "bad_event_name", "the event has no name"
	case len(e.Name) > s.limits.Name:
		return "bad_event_name", "the event name is longer than the limit"
	case e.UserID == "" && e.AnonymousID == "" && e.Context.DeviceID == "" && (e.Kind != event.Group || e.GroupID == ""):
		return "missing_identity", "the event has neither a user id nor an anonymous id"
	case len(e.ID) > 256:
		return "bad_event_id", "the event id is longer than 256 bytes"
	case len(e.Properties) > s.limits.Properties || len(e.Traits) > s.limits.Properties:
		return "too_many_properties", "the event has more properties than the limit"
	}
	return "", ""
}

// Text is the text of a JSON string, or of a number: ids come as both. Anything else is empty, and so is a member that is
// not there, which is nil.
func (s *Sink) Text(v *jsontree.Value) string {
	if v == nil {
		return ""
	}
	switch v.Type() {
	case jsontree.TypeString:
		b, _ := v.StringBytes()
		return alias(b)
	case jsontree.TypeNumber:
		return v.Digits()
	default:
		return ""
	}
}

// Take sets dst to the text of a string or number, and tells whether there is one.
func (s *Sink) Take(dst *string, v *jsontree.Value) bool {
	text := s.Text(v)
	if text == "" {
		return false
	}
	*dst = text
	return true
}

// Property turns a JSON value into a property; one that is not there is null. Numbers that a float64 does not hold exactly keep their text.
func (s *Sink) Property(key []byte, v *jsontree.Value) event.Property {
	p := event.Property{Key: alias(key)}
	if len(key) == 0 || len(key) > s.limits.Name {
		s.fail("bad_key", "a property has no name, or one that is longer than the limit")
	}
	if v == nil {
		return p
	}
	switch v.Type() {
	case jsontree.TypeString:
		b, _ := v.StringBytes()
		p.Type, p.Str = event.String, alias(b)
	case jsontree.TypeNumber:
		f, err := number(v)
		if err != nil || !(math.Abs(f) < 1<<53) {
			p.Type, p.Str = event.JSON, s.raw(v)
			return p
		}
		p.Type, p.Num = event.Number, f
	case jsontree.TypeTrue:
		p.Type, p.Num = event.Bool, 1
	case jsontree.TypeFalse:
		p.Type = event.Bool
	case jsontree.TypeNull:
		p.Type = event.Null
	default:
		p.Type, p.Str = event.JSON, s.raw(v)
	}
	return p
}

// raw is the JSON text of a value, kept until the event has been taken.
func (s *Sink) raw(v *jsontree.Value) string {
	at := len(s.arena)
	s.arena = s.Nested(s.arena, v)
	return alias(s.arena[at:])
}

// Properties appends an object's members; anything but an object is ignored.
func (s *Sink) Properties(dst []event.Property, v *jsontree.Value) []event.Property {
	if v == nil {
		return dst
	}
	o, err := v.Object()
	if err != nil {
		return dst
	}
	names := s.names(2)
	o.Visit(func(k []byte, v *jsontree.Value) {
		if names.again(k) {
			s.twice()
		}
		dst = append(dst, s.Property(k, v))
	})
	return dst
}

// alias shares the memory of bytes that live at least until the event has been encoded.
func alias(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b)) //nolint:gosec // the bytes do not change before that
}

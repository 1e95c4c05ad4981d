// Package umami reads what Umami's tracker and its clients send to /api/send and /api/batch. The website id is the write
// key.
//
// Umami knows a visitor by the address and the user agent of the requests, and gives browsers a token that they send back.
// Here the token is the visitor's anonymous id. An event that carries an id of the app's own is that user's; it is
// linked with the visitor when it comes from a browser that has a token, or when it is an identify call.
package umami

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Protocol implements ingest.Protocol.
type Protocol struct{}

const (
	sendPath  = "/api/send"
	batchPath = "/api/batch"
	// cacheHeader brings back the token.
	cacheHeader = "X-Umami-Cache"
	visitor     = "umami-"
	// namePerformance is what a measurement of a page's speed is called.
	namePerformance = "$performance"
)

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "umami" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string { return []string{sendPath, batchPath} }

// Envelope implements ingest.Protocol.
func (Protocol) Envelope(event []byte) []byte { return event }

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	v, err := r.JSON()
	if err != nil {
		return err
	}
	d := decoder{r: r, sink: s}
	if v.Type() != jsontree.TypeArray {
		d.take(v)
		return nil
	}
	events := v.GetArray()
	if len(events) > r.Limits.Batch {
		return event.Errorf(event.TooLarge, "too_many_events", "%d events in one batch, the limit is %d", len(events), r.Limits.Batch)
	}
	for _, e := range events {
		d.take(e)
	}
	return nil
}

type decoder struct {
	r       *ingest.Request
	sink    *ingest.Sink
	count   int
	members ingest.Members
	extra   ingest.Extra
	// data is what the event is about, apart whether a payload's own members are as well.
	data  *jsontree.Value
	apart bool
}

func (d *decoder) take(v *jsontree.Value) {
	s := d.sink
	d.count++
	if !s.Sound(v) {
		return
	}
	payload := v.Get("payload")
	if payload == nil || payload.Type() != jsontree.TypeObject {
		s.Dead("not_object", "the event has no object named payload", ingest.AppendJSON(nil, v))
		return
	}
	if d.r.Key == "" {
		d.r.Key = string(payload.GetStringBytes("website"))
	}
	e := &s.Event
	d.members, d.extra, d.data = s.Members(2), s.Extra(), nil
	switch kind := string(v.GetStringBytes("type")); kind {
	case "event", "":
		d.apart = false
	case "identify":
		e.Kind, e.Name = event.Identify, event.NameIdentify
		d.apart = false
	case "performance":
		e.Name, d.apart = namePerformance, true
	default:
		s.Dead("unknown_type", fmt.Sprintf("type %q is none of event, identify, performance", kind), ingest.AppendJSON(nil, v))
		return
	}
	id := v.MarshalTo(nil)
	payload.GetObject().Visit(d.set)
	d.finish(id)
	s.Accept(v)
}

// set takes a member of the payload.
func (d *decoder) set(key []byte, v *jsontree.Value) {
	s := d.sink
	s.Member(key)
	e, c := &s.Event, &s.Event.Context
	taken := true
	switch string(key) {
	case "website":
	case "name":
		if taken = e.Name == ""; taken {
			e.Name = s.Text(v)
		}
	case "id":
		taken = s.Take(&e.UserID, v)
	case "data":
		d.data = v
	case "timestamp":
		e.OriginalTime, taken = ingest.Time(v)
	case "url":
		s.Page(s.Text(v))
	case "title":
		taken = s.Take(&c.PageTitle, v)
	case "referrer":
		taken = s.Take(&c.PageReferrer, v)
	case "language":
		taken = s.Take(&c.Locale, v)
	case "screen":
		taken = s.Resolution(s.Text(v))
	case "ip":
		taken = s.Take(&c.IP, v)
	case "userAgent":
		taken = s.Take(&c.UserAgent, v)
	default:
		taken = false
	}
	switch {
	case taken || v.Type() == jsontree.TypeNull:
	case d.apart:
		d.members.NoteKey(key)
		e.Properties = append(e.Properties, s.Property(key, v))
	default:
		d.extra.Add(string(key), v)
	}
}

// finish gives the event what follows from all of the payload. text is what it was read from.
func (d *decoder) finish(text []byte) {
	s, e := d.sink, &d.sink.Event
	token := d.r.Header.Get(cacheHeader)
	known := isVisitor(token)
	switch {
	case known:
		e.AnonymousID = token
	case e.UserID == "" || e.Kind == event.Identify:
		e.AnonymousID = visitorOf(d.r, s, e.Context.IP, e.Context.UserAgent)
	}
	e.Links = known && e.UserID != ""
	if e.Name == "" {
		e.Kind, e.Name = event.Page, event.NamePage
		if e.Context.PageTitle != "" {
			d.members.Note("name")
			e.Properties = append(e.Properties, event.Property{Key: "name", Type: event.String, Str: e.Context.PageTitle})
		}
	}
	d.about()
	e.Context.Extra = d.extra.String()
	// Nothing tells two views of a page from one that is sent twice, and no client sends twice; a time makes an event what
	// it is.
	moment := d.r.ReceivedAt
	if e.OriginalTime != 0 {
		moment = 0
	}
	e.ID = ingest.TextID(fmt.Appendf(text, "\x00%s\x00%d\x00%d", e.AnonymousID, moment, d.count))
}

// about makes properties, or traits, of what the event is about.
func (d *decoder) about() {
	s, e := d.sink, &d.sink.Event
	if d.data == nil || d.data.Type() == jsontree.TypeNull {
		return
	}
	if d.data.Type() != jsontree.TypeObject {
		d.extra.Add("data", d.data)
		return
	}
	if e.Kind == event.Identify {
		e.Traits = s.Properties(e.Traits, d.data)
		return
	}
	o := d.data.GetObject()
	o.Visit(func(key []byte, v *jsontree.Value) {
		if string(key) == "name" && e.Kind == event.Page && len(e.Properties) == 1 {
			e.Properties[0] = s.Property(key, v) // The app's own name goes before the title.
			return
		}
		d.members.NoteKey(key)
		e.Properties = append(e.Properties, s.Property(key, v))
	})
}

func isVisitor(token string) bool {
	rest, ok := strings.CutPrefix(token, visitor)
	return ok && len(rest) == 32 && strings.Trim(rest, "0123456789abcdef") == ""
}

// visitorOf is the anonymous id of whom a request comes from, or speaks of.
func visitorOf(r *ingest.Request, s *ingest.Sink, ip, agent string) string {
	ownIP, ownAgent := s.Client()
	if ip == "" {
		ip = ownIP
	}
	if agent == "" {
		agent = ownAgent
	}
	return visitor + strings.TrimPrefix(ingest.TextID([]byte(r.Key+"\x00"+ip+"\x00"+agent)), ingest.MadeID)
}

// hour is how long a visit lasts at most, in microseconds.
const hour = 3_600_000_000

// Answer implements ingest.Protocol: with the token for the next request.
func (Protocol) Answer(w http.ResponseWriter, r *ingest.Request, s *ingest.Sink) {
	token := r.Header.Get(cacheHeader)
	if !isVisitor(token) {
		var payload *jsontree.Value
		if v, err := r.JSON(); err == nil && v.Type() == jsontree.TypeObject {
			payload = v.Get("payload")
		}
		token = visitorOf(r, s, string(payload.GetStringBytes("ip")), string(payload.GetStringBytes("userAgent")))
	}
	answer := map[string]any{
		"cache": token, "sessionId": uuid(token), "visitId": uuid(token + strconv.FormatInt(r.ReceivedAt/hour, 10)),
	}
	if r.Path == batchPath {
		bad := len(s.Results) - s.Accepted()
		answer["size"], answer["processed"], answer["errors"] = len(s.Results), s.Accepted(), bad
	}
	body, err := json.Marshal(answer)
	if err != nil {
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// uuid is one made of a text.
func uuid(text string) string {
	h := strings.TrimPrefix(ingest.TextID([]byte(text)), ingest.MadeID)
	return h[:8] + "-" + h[8:12] + "-5" + h[13:16] + "-8" + h[17:20] + "-" + h[20:]
}

// Package mixpanel reads what Mixpanel's SDKs send: events, imports, and updates of people and groups, in a query, in a
// form as base64 or as JSON, as JSON itself or a line of it each. The key is the token in every event.
package mixpanel

import (
	"bytes"
	"fmt"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Protocol implements ingest.Protocol.
type Protocol struct{}

const (
	pathTrack  = "/track"
	pathImport = "/import"
	pathEngage = "/engage"
	pathGroups = "/groups"
)

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "mixpanel" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string { return []string{pathTrack, pathImport, pathEngage, pathGroups} }

// GetPaths implements ingest.Getter.
func (p Protocol) GetPaths() []string { return p.Paths() }

// Envelope implements ingest.Protocol. An update of a person or a group is known by its members wherever it comes.
func (Protocol) Envelope(event []byte) []byte { return fmt.Appendf(nil, `[%s]`, event) }

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	o := optionsOf(r)
	d := decoder{request: r, sink: s, options: o}
	if err := d.read(r, o.data); err != nil {
		return err
	}
	switch {
	case d.token != "":
		r.Key = d.token
	case r.Key == "":
		r.Key = o.key
	}
	return nil
}

// options are what a request says beside its events, in its query or its form.
type options struct {
	data, key       string
	here            bool
	sentAt          int64
	verbose, strict bool
	// counted tells that the request says whether it is strict: then it is told how many events were taken.
	counted bool
}

func optionsOf(r *ingest.Request) options {
	form, _ := r.Form()
	get := func(name string) string {
		if text := form.Get(name); text != "" {
			return text
		}
		return r.Query.Get(name)
	}
	o := options{
		data: get("data"), key: get("api_key"), here: truth(get("ip")), verbose: truth(get("verbose")), strict: truth(get("strict")),
		counted: get("strict") != "",
	}
	o.sentAt, _ = ingest.ParseTime(get("_"))
	return o
}

func truth(text string) bool { return text == "1" || text == "true" }

func (d *decoder) read(r *ingest.Request, data string) error {
	if data != "" {
		v, err := r.Parse(data)
		if err != nil {
			return err
		}
		return d.values(v)
	}
	if len(bytes.TrimSpace(r.Body)) == 0 {
		return event.Errorf(event.Invalid, "empty_body", "neither the body nor the query has any data")
	}
	v, err := r.JSON()
	if err == nil {
		return d.values(v)
	}
	if lines := bytes.TrimSpace(r.Body); lined(lines) {
		return d.lines(lines)
	}
	return err
}

// values decodes one event or an array of them.
func (d *decoder) values(v *jsontree.Value) error {
	events := []*jsontree.Value{v}
	switch v.Type() {
	case jsontree.TypeArray:
		events, _ = v.Array()
	case jsontree.TypeObject:
	default:
		return event.Errorf(event.Invalid, "not_object", "the body is a JSON %s, neither an object nor an array", v.Type())
	}
	if len(events) > d.request.Limits.Batch {
		return event.Errorf(event.TooLarge, "too_many_events", "%d events in one batch, the limit is %d", len(events), d.request.Limits.Batch)
	}
	for _, v := range events {
		if d.sink.Sound(v) {
			d.event(v)
		}
	}
	return nil
}

// lined tells whether a body that is not JSON has an event a line.
func lined(body []byte) bool {
	first, _, found := bytes.Cut(body, []byte("\n"))
	return found && fastjson.ValidateBytes(first) == nil
}

// lines decodes one event a line; a line that is no JSON concerns only itself.
func (d *decoder) lines(body []byte) error {
	if n := bytes.Count(body, []byte("\n")) + 1; n > d.request.Limits.Batch {
		return event.Errorf(event.TooLarge, "too_many_events", "%d events in one batch, the limit is %d", n, d.request.Limits.Batch)
	}
	var parser jsontree.Parser
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		v, err := parser.ParseBytes(line)
		if err != nil {
			d.sink.Dead("malformed_json", "the line is not JSON: "+err.Error(), line)
			continue
		}
		if d.sink.Sound(v) {
			d.event(v)
		}
	}
	return nil
}

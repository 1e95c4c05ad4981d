package otlp

import (
	"math"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

func (d *decoder) json(r *ingest.Request) error {
	v, err := r.JSON()
	if err != nil {
		return err
	}
	o, err := v.Object()
	if err != nil {
		return event.Errorf(event.Invalid, "not_object", "the body is a JSON %s, not an object", v.Type())
	}
	logs := get(v, "resourceLogs", "resource_logs")
	if logs == nil && o.Len() > 0 {
		return event.Errorf(event.Invalid, "no_logs", "the body has no array named resourceLogs")
	}
	n := 0
	for _, l := range items(logs) {
		for _, scope := range items(get(l, "scopeLogs", "scope_logs")) {
			n += len(items(get(scope, "logRecords", "log_records")))
		}
	}
	if n > r.Limits.Batch {
		return tooMany(n, r.Limits.Batch)
	}
	d.letter = d.jsonLetter
	for _, l := range items(logs) {
		d.jsonResource(l)
	}
	return nil
}

// get is a member by its name in JSON, or by the one in protobuf, which parsers have to take as well.
func get(v *jsontree.Value, name, other string) *jsontree.Value {
	if member := v.Get(name); member != nil {
		return member
	}
	return v.Get(other)
}

func items(v *jsontree.Value) []*jsontree.Value {
	if v == nil {
		return nil
	}
	list, _ := v.Array() // anything else has no items
	return list
}

func (d *decoder) jsonResource(logs *jsontree.Value) {
	resource := logs.Get("resource")
	d.raw.resource = source(resource)
	d.beginResource(d.raw.resource)
	d.flaw(resource)
	for _, a := range items(resource.Get("attributes")) {
		d.resourceAttribute(d.jsonKeyValue(a, 2))
	}
	d.endResource()
	for _, scope := range items(get(logs, "scopeLogs", "scope_logs")) {
		d.jsonScope(scope)
	}
}

func (d *decoder) jsonScope(logs *jsontree.Value) {
	scope := logs.Get("scope")
	d.raw.scope = source(scope)
	d.beginScope(d.raw.scope)
	d.flaw(scope)
	for _, name := range []string{"name", "version"} {
		if v := scope.Get(name); v != nil {
			d.scopeMember(text(name, d.sink.Text(v)))
		}
	}
	for _, a := range items(scope.Get("attributes")) {
		d.scopeMember(d.jsonKeyValue(a, 2))
	}
	d.endScope()
	for _, record := range items(get(logs, "logRecords", "log_records")) {
		d.jsonRecord(record)
	}
}

// source is the text of a value that has not been looked into.
func source(v *jsontree.Value) []byte {
	if v == nil {
		return nil
	}
	return v.MarshalTo(nil)
}

// flaw fails the event when a value that was not looked into has texts that must not get into one.
func (d *decoder) flaw(v *jsontree.Value) {
	if code, reason := d.sink.Flaw(v); code != "" {
		d.sink.Fail(code, reason)
	}
}

func (d *decoder) jsonRecord(v *jsontree.Value) {
	d.beginRecord()
	d.arena = v.MarshalTo(d.arena)
	d.raw.record = d.arena
	o, err := v.Object()
	if err != nil {
		d.sink.Dead("not_object", "the log record is no JSON object", d.jsonLetter())
		return
	}
	d.flaw(v)
	r := &d.record
	var body *jsontree.Value
	o.Visit(func(key []byte, v *jsontree.Value) {
		switch string(key) {
		case "timeUnixNano", "time_unix_nano":
			r.time = d.nanoseconds(v)
		case "observedTimeUnixNano", "observed_time_unix_nano":
			r.observed = d.nanoseconds(v)
		case "severityNumber", "severity_number":
			r.severity, _ = strconv.ParseUint(d.sink.Text(v), 10, 31) // a name says no more than severityText
		case "severityText", "severity_text":
			r.severityText = d.sink.Text(v)
		case "traceId", "trace_id":
			r.traceID = spanContext(d.sink.Text(v))
		case "spanId", "span_id":
			r.spanID = spanContext(d.sink.Text(v))
		case "eventName", "event_name":
			r.name = d.sink.Text(v)
		case "attributes":
			for _, a := range items(v) {
				d.attribute(d.jsonKeyValue(a, 3))
			}
		case "body":
			body = v
		}
	})
	d.jsonBody(body)
	d.endRecord()
}

// spanContext is an id in hexadecimal digits, empty for zeros, which mean none.
func spanContext(id string) string {
	if strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}

// nanoseconds are a number or the text of one. One that is neither is kept as it is.
func (d *decoder) nanoseconds(v *jsontree.Value) uint64 {
	t := d.sink.Text(v)
	if n, err := strconv.ParseUint(t, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(t, 64); err == nil && f >= 0 && f < math.MaxUint64 {
		return uint64(f)
	}
	if t != "" {
		d.attribute(text("$original_timestamp", t))
	}
	return 0
}

func (d *decoder) jsonBody(v *jsontree.Value) {
	if v == nil || v.Type() == jsontree.TypeNull {
		return
	}
	list := get(v, "kvlistValue", "kvlist_value")
	if list == nil {
		d.bodyValue(d.jsonValue("body", v, 3))
		return
	}
	for _, a := range items(list.Get("values")) {
		d.bodyMember(d.jsonKeyValue(a, 3))
	}
}

func (d *decoder) jsonKeyValue(v *jsontree.Value, level int) event.Property {
	return d.jsonValue(alias(v.GetStringBytes("key")), v.Get("value"), level)
}

// jsonValue reads a value that is a property; one without content is null.
func (d *decoder) jsonValue(key string, v *jsontree.Value, level int) event.Property {
	p := event.Property{Key: key}
	if v == nil || v.Type() == jsontree.TypeNull {
		return p
	}
	o, err := v.Object()
	if err != nil {
		d.sink.Fail("bad_value", "a value is no object such as {\"stringValue\":\"…\"}")
		return p
	}
	o.Visit(func(name []byte, v *jsontree.Value) {
		switch string(name) {
		case "stringValue", "string_value":
			p.Type, p.Str = event.String, d.sink.Text(v)
		case "boolValue", "bool_value":
			p.Type, p.Num = event.Bool, 0
			if v.Type() == jsontree.TypeTrue {
				p.Num = 1
			}
		case "intValue", "int_value":
			p = d.jsonInteger(key, v)
		case "doubleValue", "double_value":
			p = d.jsonDouble(key, v)
		case "bytesValue", "bytes_value":
			p.Type, p.Str = event.String, d.sink.Text(v)
		case "arrayValue", "array_value", "kvlistValue", "kvlist_value":
			at := len(d.texts)
			d.texts = d.jsonNested(d.texts, name[0] == 'a', v, level)
			p.Type, p.Str = event.JSON, alias(d.texts[at:])
		}
	})
	return p
}

func (d *decoder) jsonInteger(key string, v *jsontree.Value) event.Property {
	t := d.sink.Text(v)
	if n, err := strconv.ParseInt(t, 10, 64); err == nil {
		return d.integer(key, n)
	}
	return d.jsonDouble(key, v)
}

func (d *decoder) jsonDouble(key string, v *jsontree.Value) event.Property {
	t := d.sink.Text(v)
	f, err := strconv.ParseFloat(t, 64)
	if err != nil {
		d.sink.Fail("bad_number", "a number is none, or is beyond what a 64-bit float holds")
		return event.Property{Key: key}
	}
	return double(key, f)
}

// jsonNested appends the JSON of an array, or of an object.
func (d *decoder) jsonNested(dst []byte, array bool, v *jsontree.Value, level int) []byte {
	names := d.sink.Members(level)
	open, end := byte('{'), byte('}')
	if array {
		open, end = '[', ']'
	}
	dst = append(dst, open)
	first := len(dst)
	if level > d.depth {
		return append(dst, end)
	}
	for _, item := range items(v.Get("values")) {
		dst = comma(dst, first)
		if !array {
			key := alias(item.GetStringBytes("key"))
			names.Note(key)
			dst = append(event.AppendJSONString(dst, key), ':')
			item = item.Get("value")
		}
		dst = d.jsonInner(dst, item, level+1)
	}
	return append(dst, end)
}

func (d *decoder) jsonInner(dst []byte, v *jsontree.Value, level int) []byte {
	if list := get(v, "arrayValue", "array_value"); list != nil {
		return d.jsonNested(dst, true, list, level)
	}
	if list := get(v, "kvlistValue", "kvlist_value"); list != nil {
		return d.jsonNested(dst, false, list, level)
	}
	p := d.jsonValue("", v, level)
	return event.AppendValue(dst, &p)
}

// jsonLetter is the record with its resource and its scope.
func (d *decoder) jsonLetter() []byte {
	member := func(dst []byte, name string, text []byte) []byte {
		if text == nil {
			return dst
		}
		return append(append(append(dst, name...), text...), ',')
	}
	out := member([]byte("{"), `"resource":`, d.raw.resource)
	out = member(append(out, `"scopeLogs":[{`...), `"scope":`, d.raw.scope)
	out = append(out, `"logRecords":[`...)
	return append(append(out, d.raw.record...), "]}]}"...)
}

package otlp

import (
	"encoding/base64"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// The numbers of the fields that are read, by message. The messages are read as they lie in the body: unpacking them into
// objects first takes several times as long as everything that follows.
const (
	requestResourceLogs = 1

	resourceLogsResource = 1
	resourceLogsScope    = 2
	resourceAttributes   = 1

	scopeLogsScope   = 1
	scopeLogsRecords = 2
	scopeName        = 1
	scopeVersion     = 2
	scopeAttributes  = 3

	recordTime         = 1
	recordSeverity     = 2
	recordSeverityText = 3
	recordBody         = 5
	recordAttributes   = 6
	recordTraceID      = 9
	recordSpanID       = 10
	recordObserved     = 11
	recordEventName    = 12

	keyValueKey   = 1
	keyValueValue = 2

	anyString = 1
	anyBool   = 2
	anyInt    = 3
	anyDouble = 4
	anyArray  = 5
	anyList   = 6
	anyBytes  = 7

	listValues = 1
)

// fields reads a message field by field.
type fields struct {
	rest   []byte
	number int
	// bits is the value of a number, bytes that of anything longer.
	bits  uint64
	bytes []byte
	bad   bool
}

func (f *fields) next() bool {
	if len(f.rest) == 0 || f.bad {
		return false
	}
	number, kind, n := protowire.ConsumeTag(f.rest)
	if n < 0 {
		f.bad = true
		return false
	}
	value := f.rest[n:]
	f.number, f.bits, f.bytes = int(number), 0, nil
	switch kind {
	case protowire.VarintType:
		f.bits, n = protowire.ConsumeVarint(value)
	case protowire.Fixed64Type:
		f.bits, n = protowire.ConsumeFixed64(value)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(value)
	default:
		n = protowire.ConsumeFieldValue(number, kind, value)
	}
	if n < 0 {
		f.bad = true
		return false
	}
	f.rest = value[n:]
	return true
}

// countRecords counts the log records of a request, and is false when the body is none.
func countRecords(body []byte) (n int, ok bool) {
	top := fields{rest: body}
	for top.next() {
		if top.number != requestResourceLogs {
			continue
		}
		logs := fields{rest: top.bytes}
		for logs.next() {
			if logs.number != resourceLogsScope {
				continue
			}
			records := fields{rest: logs.bytes}
			for records.next() {
				if records.number == scopeLogsRecords {
					n++
				}
			}
			logs.bad = logs.bad || records.bad
		}
		top.bad = top.bad || logs.bad
	}
	return n, !top.bad
}

func (d *decoder) protobuf(body []byte, limit int) error {
	n, ok := countRecords(body)
	switch {
	case !ok:
		return event.Errorf(event.Invalid, "malformed_protobuf", "the body is neither JSON nor the protobuf of an export request")
	case n > limit:
		return tooMany(n, limit)
	}
	d.letter = d.protobufLetter
	for top := (fields{rest: body}); top.next(); {
		if top.number == requestResourceLogs {
			d.resourceLogs(top.bytes)
		}
	}
	return nil
}

func (d *decoder) resourceLogs(b []byte) {
	d.raw.resource = nil
	for f := (fields{rest: b}); f.next(); {
		if f.number == resourceLogsResource {
			d.raw.resource = f.bytes
		}
	}
	d.beginResource(d.raw.resource)
	for f := (fields{rest: d.raw.resource}); d.next(&f); {
		if f.number == resourceAttributes {
			d.resourceAttribute(d.keyValue(f.bytes, 2))
		}
	}
	d.endResource()
	for f := (fields{rest: b}); f.next(); {
		if f.number == resourceLogsScope {
			d.scopeLogs(f.bytes)
		}
	}
}

func (d *decoder) scopeLogs(b []byte) {
	d.raw.scope = nil
	for f := (fields{rest: b}); f.next(); {
		if f.number == scopeLogsScope {
			d.raw.scope = f.bytes
		}
	}
	d.beginScope(d.raw.scope)
	for f := (fields{rest: d.raw.scope}); d.next(&f); {
		switch f.number {
		case scopeName:
			d.scopeMember(text("name", d.sink.Clean(f.bytes)))
		case scopeVersion:
			d.scopeMember(text("version", d.sink.Clean(f.bytes)))
		case scopeAttributes:
			d.scopeMember(d.keyValue(f.bytes, 2))
		}
	}
	d.endScope()
	for f := (fields{rest: b}); f.next(); {
		if f.number == scopeLogsRecords {
			d.protobufRecord(f.bytes)
		}
	}
}

func (d *decoder) protobufRecord(b []byte) {
	d.raw.record = b
	d.beginRecord()
	r := &d.record
	var body []byte
	for f := (fields{rest: b}); d.next(&f); {
		switch f.number {
		case recordTime:
			r.time = f.bits
		case recordObserved:
			r.observed = f.bits
		case recordSeverity:
			r.severity = f.bits
		case recordSeverityText:
			r.severityText = d.sink.Clean(f.bytes)
		case recordTraceID:
			r.traceID = d.hex(f.bytes)
		case recordSpanID:
			r.spanID = d.hex(f.bytes)
		case recordEventName:
			r.name = d.sink.Clean(f.bytes)
		case recordAttributes:
			d.attribute(d.keyValue(f.bytes, 3))
		case recordBody:
			body = f.bytes
		}
	}
	d.protobufBody(body)
	d.endRecord()
}

// protobufBody makes properties of the members of a body that has some, and one of any other.
func (d *decoder) protobufBody(b []byte) {
	for f := (fields{rest: b}); d.next(&f); {
		if f.number != anyList {
			d.bodyValue(d.value("body", b, 3))
			return
		}
		for list := (fields{rest: f.bytes}); d.next(&list); {
			if list.number == listValues {
				d.bodyMember(d.keyValue(list.bytes, 3))
			}
		}
	}
}

// next goes to the next field, and fails the event when there should be one that cannot be read.
func (d *decoder) next(f *fields) bool {
	ok := f.next()
	if f.bad {
		d.sink.Fail("malformed_protobuf", "the log record, or what it belongs to, is not the protobuf that it should be")
	}
	return ok
}

// keyValue reads an attribute whose value lies at a level of the event.
func (d *decoder) keyValue(b []byte, level int) event.Property {
	var key string
	var value []byte
	for f := (fields{rest: b}); d.next(&f); {
		switch f.number {
		case keyValueKey:
			key = d.sink.Clean(f.bytes)
		case keyValueValue:
			value = f.bytes
		}
	}
	return d.value(key, value, level)
}

// value reads a value that is a property; one without content is null.
func (d *decoder) value(key string, b []byte, level int) event.Property {
	p := event.Property{Key: key}
	for f := (fields{rest: b}); d.next(&f); {
		switch f.number {
		case anyString:
			p.Type, p.Str = event.String, d.sink.Clean(f.bytes)
		case anyBool:
			p.Type, p.Num = event.Bool, float64(f.bits&1)
		case anyInt:
			p = d.integer(key, int64(f.bits))
		case anyDouble:
			p = double(key, math.Float64frombits(f.bits))
		case anyBytes:
			p.Type, p.Str = event.String, base64.StdEncoding.EncodeToString(f.bytes)
		case anyArray, anyList:
			at := len(d.texts)
			d.texts = d.nested(d.texts, b, level)
			p.Type, p.Str = event.JSON, alias(d.texts[at:])
		}
	}
	return p
}

// nested appends a value as JSON.
func (d *decoder) nested(dst, b []byte, level int) []byte {
	for f := (fields{rest: b}); d.next(&f); {
		switch f.number {
		case anyArray:
			d.sink.Members(level)
			return d.nestedArray(dst, f.bytes, level)
		case anyList:
			return d.nestedObject(dst, f.bytes, level)
		}
	}
	p := d.value("", b, level)
	return event.AppendValue(dst, &p)
}

func (d *decoder) nestedArray(dst, b []byte, level int) []byte {
	dst = append(dst, '[')
	first := len(dst)
	if level <= d.depth {
		for f := (fields{rest: b}); d.next(&f); {
			if f.number == listValues {
				dst = d.nested(comma(dst, first), f.bytes, level+1)
			}
		}
	}
	return append(dst, ']')
}

func (d *decoder) nestedObject(dst, b []byte, level int) []byte {
	names := d.sink.Members(level)
	dst = append(dst, '{')
	first := len(dst)
	if level <= d.depth {
		for f := (fields{rest: b}); d.next(&f); {
			if f.number == listValues {
				dst = d.nestedMember(comma(dst, first), f.bytes, level, names)
			}
		}
	}
	return append(dst, '}')
}

func (d *decoder) nestedMember(dst, b []byte, level int, names ingest.Members) []byte {
	var key string
	var value []byte
	for f := (fields{rest: b}); d.next(&f); {
		switch f.number {
		case keyValueKey:
			key = d.sink.Clean(f.bytes)
		case keyValueValue:
			value = f.bytes
		}
	}
	names.Note(key)
	dst = append(event.AppendJSONString(dst, key), ':')
	return d.nested(dst, value, level+1)
}

// hex writes bytes as JSON has them, empty for none and for zeros, which mean none.
func (d *decoder) hex(b []byte) string {
	for _, c := range b {
		if c != 0 {
			at := len(d.arena)
			const digits = "0123456789abcdef"
			for _, c := range b {
				d.arena = append(d.arena, digits[c>>4], digits[c&15])
			}
			return alias(d.arena[at:])
		}
	}
	return ""
}

// integer is a number, or its text when a float does not hold it exactly.
func (d *decoder) integer(key string, n int64) event.Property {
	if n > -1<<53 && n < 1<<53 {
		return event.Property{Key: key, Type: event.Number, Num: float64(n)}
	}
	at := len(d.arena)
	d.arena = strconv.AppendInt(d.arena, n, 10)
	return event.Property{Key: key, Type: event.JSON, Str: alias(d.arena[at:])}
}

// double is a number; what JSON has no number for is a text.
func double(key string, f float64) event.Property {
	switch {
	case math.IsNaN(f):
		return text(key, "NaN")
	case math.IsInf(f, 0):
		return text(key, map[bool]string{true: "Infinity", false: "-Infinity"}[f > 0])
	case math.Abs(f) < 1<<53:
		return event.Property{Key: key, Type: event.Number, Num: f}
	}
	return event.Property{Key: key, Type: event.JSON, Str: strconv.FormatFloat(f, 'g', -1, 64)}
}

// protobufLetter is the record with its resource and its scope.
func (d *decoder) protobufLetter() []byte {
	add := func(dst []byte, number protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(dst, number, protowire.BytesType), b)
	}
	scope := add(nil, scopeLogsScope, d.raw.scope)
	scope = add(scope, scopeLogsRecords, d.raw.record)
	return add(add(nil, resourceLogsResource, d.raw.resource), resourceLogsScope, scope)
}

package kafka

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/freshet/freshet/internal/event"
)

// errMessage is wrapped by every error of a value that is no event of the log, but for one that a later version wrote.
var errMessage = errors.New("no event of the log")

// decoded is what the value of one record says. Its texts share the value's memory. It must not be copied.
type decoded struct {
	header       event.Header
	index, count int
	event        event.Event
	dead         *event.Dead
	// opaque is the payload of the whole append, when whole is true.
	opaque []byte
	whole  bool
	// ids and context are the texts of event, from the first read on.
	ids     [7]*string
	context [29]*string
}

// one field of a message.
type field struct {
	number protowire.Number
	kind   protowire.Type
	word   uint64
	bytes  []byte
}

// next takes a field off the front of a message.
func next(b []byte) (f field, rest []byte, err error) {
	number, kind, n := protowire.ConsumeTag(b)
	if n < 0 {
		return f, nil, fmt.Errorf("%w: %w", errMessage, protowire.ParseError(n))
	}
	f.number, f.kind = number, kind
	b = b[n:]
	switch kind {
	case protowire.VarintType:
		f.word, n = protowire.ConsumeVarint(b)
	case protowire.Fixed64Type:
		f.word, n = protowire.ConsumeFixed64(b)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(b)
	default:
		n = protowire.ConsumeFieldValue(number, kind, b)
	}
	if n < 0 {
		return f, nil, fmt.Errorf("%w: field %d: %w", errMessage, number, protowire.ParseError(n))
	}
	return f, b[n:], nil
}

// unknown is the error of a field, or a value of one, that this version does not have: without it the event would be another one.
func unknown(f field) error {
	return fmt.Errorf("a record of the log has a field %d that is not known: %w", f.number, event.ErrNewer)
}

// mistyped is the error of a known field of another type.
func mistyped(f field) error {
	return fmt.Errorf("%w: field %d is of type %d", errMessage, f.number, f.kind)
}

// text shares the memory of the value, which is never written again.
func (f *field) text() string {
	if len(f.bytes) == 0 {
		return ""
	}
	return unsafe.String(&f.bytes[0], len(f.bytes)) //nolint:gosec // the bytes do not change
}

// expects is the type that a field of the message Event has; ok is false when there is no such field.
func expects(n protowire.Number) (kind protowire.Type, ok bool) {
	switch {
	case n == fieldScreenDensity:
		return protowire.Fixed64Type, true
	case n == fieldProject || n == fieldReceivedAt || n >= fieldIndex && n <= fieldKind || n >= fieldOriginalTime && n <= fieldLinks ||
		n == fieldScreenWidth || n == fieldScreenHeight:
		return protowire.VarintType, true
	}
	return protowire.BytesType, n >= 1 && n < fieldScreenWidth
}

// read reads the value of a record.
func (d *decoded) read(value []byte) error {
	d.header, d.index, d.count, d.dead, d.opaque, d.whole = event.Header{}, 0, 0, nil, nil, false
	d.event.Reset()
	if d.ids[0] == nil {
		d.ids, d.context = texts(&d.event)
	}
	var newer error
	for len(value) > 0 {
		f, rest, err := next(value)
		if err != nil {
			return err
		}
		value = rest
		kind, ok := expects(f.number)
		switch {
		case !ok:
			newer = unknown(f)
			continue
		case kind != f.kind:
			return mistyped(f)
		}
		if err := d.set(&f); errors.Is(err, event.ErrNewer) {
			newer = err
		} else if err != nil {
			return err
		}
	}
	// What has no place in an append was not written by any version.
	if d.count < 1 || d.index >= d.count {
		return fmt.Errorf("%w: event %d of %d", errMessage, d.index, d.count)
	}
	return newer
}

func (d *decoded) set(f *field) (err error) {
	e := &d.event
	switch f.number {
	case fieldProject:
		d.header.Project = uint32(f.word)
	case fieldReceivedAt:
		d.header.ReceivedAt = int64(f.word)
	case fieldProtocol:
		d.header.Protocol = f.text()
	case fieldTrace:
		if len(f.bytes) != len(d.header.Trace) {
			return fmt.Errorf("%w: a trace of %d bytes", errMessage, len(f.bytes))
		}
		copy(d.header.Trace[:], f.bytes)
	case fieldIndex, fieldCount:
		if f.word > math.MaxInt32 {
			return fmt.Errorf("%w: %d events", errMessage, f.word)
		}
		if f.number == fieldIndex {
			d.index = int(f.word)
		} else {
			d.count = int(f.word)
		}
	case fieldKind:
		if f.word > uint64(event.Unlink) {
			return unknown(*f)
		}
		e.Kind = event.Kind(f.word)
	case fieldOriginalTime:
		e.OriginalTime = int64(f.word)
	case fieldSentAt:
		e.SentAt = int64(f.word)
	case fieldSentFresh:
		e.SentFresh = protowire.DecodeBool(f.word)
	case fieldLinks:
		e.Links = protowire.DecodeBool(f.word)
	case fieldProperties:
		e.Properties, err = appendProperty(e.Properties, f.bytes)
	case fieldTraits:
		e.Traits, err = appendProperty(e.Traits, f.bytes)
	case fieldUnreadable:
		d.dead, err = readUnreadable(f.bytes)
	case fieldOpaque:
		d.opaque, d.whole = f.bytes, true
	case fieldScreenWidth:
		e.Context.ScreenWidth = int32(f.word)
	case fieldScreenHeight:
		e.Context.ScreenHeight = int32(f.word)
	case fieldScreenDensity:
		e.Context.ScreenDensity = math.Float64frombits(f.word)
	default:
		if f.number >= fieldAppName {
			*d.context[f.number-fieldAppName] = f.text()
		} else {
			*d.ids[f.number-fieldName] = f.text()
		}
	}
	return err
}

func appendProperty(ps []event.Property, b []byte) ([]event.Property, error) {
	var p event.Property
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return ps, err
		}
		b = rest
		switch {
		case f.number == propertyKey && f.kind == protowire.BytesType:
			p.Key = f.text()
		case f.number == propertyOperation && f.kind == protowire.VarintType && f.word <= uint64(event.Clear):
			p.Op = event.Op(f.word)
		case f.number == propertyBoolean && f.kind == protowire.VarintType:
			p.Type, p.Num = event.Bool, float64(f.word&1)
		case f.number == propertyNumber && f.kind == protowire.Fixed64Type:
			p.Type, p.Num = event.Number, math.Float64frombits(f.word)
		case f.number == propertyText && f.kind == protowire.BytesType:
			p.Type, p.Str = event.String, f.text()
		case f.number == propertyJSON && f.kind == protowire.BytesType:
			p.Type, p.Str = event.JSON, f.text()
		default:
			return ps, unknown(f)
		}
	}
	return append(ps, p), nil
}

func readUnreadable(b []byte) (*event.Dead, error) {
	d := &event.Dead{}
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return nil, err
		}
		b = rest
		if f.number <= unreadableBody && f.kind != protowire.BytesType {
			return nil, mistyped(f)
		}
		switch f.number {
		case unreadableCode:
			d.Code = f.text()
		case unreadableReason:
			d.Reason = f.text()
		case unreadableBody:
			d.Body = f.bytes
		default:
			return nil, unknown(f)
		}
	}
	return d, nil
}

// joiner puts the payload of an append together again.
type joiner struct {
	encoder event.Encoder
	message decoded
}

// join returns the payload of an append out of the values of its records, all of them. It shares no memory with them.
func (j *joiner) join(values [][]byte) ([]byte, error) {
	m := &j.message
	var h event.Header
	for i, v := range values {
		if err := m.read(v); err != nil {
			return nil, err
		}
		if m.index != i || m.count != len(values) {
			return nil, fmt.Errorf("%w: event %d of %d where %d of %d was due", errMessage, m.index, m.count, i, len(values))
		}
		if m.whole {
			return append([]byte{}, m.opaque...), nil
		}
		if i == 0 {
			h = m.header
			j.encoder.Begin(h)
		}
		if m.header != h {
			return nil, fmt.Errorf("%w: the events of a request differ in what they have in common", errMessage)
		}
		if m.dead != nil {
			j.encoder.AddDead(*m.dead)
		} else {
			j.encoder.Add(&m.event)
		}
	}
	return append([]byte{}, j.encoder.Payload()...), nil
}

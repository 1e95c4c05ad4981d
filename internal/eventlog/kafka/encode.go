package kafka

import (
	"bytes"
	"cmp"
	"math"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// message is the key and the value of a record of Kafka.
type message struct{ key, value []byte }

// encoder turns what one append adds into messages, one for each event.
type encoder struct {
	decoder event.Decoder
	event   event.Event
	// again is the payload as a reader will put it together: what differs from the one at hand goes as it is.
	again event.Encoder
	tmp   []byte
	// odd tells that a text is none that Protobuf takes.
	odd bool
}

// encode returns the messages of a record. They share nothing with its payload.
func (c *encoder) encode(r eventlog.Record) []message {
	out := make([]message, 0, r.Events)
	c.odd = false
	if c.decoder.Open(r.Payload) != nil || c.decoder.Items != r.Events {
		return opaque(out, r)
	}
	h := &c.decoder.Header
	c.again.Begin(*h)
	for i := range r.Events {
		dead, ok, err := c.decoder.Next(&c.event)
		if err != nil || !ok {
			return opaque(out, r)
		}
		if dead != nil {
			c.again.AddDead(*dead)
		} else {
			c.again.Add(&c.event)
		}
		out = append(out, c.message(h, dead, i, r.Events))
	}
	if c.odd || !bytes.Equal(c.again.Payload(), r.Payload) {
		return opaque(out, r)
	}
	return out
}

// opaque carries the payload as it is: of a later version, or of none.
func opaque(out []message, r eventlog.Record) []message {
	out = out[:0]
	for i := range r.Events {
		v := appendPlace(nil, i, r.Events)
		if i == 0 {
			v = protowire.AppendTag(v, fieldOpaque, protowire.BytesType)
			v = protowire.AppendBytes(v, r.Payload)
		}
		out = append(out, message{value: v})
	}
	return out
}

func (c *encoder) message(h *event.Header, dead *event.Dead, index, count int) message {
	// One piece of memory has the key and the value.
	b := strconv.AppendUint(nil, uint64(h.Project), 10)
	b = append(b, '/')
	if dead == nil {
		b = append(b, cmp.Or(c.event.UserID, c.event.AnonymousID, c.event.Context.DeviceID)...)
	}
	key := len(b)
	b = appendVarint(b, fieldProject, uint64(h.Project))
	b = appendVarint(b, fieldReceivedAt, uint64(h.ReceivedAt))
	b = c.text(b, fieldProtocol, h.Protocol)
	if h.Trace != (event.Trace{}) {
		b = appendBytes(b, fieldTrace, h.Trace[:])
	}
	b = appendPlace(b, index, count)
	if dead != nil {
		b = c.dead(b, dead)
	} else {
		b = c.body(b, &c.event)
	}
	return message{b[:key:key], b[key:]}
}

func appendPlace(b []byte, index, count int) []byte {
	b = appendVarint(b, fieldIndex, uint64(index))
	return appendVarint(b, fieldCount, uint64(count))
}

func (c *encoder) dead(b []byte, d *event.Dead) []byte {
	c.tmp = c.text(c.tmp[:0], unreadableCode, d.Code)
	c.tmp = c.text(c.tmp, unreadableReason, d.Reason)
	c.tmp = appendBytes(c.tmp, unreadableBody, d.Body)
	b = protowire.AppendTag(b, fieldUnreadable, protowire.BytesType)
	return protowire.AppendBytes(b, c.tmp)
}

func (c *encoder) body(b []byte, e *event.Event) []byte {
	b = appendVarint(b, fieldKind, uint64(e.Kind))
	ids, context := texts(e)
	for i, s := range ids {
		b = c.text(b, protowire.Number(fieldName+i), *s)
	}
	b = appendVarint(b, fieldOriginalTime, uint64(e.OriginalTime))
	b = appendVarint(b, fieldSentAt, uint64(e.SentAt))
	b = appendVarint(b, fieldSentFresh, protowire.EncodeBool(e.SentFresh))
	b = appendVarint(b, fieldLinks, protowire.EncodeBool(e.Links))
	b = c.properties(b, fieldProperties, e.Properties)
	b = c.properties(b, fieldTraits, e.Traits)
	for i, s := range context {
		b = c.text(b, protowire.Number(fieldAppName+i), *s)
	}
	// A negative number takes ten bytes, as Protobuf has it.
	b = appendVarint(b, fieldScreenWidth, uint64(int64(e.Context.ScreenWidth)))
	b = appendVarint(b, fieldScreenHeight, uint64(int64(e.Context.ScreenHeight)))
	if bits := math.Float64bits(e.Context.ScreenDensity); bits != 0 {
		b = protowire.AppendTag(b, fieldScreenDensity, protowire.Fixed64Type)
		b = protowire.AppendFixed64(b, bits)
	}
	return b
}

func (c *encoder) properties(b []byte, field protowire.Number, ps []event.Property) []byte {
	for i := range ps {
		p := &ps[i]
		t := c.text(c.tmp[:0], propertyKey, p.Key)
		t = appendVarint(t, propertyOperation, uint64(p.Op))
		switch p.Type {
		case event.Bool:
			t = protowire.AppendTag(t, propertyBoolean, protowire.VarintType)
			t = protowire.AppendVarint(t, protowire.EncodeBool(p.Num != 0))
		case event.Number:
			t = protowire.AppendTag(t, propertyNumber, protowire.Fixed64Type)
			t = protowire.AppendFixed64(t, math.Float64bits(p.Num))
		case event.String, event.JSON:
			number := protowire.Number(propertyText)
			if p.Type == event.JSON {
				number = propertyJSON
			}
			c.odd = c.odd || !utf8.ValidString(p.Str)
			t = protowire.AppendTag(t, number, protowire.BytesType)
			t = protowire.AppendString(t, p.Str)
		default:
		}
		c.tmp = t
		b = protowire.AppendTag(b, field, protowire.BytesType)
		b = protowire.AppendBytes(b, t)
	}
	return b
}

func (c *encoder) text(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	c.odd = c.odd || !utf8.ValidString(s)
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendString(b, s)
}

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.VarintType)
	return protowire.AppendVarint(b, v)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, v)
}

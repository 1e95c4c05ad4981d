package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// The payload of one log record, all integers as varints unless said otherwise:
//
//	version (1 byte) | project | received at (µs) | protocol (string) | trace (string: empty, or 24 bytes) | items | item ...
//
//	item: 0 | length of the rest | event
//	      1 | length of the rest | code (string) | reason (string) | body (string)
//
//	event: kind (1 byte) | mask of the fields that follow (8 bytes, little endian) | field ...
//	       | properties | property ... | traits | property ...
//
//	property: type, and operation << 4 (1 byte) | key (string) | value: nothing (null), 1 byte (bool), 8 bytes (number), string (others)
//
// Strings are their length and their bytes. The order of the fields is that of stringFields, then the numbers. Version 1
// has no operations, and is what is written as long as there are none; version 3 is a record of one Unlink.
const (
	versionPlain  = 1
	versionOps    = 2
	versionUnlink = 3
	// versionMost is the last number that a later version may have; above it, and at 0, a payload is malformed.
	versionMost = 31
)

const (
	itemEvent = 0
	itemDead  = 1
)

// Header is what the events of one record have in common.
type Header struct {
	Project    uint32
	ReceivedAt int64
	// Protocol is the wire format the events came in, such as "segment".
	Protocol string
	// Trace is the sampled trace that the request belongs to, so that processing is part of it; zero for none.
	Trace Trace
}

// Trace names a span as OpenTelemetry does: 16 bytes for the trace, 8 for the span.
type Trace [24]byte

// Dead is an event of a request that could not be read; it travels in the log beside its good neighbours.
type Dead struct {
	Code, Reason string
	Body         []byte
}

// Encoder builds the payload of one record. The zero value is ready after Begin; reuse it to reuse its memory.
type Encoder struct {
	head  []byte
	items []byte
	tmp   []byte
	n     int
	// version is the oldest one that can hold the items.
	version byte
}

// Begin starts a new record.
func (c *Encoder) Begin(h Header) {
	c.items, c.n, c.version = c.items[:0], 0, versionPlain
	c.header(h)
}

func (c *Encoder) header(h Header) {
	c.head = append(c.head[:0], c.version)
	c.head = binary.AppendUvarint(c.head, uint64(h.Project))
	c.head = binary.AppendVarint(c.head, h.ReceivedAt)
	c.head = appendString(c.head, h.Protocol)
	if h.Trace == (Trace{}) {
		c.head = append(c.head, 0)
		return
	}
	c.head = append(c.head, byte(len(h.Trace)))
	c.head = append(c.head, h.Trace[:]...)
}

// Add appends an event; its Derived part is not written.
func (c *Encoder) Add(e *Event) {
	c.tmp = appendEvent(c.tmp[:0], e)
	c.add(itemEvent)
	c.note(e)
}

// AddWithin is Add for an event whose binary form takes no more than limit bytes; a larger one is left out.
func (c *Encoder) AddWithin(e *Event, limit int) bool {
	c.tmp = appendEvent(c.tmp[:0], e)
	if len(c.tmp) > limit {
		return false
	}
	c.add(itemEvent)
	c.note(e)
	return true
}

// note raises the version when the event needs it.
func (c *Encoder) note(e *Event) {
	if e.Kind == Unlink {
		c.version = versionUnlink
		return
	}
	for i := range e.Traits {
		if e.Traits[i].Op != Set {
			c.version = max(c.version, versionOps)
			return
		}
	}
}

// AddDead appends an event that could not be read.
func (c *Encoder) AddDead(d Dead) {
	b := appendString(c.tmp[:0], d.Code)
	b = appendString(b, d.Reason)
	b = binary.AppendUvarint(b, uint64(len(d.Body)))
	b = append(b, d.Body...)
	c.tmp = b
	c.add(itemDead)
}

func (c *Encoder) add(tag byte) {
	c.items = append(c.items, tag)
	c.items = binary.AppendUvarint(c.items, uint64(len(c.tmp)))
	c.items = append(c.items, c.tmp...)
	c.n++
}

// Len is the number of items added since Begin.
func (c *Encoder) Len() int { return c.n }

// Payload is the finished record, valid until the next Begin.
func (c *Encoder) Payload() []byte {
	c.head[0] = c.version
	c.head = binary.AppendUvarint(c.head, uint64(c.n))
	c.head = append(c.head, c.items...)
	return c.head
}

// PayloadFor is Payload under another header, for when the project is known only after the events have been read.
func (c *Encoder) PayloadFor(h Header) []byte {
	c.header(h)
	return c.Payload()
}

// ErrCodec is wrapped by every error of Decoder but ErrNewer.
var ErrCodec = errors.New("malformed log record")

// ErrNewer is wrapped by the error of a record that a later version has written. It must be left as it is.
var ErrNewer = errors.New("written by a newer freshet, start that one")

// Decoder reads the payload of one record item by item.
type Decoder struct {
	Header Header
	// Items is the number of items in the record.
	Items int
	// Unlinks tells that the one item of the record is an Unlink.
	Unlinks bool
	r       reader
	left    int
}

// Open starts reading a payload. Everything decoded aliases it.
func (d *Decoder) Open(payload []byte) error {
	d.r = reader{b: payload}
	v := d.r.byte()
	if d.r.err == nil && v > versionUnlink && v <= versionMost {
		return fmt.Errorf("a log record has format %d, this program reads up to %d: %w", v, versionUnlink, ErrNewer)
	}
	if d.r.err == nil && (v < versionPlain || v > versionUnlink) {
		return fmt.Errorf("%w: version %d, this binary reads %d to %d", ErrCodec, v, versionPlain, versionUnlink)
	}
	d.Header.Project = uint32(d.r.uvarint())
	d.Header.ReceivedAt = d.r.varint()
	d.Header.Protocol = d.r.string()
	d.Header.Trace = Trace{}
	if t := d.r.bytes(d.r.uvarint()); len(t) > 0 {
		if len(t) != len(d.Header.Trace) {
			return fmt.Errorf("%w: a trace of %d bytes", ErrCodec, len(t))
		}
		copy(d.Header.Trace[:], t)
	}
	n := d.r.uvarint()
	if d.r.err == nil && n > uint64(len(payload)) {
		return fmt.Errorf("%w: %d items in %d bytes", ErrCodec, n, len(payload))
	}
	if d.Unlinks = v == versionUnlink; d.Unlinks && d.r.err == nil && n != 1 {
		return fmt.Errorf("%w: %d items beside an unlink", ErrCodec, n)
	}
	d.Items, d.left = int(n), int(n)
	return d.r.err
}

// Next reads the next item: an event into e, or a dead one, in which case dead is not nil. It returns false after the
// last item. An error that concerns one item alone leaves the decoder at the next item, and ok is true.
func (d *Decoder) Next(e *Event) (dead *Dead, ok bool, err error) {
	if d.left == 0 {
		return nil, false, nil
	}
	tag, n := d.r.byte(), d.r.uvarint()
	body := d.r.bytes(n)
	if d.r.err != nil {
		d.left = 0
		return nil, false, d.r.err
	}
	d.left--
	r := reader{b: body}
	if tag == itemDead {
		dead = &Dead{Code: r.string(), Reason: r.string()}
		dead.Body = r.bytes(r.uvarint())
		return dead, true, r.err
	}
	if tag != itemEvent {
		return nil, true, fmt.Errorf("%w: item tag %d", ErrCodec, tag)
	}
	r.event(e)
	if r.err == nil && d.Unlinks != (e.Kind == Unlink) {
		r.fail("an event of kind %s in a record of another version", e.Kind)
	}
	return nil, true, r.err
}

// stringFields lists the string fields in the order of the format: only append. The mask has 64 bits, the last ones
// are those of the numbers.
func (e *Event) stringFields() [stringFieldCount]*string {
	c := &e.Context
	return [...]*string{
		&e.Name, &e.ID, &e.UserID, &e.AnonymousID, &e.PreviousID, &e.GroupID, &e.SessionID,
		&c.AppName, &c.AppVersion, &c.AppBuild, &c.AppNamespace,
		&c.DeviceID, &c.DeviceManufacturer, &c.DeviceModel, &c.DeviceType,
		&c.OSName, &c.OSVersion, &c.Locale, &c.Timezone, &c.Carrier,
		&c.PageURL, &c.PagePath, &c.PageReferrer, &c.PageTitle, &c.PageSearch,
		&c.CampaignSource, &c.CampaignMedium, &c.CampaignName, &c.CampaignTerm, &c.CampaignContent,
		&c.UserAgent, &c.IP, &c.LibraryName, &c.LibraryVersion, &c.NetworkType, &c.Extra,
	}
}

const stringFieldCount = 36

const (
	bitOriginalTime = 63 - iota
	bitSentAt
	bitSentFresh
	bitScreenSize
	bitScreenDensity
	bitLinks
)

func appendEvent(b []byte, e *Event) []byte {
	b = append(b, byte(e.Kind))
	at := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	var mask uint64
	for i, s := range e.stringFields() {
		if *s != "" {
			mask |= 1 << i
			b = appendString(b, *s)
		}
	}
	if e.OriginalTime != 0 {
		mask |= 1 << bitOriginalTime
		b = binary.AppendVarint(b, e.OriginalTime)
	}
	if e.SentAt != 0 {
		mask |= 1 << bitSentAt
		b = binary.AppendVarint(b, e.SentAt)
	}
	if e.SentFresh {
		mask |= 1 << bitSentFresh
	}
	if e.Links {
		mask |= 1 << bitLinks
	}
	if e.Context.ScreenWidth != 0 || e.Context.ScreenHeight != 0 {
		mask |= 1 << bitScreenSize
		b = binary.AppendVarint(b, int64(e.Context.ScreenWidth))
		b = binary.AppendVarint(b, int64(e.Context.ScreenHeight))
	}
	if e.Context.ScreenDensity != 0 {
		mask |= 1 << bitScreenDensity
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(e.Context.ScreenDensity))
	}
	binary.LittleEndian.PutUint64(b[at:], mask)
	b = AppendProperties(b, e.Properties)
	return AppendProperties(b, e.Traits)
}

// AppendProperties appends the binary form of a list of properties.
func AppendProperties(b []byte, ps []Property) []byte {
	b = binary.AppendUvarint(b, uint64(len(ps)))
	for i := range ps {
		p := &ps[i]
		b = append(b, byte(p.Type)|byte(p.Op)<<4)
		b = appendString(b, p.Key)
		switch p.Type {
		case Null:
		case Bool:
			b = append(b, byte(p.Num))
		case Number:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Num))
		default:
			b = appendString(b, p.Str)
		}
	}
	return b
}

func (r *reader) event(e *Event) {
	e.Reset()
	e.Kind = Kind(r.byte())
	if e.Kind >= kinds && r.err == nil {
		r.err = fmt.Errorf("%w: event kind %d", ErrCodec, e.Kind)
	}
	var mask uint64
	if m := r.bytes(8); r.err == nil {
		mask = binary.LittleEndian.Uint64(m)
	}
	fields := e.stringFields()
	for m := mask & (1<<stringFieldCount - 1); m != 0; m &= m - 1 {
		*fields[bits.TrailingZeros64(m)] = r.string()
	}
	if mask&(1<<bitOriginalTime) != 0 {
		e.OriginalTime = r.varint()
	}
	if mask&(1<<bitSentAt) != 0 {
		e.SentAt = r.varint()
	}
	e.SentFresh = mask&(1<<bitSentFresh) != 0
	e.Links = mask&(1<<bitLinks) != 0
	if mask&(1<<bitScreenSize) != 0 {
		e.Context.ScreenWidth, e.Context.ScreenHeight = int32(r.varint()), int32(r.varint())
	}
	if mask&(1<<bitScreenDensity) != 0 {
		e.Context.ScreenDensity = r.float()
	}
	e.Properties = r.properties(e.Properties)
	e.Traits = r.properties(e.Traits)
}

func (r *reader) properties(ps []Property) []Property {
	n := r.uvarint()
	if n > uint64(r.left()) {
		r.fail("%d properties in %d bytes", n, r.left())
		return ps
	}
	for range n {
		tag := r.byte()
		p := Property{Type: ValueType(tag & 15), Op: Op(tag >> 4), Key: r.string()}
		if p.Op >= ops {
			r.fail("operation %d", p.Op)
		}
		switch p.Type {
		case Null:
		case Bool:
			p.Num = float64(r.byte() & 1)
		case Number:
			p.Num = r.float()
		case String, JSON:
			p.Str = r.string()
		default:
			r.fail("value type %d", p.Type)
		}
		if r.err != nil {
			return ps
		}
		ps = append(ps, p)
	}
	return ps
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

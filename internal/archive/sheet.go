package archive

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/parquet"

	"github.com/freshet/freshet/internal/event"
)

// place is where a file belongs: what came for one project on one day.
type place struct {
	project uint32
	// day is the day of receipt, in days since 1970-01-01 UTC.
	day int64
}

// sheet gathers the rows of one place, column by column. What its values point to is kept by the caller until the
// sheet has been written.
type sheet struct {
	position, received []int64
	events             []int32
	original, sent     optional[int64]
	fresh, links       []bool
	width, height      []int32
	density            optional[float64]
	text               [textCount]optional[parquet.ByteArray]
}

// optional is a column with values for some of the rows.
type optional[T any] struct {
	values []T
	// defined is 1 for each row with a value, 0 for the others.
	defined []int16
}

func (o *optional[T]) add(v T) {
	o.values, o.defined = append(o.values, v), append(o.defined, 1)
}

func (o *optional[T]) skip() { o.defined = append(o.defined, 0) }

// cut leaves the first n rows.
func (o *optional[T]) cut(n int) {
	values := 0
	for _, d := range o.defined[:n] {
		values += int(d)
	}
	o.values, o.defined = o.values[:values], o.defined[:n]
}

func (s *sheet) rows() int { return len(s.position) }

// addRow begins a row that is no event.
func (s *sheet) addRow(what string, h *event.Header, position uint64, events int) {
	s.common(h, position, events)
	s.original.skip()
	s.sent.skip()
	s.fresh, s.links = append(s.fresh, false), append(s.links, false)
	s.width, s.height = append(s.width, 0), append(s.height, 0)
	s.density.skip()
	for i := range fieldCount {
		s.text[i].skip()
	}
	s.put(textRow, what)
	s.put(textProtocol, h.Protocol)
	for i := textKind; i < textCode; i++ {
		s.text[i].skip()
	}
}

func (s *sheet) common(h *event.Header, position uint64, events int) {
	s.position, s.events = append(s.position, int64(position)), append(s.events, int32(events))
	s.received = append(s.received, h.ReceivedAt)
}

// addDead adds an event that ingest could not read.
func (s *sheet) addDead(h *event.Header, position uint64, d *event.Dead) {
	s.addRow(rowDead, h, position, 1)
	s.put(textCode, d.Code)
	s.put(textReason, d.Reason)
	s.text[textBody].add(d.Body)
}

// addRecord adds a record of the log that cannot be taken apart, as it is.
func (s *sheet) addRecord(h *event.Header, position uint64, events int, payload []byte) {
	s.addRow(rowRecord, h, position, events)
	s.text[textCode].skip()
	s.text[textReason].skip()
	s.text[textBody].add(payload)
}

// addEvent adds an event. m makes what is not part of the event already.
func (s *sheet) addEvent(h *event.Header, position uint64, e *event.Event, m *maker) {
	s.common(h, position, 1)
	addTime(&s.original, e.OriginalTime)
	addTime(&s.sent, e.SentAt)
	s.fresh, s.links = append(s.fresh, e.SentFresh), append(s.links, e.Links)
	c := &e.Context
	s.width, s.height = append(s.width, c.ScreenWidth), append(s.height, c.ScreenHeight)
	if c.ScreenDensity != 0 {
		s.density.add(c.ScreenDensity)
	} else {
		s.density.skip()
	}
	for i, f := range fields(e) {
		s.put(i, *f)
	}
	s.put(textRow, rowEvent)
	s.put(textProtocol, h.Protocol)
	s.put(textKind, e.Kind.String())
	properties, whole := m.properties(e.Properties)
	traits, wholeTraits := m.properties(e.Traits)
	s.putBytes(textProperties, properties)
	s.putBytes(textTraits, traits)
	if whole && wholeTraits && e.Kind <= event.Alias {
		s.text[textWire].skip()
	} else {
		s.text[textWire].add(m.wire(h, e))
	}
	for i := textCode; i < textCount; i++ {
		s.text[i].skip()
	}
}

func addTime(o *optional[int64], us int64) {
	if us == 0 {
		o.skip()
		return
	}
	o.add(us)
}

// put adds a text; an empty one is none.
func (s *sheet) put(column int, v string) {
	if v == "" {
		s.text[column].skip()
		return
	}
	s.text[column].add(unsafe.Slice(unsafe.StringData(v), len(v))) //nolint:gosec // nobody writes to it
}

func (s *sheet) putBytes(column int, v []byte) {
	if len(v) == 0 {
		s.text[column].skip()
		return
	}
	s.text[column].add(v)
}

// cut leaves the first n rows.
func (s *sheet) cut(n int) {
	s.position, s.received, s.events = s.position[:n], s.received[:n], s.events[:n]
	s.fresh, s.links, s.width, s.height = s.fresh[:n], s.links[:n], s.width[:n], s.height[:n]
	s.original.cut(n)
	s.sent.cut(n)
	s.density.cut(n)
	for i := range s.text {
		s.text[i].cut(n)
	}
}

// maker makes the values of a sheet that are not bytes of the log. They live until it is emptied.
type maker struct {
	// chunks are filled up to used; the memory of all of them is used again.
	chunks  [][]byte
	used    int
	tmp     []byte
	encoder event.Encoder
}

const makerChunk = 1 << 20

// keep copies bytes to where they stay.
func (m *maker) keep(b []byte) []byte {
	if len(b) > makerChunk/4 {
		return append([]byte(nil), b...)
	}
	if m.used == 0 || cap(m.chunks[m.used-1])-len(m.chunks[m.used-1]) < len(b) {
		if m.used == len(m.chunks) {
			m.chunks = append(m.chunks, make([]byte, 0, makerChunk))
		}
		m.chunks[m.used] = m.chunks[m.used][:0]
		m.used++
	}
	c := &m.chunks[m.used-1]
	from := len(*c)
	*c = append(*c, b...)
	return (*c)[from:len(*c):len(*c)]
}

// empty forgets everything made.
func (m *maker) empty() { m.used = 0 }

func (m *maker) properties(ps []event.Property) (out []byte, exact bool) {
	if len(ps) == 0 {
		return nil, true
	}
	m.tmp, exact = appendProperties(m.tmp[:0], ps)
	return m.keep(m.tmp), exact
}

// wire is an event in the form of a log record of its own.
func (m *maker) wire(h *event.Header, e *event.Event) []byte {
	m.encoder.Begin(event.Header{Project: h.Project, ReceivedAt: h.ReceivedAt, Protocol: h.Protocol})
	m.encoder.Add(e)
	return m.keep(m.encoder.Payload())
}

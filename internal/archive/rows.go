package archive

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/freshet/freshet/internal/event"
)

// columnCount is the number of columns of a file.
const columnCount = colText + textCount

// rows gathers those of one place that are not written yet, column after column, as the bytes that their pages will have: no
// value is kept by itself, so that none has to be found, copied and forgotten again.
type rows struct {
	n       int
	columns [columnCount]chunk
}

// chunk is one column.
type chunk struct {
	// values are those that there are, one behind the other, in Parquet's PLAIN encoding; n is how many.
	values []byte
	n      int
	// some has a bit for each row, up to the last one with a value at least: 1 when there is one.
	some []byte
}

// note tells that a row, which is behind those noted before, has a value.
func (c *chunk) note(row int) {
	for len(c.some) <= row>>3 {
		c.some = append(c.some, 0)
	}
	c.some[row>>3] |= 1 << (row & 7)
	c.n++
}

func (c *chunk) bit(row int, v bool) {
	if c.n&7 == 0 {
		c.values = append(c.values, 0)
	}
	if v {
		c.values[c.n>>3] |= 1 << (c.n & 7)
	}
	c.note(row)
}

func (c *chunk) number32(row int, v uint32) {
	c.note(row)
	c.values = binary.LittleEndian.AppendUint32(c.values, v)
}

func (c *chunk) number64(row int, v uint64) {
	c.note(row)
	c.values = binary.LittleEndian.AppendUint64(c.values, v)
}

// time adds a time; 0 is none.
func (c *chunk) time(row int, us int64) {
	if us != 0 {
		c.number64(row, uint64(us))
	}
}

// text adds a text; an empty one is none.
func (c *chunk) text(row int, v string) {
	if v == "" {
		return
	}
	c.note(row)
	c.values = binary.LittleEndian.AppendUint32(c.values, uint32(len(v)))
	c.values = append(c.values, v...)
}

// bytes adds bytes, also when there are none.
func (c *chunk) bytes(row int, v []byte) {
	c.note(row)
	c.values = binary.LittleEndian.AppendUint32(c.values, uint32(len(v)))
	c.values = append(c.values, v...)
}

// properties adds a JSON object, and tells whether it says all of the properties; none are none.
func (c *chunk) properties(row int, ps []event.Property) (exact bool) {
	if len(ps) == 0 {
		return true
	}
	c.note(row)
	at := len(c.values)
	c.values = append(c.values, 0, 0, 0, 0)
	c.values, exact = appendProperties(c.values, ps)
	binary.LittleEndian.PutUint32(c.values[at:], uint32(len(c.values)-at-4))
	return exact
}

// widthOf is the bytes of each value of a column: 0 for a bit, less for a text, which says its own.
func widthOf(column int) int {
	switch column {
	case colSentFresh, colLinks:
		return 0
	case colEvents, colWidth, colHeight:
		return 4
	case colPosition, colReceived, colOriginal, colSent, colDensity:
		return 8
	}
	return -1
}

// cut leaves the first rows.
func (c *chunk) cut(rows, width int) {
	if 8*len(c.some) <= rows {
		return
	}
	c.some = c.some[:(rows+7)/8]
	if rows&7 != 0 {
		c.some[rows>>3] &= 1<<(rows&7) - 1
	}
	c.n = 0
	for _, b := range c.some {
		c.n += bits.OnesCount8(b)
	}
	switch {
	case width > 0:
		c.values = c.values[:width*c.n]
	case width == 0:
		c.values = c.values[:(c.n+7)/8]
		if c.n&7 != 0 {
			c.values[c.n>>3] &= 1<<(c.n&7) - 1
		}
	default:
		at := 0
		for range c.n {
			at += 4 + int(binary.LittleEndian.Uint32(c.values[at:]))
		}
		c.values = c.values[:at]
	}
}

// mostKept bounds the memory of a column that is used again.
const mostKept = 4 << 20

// cut leaves the first n rows.
func (r *rows) cut(n int) {
	r.n = n
	for i := range r.columns {
		c := &r.columns[i]
		c.cut(n, widthOf(i))
		if n == 0 && cap(c.values) > mostKept {
			c.values = nil
		}
	}
}

// begin begins a row with what every one has, and returns its number.
func (r *rows) begin(h *event.Header, position uint64, events int) int {
	row := r.n
	r.n++
	r.columns[colPosition].number64(row, position)
	r.columns[colEvents].number32(row, uint32(events))
	r.columns[colReceived].number64(row, uint64(h.ReceivedAt))
	r.texts(textProtocol).text(row, h.Protocol)
	return row
}

// texts is a column of text.
func (r *rows) texts(column int) *chunk { return &r.columns[colText+column] }

// addOther adds a row that is no event.
func (r *rows) addOther(what string, h *event.Header, position uint64, events int) int {
	row := r.begin(h, position, events)
	r.columns[colSentFresh].bit(row, false)
	r.columns[colLinks].bit(row, false)
	r.columns[colWidth].number32(row, 0)
	r.columns[colHeight].number32(row, 0)
	r.texts(textRow).text(row, what)
	return row
}

// addDead adds an event that ingest could not read.
func (r *rows) addDead(h *event.Header, position uint64, d *event.Dead) {
	row := r.addOther(rowDead, h, position, 1)
	r.texts(textCode).text(row, d.Code)
	r.texts(textReason).text(row, d.Reason)
	r.texts(textBody).bytes(row, d.Body)
}

// addRecord adds a record of the log that cannot be taken apart, as it is.
func (r *rows) addRecord(h *event.Header, position uint64, events int, payload []byte) {
	row := r.addOther(rowRecord, h, position, events)
	r.texts(textBody).bytes(row, payload)
}

// addEvent adds an event. wire makes a record of it when the columns cannot say all of it.
func (r *rows) addEvent(h *event.Header, position uint64, e *event.Event, wire *event.Encoder) {
	row := r.begin(h, position, 1)
	r.columns[colOriginal].time(row, e.OriginalTime)
	r.columns[colSent].time(row, e.SentAt)
	r.columns[colSentFresh].bit(row, e.SentFresh)
	r.columns[colLinks].bit(row, e.Links)
	r.columns[colWidth].number32(row, uint32(e.Context.ScreenWidth))
	r.columns[colHeight].number32(row, uint32(e.Context.ScreenHeight))
	if d := e.Context.ScreenDensity; d != 0 {
		r.columns[colDensity].number64(row, math.Float64bits(d))
	}
	for i, f := range fields(e) {
		r.texts(i).text(row, *f)
	}
	r.texts(textRow).text(row, rowEvent)
	r.texts(textKind).text(row, e.Kind.String())
	exact := r.texts(textProperties).properties(row, e.Properties)
	exact = r.texts(textTraits).properties(row, e.Traits) && exact
	if !exact || e.Kind > event.Alias {
		wire.Begin(event.Header{Project: h.Project, ReceivedAt: h.ReceivedAt, Protocol: h.Protocol})
		wire.Add(e)
		r.texts(textWire).bytes(row, wire.Payload())
	}
}

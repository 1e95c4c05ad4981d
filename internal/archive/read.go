package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/parquet"
	parquetfile "github.com/apache/arrow-go/v18/parquet/file"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// errDamaged is wrapped by what says that bytes are not what was written.
var errDamaged = errors.New("damaged")

func damaged(format string, args ...any) error {
	e := event.Errorf(event.Corrupt, "archive_damaged", "the archive is damaged: "+format, args...)
	e.Err = errDamaged
	return e
}

// A record made of archived rows has at most this many events and about this many bytes.
const (
	recordEvents = 512
	recordBytes  = 1 << 20
)

// readEntries reads a file's rows as records of the log, in order. Their payloads may be kept.
func readEntries(ctx context.Context, b Bucket, f *File) ([]eventlog.Entry, error) {
	r, err := readFile(ctx, b, f)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	m := &recordMaker{project: f.Project}
	for i := range r.NumRowGroups() {
		var s sheet
		if err := s.read(r.RowGroup(i)); err != nil {
			return nil, damaged("%s: %v", f.Name, err)
		}
		if err := m.add(&s); err != nil {
			return nil, damaged("%s: %v", f.Name, err)
		}
	}
	m.end()
	var events int64
	for i := range m.out {
		events += int64(m.out[i].Events)
	}
	if events != f.Events {
		return nil, damaged("%s has %d events, the manifest says %d", f.Name, events, f.Events)
	}
	return m.out, nil
}

// recordMaker puts rows together to records.
type recordMaker struct {
	project uint32
	encoder event.Encoder
	header  event.Header
	first   uint64
	bytes   int
	event   event.Event
	decoder event.Decoder
	out     []eventlog.Entry
}

// add takes the rows of a row group.
func (m *recordMaker) add(s *sheet) error {
	cols := make([]walker, textCount)
	for i := range cols {
		cols[i] = walker{column: &s.text[i]}
	}
	original, sent := numbers{column: &s.original}, numbers{column: &s.sent}
	var density int
	for i := range s.rows() {
		var texts [textCount]string
		for j := range cols {
			texts[j] = cols[j].next(i)
		}
		e := &m.event
		e.Reset()
		e.OriginalTime, e.SentAt = original.next(i), sent.next(i)
		e.SentFresh, e.Links = s.fresh[i], s.links[i]
		e.Context.ScreenWidth, e.Context.ScreenHeight = s.width[i], s.height[i]
		if s.density.defined[i] == 1 {
			e.Context.ScreenDensity = s.density.values[density]
			density++
		}
		h := event.Header{Project: m.project, ReceivedAt: s.received[i], Protocol: texts[textProtocol]}
		if err := m.row(h, uint64(s.position[i]), int(s.events[i]), &texts); err != nil {
			return fmt.Errorf("position %d: %w", s.position[i], err)
		}
	}
	return nil
}

func (m *recordMaker) row(h event.Header, position uint64, events int, texts *[textCount]string) error {
	if texts[textRow] == rowRecord {
		m.end()
		m.out = append(m.out, eventlog.Entry{First: eventlog.Position(position), Events: events, Payload: []byte(texts[textBody])})
		return nil
	}
	if texts[textKind] == event.Unlink.String() {
		// It is alone in its record.
		m.end()
		defer m.end()
	}
	n := m.encoder.Len()
	if n == 0 || h != m.header || position != m.first+uint64(n) || n >= recordEvents || m.bytes >= recordBytes {
		m.end()
		m.encoder.Begin(h)
		m.header, m.first, m.bytes = h, position, 0
	}
	for _, t := range texts {
		m.bytes += len(t)
	}
	switch texts[textRow] {
	case rowDead:
		m.encoder.AddDead(event.Dead{Code: texts[textCode], Reason: texts[textReason], Body: []byte(texts[textBody])})
		return nil
	case rowEvent:
		return m.addEvent(texts)
	}
	return fmt.Errorf("%w: row %q", errDamaged, texts[textRow])
}

func (m *recordMaker) addEvent(texts *[textCount]string) error {
	e := &m.event
	if wire := texts[textWire]; wire != "" {
		if err := m.decoder.Open([]byte(wire)); err != nil {
			return err
		}
		if dead, ok, err := m.decoder.Next(e); err != nil || !ok || dead != nil {
			return errors.Join(fmt.Errorf("%w: wire form", errDamaged), err)
		}
		m.encoder.Add(e)
		return nil
	}
	for i, f := range fields(e) {
		*f = texts[i]
	}
	kind, ok := kindOf(texts[textKind])
	if !ok {
		return fmt.Errorf("%w: kind %q", errDamaged, texts[textKind])
	}
	e.Kind = kind
	var err error
	if e.Properties, err = parseProperties(e.Properties, texts[textProperties]); err != nil {
		return err
	}
	if e.Traits, err = parseProperties(e.Traits, texts[textTraits]); err != nil {
		return err
	}
	m.encoder.Add(e)
	return nil
}

func kindOf(word string) (event.Kind, bool) {
	for k := event.Track; k <= event.Alias; k++ {
		if k.String() == word {
			return k, true
		}
	}
	return 0, false
}

// end finishes the record at hand.
func (m *recordMaker) end() {
	if n := m.encoder.Len(); n > 0 {
		m.out = append(m.out, eventlog.Entry{First: eventlog.Position(m.first), Events: n, Payload: slices.Clone(m.encoder.Payload())})
	}
	m.encoder.Begin(event.Header{})
}

// walker goes through a column of text.
type walker struct {
	column *optional[parquet.ByteArray]
	at     int
}

func (w *walker) next(row int) string {
	if w.column.defined[row] == 0 {
		return ""
	}
	v := w.column.values[w.at]
	w.at++
	return unsafe.String(unsafe.SliceData(v), len(v)) //nolint:gosec // the bytes do not change
}

// numbers goes through a column of numbers that may be absent.
type numbers struct {
	column *optional[int64]
	at     int
}

func (w *numbers) next(row int) int64 {
	if w.column.defined[row] == 0 {
		return 0
	}
	w.at++
	return w.column.values[w.at-1]
}

// read fills the sheet from a row group.
func (s *sheet) read(g *parquetfile.RowGroupReader) error {
	if g.NumColumns() < colText+textCount {
		return fmt.Errorf("%w: %d columns", errDamaged, g.NumColumns())
	}
	var err error
	n := int(g.NumRows())
	must := func(e error) {
		if err == nil {
			err = e
		}
	}
	must(readColumn(g, colPosition, n, &s.position, nil, (*parquetfile.Int64ColumnChunkReader).ReadBatch))
	must(readColumn(g, colEvents, n, &s.events, nil, (*parquetfile.Int32ColumnChunkReader).ReadBatch))
	must(readColumn(g, colReceived, n, &s.received, nil, (*parquetfile.Int64ColumnChunkReader).ReadBatch))
	must(readColumn(g, colOriginal, n, &s.original.values, &s.original.defined, (*parquetfile.Int64ColumnChunkReader).ReadBatch))
	must(readColumn(g, colSent, n, &s.sent.values, &s.sent.defined, (*parquetfile.Int64ColumnChunkReader).ReadBatch))
	must(readColumn(g, colSentFresh, n, &s.fresh, nil, (*parquetfile.BooleanColumnChunkReader).ReadBatch))
	must(readColumn(g, colLinks, n, &s.links, nil, (*parquetfile.BooleanColumnChunkReader).ReadBatch))
	must(readColumn(g, colWidth, n, &s.width, nil, (*parquetfile.Int32ColumnChunkReader).ReadBatch))
	must(readColumn(g, colHeight, n, &s.height, nil, (*parquetfile.Int32ColumnChunkReader).ReadBatch))
	must(readColumn(g, colDensity, n, &s.density.values, &s.density.defined, (*parquetfile.Float64ColumnChunkReader).ReadBatch))
	for i := range s.text {
		must(readColumn(g, colText+i, n, &s.text[i].values, &s.text[i].defined, readTexts))
	}
	return err
}

// readTexts reads within one page and copies, because the next page takes the memory of the one before.
func readTexts(r *parquetfile.ByteArrayColumnChunkReader, n int64, values []parquet.ByteArray, defined, repeated []int16) (int64, int, error) {
	total, read, err := r.ReadBatchInPage(n, values, defined, repeated)
	size := 0
	for _, v := range values[:read] {
		size += len(v)
	}
	room := make([]byte, 0, size)
	for i, v := range values[:read] {
		from := len(room)
		room = append(room, v...)
		values[i] = room[from:len(room):len(room)]
	}
	return total, read, err
}

// readColumn reads the n rows of a column; defined is nil for one that has a value in every row.
func readColumn[R parquetfile.ColumnChunkReader, T any](g *parquetfile.RowGroupReader, column, n int, values *[]T, defined *[]int16,
	read func(R, int64, []T, []int16, []int16) (int64, int, error),
) error {
	c, err := g.Column(column)
	if err != nil {
		return err
	}
	r, ok := c.(R)
	if !ok {
		return fmt.Errorf("%w: column %d has another type", errDamaged, column)
	}
	*values = make([]T, n)
	levels := make([]int16, n)
	rows, got := 0, 0
	for rows < n {
		total, some, err := read(r, int64(n-rows), (*values)[got:], levels[rows:], nil)
		if err != nil {
			return fmt.Errorf("column %d: %w", column, err)
		}
		if total == 0 {
			return fmt.Errorf("%w: column %d has %d rows of %d", errDamaged, column, rows, n)
		}
		rows, got = rows+int(total), got+some
	}
	*values = (*values)[:got]
	if defined != nil {
		*defined = levels
	} else if got != n {
		return fmt.Errorf("%w: column %d lacks values", errDamaged, column)
	}
	return nil
}

package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"time"

	parquetfile "github.com/apache/arrow-go/v18/parquet/file"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// A row group is written when this much has gathered, for all files together.
const (
	groupRows  = 16_384
	groupBytes = 8 << 20
)

// writer writes one batch: a file for each project and day of receipt.
type writer struct {
	bucket Bucket
	from   eventlog.Position
	files  map[place]*output
	// rows and bytes are those not written yet.
	rows, bytes int

	decoder event.Decoder
	event   event.Event
	maker   maker
	// last is the latest time of receipt seen, for a record that does not tell its own.
	last int64
}

// output is a file being written.
type output struct {
	place   place
	name    string
	sheet   sheet
	object  Object
	sum     hash.Hash
	size    int64
	parquet *parquetfile.Writer
	events  int64
	first   uint64
	last    uint64
}

// Write implements io.Writer, and hides from the Parquet writer that the object can be closed.
func (o *output) Write(b []byte) (int, error) {
	n, err := o.object.Write(b)
	o.sum.Write(b[:n])
	o.size += int64(n)
	return n, err
}

// add takes a record of the log. The payload is copied.
func (w *writer) add(ctx context.Context, entry *eventlog.Entry) error {
	payload := w.maker.keep(entry.Payload)
	w.bytes += len(payload)
	w.rows += entry.Events
	if err := w.decoder.Open(payload); errors.Is(err, event.ErrNewer) {
		return fmt.Errorf("position %d: %w", entry.First, err)
	} else if err != nil {
		h := &event.Header{ReceivedAt: w.last}
		w.at(h, entry).addRecord(h, uint64(entry.First), entry.Events, payload)
		return w.full(ctx)
	}
	h := &w.decoder.Header
	w.last = max(w.last, h.ReceivedAt)
	s := w.at(h, entry)
	before := s.rows()
	for i := range entry.Events {
		position := uint64(entry.First) + uint64(i)
		dead, ok, err := w.decoder.Next(&w.event)
		if err != nil || !ok {
			s.cut(before)
			s.addRecord(h, uint64(entry.First), entry.Events, payload)
			break
		}
		if dead != nil {
			s.addDead(h, position, dead)
		} else {
			s.addEvent(h, position, &w.event, &w.maker)
		}
	}
	return w.full(ctx)
}

// at is the sheet for a record.
func (w *writer) at(h *event.Header, entry *eventlog.Entry) *sheet {
	p := place{h.Project, dayOf(h.ReceivedAt)}
	o := w.files[p]
	if o == nil {
		o = &output{place: p, first: uint64(entry.First)}
		w.files[p] = o
	}
	o.last = uint64(entry.End()) - 1
	o.events += int64(entry.Events)
	return &o.sheet
}

// full writes what has gathered when it is enough.
func (w *writer) full(ctx context.Context) error {
	if w.rows < groupRows && w.bytes < groupBytes {
		return nil
	}
	return w.flush(ctx)
}

func (w *writer) flush(ctx context.Context) error {
	for _, o := range w.files {
		if err := w.group(ctx, o); err != nil {
			return err
		}
	}
	w.rows, w.bytes = 0, 0
	w.maker.empty()
	return nil
}

// group writes a file's rows as a row group.
func (w *writer) group(ctx context.Context, o *output) error {
	if o.sheet.rows() == 0 {
		return nil
	}
	if o.object == nil {
		if err := o.open(ctx, w.bucket, w.from); err != nil {
			return err
		}
	}
	g, err := o.parquet.AppendRowGroupChecked()
	if err == nil {
		err = o.sheet.write(g)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", o.name, err)
	}
	o.sheet.cut(0)
	return nil
}

func (o *output) open(ctx context.Context, b Bucket, from eventlog.Position) error {
	o.name = fileName(o.place, from, o.first)
	var err error
	if o.object, err = b.Create(ctx, o.name); err != nil {
		return err
	}
	o.sum = sha256.New()
	root, err := layout()
	if err != nil {
		return fmt.Errorf("write %s: %w", o.name, err)
	}
	o.parquet, err = parquetfile.NewParquetWriterWithError(struct{ io.Writer }{o}, root, parquetfile.WithWriterProps(properties()))
	if err == nil {
		err = o.parquet.AppendKeyValueMetadata(formatKey, strconv.Itoa(formatVersion))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", o.name, err)
	}
	return nil
}

// finish completes the files, reads them back and returns what the manifest is to say of them.
func (w *writer) finish(ctx context.Context) ([]File, error) {
	if err := w.flush(ctx); err != nil {
		return nil, err
	}
	var out []File
	for _, o := range w.files {
		f, err := o.finish()
		if err == nil {
			err = check(ctx, w.bucket, &f)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b File) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return out, nil
}

func (o *output) finish() (File, error) {
	if err := o.parquet.Close(); err != nil {
		return File{}, fmt.Errorf("write %s: %w", o.name, err)
	}
	object := o.object
	o.object = nil
	if err := object.Commit(); err != nil {
		return File{}, fmt.Errorf("write %s: %w", o.name, err)
	}
	return File{
		Name: o.name, Project: o.place.project, Day: dayName(o.place.day), First: o.first, Last: o.last,
		Events: o.events, Bytes: o.size, SHA256: hex.EncodeToString(o.sum.Sum(nil)),
	}, nil
}

// abort removes what is not finished.
func (w *writer) abort() {
	for _, o := range w.files {
		if o.object != nil {
			o.object.Abort()
		}
	}
}

// write puts the rows into a row group, column after column.
func (s *sheet) write(g parquetfile.SerialRowGroupWriter) error {
	err := errors.Join(
		column(g, s.position, nil, (*parquetfile.Int64ColumnChunkWriter).WriteBatch),
		column(g, s.events, nil, (*parquetfile.Int32ColumnChunkWriter).WriteBatch),
		column(g, s.received, nil, (*parquetfile.Int64ColumnChunkWriter).WriteBatch),
		column(g, s.original.values, s.original.defined, (*parquetfile.Int64ColumnChunkWriter).WriteBatch),
		column(g, s.sent.values, s.sent.defined, (*parquetfile.Int64ColumnChunkWriter).WriteBatch),
		column(g, s.fresh, nil, (*parquetfile.BooleanColumnChunkWriter).WriteBatch),
		column(g, s.links, nil, (*parquetfile.BooleanColumnChunkWriter).WriteBatch),
		column(g, s.width, nil, (*parquetfile.Int32ColumnChunkWriter).WriteBatch),
		column(g, s.height, nil, (*parquetfile.Int32ColumnChunkWriter).WriteBatch),
		column(g, s.density.values, s.density.defined, (*parquetfile.Float64ColumnChunkWriter).WriteBatch),
	)
	for i := range s.text {
		if err != nil {
			return err
		}
		err = column(g, s.text[i].values, s.text[i].defined, (*parquetfile.ByteArrayColumnChunkWriter).WriteBatch)
	}
	if err != nil {
		return err
	}
	return g.Close()
}

// column writes the next column of a row group.
func column[W parquetfile.ColumnChunkWriter, T any](g parquetfile.SerialRowGroupWriter, values []T, defined []int16,
	write func(W, []T, []int16, []int16) (int64, error),
) error {
	c, err := g.NextColumn()
	if err != nil {
		return err
	}
	typed, ok := c.(W)
	if !ok {
		return fmt.Errorf("column %s has an unexpected type", c.Descr().Name())
	}
	if _, err := write(typed, values, defined, nil); err != nil {
		return err
	}
	return c.Close()
}

// check reads a file back and compares it with what was written.
func check(ctx context.Context, b Bucket, f *File) error {
	_, err := readFile(ctx, b, f)
	return err
}

// readFile reads a file whose checksum is right.
func readFile(ctx context.Context, b Bucket, f *File) (*parquetfile.Reader, error) {
	content, err := b.Read(ctx, f.Name)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, damaged("%s has %d bytes with the SHA-256 %x, the manifest says %d and %s", f.Name, len(content), sum, f.Bytes, f.SHA256)
	}
	r, err := parquetfile.NewParquetReader(bytes.NewReader(content))
	if err != nil {
		return nil, damaged("%s: %v", f.Name, err)
	}
	if v := r.MetaData().KeyValueMetadata().FindValue(formatKey); v == nil || *v != strconv.Itoa(formatVersion) {
		return nil, errors.Join(fmt.Errorf("read %s: its format is not %d, which is the one this binary reads", f.Name, formatVersion), r.Close())
	}
	return r, nil
}

const dayMicros = 86_400_000_000

// dayOf is the day of a time in µs, in days since 1970-01-01 UTC.
func dayOf(us int64) int64 {
	day := us / dayMicros
	if us%dayMicros < 0 {
		day--
	}
	return day
}

func dayName(day int64) string { return time.Unix(day*86_400, 0).UTC().Format(time.DateOnly) }

// fileName is made so that tools which know folders of the form name=value find project and day in it.
func fileName(p place, from eventlog.Position, first uint64) string {
	return fmt.Sprintf("events/project=%d/day=%s/%020d-%020d.parquet", p.project, dayName(p.day), from, first)
}

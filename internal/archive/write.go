package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"time"

	parquetfile "github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"

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
	wire    event.Encoder
	press   *press
	// last is the latest time of receipt seen, for a record that does not tell its own.
	last int64
}

// output is a file being written.
type output struct {
	place  place
	name   string
	rows   rows
	object Object
	sum    hash.Hash
	size   int64
	about  *metadata.FileMetaDataBuilder
	groups int16
	events int64
	first  uint64
	last   uint64
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	n, err := o.object.Write(b)
	o.sum.Write(b[:n])
	o.size += int64(n)
	return n, err
}

// Tell is how much has been written.
func (o *output) Tell() int64 { return o.size }

// add takes a record of the log. The payload is copied.
func (w *writer) add(ctx context.Context, entry *eventlog.Entry) error {
	w.bytes += len(entry.Payload)
	w.rows += entry.Events
	if err := w.decoder.Open(entry.Payload); errors.Is(err, event.ErrNewer) {
		return fmt.Errorf("position %d: %w", entry.First, err)
	} else if err != nil {
		h := &event.Header{ReceivedAt: w.last}
		w.at(h, entry).addRecord(h, uint64(entry.First), entry.Events, entry.Payload)
		return w.full(ctx)
	}
	h := &w.decoder.Header
	w.last = max(w.last, h.ReceivedAt)
	r := w.at(h, entry)
	before := r.n
	for i := range entry.Events {
		position := uint64(entry.First) + uint64(i)
		dead, ok, err := w.decoder.Next(&w.event)
		if err != nil || !ok {
			r.cut(before)
			r.addRecord(h, uint64(entry.First), entry.Events, entry.Payload)
			break
		}
		if dead != nil {
			r.addDead(h, position, dead)
		} else {
			r.addEvent(h, position, &w.event, &w.wire)
		}
	}
	return w.full(ctx)
}

// at is where the rows of a record belong.
func (w *writer) at(h *event.Header, entry *eventlog.Entry) *rows {
	p := place{h.Project, dayOf(h.ReceivedAt)}
	o := w.files[p]
	if o == nil {
		o = &output{place: p, first: uint64(entry.First)}
		w.files[p] = o
	}
	o.last = uint64(entry.End()) - 1
	o.events += int64(entry.Events)
	return &o.rows
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
	return nil
}

// group writes a file's rows as a row group.
func (w *writer) group(ctx context.Context, o *output) error {
	if o.rows.n == 0 {
		return nil
	}
	if o.object == nil {
		if err := o.open(ctx, w.bucket, w.from); err != nil {
			return err
		}
	}
	var err error
	if w.press == nil {
		w.press, err = newPress()
	}
	if err == nil {
		err = w.press.group(o, &o.rows)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", o.name, err)
	}
	o.rows.cut(0)
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
	o.about = metadata.NewFileMetadataBuilder(schema.NewSchema(root), properties(), nil)
	err = o.about.AppendKeyValueMetadata(formatKey, strconv.Itoa(formatVersion))
	if err == nil {
		_, err = o.Write([]byte(parquetMagic))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", o.name, err)
	}
	return nil
}

// parquetMagic is how a Parquet file begins and ends.
const parquetMagic = "PAR1"

// describe ends a file with what is in it.
func (o *output) describe() error {
	about, err := o.about.Finish()
	if err != nil {
		return err
	}
	begin := o.size
	if _, err := about.WriteTo(o, nil); err != nil {
		return err
	}
	_, err = o.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(o.size-begin)), parquetMagic...))
	return err
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
	if err := o.describe(); err != nil {
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

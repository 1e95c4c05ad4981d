package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
)

// world is a log on disk and the archive of it.
type world struct {
	t       testing.TB
	dir     string
	log     *disk.Log
	archive *Archive
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, dir: t.TempDir()}
	w.open()
	t.Cleanup(func() { _ = w.log.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.log, err = disk.Open(disk.Options{Dir: filepath.Join(w.dir, "log"), SegmentBytes: 2000}); err != nil {
		w.t.Fatal(err)
	}
	if w.archive, err = Open(context.Background(), Options{Bucket: w.bucket(), Log: w.log, BatchEvents: 50}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) bucket() Folder { return Folder(filepath.Join(w.dir, "archive")) }

// day is noon of the n-th day of receipt, in µs.
func day(n int) int64 { return time.Date(2026, 3, 1+n, 12, 0, 0, 0, time.UTC).UnixMicro() }

func (w *world) append(payload []byte, events int) eventlog.Position {
	w.t.Helper()
	p, err := w.log.Append(context.Background(), eventlog.Record{Payload: payload, Events: events})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// record is the payload of n events of a project.
func record(project uint32, received int64, from, n int) []byte {
	var c event.Encoder
	c.Begin(event.Header{Project: project, ReceivedAt: received, Protocol: "segment"})
	for i := range n {
		c.Add(&event.Event{
			Name: "purchase", ID: fmt.Sprintf("id-%d", from+i), UserID: fmt.Sprintf("u%d", i), OriginalTime: received - 5,
			Properties: []event.Property{{Key: "price", Type: event.Number, Num: 1.5}, {Key: "sku", Type: event.String, Str: "a\"b"}},
		})
	}
	return slices.Clone(c.Payload())
}

// unlink is the payload of one, which is alone in its record there and back.
func unlink(project uint32, received int64) []byte {
	var c event.Encoder
	c.Begin(event.Header{Project: project, ReceivedAt: received, Protocol: "segment"})
	c.Add(&event.Event{Kind: event.Unlink, Name: event.NameUnlink, Context: event.Context{DeviceID: "d"}})
	return slices.Clone(c.Payload())
}

// fill appends records of two projects over some days.
func (w *world) fill(records int) {
	for i := range records {
		w.append(record(uint32(1+i%2), day(i*3/records), i*10, 1+i%4), 1+i%4)
	}
}

func (w *world) archiveAll() {
	w.t.Helper()
	_, end := w.log.Bounds()
	for w.archive.Position() < end {
		if err := w.archive.Batch(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// items are the items of the log by position, each as a record of its own, without what records add. lost are the
// positions that were met as damage.
func items(t testing.TB, sub eventlog.Subscription, end eventlog.Position) (out map[eventlog.Position]string, lost []Span) {
	t.Helper()
	out = map[eventlog.Position]string{}
	var d event.Decoder
	var c event.Encoder
	for at := eventlog.Position(0); at < end; {
		entries, err := sub.Next(context.Background(), 7)
		if event.KindOf(err) == event.Corrupt {
			next, err := sub.(damageSkipper).SkipDamage()
			if err != nil || next <= at {
				t.Fatalf("skipped from %d to %d: %v", at, next, err)
			}
			lost = append(lost, Span{at, next})
			at = next
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.First < at {
				t.Fatalf("position %d after %d", entry.First, at)
			}
			at = entry.End()
			if err := d.Open(entry.Payload); err != nil {
				out[entry.First] = "record " + string(entry.Payload)
				continue
			}
			h := d.Header
			h.Trace = event.Trace{}
			var e event.Event
			whole := map[eventlog.Position]string{}
			for p := entry.First; p < entry.End(); p++ {
				dead, ok, err := d.Next(&e)
				if !ok || err != nil {
					whole = map[eventlog.Position]string{entry.First: "record " + string(entry.Payload)}
					break
				}
				c.Begin(h)
				if dead != nil {
					c.AddDead(*dead)
				} else {
					c.Add(&e)
				}
				whole[p] = string(c.Payload())
			}
			for p, s := range whole {
				out[p] = s
			}
		}
	}
	return out, lost
}

func (w *world) logItems() map[eventlog.Position]string {
	w.t.Helper()
	_, end := w.log.Bounds()
	sub, err := w.log.Subscribe(0)
	if err != nil {
		w.t.Fatal(err)
	}
	defer sub.Close()
	out, _ := items(w.t, sub, end)
	return out
}

func (w *world) historyItems() (map[eventlog.Position]string, []Span) {
	w.t.Helper()
	h := History{Log: w.log, Bucket: w.bucket()}
	_, end := h.Bounds()
	sub, err := h.Subscribe(0)
	if err != nil {
		w.t.Fatal(err)
	}
	defer sub.Close()
	return items(w.t, sub, end)
}

func (w *world) trim() {
	w.t.Helper()
	if err := w.log.Trim(w.archive.Position()); err != nil {
		w.t.Fatal(err)
	}
	if start, _ := w.log.Bounds(); start == 0 {
		w.t.Fatal("nothing was trimmed")
	}
}

func same(t testing.TB, got, want map[eventlog.Position]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d items, want %d", len(got), len(want))
	}
	for p, s := range want {
		if got[p] != s {
			t.Fatalf("position %d:\n got %q\nwant %q", p, got[p], s)
		}
	}
}

// TestHistoryIsTheLog: what was trimmed is read from the archive, item by item the same bytes, and then the log goes on.
func TestHistoryIsTheLog(t *testing.T) {
	w := newWorld(t)
	w.fill(120)
	w.append([]byte("no record at all"), 3)
	w.append(append(record(1, day(1), 0, 2), 7)[:60], 2)
	for range 2 {
		w.append(record(1, day(1), 0, 1), 1)
		w.append(unlink(1, day(1)), 1)
	}
	w.append(record(1, day(1), 0, 1), 1)
	w.fill(30)
	want := w.logItems()
	w.archiveAll()
	w.fill(10)
	for p, s := range w.logItems() {
		want[p] = s
	}
	w.trim()
	got, lost := w.historyItems()
	if len(lost) > 0 {
		t.Errorf("lost %v", lost)
	}
	same(t, got, want)
}

// TestEveryEvent archives arbitrary events, unreadable ones and traits with operations among them.
func TestEveryEvent(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		entry := eventlog.Entry{First: 7}
		var c event.Encoder
		h := event.Header{Project: 9, ReceivedAt: rapid.Int64Range(-1e15, 4e15).Draw(r, "received"), Protocol: "native"}
		c.Begin(h)
		for range rapid.IntRange(1, 5).Draw(r, "events") {
			if rapid.IntRange(0, 9).Draw(r, "dead") == 0 {
				c.AddDead(event.Dead{Code: "malformed", Reason: "it is", Body: []byte(drawText(r))})
			} else {
				e := drawEvent(r)
				c.Add(&e)
			}
		}
		entry.Events, entry.Payload = c.Len(), slices.Clone(c.Payload())
		dir, err := os.MkdirTemp("", "archive-")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		ctx := context.Background()
		w := &writer{bucket: Folder(dir), from: 7, files: map[place]*output{}}
		if err := w.add(ctx, &entry); err != nil {
			r.Fatal(err)
		}
		files, err := w.finish(ctx)
		if err != nil || len(files) != 1 {
			r.Fatal(files, err)
		}
		got, err := readEntries(ctx, w.bucket, &files[0])
		if err != nil || len(got) != 1 {
			r.Fatal(got, err)
		}
		if got[0].First != 7 || got[0].Events != entry.Events || !bytes.Equal(got[0].Payload, entry.Payload) {
			r.Fatalf("\n got %q\nwant %q", got[0].Payload, entry.Payload)
		}
	})
}

func drawText(r *rapid.T) string {
	return rapid.SampledFrom([]string{"", "a", "\"", "\\", "{}", "null", "1", "é\n\t\u2028", "x,y}]:", strings.Repeat("long ", 300)}).Draw(r, "text")
}

func drawEvent(r *rapid.T) event.Event {
	e := event.Event{
		Kind: event.Kind(rapid.IntRange(0, 7).Draw(r, "kind")), OriginalTime: rapid.Int64().Draw(r, "original"),
		SentAt: rapid.Int64Range(0, 1).Draw(r, "sent"), SentFresh: rapid.Bool().Draw(r, "fresh"), Links: rapid.Bool().Draw(r, "links"),
	}
	for _, f := range fields(&e) {
		if rapid.IntRange(0, 3).Draw(r, "field") == 0 {
			*f = drawText(r)
		}
	}
	e.Context.ScreenWidth = int32(rapid.IntRange(-1, 1).Draw(r, "width"))
	e.Context.ScreenDensity = rapid.SampledFrom([]float64{0, 2, 1.5}).Draw(r, "density")
	e.Properties = drawProperties(r, false)
	e.Traits = drawProperties(r, true)
	return e
}

func drawProperties(r *rapid.T, ops bool) (out []event.Property) {
	for range rapid.IntRange(0, 4).Draw(r, "properties") {
		p := event.Property{Key: rapid.SampledFrom([]string{"", "a", "b", "c\"d", "ü"}).Draw(r, "key")}
		p.Type = event.ValueType(rapid.IntRange(0, 4).Draw(r, "type"))
		switch p.Type {
		case event.Null:
		case event.Bool:
			p.Num = float64(rapid.IntRange(0, 1).Draw(r, "bool"))
		case event.Number:
			p.Num = rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, 1e21, 1e-7, 1 << 53, 0.1})).Draw(r, "number")
		case event.String:
			p.Str = drawText(r)
		case event.JSON:
			p.Str = rapid.SampledFrom([]string{`{"a":[1,"]}"]}`, `[]`, `9007199254740993`, `1.0`, `"text"`, `true`, `12`, `[[],{"b":"\\\""}]`}).Draw(r, "json")
		}
		if ops {
			p.Op = event.Op(rapid.IntRange(0, 2).Draw(r, "op"))
		}
		out = append(out, p)
	}
	return out
}

// TestNewerManifest: a manifest of a later format is refused with words, also when its members have become others.
func TestNewerManifest(t *testing.T) {
	w := newWorld(t)
	w.fill(10)
	w.archiveAll()
	spans, err := Spans(t.Context(), w.bucket())
	if err != nil || len(spans) == 0 {
		t.Fatal(spans, err)
	}
	path := filepath.Join(string(w.bucket()), manifestName(spans[0]))
	content := []byte(`{"format":2,"from":"elsewhere"}`)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, loaded := LoadBatch(t.Context(), w.bucket(), spans[0])
	_, verified := Verify(t.Context(), w.bucket(), nil)
	for _, err := range []error{loaded, verified} {
		if err == nil || !strings.Contains(err.Error(), "start a newer freshet") {
			t.Errorf("%v", err)
		}
	}
	if left, err := os.ReadFile(path); err != nil || string(left) != string(content) {
		t.Errorf("it was changed: %v", err)
	}
}

// TestCrash leaves what a process killed before its manifest leaves: the next start knows nothing of it and does the
// batch again.
func TestCrash(t *testing.T) {
	w := newWorld(t)
	w.fill(100)
	want := w.logItems()
	ctx := context.Background()
	if err := w.archive.Batch(ctx); err != nil {
		t.Fatal(err)
	}
	at := w.archive.Position()
	if err := w.archive.Batch(ctx); err != nil {
		t.Fatal(err)
	}
	spans, err := Spans(ctx, w.bucket())
	if err != nil || len(spans) != 2 {
		t.Fatal(spans, err)
	}
	b, err := LoadBatch(ctx, w.bucket(), spans[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := w.bucket().Delete(ctx, manifestName(spans[1])); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(string(w.bucket()), manifestName(spans[1])+partSuffix)
	if err := os.WriteFile(part, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.log.Close(); err != nil {
		t.Fatal(err)
	}
	w.open()
	if w.archive.Position() != at {
		t.Errorf("the archive ends at %d, want %d", w.archive.Position(), at)
	}
	if err := w.archive.tidy(ctx); err != nil {
		t.Fatal(err)
	}
	for _, f := range b.Files {
		if _, err := w.bucket().Read(ctx, f.Name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", f.Name)
		}
	}
	w.archiveAll()
	w.trim()
	got, lost := w.historyItems()
	if len(lost) > 0 {
		t.Errorf("lost %v", lost)
	}
	same(t, got, want)
}

// blind is a bucket in which a manifest cannot be read back for once, although it is there.
type blind struct {
	Folder
	done *bool
}

func (b blind) Read(ctx context.Context, name string) ([]byte, error) {
	if strings.HasSuffix(name, ".json") && !*b.done {
		*b.done = true
		return nil, errors.New("the disk is busy")
	}
	return b.Folder.Read(ctx, name)
}

// TestFailedAfterItsManifest: a batch that failed when its manifest was durable already does not overlap with the next one,
// which begins when the log has more.
func TestFailedAfterItsManifest(t *testing.T) {
	w := newWorld(t)
	w.fill(5)
	ctx := t.Context()
	w.archive.opts.Bucket = blind{w.bucket(), new(bool)}
	if err := w.archive.Batch(ctx); err == nil {
		t.Fatal("a manifest that could not be read back is taken for good")
	}
	if at := w.archive.Position(); at != 0 {
		t.Fatalf("the archive ends at %d", at)
	}
	w.fill(20)
	want := w.logItems()
	w.archiveAll()
	spans, err := Spans(ctx, w.bucket())
	if _, end := w.log.Bounds(); err != nil || w.archive.Position() != end || len(Holes(spans)) > 0 {
		t.Fatalf("the archive ends at %d of %d: %v, %v", w.archive.Position(), end, spans, err)
	}
	w.trim()
	got, lost := w.historyItems()
	if len(lost) > 0 {
		t.Errorf("lost %v", lost)
	}
	same(t, got, want)
}

// rot is a bucket that changes a bit of everything that ends in a suffix, as it is written.
type rot struct {
	Folder
	suffix string
}

type rotten struct {
	Object
	done bool
}

func (b rot) Create(ctx context.Context, name string) (Object, error) {
	o, err := b.Folder.Create(ctx, name)
	if strings.HasSuffix(name, b.suffix) && err == nil {
		o = &rotten{Object: o}
	}
	return o, err
}

func (r *rotten) Write(b []byte) (int, error) {
	if !r.done && len(b) > 8 {
		r.done = true
		b = slices.Clone(b)
		b[5] ^= 4
	}
	return r.Object.Write(b)
}

// TestVerify: what reads back as something else than was written is not part of the archive, and the log keeps it.
func TestVerify(t *testing.T) {
	for _, suffix := range []string{".parquet", ".json"} {
		w := newWorld(t)
		w.fill(20)
		w.archive.opts.Bucket = rot{w.bucket(), suffix}
		if err := w.archive.Batch(context.Background()); event.KindOf(err) != event.Corrupt {
			t.Errorf("%s: %v", suffix, err)
		}
		if w.archive.Position() != 0 {
			t.Errorf("%s: the archive says it has %d events", suffix, w.archive.Position())
		}
	}
}

// TestBitFlips changes one bit of a file or a manifest at a time: the events of that file are met as damage, all others
// are there, and none is altered.
func TestBitFlips(t *testing.T) {
	w := newWorld(t)
	w.fill(40)
	w.archiveAll()
	want := w.logItems()
	w.trim()
	ctx := context.Background()
	names, err := w.bucket().List(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for n, name := range names {
		path := filepath.Join(string(w.bucket()), name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := slices.Clone(good)
		bad[n*7919%len(bad)] ^= 1 << (n % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		got, lost := w.historyItems()
		for p, s := range got {
			if want[p] != s {
				t.Fatalf("%s: position %d is altered", name, p)
			}
		}
		missing := 0
		for _, s := range lost {
			missing += int(s.To - s.From)
		}
		if len(got)+missing != len(want) || missing == 0 {
			t.Errorf("%s: %d items and %d lost of %d", name, len(got), missing, len(want))
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestExpire removes the files of days that a project does not keep: they are no damage, and nobody else's go.
func TestExpire(t *testing.T) {
	w := newWorld(t)
	w.fill(90)
	want := w.logItems()
	w.archiveAll()
	w.trim()
	ctx := context.Background()
	n, err := Expire(ctx, w.bucket(), 1, dayOf(day(2)))
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	if n, err := Expire(ctx, w.bucket(), 1, dayOf(day(1))); err != nil || n != 0 {
		t.Fatal("an earlier day brought back or removed something", n, err)
	}
	got, lost := w.historyItems()
	if len(lost) > 0 || len(got) == len(want) {
		t.Errorf("%d of %d items, lost %v", len(got), len(want), lost)
	}
	var d event.Decoder
	for p, s := range want {
		if err := d.Open([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if start, _ := w.log.Bounds(); p >= start {
			continue
		}
		if gone := d.Header.Project == 1 && d.Header.ReceivedAt < day(2); gone != (got[p] == "") {
			t.Errorf("position %d of project %d, received %d: gone %v, want %v", p, d.Header.Project, d.Header.ReceivedAt, got[p] == "", gone)
		}
	}
}

// TestHole: what was never archived and has left the log is met as damage, and named before.
func TestHole(t *testing.T) {
	w := newWorld(t)
	w.fill(90)
	w.archiveAll()
	w.trim()
	ctx := context.Background()
	spans, err := Spans(ctx, w.bucket())
	if err != nil || len(spans) < 3 {
		t.Fatal(spans, err)
	}
	if err := w.bucket().Delete(ctx, manifestName(spans[1])); err != nil {
		t.Fatal(err)
	}
	missing, err := History{Log: w.log, Bucket: w.bucket()}.Missing(ctx)
	if err != nil || !slices.Equal(missing, spans[1:2]) {
		t.Errorf("missing %v, want %v, %v", missing, spans[1], err)
	}
	if _, lost := w.historyItems(); !slices.Equal(lost, spans[1:2]) {
		t.Errorf("lost %v, want %v", lost, spans[1])
	}
}

// TestDamagedLog: what the log cannot give is named in the manifest, and everything else is archived.
func TestDamagedLog(t *testing.T) {
	w := newWorld(t)
	w.fill(100)
	want := w.logItems()
	if err := w.log.Close(); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(w.dir, "log", "*.log"))
	if err != nil || len(segments) < 3 {
		t.Fatal(segments, err)
	}
	b, err := os.ReadFile(segments[1])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(segments[1], b, 0o600); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.archiveAll()
	ctx := context.Background()
	spans, err := Spans(ctx, w.bucket())
	if err != nil {
		t.Fatal(err)
	}
	var named []Span
	for _, s := range spans {
		batch, err := LoadBatch(ctx, w.bucket(), s)
		if err != nil {
			t.Fatal(err)
		}
		named = append(named, batch.Lost...)
	}
	if len(named) != 1 {
		t.Fatalf("the manifests name %v as lost", named)
	}
	w.trim()
	got, lost := w.historyItems()
	if !slices.Equal(lost, named) || len(got) != len(want)-int(lost[0].To-lost[0].From) {
		t.Errorf("%d of %d items, lost %v, want %v", len(got), len(want), lost, named)
	}
}

// TestRun archives by itself: at once when there is enough for a batch, otherwise after a while.
func TestRun(t *testing.T) {
	w := newWorld(t)
	a, err := Open(context.Background(), Options{
		Bucket: w.bucket(), Log: w.log, BatchEvents: 50, Every: 30 * time.Millisecond, Poll: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Run(ctx)
	}()
	w.fill(61)
	deadline := time.After(20 * time.Second)
	for a.Lag() > 0 {
		select {
		case <-deadline:
			t.Fatalf("%d events are not archived", a.Lag())
		case <-time.After(time.Millisecond):
		}
	}
	stop()
	<-done
}

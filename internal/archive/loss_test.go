package archive

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
)

// TestLossIsRead goes on with the archive of a machine that is lost: a reader gets everything that was archived, is told once of how
// many events the rest was, and then gets what came on the new machine. Nobody else can go on with it.
func TestLossIsRead(t *testing.T) {
	w := newWorld(t)
	w.fill(60)
	w.archiveAll()
	archived := w.archive.Position()
	sub, err := (History{Log: w.log, Bucket: w.bucket()}).Subscribe(0)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := items(t, sub, archived)
	w.fill(10)
	_, end := w.log.Bounds()
	k := NewMarker(w.bucket())
	mark := func(k *Marker, end eventlog.Position) *Mark {
		t.Helper()
		if err := k.Mark(t.Context(), Mark{At: time.UnixMicro(day(2)), End: end}); err != nil {
			t.Fatal(err)
		}
		m, err := LoadMark(t.Context(), w.bucket())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := mark(k, end)
	loss, err := FindLoss(t.Context(), w.bucket(), m)
	if err != nil {
		t.Fatal(err)
	}
	if loss.From != archived || loss.Events != int64(end-archived) || loss.To <= end || loss.Since.UnixMicro() != day(2) {
		t.Fatalf("the archive ends at %d, the log at %d: %+v", archived, end, loss)
	}

	dir := filepath.Join(t.TempDir(), "log")
	if err := disk.Begin(dir, loss.To); err != nil {
		t.Fatal(err)
	}
	log, err := disk.Open(disk.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	h := History{Log: log, Bucket: w.bucket()}
	if missing, err := h.Missing(t.Context()); err != nil || len(missing) != 1 {
		t.Errorf("before the loss is noted there are missing %v, %v", missing, err)
	}
	for range 2 { // Broken off behind it, it is done again.
		if err := Claim(t.Context(), w.bucket(), loss, m); err != nil {
			t.Fatal(err)
		}
	}
	if missing, err := h.Missing(t.Context()); err != nil || len(missing) != 0 {
		t.Errorf("missing %v, %v", missing, err)
	}
	first, err := log.Append(t.Context(), eventlog.Record{Payload: record(1, day(3), 0, 2), Events: 2})
	if err != nil || first != loss.To {
		t.Fatalf("the first event has position %d, %v", first, err)
	}
	if sub, err = h.Subscribe(0); err != nil {
		t.Fatal(err)
	}
	got, lost := items(t, sub, loss.To+2)
	if len(lost) != 1 || lost[0] != loss.Span {
		t.Errorf("lost are %v", lost)
	}
	for p, item := range want {
		if got[p] != item {
			t.Errorf("position %d is %q, was %q", p, got[p], item)
		}
	}
	if len(got) != len(want)+2 || got[loss.To] == "" {
		t.Errorf("%d items, there were %d and 2 came", len(got), len(want))
	}
	if sub, err = h.Subscribe(loss.From); err != nil {
		t.Fatal(err)
	}
	var known *eventlog.LossError
	if _, err = sub.Next(t.Context(), 10); event.KindOf(err) != event.Corrupt || !errors.As(err, &known) || known.Events != loss.Events {
		t.Errorf("a reader is told %v", err)
	}
	if v, err := Verify(t.Context(), w.bucket(), nil); err != nil || len(v.Losses) != 1 || len(v.Damage)+len(v.Holes)+len(v.Lost) > 0 {
		t.Errorf("%+v, %v", v, err)
	}

	mark(NewMarker(w.bucket()), loss.To+2)
	if err := Claim(t.Context(), w.bucket(), loss, m); err == nil || !strings.Contains(err.Error(), "has gone on") {
		t.Errorf("another one goes on with it too: %v", err)
	}
	if err := k.Mark(t.Context(), Mark{}); !errors.Is(err, ErrReplaced) {
		t.Errorf("the server before marks on: %v", err)
	}
	w.archive.opts.Own = k.Own
	before, err := Spans(t.Context(), w.bucket())
	if err != nil {
		t.Fatal(err)
	}
	w.archive.at.Store(uint64(archived)) // as the server before knows it
	w.archive.tidied = true
	if err := w.archive.Batch(t.Context()); !errors.Is(err, ErrReplaced) {
		t.Errorf("the server before archives on: %v", err)
	}
	if after, err := Spans(t.Context(), w.bucket()); err != nil || !slices.Equal(after, before) {
		t.Errorf("there were the batches %v and are %v, %v", before, after, err)
	}
}

// TestMarks leaves marks with copies of the control plane: the one that goes with the mark is there and no other, and damage is
// found.
func TestMarks(t *testing.T) {
	b := Folder(t.TempDir())
	if _, err := LoadMark(t.Context(), b); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no mark: %v", err)
	}
	k := NewMarker(b)
	for i, content := range []string{"a", "a", "b", "a", "c"} {
		if err := k.Keep(t.Context(), "control.db", []byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := k.Mark(t.Context(), Mark{End: eventlog.Position(i)}); err != nil {
			t.Fatal(err)
		}
		m, err := LoadMark(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.LoadControl(t.Context(), b)
		names, _ := b.List(t.Context(), serverPrefix)
		if err != nil || string(got) != content || m.End != eventlog.Position(i) || m.Control.Name != "control.db" || len(names) != 2 {
			t.Errorf("%d: %q of %+v, %v; there are %v", i, got, m, err, names)
		}
	}
	names, err := b.List(t.Context(), serverPrefix)
	if err != nil {
		t.Fatal(err)
	}
	good, err := LoadMark(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(string(b), name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range whole {
			damaged := append([]byte(nil), whole...)
			damaged[i] ^= 1
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := LoadMark(t.Context(), b)
			if err == nil {
				_, err = m.LoadControl(t.Context(), b)
			}
			if err == nil && (*m != *good || name != markName) { // The name of a member that is empty may be any.
				t.Errorf("bit %d of %s was flipped, and nobody saw", 8*i, name)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

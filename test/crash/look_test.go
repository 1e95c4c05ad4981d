//go:build crash

package crash_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
)

// found is which events of each batch are somewhere.
type found struct {
	batches []uint64
	// twice counts events that are there more than once.
	twice int
}

// add enters an event.
func (f *found) add(id string, sent []uint8) error {
	number, i, err := parseID(id)
	if err != nil {
		return err
	}
	if int(number) >= len(sent) || i >= int(sent[number]) {
		return fmt.Errorf("the event %q was never sent", id)
	}
	if f.batches == nil {
		f.batches = make([]uint64, len(sent))
	}
	if f.batches[number]&(1<<i) != 0 {
		f.twice++
	}
	f.batches[number] |= 1 << i
	return nil
}

// lost counts the events of acknowledged batches that are not there, but for those that may be gone.
func (f *found) lost(acked []uint32, sent []uint8, mayBeGone func(uint32) bool) (n int) {
	seen := make([]bool, len(sent))
	for _, number := range acked {
		if seen[number] || mayBeGone(number) {
			continue
		}
		seen[number] = true
		var there uint64
		if f.batches != nil {
			there = f.batches[number]
		}
		n += int(sent[number]) - bits.OnesCount64(there)
	}
	return n
}

// look reads the log and the archive in a data folder and wants everything there that was acknowledged, whole, and nothing
// that was never sent. Nothing else in the folder may know more than they do.
func look(dir string, acked []uint32, sent []uint8) error {
	logs := filepath.Join(dir, "log")
	if _, err := os.Stat(logs); errors.Is(err, fs.ErrNotExist) {
		if len(acked) > 0 {
			return fmt.Errorf("%d batches were acknowledged and there is no log", len(acked))
		}
		return nil
	}
	checked, err := disk.Check(logs)
	if err != nil {
		return err
	}
	if len(checked.Damage) > 0 {
		return fmt.Errorf("the log is damaged: %v", checked.Damage)
	}
	stored, err := storePosition(dir)
	if err != nil {
		return err
	}
	if stored > checked.End {
		return fmt.Errorf("the store may be at position %d, the log ends at %d", stored, checked.End)
	}
	bucket := archive.Folder(filepath.Join(dir, "archive"))
	v, err := archive.Verify(context.Background(), bucket, nil)
	if err != nil {
		return err
	}
	if len(v.Damage)+len(v.Holes)+len(v.Lost) > 0 || v.End > checked.End {
		return fmt.Errorf("the archive ends at %d, the log at %d: %+v", v.End, checked.End, v)
	}
	r, err := disk.OpenReader(logs)
	if err != nil {
		return err
	}
	f, err := history(archive.History{Log: r, Bucket: bucket}, sent)
	if err != nil {
		return err
	}
	if n := f.lost(acked, sent, never); n > 0 {
		return fmt.Errorf("%d acknowledged events are neither in the log nor in the archive", n)
	}
	return nil
}

func never(uint32) bool { return false }

// storePosition is what the store says about itself before it gets there.
func storePosition(dir string) (eventlog.Position, error) {
	b, err := os.ReadFile(filepath.Join(dir, "store.position"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return eventlog.Position(n), err
}

// history reads everything that was ever accepted.
func history(h archive.History, sent []uint8) (f found, err error) {
	at, end := h.Bounds()
	sub, err := h.Subscribe(at)
	if err != nil {
		return f, err
	}
	defer func() { _ = sub.Close() }()
	var d event.Decoder
	var e event.Event
	for at < end {
		entries, err := sub.Next(context.Background(), 512)
		if err != nil {
			return f, fmt.Errorf("read at position %d: %w", at, err)
		}
		for _, entry := range entries {
			if entry.First != at {
				return f, fmt.Errorf("a record at position %d where %d was due", entry.First, at)
			}
			at = entry.End()
			if err := d.Open(entry.Payload); err != nil {
				return f, err
			}
			for range entry.Events {
				dead, ok, err := d.Next(&e)
				if err != nil || dead != nil || !ok {
					return f, fmt.Errorf("the record at position %d has no event where one is due: %w", entry.First, err)
				}
				if err := f.add(e.ID, sent); err != nil {
					return f, err
				}
			}
		}
	}
	return f, nil
}

// count asks a server, which has been started on a folder, for everything it has: each acknowledged event once, nothing
// that was never sent, and a ledger that says the same.
func (s *server) count(acked []uint32, sent []uint8) error {
	if err := s.idle(); err != nil {
		return err
	}
	f, events, c, err := s.everything(sent)
	if err != nil {
		return err
	}
	if f.twice > 0 {
		return fmt.Errorf("%d events are in the answers twice", f.twice)
	}
	if n := f.lost(acked, sent, goneBatch); n > 0 {
		return fmt.Errorf("%d acknowledged events are not in the answers", n)
	}
	if c.Dead != 0 || c.Stored-c.Expired != events {
		return fmt.Errorf("%d events are in the answers, the ledger says %+v", events, c)
	}
	return nil
}

// everything exports all events. It begins anew when expired ones were removed meanwhile.
func (s *server) everything(sent []uint8) (f found, events int64, after counts, err error) {
	for {
		before, err := s.ledger()
		if err != nil {
			return f, events, before, err
		}
		var lines []byte
		if err := s.ask("/v1/export", &lines); err != nil {
			return f, events, before, err
		}
		f, events = found{}, 0
		for in := bufio.NewScanner(bytes.NewReader(lines)); in.Scan(); events++ {
			var e struct{ ID string }
			if err := json.Unmarshal(in.Bytes(), &e); err != nil {
				return f, events, before, err
			}
			if err := f.add(e.ID, sent); err != nil {
				return f, events, before, err
			}
		}
		if after, err = s.ledger(); err != nil || after == before {
			return f, events, after, err
		}
	}
}

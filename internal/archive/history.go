package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sort"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// History is the event log as if it had never been trimmed: what it no longer has comes out of the archive. It
// implements eventlog.Log; what concerns writing goes to the log.
type History struct {
	eventlog.Log
	// Bucket is the archive.
	Bucket Bucket
}

// Bounds implements eventlog.Log: history begins at 0. What neither the archive nor the log has is met as damage.
func (h History) Bounds() (start, end eventlog.Position) {
	_, end = h.Log.Bounds()
	return 0, end
}

// Missing are the positions that neither the archive nor the log has.
func (h History) Missing(ctx context.Context) ([]Span, error) {
	spans, err := Spans(ctx, h.Bucket)
	if err != nil {
		return nil, err
	}
	start, _ := h.Log.Bounds()
	if start > 0 {
		spans = append(spans, Span{start, start})
	}
	var out []Span
	for _, hole := range Holes(spans) {
		if hole.To = min(hole.To, start); hole.From < hole.To {
			out = append(out, hole)
		}
	}
	return out, nil
}

// Subscribe implements eventlog.Log.
func (h History) Subscribe(from eventlog.Position) (eventlog.Subscription, error) {
	start, end := h.Log.Bounds()
	if from >= start {
		return h.Log.Subscribe(from)
	}
	if from > end {
		return nil, event.Errorf(event.Invalid, "bad_position", "position %d is not in the log, which ends at %d", from, end)
	}
	return &pastSubscription{history: h, at: from}, nil
}

// pastSubscription reads the archive, batch by batch, and then the log.
type pastSubscription struct {
	history History
	at      eventlog.Position
	spans   []Span
	expired expiry
	loaded  bool

	// The batch at hand: its entries, up to where it reaches, and whether files of it are gone on purpose.
	entries []eventlog.Entry
	end     eventlog.Position
	gone    bool
	loss    *Loss
	// next is the position behind damage that was met.
	next eventlog.Position
	log  eventlog.Subscription
}

// Next implements eventlog.Subscription.
func (s *pastSubscription) Next(ctx context.Context, limit int) ([]eventlog.Entry, error) {
	for {
		if s.log != nil {
			return s.log.Next(ctx, limit)
		}
		if s.at >= s.end {
			if err := s.load(ctx); err != nil {
				return nil, err
			}
			continue
		}
		for len(s.entries) > 0 && s.entries[0].End() <= s.at {
			s.entries = s.entries[1:]
		}
		next := s.end
		if len(s.entries) > 0 {
			next = s.entries[0].First
		}
		switch {
		case next <= s.at:
			return s.take(limit), nil
		case s.gone:
			s.at = next
		case s.loss != nil:
			s.next = next
			return nil, s.loss.err()
		default:
			s.next = next
			return nil, damaged("positions %d to %d are not in it", s.at, next-1)
		}
	}
}

// take returns entries that follow each other.
func (s *pastSubscription) take(limit int) []eventlog.Entry {
	n := 1
	for n < min(limit, len(s.entries)) && s.entries[n].First == s.entries[n-1].End() {
		n++
	}
	out := s.entries[:n:n]
	s.entries, s.at = s.entries[n:], out[n-1].End()
	return out
}

// SkipDamage moves on to the first position behind the damage, and returns it.
func (s *pastSubscription) SkipDamage() (eventlog.Position, error) {
	if s.log != nil {
		if d, ok := s.log.(damageSkipper); ok {
			return d.SkipDamage()
		}
		return s.at, errors.New("skip damage: the log cannot")
	}
	s.at = max(s.at, s.next)
	return s.at, nil
}

// load turns to the batch that has the position, or to the log.
func (s *pastSubscription) load(ctx context.Context) error {
	start, _ := s.history.Log.Bounds()
	if s.at >= start {
		var err error
		s.log, err = s.history.Log.Subscribe(s.at)
		return err
	}
	if !s.loaded {
		var err error
		if s.spans, err = Spans(ctx, s.history.Bucket); err != nil {
			return err
		}
		if s.expired, err = loadExpiry(ctx, s.history.Bucket); err != nil {
			return err
		}
		s.loaded = true
	}
	i := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].To > s.at })
	s.entries, s.gone, s.loss = nil, false, nil
	if i == len(s.spans) {
		// The log has been trimmed since, so there are more batches now; or nobody has the events.
		if s.end = start; s.fresh(ctx) {
			return s.load(ctx)
		}
		return nil
	}
	b := s.spans[i]
	if b.From > s.at {
		s.end = min(b.From, start)
		return nil
	}
	s.end = b.To
	return s.read(ctx, b)
}

// fresh looks again for batches, and tells whether there are more.
func (s *pastSubscription) fresh(ctx context.Context) bool {
	spans, err := Spans(ctx, s.history.Bucket)
	if err != nil || len(spans) == len(s.spans) {
		return false
	}
	s.spans = spans
	return true
}

// read fills in the entries of a batch. A damaged file leaves out what was in it.
func (s *pastSubscription) read(ctx context.Context, span Span) error {
	b, err := LoadBatch(ctx, s.history.Bucket, span)
	if event.KindOf(err) == event.Corrupt {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	s.loss = b.Loss
	whole := true
	for i := range b.Files {
		f := &b.Files[i]
		if s.expired.has(f) {
			s.gone = true
			continue
		}
		entries, err := readEntries(ctx, s.history.Bucket, f)
		if err != nil && event.KindOf(err) != event.Corrupt && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read the archive: %w", err)
		}
		whole = whole && err == nil
		s.entries = append(s.entries, entries...)
	}
	s.gone = s.gone && whole
	sort.Slice(s.entries, func(i, j int) bool { return s.entries[i].First < s.entries[j].First })
	return nil
}

// Close implements eventlog.Subscription.
func (s *pastSubscription) Close() error {
	if s.log != nil {
		return s.log.Close()
	}
	return nil
}

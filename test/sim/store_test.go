package sim

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// row is what is looked at of a stored event.
type row struct {
	position eventlog.Position
	project  store.ProjectID
	id       string
	time     int64
	person   uint64
}

type tally struct {
	project store.ProjectID
	store.Counts
}

// contents are what a store has, in the order of the log.
type contents struct {
	position eventlog.Position
	rows     []row
	dead     []store.DeadLetter
	links    []store.Link
	hands    []store.Handover
	holders  []store.Holder
	tallies  []tally
	// duplicates has an entry for each.
	duplicates []store.ProjectID
}

func (c *contents) add(o *contents) {
	c.rows, c.dead = append(c.rows, o.rows...), append(c.dead, o.dead...)
	c.links, c.tallies = append(c.links, o.links...), append(c.tallies, o.tallies...)
	c.hands, c.holders = append(c.hands, o.hands...), append(c.holders, o.holders...)
	c.duplicates = append(c.duplicates, o.duplicates...)
}

// shelf is a store: a batch is visible as soon as it is committed, and durable when it is flushed.
type shelf struct {
	mu             sync.Mutex
	hot, cold      contents
	failing        bool
	forgetsPlanted bool
}

func (s *shelf) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cold.add(&s.hot)
	s.cold.position = max(s.cold.position, s.hot.position)
	s.hot = contents{}
}

// writer is the store as one life of the pipeline has it; opening it loses what was not flushed.
type writer struct {
	*shelf
	mount *mount
	open  contents
	// unlink is alone in its batch, and durable when it is committed.
	unlink *store.Unlink
}

func (s *shelf) reopen(m *mount) *writer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgetsPlanted {
		s.cold.position = max(s.cold.position, s.hot.position)
	}
	s.hot = contents{}
	return &writer{shelf: s, mount: m}
}

// all is what a question would see.
func (s *shelf) all() contents {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := contents{position: max(s.cold.position, s.hot.position)}
	c.add(&s.cold)
	c.add(&s.hot)
	return c
}

func (w *writer) Position() eventlog.Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cold.position
}

func (w *writer) Links(context.Context) ([]store.Link, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.cold.links), nil
}

func (w *writer) Holders(context.Context) ([]store.Holder, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return store.LatestHolders(w.cold.holders), nil
}

func (w *writer) Poisoned(_ context.Context, from eventlog.Position) (out []eventlog.Position, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.cold.dead {
		if d.Code == store.CodePoison && d.Position >= from {
			out = append(out, d.Position)
		}
	}
	return out, nil
}

func (w *writer) Add(p store.ProjectID, _ *time.Location, _ string, e *event.Event) {
	d := &e.Derived
	w.open.rows = append(w.open.rows, row{eventlog.Position(d.Position), p, string([]byte(e.ID)), d.Time, d.Person})
}

func (w *writer) AddDead(d store.DeadLetter) {
	d.Body = slices.Clone(d.Body)
	w.open.dead = append(w.open.dead, d)
}

func (w *writer) AddLink(l store.Link) { w.open.links = append(w.open.links, l) }

func (w *writer) Hand(h store.Handover) { w.open.hands = append(w.open.hands, h) }

func (w *writer) Hold(h store.Holder) { w.open.holders = append(w.open.holders, h) }

func (w *writer) Unlink(u store.Unlink) { w.unlink = &u }

func (w *writer) Count(p store.ProjectID, _ int64, c store.Counts) {
	w.open.tallies = append(w.open.tallies, tally{p, c})
}

func (w *writer) CountDuplicate(p store.ProjectID, _ int64, _ store.SDK) {
	w.open.duplicates = append(w.open.duplicates, p)
}

func (w *writer) Commit(_ context.Context, after eventlog.Position) error {
	pass(time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mount.dead.Load() {
		return errGone
	}
	if w.failing {
		w.failing = false
		return errors.New("the disk took no commit")
	}
	if u := w.unlink; u != nil {
		w.cold.add(&w.hot)
		w.hot = contents{}
		w.open.links, w.open.holders = append(w.open.links, u.Links(w.cold.links)...), append(w.open.holders, u.Holders...)
		w.cold.add(&w.open)
		w.cold.position, w.open, w.unlink = after, contents{}, nil
		return nil
	}
	w.hot.add(&w.open)
	w.hot.position, w.open = after, contents{}
	return nil
}

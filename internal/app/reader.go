package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/clickhouse"
)

var _ store.Reader = (*reader)(nil)

// reader is the store as those who ask see it: while it is not open yet, or being opened again, everything is answered
// by an error that passes.
type reader struct {
	current atomic.Pointer[store.Reader]
	last    atomic.Pointer[store.Watermark]
	// rebuild is how far a store is that is being made anew; nil when none is.
	rebuild atomic.Pointer[func() (done, of eventlog.Position)]
	// followed is the store while another process writes to it, until this one has it open; nil where none does.
	followed atomic.Pointer[store.Reader]
	// refused is why nothing is ever answered; nil where it is.
	refused func() error
}

func (r *reader) set(s store.Reader) {
	if s == nil {
		if open := r.current.Load(); open != nil {
			w := (*open).Watermark()
			r.last.Store(&w)
		}
		r.current.Store(nil)
		return
	}
	r.current.Store(&s)
}

// follow has questions answered from a store that another process writes to, while there is no other; nil ends that.
func (r *reader) follow(s *clickhouse.Store) {
	if s == nil {
		r.followed.Store(nil)
		return
	}
	var port store.Reader = s
	r.followed.Store(&port)
}

func opening() error {
	e := event.Errorf(event.Unavailable, "store_opening", "the store is being opened; events are accepted, answers follow")
	e.Wait = time.Minute
	return e
}

func (r *reader) get() (store.Reader, error) {
	if s := r.current.Load(); s != nil {
		return *s, nil
	}
	if f := r.rebuild.Load(); f != nil {
		return nil, rebuilding((*f)())
	}
	if s := r.followed.Load(); s != nil {
		return *s, nil
	}
	if r.refused != nil {
		return nil, r.refused()
	}
	return nil, opening()
}

func rebuilding(done, of eventlog.Position) error {
	e := event.Errorf(event.Unavailable, "store_rebuilding",
		"the store is being made anew, up to position %d of %d by now; events are accepted, answers follow", done, of)
	e.Wait = time.Minute
	return e
}

// Cut implements store.Reader.
func (r *reader) Cut(ctx context.Context, p store.ProjectID) (store.Cut, error) {
	s, err := r.get()
	if err != nil {
		return nil, err
	}
	return s.Cut(ctx, p)
}

// Watermark implements store.Reader.
func (r *reader) Watermark() store.Watermark {
	if s, err := r.get(); err == nil {
		return s.Watermark()
	}
	if w := r.last.Load(); w != nil {
		return *w
	}
	return store.Watermark{}
}

// Version implements store.Reader.
func (r *reader) Version(p store.ProjectID) uint64 {
	if s, err := r.get(); err == nil {
		return s.Version(p)
	}
	return 0
}

// Wait implements store.Reader.
func (r *reader) Wait(ctx context.Context, p eventlog.Position) error {
	s, err := r.get()
	if err != nil {
		return err
	}
	return s.Wait(ctx, p)
}

// Ledger implements store.Reader.
func (r *reader) Ledger(ctx context.Context, p store.ProjectID, from, to int64) ([]store.LedgerHour, error) {
	s, err := r.get()
	if err != nil {
		return nil, err
	}
	return s.Ledger(ctx, p, from, to)
}

// Duplicates implements store.Reader.
func (r *reader) Duplicates(ctx context.Context, p store.ProjectID, from, to int64) ([]store.Duplicates, error) {
	s, err := r.get()
	if err != nil {
		return nil, err
	}
	return s.Duplicates(ctx, p, from, to)
}

// DeadLetters implements store.Reader.
func (r *reader) DeadLetters(ctx context.Context, p store.ProjectID, before eventlog.Position, limit int) ([]store.DeadLetter, error) {
	s, err := r.get()
	if err != nil {
		return nil, err
	}
	return s.DeadLetters(ctx, p, before, limit)
}

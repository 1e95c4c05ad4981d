package query

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/store"
)

// The phases of a question.
const (
	// PhaseWaiting: for what it is to count, or for its turn.
	PhaseWaiting = "waiting"
	// PhaseReading: the store works on a statement. A question may have several, and come back to this phase.
	PhaseReading = "reading"
	// PhaseGrouping: events that were read are put together by actor, and followed.
	PhaseGrouping = "grouping"
)

// Progress is how far a question is, as far as that is known.
type Progress struct {
	Phase string `json:"phase"`
	// Statements is how many the store was given so far, Rows how many rows it has handed over.
	Statements int64 `json:"statements"`
	Rows       int64 `json:"rows"`
	// Fraction is the part of the phase that is done, in reading that of the present statement.
	Fraction *float64 `json:"fraction,omitempty"`
}

// Meter measures the progress of one question. It may be read while it is written.
type Meter struct {
	// Fractions lets the store tell how far its statements are, which costs each question some tenths of a millisecond.
	Fractions bool

	grouping, began  atomic.Bool
	statements, rows atomic.Int64
	// done is how many of so many partitions were visited.
	done, of atomic.Int64
	cut      atomic.Pointer[store.Watchable]
}

type meterKey struct{}

// WithMeter makes the question that is asked with ctx tell m how far it is.
func WithMeter(ctx context.Context, m *Meter) context.Context {
	ctx = context.WithValue(ctx, meterKey{}, m)
	return history.WithWatch(ctx, m.visited)
}

func meterOf(ctx context.Context) *Meter {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	return m
}

// Progress is how far the question is at the moment.
func (m *Meter) Progress() Progress {
	p := Progress{Phase: PhaseWaiting, Statements: m.statements.Load(), Rows: m.rows.Load()}
	fraction, known := 0.0, false
	switch {
	case m.grouping.Load():
		p.Phase, known = PhaseGrouping, true
		fraction = float64(m.done.Load()) / float64(max(m.of.Load(), 1))
	case m.began.Load():
		p.Phase = PhaseReading
		if cut := m.cut.Load(); cut != nil {
			fraction, known = (*cut).Fraction()
		}
	}
	if known {
		p.Fraction = &fraction
	}
	return p
}

// visited is a history.Watch.
func (m *Meter) visited(done, of int) {
	m.of.Store(int64(of))
	m.done.Store(int64(done))
	m.grouping.Store(true)
}

// watch is a cut whose statements are measured.
func (m *Meter) watch(ctx context.Context, cut store.Cut) (store.Cut, error) {
	if w, ok := cut.(store.Watchable); ok && m.Fractions {
		if err := w.Watch(ctx); err != nil {
			return nil, err
		}
		m.cut.Store(&w)
	}
	return &meteredCut{cut, m}, nil
}

// meteredCut counts the statements and rows of a cut.
type meteredCut struct {
	store.Cut
	meter *Meter
}

func (c *meteredCut) begin() {
	c.meter.statements.Add(1)
	c.meter.began.Store(true)
	c.meter.grouping.Store(false)
}

// Rows implements store.Cut.
func (c *meteredCut) Rows(ctx context.Context, sql string, args ...any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		c.begin()
		for row, err := range c.Cut.Rows(ctx, sql, args...) {
			c.meter.rows.Add(1)
			if !yield(row, err) {
				return
			}
		}
	}
}

// Batches implements store.Cut.
func (c *meteredCut) Batches(ctx context.Context, sql string, args ...any) iter.Seq2[*store.Batch, error] {
	return func(yield func(*store.Batch, error) bool) {
		c.begin()
		for b, err := range c.Cut.Batches(ctx, sql, args...) {
			if b != nil {
				c.meter.rows.Add(int64(b.Rows))
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// Spread implements store.Cut.
func (c *meteredCut) Spread(ctx context.Context, worker func() func(*store.Batch) error, sql string, args ...any) error {
	c.begin()
	return c.Cut.Spread(ctx, func() func(*store.Batch) error {
		take := worker()
		return func(b *store.Batch) error {
			c.meter.rows.Add(int64(b.Rows))
			return take(b)
		}
	}, sql, args...)
}

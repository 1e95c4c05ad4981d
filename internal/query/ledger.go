package query

import (
	"context"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// Ledger tells what became of everything accepted, by hour of receipt. Hours in which nothing happened are left out.
type Ledger struct {
	Hours []LedgerHour `json:"hours"`
	Total store.Counts `json:"total"`
	// Difference is accepted less stored, duplicate and dead-lettered: what is still on its way is not in the ledger,
	// so anything but 0 is a fault.
	Difference int64           `json:"difference"`
	Balanced   bool            `json:"balanced"`
	Watermark  store.Watermark `json:"watermark"`
}

// LedgerHour is one hour of the ledger.
type LedgerHour struct {
	Hour time.Time `json:"hour"`
	store.Counts
}

// maxLedgerHours is a leap year: an answer of about a megabyte.
const maxLedgerHours = 366 * 24

// Ledger returns the hours within [from, to), at most 8784 of them (366 days).
func (e *Engine) Ledger(ctx context.Context, s Scope, from, to time.Time) (*Ledger, error) {
	if err := checkHours(from, to); err != nil {
		return nil, err
	}
	reader := e.of(s.Project)
	w := reader.Watermark()
	hours, err := reader.Ledger(ctx, s.Project, from.Truncate(time.Hour).Unix(), to.Unix())
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	l := &Ledger{Hours: make([]LedgerHour, len(hours)), Watermark: w}
	for i, h := range hours {
		l.Hours[i] = LedgerHour{time.Unix(h.Hour, 0).UTC(), h.Counts}
		l.Total = l.Total.Plus(h.Counts)
	}
	l.Difference = l.Total.Accepted - l.Total.Stored - l.Total.Duplicate - l.Total.Dead
	l.Balanced = l.Difference == 0
	return l, nil
}

// checkHours holds a range of the ledger to its limit.
func checkHours(from, to time.Time) error {
	if !from.Before(to) {
		return &event.Error{
			Kind: event.Invalid, Code: "bad_range", Field: "from",
			Message: fmt.Sprintf("from (%s) must be before to (%s)", from.Format(time.RFC3339), to.Format(time.RFC3339)),
		}
	}
	if hours := to.Sub(from).Hours(); hours > maxLedgerHours {
		return &event.Error{
			Kind: event.Invalid, Code: "range_too_long", Field: "from",
			Message: fmt.Sprintf("the range has %.0f hours, the limit is %d (366 days)", hours, maxLedgerHours),
		}
	}
	return nil
}

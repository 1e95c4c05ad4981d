package memory

import (
	"context"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/cache"
)

// Book has the debts of what is in one process, by a clock that is given.
type Book struct {
	now func() time.Time

	// mu guards what follows: when each key owes nothing any more, and when each member called last.
	mu   sync.Mutex
	paid map[string]time.Time
	seen map[*Debts]time.Time
}

// NewBook makes an empty book.
func NewBook(now func() time.Time) *Book {
	return &Book{now: now, paid: map[string]time.Time{}, seen: map[*Debts]time.Time{}}
}

// Join adds one that shares the debts.
func (b *Book) Join() *Debts { return &Debts{b} }

// Debts implements cache.Debts.
type Debts struct{ book *Book }

var _ cache.Debts = (*Debts)(nil)

// Add implements cache.Debts.
func (d *Debts) Add(_ context.Context, more []cache.Debt) (owed []time.Duration, processes int, err error) {
	b := d.book
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for _, m := range more {
		paid := b.paid[m.Key]
		if left := paid.Sub(now); left < 0 || left > cache.LongestDebt {
			paid = now
		}
		paid = paid.Add(m.Of)
		b.paid[m.Key] = paid
		owed = append(owed, paid.Sub(now))
	}
	b.seen[d] = now
	for other, at := range b.seen {
		if now.Sub(at) > cache.SeenFor {
			delete(b.seen, other)
		}
	}
	return owed, len(b.seen), nil
}

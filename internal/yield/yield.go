// Package yield lets work that can wait give way to work that somebody waits for, for a while.
//
// Who answers somebody says so with Foreground.Begin. Who writes what is safe already, to disk or to the archive, calls
// Background.Yield between two pieces of it; who merely tidies does a piece with Spare.Do. On a machine with few cores
// that is the difference between a question that takes its time and one that takes twice that.
package yield

import (
	"context"
	"sync"
	"time"
)

const (
	// most is how long background work waits at a time.
	most = 2 * time.Second
	// share is for how much waiting work earns: it gets a third of the time when there are always questions.
	share = 2
)

// Foreground counts the work that somebody waits for. The zero value has none. It is safe for concurrent use.
type Foreground struct {
	mu      sync.Mutex
	running int
	// idle is closed when nothing runs any more; nil when nothing runs.
	idle chan struct{}
	// ended is when the last of it did.
	ended time.Time
}

// Begin says that somebody waits, until end is called, once.
func (f *Foreground) Begin() (end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running++; f.running == 1 {
		f.idle = make(chan struct{})
	}
	return f.end
}

func (f *Foreground) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running--; f.running == 0 {
		close(f.idle)
		f.idle, f.ended = nil, time.Now()
	}
}

// busy is closed when nothing runs any more; nil when nothing runs now.
func (f *Foreground) busy() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.idle
}

// quiet tells whether nobody has waited for anything for a while.
func (f *Foreground) quiet(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running == 0 && now.Sub(f.ended) >= lull
}

// Background is one piece of work that can wait. It has one user at a time.
type Background struct {
	to *Foreground
	// credit is how long the work may wait yet, worked since when it has not waited.
	credit time.Duration
	worked time.Time
}

// Background makes one that gives way to f.
func (f *Foreground) Background() *Background { return &Background{to: f, credit: most} }

// Yield returns when nobody waits for anything, or when the work has waited for long enough: 2 seconds at a time, and
// two thirds of the time in all. It returns early when ctx ends. A nil Background gives way to nobody.
func (b *Background) Yield(ctx context.Context) {
	if b == nil {
		return
	}
	began := time.Now()
	if !b.worked.IsZero() {
		b.credit = min(most, b.credit+share*began.Sub(b.worked))
	}
	b.worked = began
	idle := b.to.busy()
	if idle == nil || b.credit <= 0 {
		return
	}
	wait, cancel := context.WithTimeout(ctx, b.credit)
	defer cancel()
	for idle != nil && wait.Err() == nil {
		select {
		case <-idle:
			idle = b.to.busy()
		case <-wait.Done():
		}
	}
	b.worked = time.Now()
	b.credit -= b.worked.Sub(began)
}

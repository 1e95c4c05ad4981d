// Package lease has one process of several do what only one may.
//
// A lease is taken for a while and renewed before that is over, by the clock of whoever keeps it. It says who is to work, not that
// nobody else does: a process that was stopped for longer than the while believes that it has the lease until it has asked. So what
// is worked on has to refuse it by itself, by the numbers that Epoch gives: those of a later holder are above those of an
// earlier one, and none is given twice.
package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Term is how long a lease is good without being renewed, and so how long the work rests when its holder dies. It is renewed every
	// renewEvery, and looked for every waitEvery.
	Term       = 10 * time.Second
	renewEvery = 2 * time.Second
	waitEvery  = time.Second
	// rejoinFor is how long the holder has, after the Source was away for somebody, to renew its lease before that one looks for it again: it
	// has run out for everybody meanwhile, and who works is not to change for that.
	rejoinFor = 3 * renewEvery
	// endFor bounds the last call, which lets the next holder begin at once.
	endFor = 2 * time.Second
	// epochBits are those of an epoch's number that count within a term.
	epochBits = 24
)

// ErrLost is wrapped by the errors of a holder whose lease is another's now.
var ErrLost = errors.New("the lease is another process's now")

// Grant is what a Source says of a lease.
type Grant struct {
	// Term is the number of the holder's time, larger than every one before; 0 says that another has the lease, at Place.
	Term  uint64
	Place string
	// ID is the lease's own, drawn when it was first taken.
	ID string
}

// Request says who wants which lease.
type Request struct {
	Name string
	// Holder is whose lease it is: one that is its own already is taken anew at once, in a new term.
	Holder string
	// Place is where the holder is, for people.
	Place string
	// Above is a term that the next one has to be larger than.
	Above uint64
}

// Source keeps leases.
type Source interface {
	// TakeLease takes a lease that nobody has, that has run out, or that is the holder's own.
	TakeLease(ctx context.Context, r Request, d time.Duration) (Grant, error)
	// RenewLease tells whether a lease is in the term still, and makes it good for d from now on.
	RenewLease(ctx context.Context, name string, term uint64, d time.Duration) (bool, error)
	// EndLease gives a lease back if it is in the term still.
	EndLease(ctx context.Context, name string, term uint64) error
}

// Lease is one that this process has taken. It is renewed until End. Its methods may be used concurrently.
type Lease struct {
	source  Source
	request Request
	id      string
	logger  *slog.Logger
	lost    chan struct{}
	lose    func()
	stop    context.CancelFunc
	done    sync.WaitGroup
	// mu guards the term, and how many epochs were given out in it.
	mu    sync.Mutex
	term  uint64
	count uint64
	// renewed is when it was last renewed, in nanoseconds since 1970.
	renewed atomic.Int64
}

// Take waits until the lease is this process's. waiting is told each time that it is not, with where the holder is, or with
// why it is not known. One whose holder has not renewed it because the Source was away is its holder's for a while longer. The error is ctx's.
func Take(ctx context.Context, s Source, r Request, logger *slog.Logger, waiting func(place string, err error)) (*Lease, error) {
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	// back is when the Source answered again; away tells that it has not.
	var back time.Time
	away := false
	for {
		var g Grant
		var err error
		if away {
			// It is asked for a term that nobody has, which changes nothing.
			if _, err = s.RenewLease(ctx, r.Name, 0, Term); err == nil {
				away, back = false, time.Now()
			}
		} else if time.Since(back) >= rejoinFor {
			g, err = s.TakeLease(ctx, r, Term)
			away = err != nil
		}
		if err == nil && g.Term > 0 {
			return begin(ctx, s, r, g, logger), nil
		}
		if ctx.Err() == nil && (err != nil || g.Place != "") {
			waiting(g.Place, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

func begin(ctx context.Context, s Source, r Request, g Grant, logger *slog.Logger) *Lease {
	l := &Lease{source: s, request: r, id: g.ID, logger: logger, lost: make(chan struct{}), term: g.Term}
	l.lose = sync.OnceFunc(func() { close(l.lost) })
	l.renewed.Store(time.Now().UnixNano())
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	l.done.Go(func() { l.keep(run) })
	return l
}

// keep renews the lease until ctx ends or it is lost. While its Source is away the work goes on: nobody else can take it meanwhile.
func (l *Lease) keep(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := l.Confirm(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrLost):
			return
		case err != nil && !failing:
			l.logger.Warn("the lease cannot be renewed; it is tried again", "lease", l.request.Name, "error", err)
		case err == nil && failing:
			l.logger.Info("the lease is renewed again", "lease", l.request.Name)
		}
		failing = err != nil
	}
}

// Confirm renews the lease now. The error wraps ErrLost when it is another's; any other says that this is not known.
func (l *Lease) Confirm(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.confirm(ctx)
}

func (l *Lease) confirm(ctx context.Context) error {
	held, err := l.source.RenewLease(ctx, l.request.Name, l.term, Term)
	switch {
	case err != nil:
		return fmt.Errorf("renew the lease %s: %w", l.request.Name, err)
	case !held:
		l.lose()
		return fmt.Errorf("lease %s, term %d: %w", l.request.Name, l.term, ErrLost)
	}
	l.renewed.Store(time.Now().UnixNano())
	return nil
}

// Guard confirms the lease and returns a context that ends when it is lost, or was not renewed for as long as it is good: for work on
// what does not refuse a former holder by itself. A process that was stopped finds it ended when it goes on.
func (l *Lease) Guard(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if err := l.Confirm(ctx); err != nil {
		return nil, nil, err
	}
	guarded, cancel := context.WithCancelCause(ctx)
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop) })
	l.done.Go(func() {
		for left := Term - l.Age(); left > 0; left = Term - l.Age() {
			t := time.NewTimer(left)
			select {
			case <-t.C:
				continue
			case <-l.lost:
			case <-stop:
				t.Stop()
				cancel(nil)
				return
			}
			t.Stop()
			break
		}
		cancel(ErrLost)
	})
	return guarded, end, nil
}

// Lost is closed when the lease is another's.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// ID is the lease's own: the same for each holder, and another one where another Source keeps it.
func (l *Lease) ID() string { return l.id }

// Age is how long ago the lease was last renewed.
func (l *Lease) Age() time.Duration { return time.Since(time.Unix(0, l.renewed.Load())) }

// Number is that of the term.
func (l *Lease) Number() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term
}

// Epoch is the first of n numbers that are given to nobody else, above all that were given to earlier holders.
func (l *Lease) Epoch(n uint64) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.count
	l.count += n
	return l.term<<epochBits + at + 1
}

// Raise begins a term whose numbers are above one that was found where they are used: another Source's, of before its data was
// lost, or one that was used without a lease. The error wraps ErrLost when the lease is another's.
func (l *Lease) Raise(ctx context.Context, epoch uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.confirm(ctx); err != nil {
		return err
	}
	r := l.request
	r.Above = epoch >> epochBits
	g, err := l.source.TakeLease(ctx, r, Term)
	if err != nil {
		return fmt.Errorf("take the lease %s above term %d: %w", r.Name, r.Above, err)
	}
	if g.Term == 0 {
		l.lose()
		return fmt.Errorf("lease %s, term %d: %w", r.Name, l.term, ErrLost)
	}
	l.term, l.count = g.Term, 0
	return nil
}

// End gives the lease back, so that another process can begin at once.
func (l *Lease) End(ctx context.Context) error {
	l.stop()
	l.done.Wait()
	ctx, cancel := context.WithTimeout(ctx, endFor)
	defer cancel()
	if err := l.source.EndLease(ctx, l.request.Name, l.Number()); err != nil {
		return fmt.Errorf("give back the lease %s: %w", l.request.Name, err)
	}
	return nil
}

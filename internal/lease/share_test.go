package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hall keeps leases and who is there, by the clock of the test. What PostgreSQL makes of the same calls is tested there.
type hall struct {
	mu      sync.Mutex
	leases  map[string]*table
	members map[string]time.Time
}

func (h *hall) lease(name string) *table {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.leases[name] == nil {
		h.leases[name] = &table{}
	}
	return h.leases[name]
}

// held are the leases that have not run out.
func (h *hall) held() map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]string{}
	for name, l := range h.leases {
		l.mu.Lock()
		if time.Now().Before(l.expires) {
			out[name] = l.holder
		}
		l.mu.Unlock()
	}
	return out
}

var errAway = errors.New("away")

// worker is a process that shares leases in a hall. It can be stopped, killed, and frozen.
type worker struct {
	hall  *hall
	name  string
	share *Share
	stop  context.CancelFunc
	done  chan struct{}
	// mu guards what follows.
	mu sync.Mutex
	// gone tells that it was killed; thawed is closed when it goes on, nil while it is not frozen.
	gone   bool
	thawed chan struct{}
	// since is since when it reaches the hall.
	since time.Time
	works map[int]context.Context
	// opens is how long it takes to begin to work, unable that it fails then.
	opens  time.Duration
	unable bool
}

func (w *worker) reach() error {
	w.mu.Lock()
	thawed, gone := w.thawed, w.gone
	w.mu.Unlock()
	if thawed != nil {
		<-thawed
	}
	if gone {
		return errAway
	}
	return nil
}

func (w *worker) TakeLease(ctx context.Context, r Request, d time.Duration) (Grant, error) {
	if err := w.reach(); err != nil {
		return Grant{}, err
	}
	return w.hall.lease(r.Name).TakeLease(ctx, r, d)
}

func (w *worker) RenewLease(ctx context.Context, name string, term uint64, d time.Duration) (bool, error) {
	if err := w.reach(); err != nil {
		return false, err
	}
	return w.hall.lease(name).RenewLease(ctx, name, term, d)
}

func (w *worker) EndLease(ctx context.Context, name string, term uint64) error {
	if err := w.reach(); err != nil {
		return err
	}
	return w.hall.lease(name).EndLease(ctx, name, term)
}

func (w *worker) Attend(_ context.Context, a Attendance, d time.Duration) (Present, error) {
	if err := w.reach(); err != nil {
		return Present{}, err
	}
	held := w.hall.held()
	w.hall.mu.Lock()
	defer w.hall.mu.Unlock()
	w.hall.members[a.Member] = time.Now().Add(d)
	maps.DeleteFunc(w.hall.members, func(_ string, until time.Time) bool { return !time.Now().Before(until) })
	return Present{Members: slices.Sorted(maps.Keys(w.hall.members)), Holders: held}, nil
}

func (w *worker) work(ctx context.Context, i int, _ *Lease) error {
	select {
	case <-time.After(w.opens):
	case <-ctx.Done():
	}
	if w.unable {
		return errors.New("it cannot")
	}
	w.mu.Lock()
	w.works[i] = ctx
	w.mu.Unlock()
	<-ctx.Done()
	<-time.After(w.opens)
	w.mu.Lock()
	delete(w.works, i)
	w.mu.Unlock()
	return nil
}

// at are the parts that it works on.
func (w *worker) at() (out []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, ctx := range w.works {
		if ctx.Err() == nil {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return out
}

// start begins a process anew, under its name of before.
func (h *hall) start(name string, parts int) *worker {
	w := &worker{hall: h, name: name, done: make(chan struct{}), works: map[int]context.Context{}, since: time.Now()}
	w.share = &Share{Roll: w, Attendance: Attendance{Assembly: "all", Member: name}, Logger: slog.New(slog.DiscardHandler), Work: w.work}
	for i := range parts {
		w.share.Leases = append(w.share.Leases, fmt.Sprint("part ", i))
	}
	return w
}

func (w *worker) run(t *testing.T) *worker {
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	go func() {
		defer close(w.done)
		w.share.Run(ctx)
	}()
	return w
}

func (w *worker) end() {
	w.thaw()
	w.stop()
	<-w.done
}

func (w *worker) kill() {
	w.mu.Lock()
	w.gone = true
	w.mu.Unlock()
	w.end()
}

func (w *worker) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.thawed == nil {
		w.thawed = make(chan struct{})
	}
}

func (w *worker) thaw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.thawed != nil {
		close(w.thawed)
		w.thawed, w.since = nil, time.Now()
	}
}

// sure tells whether what it works on must be its own by now: it has had the time to find out what it has lost.
func (w *worker) sure() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.thawed == nil && !w.gone && time.Since(w.since) > 2*renewEvery
}

// settled is long enough for everything that somebody was to be noticed and shared anew.
const settled = 2*Term + 2*settleFor + 2*spareAfter + keepFor

// TestShare has processes come, end, die, freeze and thaw. No part ever has two who work on it and could know better, and when nothing
// happens for a while each part has somebody, and nobody two more than another.
func TestShare(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			h := &hall{leases: map[string]*table{}, members: map[string]time.Time{}}
			parts := 1 + r.IntN(7)
			live := map[string]*worker{}
			check := func() {
				t.Helper()
				synctest.Wait()
				has := map[int]string{}
				for name, w := range live {
					if !w.sure() {
						continue
					}
					for _, i := range w.at() {
						if other, ok := has[i]; ok {
							t.Fatalf("seed %d: %s and %s work on part %d", seed, name, other, i)
						}
						has[i] = name
					}
				}
			}
			pass := func(d time.Duration) {
				for ; d > 0; d -= 250 * time.Millisecond {
					<-time.After(250 * time.Millisecond)
					check()
				}
			}
			for range 40 {
				name := string(rune('a' + r.IntN(4)))
				w := live[name]
				switch {
				case w == nil:
					w = h.start(name, parts)
					w.opens = time.Duration(r.IntN(2000)) * time.Millisecond
					live[name] = w.run(t)
				case r.IntN(4) == 0:
					w.end()
					delete(live, name)
				case r.IntN(3) == 0:
					w.kill()
					delete(live, name)
				case r.IntN(2) == 0:
					w.freeze()
				default:
					w.thaw()
				}
				pass(time.Duration(r.IntN(15)) * time.Second)
			}
			for _, w := range live {
				w.thaw()
			}
			if len(live) == 0 {
				live["a"] = h.start("a", parts).run(t)
			}
			pass(settled + time.Duration(parts)*settleFor)
			least, most, all := parts, 0, 0
			for _, w := range live {
				n := len(w.at())
				least, most, all = min(least, n), max(most, n), all+n
			}
			if all != parts || most > least+1 {
				t.Errorf("seed %d: of %d parts %d are worked on, at least %d and at most %d by each of %d", seed, parts, all, least, most, len(live))
			}
			for _, w := range live {
				w.end()
			}
		})
	}
}

// TestSharePasses has a part pass to who comes, in an orderly way, and not to one who cannot work.
func TestSharePasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hall{leases: map[string]*table{}, members: map[string]time.Time{}}
		one := h.start("one", 2).run(t)
		<-time.After(2 * waitEvery)
		if got := one.at(); len(got) != 2 {
			t.Fatalf("the only one works on %v", got)
		}
		two := h.start("two", 2).run(t)
		<-time.After(settleFor + 3*waitEvery)
		if a, b := one.at(), two.at(); len(a) != 1 || len(b) != 1 {
			t.Fatalf("two have %v and %v", a, b)
		}
		began := time.Now()
		two.kill()
		for len(one.at()) < 2 {
			<-time.After(100 * time.Millisecond)
		}
		if took := time.Since(began); took > Term+2*waitEvery {
			t.Errorf("what a dead one had is taken after %s", took)
		}
		for _, opens := range []time.Duration{0, 3 * waitEvery} {
			two = h.start("two", 2)
			two.opens, two.unable = opens, true
			two.run(t)
			<-time.After(settleFor + 4*pauseMost)
			for range 60 {
				<-time.After(waitEvery)
				if got := one.at(); len(got) != 2 {
					t.Fatalf("one works on %v beside another that cannot, and needs %s to find that out", got, opens)
				}
			}
			two.end()
		}
		two = h.start("two", 2).run(t)
		<-time.After(settleFor + 3*waitEvery)
		began = time.Now()
		one.end()
		for len(two.at()) < 2 {
			<-time.After(100 * time.Millisecond)
		}
		if took := time.Since(began); took > 2*waitEvery {
			t.Errorf("what one had that has ended is taken after %s", took)
		}
		two.end()
	})
}

// TestShareOutlivesRoll has everybody go on as they were when nobody has known who is there for a while.
func TestShareOutlivesRoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hall{leases: map[string]*table{}, members: map[string]time.Time{}}
		all := []*worker{h.start("one", 4).run(t)}
		<-time.After(waitEvery / 2)
		all = append(all, h.start("two", 4).run(t))
		<-time.After(settled)
		before := [][]int{all[0].at(), all[1].at()}
		if len(before[0]) != 2 || len(before[1]) != 2 {
			t.Fatalf("two have %v", before)
		}
		for range 5 {
			for _, w := range all {
				w.leave(true)
			}
			<-time.After(3 * Term)
			for _, w := range all {
				w.leave(false)
				<-time.After(renewEvery / 3)
			}
			<-time.After(settled)
			if now := [][]int{all[0].at(), all[1].at()}; !slices.EqualFunc(now, before, slices.Equal) {
				t.Errorf("two have %v, and %v before", now, before)
			}
		}
		for _, w := range all {
			w.end()
		}
	})
}

// leave has a process not reach the hall.
func (w *worker) leave(gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = gone
}

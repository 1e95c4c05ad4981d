package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/cache"
)

// What a project may send is shared by all processes that take events. Each takes from its own buckets and waits for nobody. Four
// times a second, and sooner when much was taken, it tells how much that was and hears what all have taken, and a bucket of its
// own is never fuller than what is left of that. So everything taken counts, a moment later.
//
// What a moment may cost is bounded: until the others have heard of it, a process takes from a bucket at most a quarter of its equal part
// of what is left in there, as far as it knows, or a single request. However many processes there are, and however the load is
// spread, together they take at most a quarter of a bucket more than one process would (two and a half seconds' worth), plus a
// request each. That is once: it is owed like the rest, so over time a project gets its rate and no more.
//
// While nobody tells what the others take, a process goes by its own buckets: N processes take up to N times the rate. What they
// took meanwhile is not counted afterwards, or a project would pay for it with silence.
//
// Devices are left out: a device keeps its connection, and so its process, for as long as it sends, and a key in Redis for each
// of millions would cost more than the bound is worth. One that comes to N processes gets up to N times its rate.
const (
	shareEvery = 250 * time.Millisecond
	// shareLeast is the time between the end of one exchange and the next.
	shareLeast = 20 * time.Millisecond
	// sharePart is the part of its equal share of what is left that a process takes before the others have heard of it.
	sharePart = 4
)

// sharing is what a process has to tell the others, and knows about them.
type sharing struct {
	debts  cache.Debts
	rates  *rates
	logger *slog.Logger
	// hurry asks for an exchange before its time.
	hurry chan struct{}
	// told tells that it was logged that rates are shared, or are not; only exchange uses it.
	told, alone bool

	// processes is how many share, with this one; 0 while that is not known. untold is what was taken and the others have not heard
	// about, by key. Both are guarded by the rates' mu.
	processes int
	untold    map[uint64]untold
}

// untold is what was taken at a rate, as the time in which it comes back.
type untold struct {
	perSecond int
	debt      time.Duration
}

func share(r *rates, debts cache.Debts, logger *slog.Logger, registerer prometheus.Registerer) {
	s := &sharing{debts: debts, rates: r, logger: logger, hurry: make(chan struct{}, 1), untold: map[uint64]untold{}}
	r.sharing = s
	registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_ingest_rate_processes",
		Help: "Processes that share the rates of projects, this one included; 0 while it does not hear of others and goes by what it takes itself.",
	}, func() float64 {
		r.mu.Lock()
		defer r.mu.Unlock()
		return float64(s.processes)
	}))
}

// most is how much of a bucket may be taken, of which the others have not heard, when it is full again after left.
func (s *sharing) most(u untold, left time.Duration) time.Duration {
	return (burst - max(0, left-u.debt)) / time.Duration(sharePart*s.processes)
}

// allows tells whether something may be taken from a bucket that is full again after left, although the others hear of it later
// only; the rates' mu is held.
func (s *sharing) allows(key uint64, perSecond int, left, cost time.Duration) bool {
	if s == nil || s.processes < 2 {
		return true
	}
	u := s.untold[key]
	if u.perSecond != perSecond || u.debt == 0 || u.debt+cost <= s.most(u, left) {
		return true
	}
	s.hasten()
	return false
}

// took notes what was taken from a bucket that was full again after left; the rates' mu is held.
func (s *sharing) took(key uint64, perSecond int, left, cost time.Duration) {
	if s == nil || s.processes == 0 {
		return
	}
	u := s.untold[key]
	if u.perSecond != perSecond {
		u = untold{perSecond: perSecond}
	}
	if s.processes > 1 && u.debt+cost > s.most(u, left)/2 {
		s.hasten()
	}
	u.debt += cost
	s.untold[key] = u
}

func (s *sharing) hasten() {
	select {
	case s.hurry <- struct{}{}:
	default:
	}
}

// ShareRates tells other processes what projects have sent to this one, and hears from them, until ctx ends. It returns at once when
// Options have no Debts.
func (h *Handler) ShareRates(ctx context.Context) {
	s := h.projectRates.sharing
	if s == nil {
		return
	}
	for {
		tick := time.NewTimer(shareEvery)
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		case <-s.hurry:
			tick.Stop()
		}
		s.exchange(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(shareLeast):
		}
	}
}

// telling is what is being told of a bucket.
type telling struct {
	untold

	key uint64
}

// exchange tells what is untold and hears what all have taken.
func (s *sharing) exchange(ctx context.Context) {
	tell := s.begin()
	more := make([]cache.Debt, len(tell))
	for i, t := range tell {
		// Another rate is another bucket: processes hear of a change one after the other.
		more[i] = cache.Debt{Key: fmt.Sprintf("%s/%d/%d", s.rates.scope, t.key, t.perSecond), Of: t.debt}
	}
	owed, processes, err := s.debts.Add(ctx, more)
	if ctx.Err() != nil {
		return
	}
	s.end(tell, owed, processes, err)
	switch alone := err != nil; {
	case s.told && alone == s.alone:
		return
	case alone:
		s.logger.Warn("rates of projects are not shared: each process that takes events lets a project send as much as it may", "error", err)
	default:
		s.logger.Info("rates of projects are shared", "processes", processes)
	}
	s.told, s.alone = true, err != nil
}

func (s *sharing) begin() (out []telling) {
	s.rates.mu.Lock()
	defer s.rates.mu.Unlock()
	for key, u := range s.untold {
		out = append(out, telling{u, key})
	}
	return out
}

// end takes over what came of an exchange.
func (s *sharing) end(tell []telling, owed []time.Duration, processes int, err error) {
	s.rates.mu.Lock()
	defer s.rates.mu.Unlock()
	if err != nil {
		s.processes = 0
		clear(s.untold)
		return
	}
	s.processes = processes
	now := s.rates.now()
	for i, t := range tell {
		u := s.untold[t.key]
		if u.perSecond != t.perSecond {
			continue // it has another rate meanwhile
		}
		if u.debt -= t.debt; u.debt > 0 {
			s.untold[t.key] = u
		} else {
			delete(s.untold, t.key)
		}
		b := s.rates.buckets[t.key]
		if b.perSecond != 0 && b.perSecond != t.perSecond {
			continue
		}
		// Redis may have forgotten what this process has not.
		if full := now.Add(owed[i] + max(0, u.debt)); full.After(b.full) {
			s.rates.buckets[t.key] = bucket{full, t.perSecond}
		}
	}
}

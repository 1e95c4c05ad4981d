package rest

import (
	"sync"
	"time"
)

const (
	// visitsPerSecond is how many requests a public link may have, once visitsAtOnce are used up. A dashboard of 60 tiles
	// is opened with 61.
	visitsPerSecond = 20
	visitsAtOnce    = 200
	// maxAllowances bounds how many links are told apart; what is full again is forgotten first.
	maxAllowances = 10_000
)

// allowances let each of many names through at a rate.
type allowances struct {
	now func() time.Time
	// mu guards what follows.
	mu  sync.Mutex
	all map[string]allowance
}

// allowance has so many requests left, as of a time.
type allowance struct {
	left float64
	at   time.Time
}

func newAllowances(now func() time.Time) *allowances {
	return &allowances{now: now, all: map[string]allowance{}}
}

// pass tells whether another request of the name may pass, and counts it if so.
func (a *allowances) pass(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	one, ok := a.all[name]
	if !ok {
		a.forget(now)
		one = allowance{visitsAtOnce, now}
	}
	one = one.grown(now)
	pass := one.left >= 1
	if pass {
		one.left--
	}
	a.all[name] = one
	return pass
}

// forget makes room; mu is held.
func (a *allowances) forget(now time.Time) {
	if len(a.all) < maxAllowances {
		return
	}
	for name, one := range a.all {
		if one.grown(now).left >= visitsAtOnce {
			delete(a.all, name)
		}
	}
	if len(a.all) >= maxAllowances {
		clear(a.all)
	}
}

// grown is the allowance as it is now.
func (a allowance) grown(now time.Time) allowance {
	return allowance{min(visitsAtOnce, a.left+max(0, now.Sub(a.at).Seconds())*visitsPerSecond), now}
}

// Package stickiness counts in how many intervals each actor is active (Machine), and who is active on a day against who
// is within the last days (Days), and adds actors up.
//
// It promises what docs/questions/stickiness.md says, for events in order of time. It knows nothing of time zones, stores
// or questions: intervals come as their edges, events as numbers.
package stickiness

import (
	"sort"

	"github.com/freshet/freshet/internal/query/history"
)

// Config is one question.
type Config struct {
	// Edges cut time, in microseconds: interval i is [Edges[i], Edges[i+1]).
	Edges []int64
	// Windows are the windows that the intervals are in, ascending from 0; nil for a single one.
	Windows []int32
	// Times is how many events make an actor active in an interval, 1 or more.
	Times int
	// Active are the bits of the events that count.
	Active uint64
}

// Windowed is how many windows there are, and Widest how many intervals the widest of them has.
func (c *Config) Windowed() (windows, widest int) {
	n := len(c.Edges) - 1
	if c.Windows == nil {
		return 1, n
	}
	run := 0
	for i := range n {
		if i > 0 && c.Windows[i] == c.Windows[i-1] {
			run++
		} else {
			run = 1
		}
		widest = max(widest, run)
	}
	return int(c.Windows[n-1]) + 1, widest
}

// Count is in how many intervals of a window an actor is active; never 0.
type Count struct{ Window, Intervals int32 }

// Machine walks actors. It is used by one goroutine at a time.
type Machine struct {
	*Config
	out []Count
}

// NewMachine makes a machine.
func NewMachine(c *Config) *Machine { return &Machine{Config: c} }

// Walk returns the counts of an actor. They hold until the next call.
func (m *Machine) Walk(events []history.Event) []Count {
	m.out = m.out[:0]
	at, times := -1, 0
	for i := range events {
		e := &events[i]
		if e.Match&m.Active == 0 || e.Time < m.Edges[0] {
			continue
		}
		if e.Time >= m.Edges[len(m.Edges)-1] {
			break
		}
		if next := find(m.Edges, at, e.Time); next != at {
			at, times = next, 0
		}
		if times++; times == m.Times {
			m.count(at)
		}
	}
	return m.out
}

func (m *Machine) count(interval int) {
	window := int32(0)
	if m.Windows != nil {
		window = m.Windows[interval]
	}
	if n := len(m.out); n > 0 && m.out[n-1].Window == window {
		m.out[n-1].Intervals++
		return
	}
	m.out = append(m.out, Count{window, 1})
}

// find is the interval of a time, which is in one; near is a guess, or -1.
func find(edges []int64, near int, at int64) int {
	if near >= 0 && edges[near] <= at && at < edges[near+1] {
		return near
	}
	return sort.Search(len(edges), func(i int) bool { return edges[i] > at }) - 1
}

// Tally adds actors up. Several of them can be made at once and merged.
type Tally struct {
	// Exact has for each window how many actors are active in k + 1 of its intervals.
	Exact [][]int64
}

// NewTally makes an empty tally.
func NewTally(c *Config) *Tally {
	windows, widest := c.Windowed()
	t := &Tally{Exact: make([][]int64, windows)}
	for i := range t.Exact {
		t.Exact[i] = make([]int64, widest)
	}
	return t
}

// Add counts one actor.
func (t *Tally) Add(list []Count) {
	for _, c := range list {
		t.Exact[c.Window][c.Intervals-1]++
	}
}

// Merge adds another tally of the same question.
func (t *Tally) Merge(o *Tally) {
	for i := range t.Exact {
		for k, n := range o.Exact[i] {
			t.Exact[i][k] += n
		}
	}
}

// AtLeast turns counts of exactly k into counts of k or more.
func AtLeast(exact []int64) []int64 {
	out := make([]int64, len(exact))
	sum := int64(0)
	for k := len(exact) - 1; k >= 0; k-- {
		sum += exact[k]
		out[k] = sum
	}
	return out
}

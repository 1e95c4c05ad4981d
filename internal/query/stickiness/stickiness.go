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
	// Lines lead from an actor's value to the line that it counts in; nil puts all into line 0.
	Lines []int32
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
	out  []Count
	line int32
}

// NewMachine makes a machine.
func NewMachine(c *Config) *Machine { return &Machine{Config: c} }

// Walk returns the counts of an actor. They hold until the next call.
func (m *Machine) Walk(events []history.Event) []Count {
	m.out, m.line = m.out[:0], -1
	at, times := -1, 0
	for i := range events {
		e := &events[i]
		if e.Match&m.Active == 0 || e.Time < m.Edges[0] {
			continue
		}
		if e.Time >= m.Edges[len(m.Edges)-1] {
			break
		}
		if m.line < 0 {
			m.line = lineOf(m.Lines, e)
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

// Line is where the actor that was walked last counts, by the value of its first event in the range; -1 if it does not
// count.
func (m *Machine) Line() int32 {
	if len(m.out) == 0 {
		return -1
	}
	return m.line
}

func lineOf(lines []int32, e *history.Event) int32 {
	if lines == nil {
		return 0
	}
	return lines[e.Value]
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
type Tally struct{ Lines []Line }

// Line counts the actors of one value of the breakdown. An actor is in one line only, so that lines add up.
type Line struct {
	// Actors is how many are active in any interval.
	Actors int64
	// Exact has for each window how many actors are active in k + 1 of its intervals.
	Exact [][]int64
}

// NewTally makes an empty tally of so many lines.
func NewTally(c *Config, lines int) *Tally {
	windows, widest := c.Windowed()
	t := &Tally{Lines: make([]Line, lines)}
	for l := range t.Lines {
		exact := make([][]int64, windows)
		for i := range exact {
			exact[i] = make([]int64, widest)
		}
		t.Lines[l].Exact = exact
	}
	return t
}

// Add counts the actor that a machine has walked.
func (t *Tally) Add(line int32, list []Count) {
	if line < 0 {
		return
	}
	l := &t.Lines[line]
	l.Actors++
	for _, c := range list {
		l.Exact[c.Window][c.Intervals-1]++
	}
}

// Merge adds another tally of the same question.
func (t *Tally) Merge(o *Tally) {
	for i := range t.Lines {
		t.Lines[i].Merge(&o.Lines[i])
	}
}

// Merge adds another line of the same question.
func (l *Line) Merge(o *Line) {
	l.Actors += o.Actors
	for i := range l.Exact {
		for k, n := range o.Exact[i] {
			l.Exact[i][k] += n
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

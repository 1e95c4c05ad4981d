package stickiness

import "github.com/freshet/freshet/internal/query/history"

// Days is a question for who is active on each day, and within the days up to it.
type Days struct {
	// Edges are those of local days, in microseconds. The first Before of them lie before the range.
	Edges  []int64
	Before int
	// Span is how many days, the last one included, an actor counts as active after an event.
	Span int
	// Active are the bits of the events that count.
	Active uint64
}

// DayMachine walks actors. It is used by one goroutine at a time.
type DayMachine struct {
	*Days
	out []int
}

// NewDayMachine makes a machine.
func NewDayMachine(d *Days) *DayMachine { return &DayMachine{Days: d} }

// Walk returns the days on which an actor is active, ascending. They hold until the next call.
func (m *DayMachine) Walk(events []history.Event) []int {
	m.out = m.out[:0]
	at := -1
	for i := range events {
		e := &events[i]
		if e.Match&m.Active == 0 || e.Time < m.Edges[0] {
			continue
		}
		if e.Time >= m.Edges[len(m.Edges)-1] {
			break
		}
		if next := find(m.Edges, at, e.Time); next != at {
			at = next
			m.out = append(m.out, at)
		}
	}
	return m.out
}

// DayTally adds actors up. Several of them can be made at once and merged.
type DayTally struct {
	days *Days
	// active has the actors of each day, change how many more there are within the span than on the day before.
	active, change []int64
}

// NewDayTally makes an empty tally.
func NewDayTally(d *Days) *DayTally {
	n := len(d.Edges) - 1
	return &DayTally{days: d, active: make([]int64, n), change: make([]int64, n+1)}
}

// Add counts one actor.
func (t *DayTally) Add(list []int) {
	for i, day := range list {
		t.active[day]++
		until := min(day+t.days.Span, len(t.active))
		if i+1 < len(list) {
			until = min(until, list[i+1])
		}
		t.change[day]++
		t.change[until]--
	}
}

// Merge adds another tally of the same question.
func (t *DayTally) Merge(o *DayTally) {
	for i, n := range o.active {
		t.active[i] += n
	}
	for i, n := range o.change {
		t.change[i] += n
	}
}

// DayCount is one day of the range: how many are active on it, and how many within the span that ends with it.
type DayCount struct{ Day, Span int64 }

// Counts has the days of the range.
func (t *DayTally) Counts() []DayCount {
	var out []DayCount
	sum := int64(0)
	for i, n := range t.active {
		sum += t.change[i]
		if i >= t.days.Before {
			out = append(out, DayCount{n, sum})
		}
	}
	return out
}

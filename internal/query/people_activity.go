package query

import (
	"context"
	"encoding/json"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/lifecycle"
	"github.com/freshet/freshet/internal/query/stickiness"
)

// PeopleOfLifecycle is a cell of a LifecycleAnswer.
type PeopleOfLifecycle struct {
	// Bucket is where the interval starts.
	Bucket *time.Time `json:"bucket"`
	// State is one of LifecycleStates; default active.
	State string `json:"state,omitempty"`
	// Breakdown has the values of a group; without it everybody.
	Breakdown []any `json:"breakdown,omitempty"`
}

const stateActive = "active"

// LifecycleStates lists the numbers of an interval that have people behind them.
func LifecycleStates() []string {
	return []string{stateActive, "new", "returning", "resurrecting", "dormant"}
}

// lifecycleStatus is the status of each state but active.
func lifecycleStatus(state string) lifecycle.Status {
	return map[string]lifecycle.Status{
		"new": lifecycle.New, "returning": lifecycle.Returning, "resurrecting": lifecycle.Resurrecting, "dormant": lifecycle.Dormant,
	}[state]
}

// interval checks a cell and finds its interval among the machine's.
func (r *ResolvedLifecycle) interval(cell *PeopleOfLifecycle) (int, error) {
	fill(&cell.State, stateActive)
	if err := oneOf("cell.state", cell.State, LifecycleStates()); err != nil {
		return 0, err
	}
	if cell.Bucket == nil {
		return 0, invalid("cell.bucket", "missing_field", "the cell needs the start of an interval")
	}
	i, err := placeOfStart("bucket", r.buckets.starts, *cell.Bucket)
	if err == nil && cell.State == "dormant" && i >= r.buckets.ended {
		err = unknownCell("state", "the interval is not over, so nobody is dormant in it yet")
	}
	return i + 1, err
}

func (r *ResolvedLifecycle) people(ctx context.Context, g *ground, data json.RawMessage) ([]uint64, error) {
	cell, err := decodeCell[PeopleOfLifecycle](data)
	if err != nil {
		return nil, err
	}
	at, err := r.interval(cell)
	if err != nil {
		return nil, err
	}
	people, err := r.read(ctx, g)
	if err != nil {
		return nil, err
	}
	line, err := people.place(cell.Breakdown)
	if err != nil {
		return nil, err
	}
	return collect(ctx, people.events, func() func(*history.Actor) bool {
		m := r.machine(people.lines)
		return func(a *history.Actor) bool {
			return inState(m.Walk(a.Events)[at], cell.State) && countsIn(line, m.Line())
		}
	})
}

func inState(s lifecycle.Status, state string) bool {
	if state == stateActive {
		return s == lifecycle.New || s == lifecycle.Returning || s == lifecycle.Resurrecting
	}
	return s == lifecycleStatus(state)
}

// PeopleOfStickiness is a cell of a StickinessAnswer: of one of its windows, or of one of its days.
type PeopleOfStickiness struct {
	// Window is where the window starts; it may be left out when there is one.
	Window *time.Time `json:"window,omitempty"`
	// Intervals picks the number of people for so many intervals; without it the people of the window.
	Intervals int `json:"intervals,omitempty"`
	// Day is for a ratio where the day starts, Of the number: "day" (default) or "span".
	Day *time.Time `json:"day,omitempty"`
	Of  string     `json:"of,omitempty"`
	// Breakdown has the values of a group; without it everybody.
	Breakdown []any `json:"breakdown,omitempty"`
}

const (
	ofDay  = "day"
	ofSpan = "span"
)

func (r *ResolvedStickiness) people(ctx context.Context, g *ground, data json.RawMessage) ([]uint64, error) {
	cell, err := decodeCell[PeopleOfStickiness](data)
	if err != nil {
		return nil, err
	}
	at, err := r.place(cell)
	if err != nil {
		return nil, err
	}
	people, err := r.read(ctx, g)
	if err != nil {
		return nil, err
	}
	line, err := people.place(cell.Breakdown)
	if err != nil {
		return nil, err
	}
	return collect(ctx, people.events, func() func(*history.Actor) bool {
		if r.Mode == stickyRatio {
			m := r.dayMachine(people.lines)
			return func(a *history.Actor) bool {
				return r.onDay(m.Walk(a.Events), at, cell.Of) && countsIn(line, m.Line())
			}
		}
		m := r.machine(people.lines)
		return func(a *history.Actor) bool {
			return r.inWindow(m.Walk(a.Events), at, cell.Intervals) && countsIn(line, m.Line())
		}
	})
}

// place checks a cell and finds its window, or its day.
func (r *ResolvedStickiness) place(cell *PeopleOfStickiness) (int, error) {
	if r.Mode == stickyRatio {
		fill(&cell.Of, ofDay)
		switch {
		case cell.Window != nil || cell.Intervals != 0:
			return 0, unknownCell("window", "a ratio has days and no windows")
		case cell.Day == nil:
			return 0, invalid("cell.day", "missing_field", "the cell needs the start of a day")
		}
		if err := oneOf("cell.of", cell.Of, []string{ofDay, ofSpan}); err != nil {
			return 0, err
		}
		return placeOfStart("day", r.buckets.starts, *cell.Day)
	}
	windows := r.windows[:len(r.windows)-1]
	switch {
	case cell.Day != nil || cell.Of != "":
		return 0, unknownCell("day", "only a ratio has days")
	case cell.Window == nil && len(windows) > 1:
		return 0, invalid("cell.window", "missing_field", "the cell needs the start of a window: there are %d", len(windows))
	}
	at := 0
	if cell.Window != nil {
		var err error
		if at, err = placeOfStart("window", windows, *cell.Window); err != nil {
			return 0, err
		}
	}
	if n := r.intervalsOf(at); cell.Intervals < 0 || cell.Intervals > n {
		return 0, unknownCell("intervals", "the window has 1 to %d intervals", n)
	}
	return at, nil
}

// inWindow tells whether an actor counts among the people of a window, or in its number for some intervals.
func (r *ResolvedStickiness) inWindow(counts []stickiness.Count, window, intervals int) bool {
	for _, c := range counts {
		if int(c.Window) != window {
			continue
		}
		n := int(c.Intervals)
		return intervals == 0 || n == intervals || n > intervals && r.Mode == stickyCumulative
	}
	return false
}

// onDay tells whether an actor is active on a day of the range, or within the days that end with it.
func (r *ResolvedStickiness) onDay(active []int, day int, of string) bool {
	last := day + r.days.Before
	first := last
	if of == ofSpan {
		first = last - r.days.Span + 1
	}
	for _, d := range active {
		if d >= first && d <= last {
			return true
		}
	}
	return false
}

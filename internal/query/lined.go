package query

import (
	"context"

	"github.com/freshet/freshet/internal/query/history"
)

// lined is a reading whose actors count in one group of the breakdown each.
type lined struct {
	events     *history.Builder
	dimensions []*dimension
	// shown are the groups of the answer, nil for the one of all others; lines leads every value to its place among them.
	// Both are nil without a breakdown.
	shown [][]any
	lines []int32
}

// count is how many lines there are, one without a breakdown.
func (l *lined) count() int { return max(1, len(l.shown)) }

// place is the line of a cell's group, or -1 for all of them.
func (l *lined) place(labeled []any) (int32, error) {
	if len(labeled) == 0 {
		return -1, nil
	}
	i, err := placeOfGroup(l.dimensions, l.shown, labeled)
	return int32(i), err
}

// countsIn tells whether somebody counts in the line of a cell, as place has it.
func countsIn(wanted, line int32) bool { return wanted < 0 || wanted == line }

// liner is a machine that says in which line the actor it has walked last counts, -1 for none.
type liner[L any] interface {
	Walk(events []history.Event) L
	Line() int32
}

// lineBy is value for lined, by the machines of a question.
func lineBy[L any, M liner[L]](machine func(lines []int32) M) func(lines []int32) func(*history.Actor) int32 {
	return func(lines []int32) func(*history.Actor) int32 {
		m := machine(lines)
		return func(a *history.Actor) int32 {
			m.Walk(a.Events)
			return m.Line()
		}
	}
}

// lineTally adds up the actors of each line.
type lineTally[L, T any] interface {
	Add(line int32, list L)
	Merge(T)
}

// walkLines lets machines go over all actors of a reading, and adds up what they say.
func walkLines[L any, M liner[L], T lineTally[L, T]](
	ctx context.Context, l *lined, machine func(lines []int32) M, tally func(lines int) T,
) (T, error) {
	return walkAll(ctx, l.events, func() (T, func(*history.Actor)) {
		m, t := machine(l.lines), tally(l.count())
		return t, func(a *history.Actor) {
			list := m.Walk(a.Events)
			t.Add(m.Line(), list)
		}
	})
}

// ranking counts the actors of every value.
type ranking []int64

// Merge adds another ranking.
func (r ranking) Merge(o ranking) {
	for i, n := range o {
		r[i] += n
	}
}

// lined reads a selection and gives lines to the values with most actors. Value tells of an actor the code that it
// counts with, or -1; it is asked for by each worker.
func (s *selection) lined(ctx context.Context, limit int, value func(lines []int32) func(*history.Actor) int32) (*lined, error) {
	s.ordered = s.ordered || len(s.dimensions) > 0
	events, values, err := s.read(ctx)
	if err != nil || len(s.dimensions) == 0 {
		return &lined{events: events}, err
	}
	each := make([]int32, len(values.groups))
	for i := range each {
		each[i] = int32(i)
	}
	totals, err := walkAll(ctx, events, func() (ranking, func(*history.Actor)) {
		r, of := make(ranking, len(each)), value(each)
		return r, func(a *history.Actor) {
			if code := of(a); code >= 0 {
				r[code]++
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out := &lined{events: events, dimensions: s.dimensions}
	out.shown, out.lines = values.top(totals, limit)
	return out, nil
}

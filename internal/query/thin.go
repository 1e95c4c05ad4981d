package query

import (
	"sort"

	"github.com/freshet/freshet/internal/query/history"
)

// thinner leaves out events that change nothing: on disk the events of one person on one day stand together, so that
// few are left where only intervals count.
type thinner struct {
	out history.Columns
	// days, if any, are the cuts as days: times come as days then, and leave as any moment between the same cuts.
	days []int64
}

// columns has, of every run of rows that are alike in actor, match, value and the stretch between two cuts, the first
// by time and position.
func (t *thinner) columns(cuts []int64, in *history.Columns) *history.Columns {
	if t.days != nil {
		return t.byDay(cuts, in)
	}
	out := &t.out
	out.Actor, out.Time, out.Match, out.Seq, out.Value = out.Actor[:0], out.Time[:0], out.Match[:0], out.Seq[:0], out.Value[:0]
	from, to := int64(0), int64(0)
	for i, at := range in.Time {
		if at < from || at >= to {
			from, to = stretchAround(cuts, at)
		} else if i > 0 && in.Actor[i] == in.Actor[i-1] && (in.Match == nil || in.Match[i] == in.Match[i-1]) && (in.Value == nil || in.Value[i] == in.Value[i-1]) {
			last := len(out.Time) - 1
			if at < out.Time[last] || in.Seq != nil && at == out.Time[last] && in.Seq[i] < out.Seq[last] {
				out.Time[last] = at
				if in.Seq != nil {
					out.Seq[last] = in.Seq[i]
				}
			}
			continue
		}
		out.Actor, out.Time = append(out.Actor, in.Actor[i]), append(out.Time, at)
		if in.Match != nil {
			out.Match = append(out.Match, in.Match[i])
		}
		if in.Seq != nil {
			out.Seq = append(out.Seq, in.Seq[i])
		}
		if in.Value != nil {
			out.Value = append(out.Value, in.Value[i])
		}
	}
	kept := *out
	if in.Match == nil {
		kept.Match = nil
	}
	if in.Seq == nil {
		kept.Seq = nil
	}
	if in.Value == nil {
		kept.Value = nil
	}
	return &kept
}

// byDay is columns for days, where it matters only who did what between which cuts.
func (t *thinner) byDay(cuts []int64, in *history.Columns) *history.Columns {
	rows, kept := len(in.Time), 0
	t.room(rows)
	for i := 0; i < rows; {
		from, to := stretchAround(t.days, in.Time[i])
		at := cuts[max(0, sort.Search(len(t.days), func(k int) bool { return t.days[k] >= to })-1)]
		if to <= t.days[0] {
			at--
		}
		end := i + 1
		for end < rows && in.Time[end] >= from && in.Time[end] < to {
			end++
		}
		if in.Match == nil {
			kept = t.keep(in.Actor[i:end], at, kept)
		} else {
			kept = t.keepMatches(in.Actor[i:end], in.Match[i:end], at, kept)
		}
		i = end
	}
	out := history.Columns{Actor: t.out.Actor[:kept], Time: t.out.Time[:kept]}
	if in.Match != nil {
		out.Match = t.out.Match[:kept]
	}
	return &out
}

// room is for so many rows of days.
func (t *thinner) room(rows int) {
	if cap(t.out.Actor) < rows {
		t.out = history.Columns{Actor: make([]uint64, rows), Time: make([]int64, rows), Match: make([]uint64, rows)}
	}
	t.out.Actor, t.out.Time, t.out.Match = t.out.Actor[:rows], t.out.Time[:rows], t.out.Match[:rows]
}

// keep adds the first one of each run of an actor to those that are kept. Every row is written, and the next one in its
// place if it repeats it: whether it does cannot be foreseen, and a branch would often be guessed wrong.
func (t *thinner) keep(actors []uint64, at int64, kept int) int {
	outActor, outTime := t.out.Actor, t.out.Time
	last := ^actors[0]
	for _, a := range actors {
		other := 0
		if a != last {
			other = 1
		}
		kept += other
		outActor[kept-1], outTime[kept-1] = a, at
		last = a
	}
	return kept
}

// keepMatches is keep for runs of an actor and a match.
func (t *thinner) keepMatches(actors, matches []uint64, at int64, kept int) int {
	last, lastMatch := ^actors[0], matches[0]
	for i, a := range actors {
		other := 0
		if a^last|matches[i]^lastMatch != 0 {
			other = 1
		}
		kept += other
		t.out.Actor[kept-1], t.out.Time[kept-1], t.out.Match[kept-1] = a, at, matches[i]
		last, lastMatch = a, matches[i]
	}
	return kept
}

// stretchAround is from the cut before a moment to the one after it.
func stretchAround(cuts []int64, at int64) (from, to int64) {
	from, to = -1<<63, 1<<63-1
	i := sort.Search(len(cuts), func(i int) bool { return cuts[i] > at })
	if i > 0 {
		from = cuts[i-1]
	}
	if i < len(cuts) {
		to = cuts[i]
	}
	return from, to
}

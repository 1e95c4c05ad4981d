package query

import (
	"sort"

	"github.com/freshet/freshet/internal/query/history"
)

// thinner leaves out events that change nothing: on disk the events of one person on one day stand together, so that
// few are left where only intervals count.
type thinner struct{ out history.Columns }

// columns has, of every run of rows that are alike in actor, match, value and the stretch between two cuts, the first
// by time and position.
func (t *thinner) columns(cuts []int64, in *history.Columns) *history.Columns {
	out := &t.out
	out.Actor, out.Time, out.Match, out.Seq, out.Value = out.Actor[:0], out.Time[:0], out.Match[:0], out.Seq[:0], out.Value[:0]
	from, to := int64(0), int64(0)
	for i, at := range in.Time {
		if at < from || at >= to {
			from, to = stretchAround(cuts, at)
		} else if i > 0 && in.Actor[i] == in.Actor[i-1] && in.Match[i] == in.Match[i-1] && (in.Value == nil || in.Value[i] == in.Value[i-1]) {
			last := len(out.Time) - 1
			if at < out.Time[last] || in.Seq != nil && at == out.Time[last] && in.Seq[i] < out.Seq[last] {
				out.Time[last] = at
				if in.Seq != nil {
					out.Seq[last] = in.Seq[i]
				}
			}
			continue
		}
		out.Actor, out.Time, out.Match = append(out.Actor, in.Actor[i]), append(out.Time, at), append(out.Match, in.Match[i])
		if in.Seq != nil {
			out.Seq = append(out.Seq, in.Seq[i])
		}
		if in.Value != nil {
			out.Value = append(out.Value, in.Value[i])
		}
	}
	kept := *out
	if in.Seq == nil {
		kept.Seq = nil
	}
	if in.Value == nil {
		kept.Value = nil
	}
	return &kept
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

package query_test

import (
	"math"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/query/funnel"
)

// known is the minute in which the newest event was received, and no later than anybody who entered before the end of the range
// may still convert.
func (o *funnelOracle) known(to time.Time) time.Time {
	newest, longest := int64(0), int64(0)
	for i := range o.events {
		newest = max(newest, o.events[i].Derived.ReceivedAt)
	}
	for _, w := range append([]string{o.q.Window}, o.q.Windows...) {
		longest = max(longest, micros(w))
	}
	last := to.UnixMicro() + longest + 60e6
	return time.UnixMicro(min(newest-newest%60e6, last-last%60e6))
}

// average is nil of no values.
func average(list []float64) *float64 {
	if len(list) == 0 {
		return nil
	}
	sum := 0.0
	for _, x := range list {
		sum += x
	}
	sum /= float64(len(list))
	return &sum
}

// bins has a histogram of 20 equal parts between the least and the greatest value. Each has its beginning and the last one its
// end, too; values that are all equal have one part.
func bins(took []float64) (out string) {
	if len(took) == 0 {
		return ""
	}
	least, most := slices.Min(took), slices.Max(took)
	if least == most {
		return binLine(least, most, int64(len(took)))
	}
	edge := func(i int) float64 {
		if i == 20 {
			return most
		}
		return least + float64(i)*((most-least)/20)
	}
	for i := range 20 {
		n := int64(0)
		for _, x := range took {
			if x >= edge(i) && (x < edge(i+1) || i == 19) {
				n++
			}
		}
		out += binLine(edge(i), edge(i+1), n)
	}
	return out
}

// kaplanMeier is the share that has converted after so many microseconds, nil of no one: at each time at which somebody does, those
// who do leave those who had not until then and were still watched.
func (o *funnelOracle) kaplanMeier(list []unitResult, within int64) *float64 {
	if len(list) == 0 {
		return nil
	}
	// until is how long somebody was watched without converting.
	until := func(r unitResult) int64 {
		switch r.State {
		case funnel.Converted:
			return max(0, r.Completed-r.Entry)
		case funnel.Open:
			return max(0, o.asOf.UnixMicro()-r.Entry)
		case funnel.Dropped:
		}
		return math.MaxInt64
	}
	var times []int64
	for _, r := range list {
		if at := until(r); r.State == funnel.Converted && at <= within && !slices.Contains(times, at) {
			times = append(times, at)
		}
	}
	left := 1.0
	for _, at := range times {
		watched, converted := 0, 0
		for _, r := range list {
			if until(r) >= at {
				watched++
			}
			if r.State == funnel.Converted && until(r) == at {
				converted++
			}
		}
		left *= 1 - float64(converted)/float64(watched)
	}
	left = 1 - left
	return &left
}

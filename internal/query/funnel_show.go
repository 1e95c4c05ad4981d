package query

import (
	"math"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/query/funnel"
)

// show is a group of the answer.
func (f *asking) show(p *part, b *buckets) FunnelGroup {
	out := FunnelGroup{FunnelCounts: counts(p), Steps: f.reached(p)}
	switch f.Show {
	case showTrend:
		out.Trend = f.trend(p, b)
	case showTime:
		out.TimeToConvert = f.times(p)
	}
	return out
}

// counts tells what became of a group.
func counts(p *part) FunnelCounts {
	var c FunnelCounts
	for _, r := range p.rows {
		c.add(p.Rows[r].State)
	}
	c.rates()
	return c
}

func (c *FunnelCounts) add(s funnel.State) {
	c.Entered++
	switch s {
	case funnel.Converted:
		c.Converted++
	case funnel.Open:
		c.Open++
	case funnel.Dropped:
		c.Dropped++
	}
}

func (c *FunnelCounts) rates() {
	c.Rate, c.RateAll = share(c.Converted, c.Converted+c.Dropped), share(c.Converted, c.Entered)
}

// did tells whether a result has a step. With any order step i is the (i+1)th that was done.
func did(r *funnel.Row, step int) bool { return r.Done&(1<<step) != 0 }

// reached counts the steps, and measures the time between them, several at a time.
func (f *asking) reached(p *part) []FunnelReached {
	out := make([]FunnelReached, len(f.Steps))
	var wg sync.WaitGroup
	previous := make([]int, len(f.Steps))
	for i := range f.Steps {
		if i > 0 {
			previous[i] = i - 1
			if f.Steps[i-1].Optional {
				previous[i] = previous[i-1]
			}
		}
		wg.Go(func() { f.reach(p, &out[i], previous[i], i) })
	}
	wg.Wait()
	for i := range out {
		out[i].Label, out[i].Rate = f.Steps[i].Label, share(out[i].Count, int64(len(p.rows)))
		if i > 0 {
			out[i].FromPrevious = share(out[i].Count, out[previous[i]].Count)
		}
	}
	return out
}

// reach counts one step, and measures the time since another one.
func (f *asking) reach(p *part, s *FunnelReached, previous, step int) {
	for _, r := range p.rows {
		if did(&p.Rows[r], step) {
			s.Count++
		}
	}
	if !f.config.Times || step == 0 || s.Count == 0 {
		return
	}
	took := make([]float64, 0, s.Count)
	for _, r := range p.rows {
		if did(&p.Rows[r], step) {
			t := p.TimesOf(r)
			took = append(took, millisBetween(t[previous], t[step]))
		}
	}
	s.AverageMS, s.MedianMS = mean(took), finite(quantileOf(took, 0.5))
}

// millisBetween is the time between two steps in milliseconds; of events in the other order it is 0.
func millisBetween(from, to int64) float64 { return float64(max(0, to-from)) / 1000 }

func mean(list []float64) *float64 {
	sum := 0.0
	for _, x := range list {
		sum += x
	}
	return finite(sum / float64(len(list)))
}

// quantileOf interpolates between the two nearest of some values, whose order it changes.
func quantileOf(list []float64, q float64) float64 {
	at := q * float64(len(list)-1)
	low := int(math.Floor(at))
	part := at - float64(low)
	a := selectNth(list, low)
	if part == 0 {
		return a
	}
	return a*(1-part) + slices.Min(list[low+1:])*part
}

// selectNth puts the value that is nth in order to its place, smaller ones before it and greater ones behind it.
func selectNth(list []float64, n int) float64 {
	low, high := 0, len(list)-1
	for low < high {
		pivot := median(list[low], list[(low+high)/2], list[high])
		i, j := low, high
		for i <= j {
			for list[i] < pivot {
				i++
			}
			for list[j] > pivot {
				j--
			}
			if i <= j {
				list[i], list[j] = list[j], list[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case n <= j:
			high = j
		case n >= i:
			low = i
		default:
			return list[n]
		}
	}
	return list[n]
}

func median(a, b, c float64) float64 { return max(min(a, b), min(max(a, b), c)) }

// trend tells what became of those who entered in each bucket.
func (f *asking) trend(p *part, b *buckets) []FunnelPoint {
	out := make([]FunnelPoint, b.len())
	for i := range out {
		out[i] = FunnelPoint{Start: b.starts[i], Steps: make([]int64, len(f.Steps))}
	}
	for _, r := range p.rows {
		row := &p.Rows[r]
		point := &out[placeOfEntry(b, entryOf(row))]
		point.add(row.State)
		for i := range f.Steps {
			if did(row, i) {
				point.Steps[i]++
			}
		}
	}
	known := f.now
	if f.clocks != nil {
		known = known.Add(-slowestClock)
	}
	for i := range out {
		out[i].rates()
		out[i].Partial = out[i].Open > 0 || b.edges[i+1].After(known)
	}
	return out
}

// entryOf is where the entry of a result stands.
func entryOf(r *funnel.Row) int64 { return r.Entry + int64(r.Shift)*1e6 }

// placeOfEntry is the bucket of an entry. With times cut to seconds it may be before the first edge.
func placeOfEntry(b *buckets, entry int64) int {
	at := sort.Search(len(b.edges), func(i int) bool { return b.edges[i].UnixMicro() > entry }) - 1
	return min(max(0, at), b.len()-1)
}

// histogramBins is how many groups a histogram has.
const histogramBins = 20

// times measures how long it took from one step to another.
func (f *asking) times(p *part) *FunnelTimes {
	out := &FunnelTimes{From: f.ConvertFrom, To: f.ConvertTo, Histogram: []FunnelBin{}}
	took := []float64{}
	for _, r := range p.rows {
		if t, ok := f.took(p, r); ok {
			took = append(took, t)
		}
	}
	if out.Count = int64(len(took)); out.Count == 0 {
		return out
	}
	out.AverageMS = mean(took)
	for _, q := range []struct {
		to    **float64
		share float64
	}{
		{&out.MinMS, 0}, {&out.P25MS, .25}, {&out.MedianMS, .5}, {&out.P75MS, .75}, {&out.P90MS, .9}, {&out.P95MS, .95}, {&out.P99MS, .99}, {&out.MaxMS, 1},
	} {
		*q.to = finite(quantileOf(took, q.share))
	}
	out.Histogram = histogram(took, *out.MinMS, *out.MaxMS)
	return out
}

// took is how long one result took from one step to the other, if it has both.
func (f *asking) took(p *part, row int) (float64, bool) {
	from, to := f.ConvertFrom-1, f.ConvertTo-1
	if !did(&p.Rows[row], from) || !did(&p.Rows[row], to) {
		return 0, false
	}
	t := p.TimesOf(row)
	return millisBetween(t[from], t[to]), true
}

func histogram(took []float64, least, most float64) []FunnelBin {
	if least == most {
		return []FunnelBin{{least, most, int64(len(took))}}
	}
	width := (most - least) / histogramBins
	out := make([]FunnelBin, histogramBins)
	for i := range out {
		out[i] = FunnelBin{FromMS: least + float64(i)*width, ToMS: least + float64(i+1)*width}
	}
	out[histogramBins-1].ToMS = most
	for _, x := range took {
		i := min(int((x-least)/width), histogramBins-1)
		// A bound that is computed may be a little off.
		for x < out[i].FromMS {
			i--
		}
		for i < histogramBins-1 && x >= out[i].ToMS {
			i++
		}
		out[i].Count++
	}
	return out
}

// survival estimates, after Kaplan and Meier, the share that converts within a time. Those who are open were watched
// from their entry to the watermark, those who dropped all the time.
func (f *asking) survival(p *part, within time.Duration) *float64 {
	if len(p.rows) == 0 {
		return nil
	}
	type end struct {
		at        int64
		converted bool
	}
	var ends []end
	for _, r := range p.rows {
		switch row := &p.Rows[r]; row.State {
		case funnel.Converted:
			ends = append(ends, end{max(0, row.Completed-row.Entry), true})
		case funnel.Open:
			ends = append(ends, end{max(0, f.now.UnixMicro()-row.Entry), false})
		case funnel.Dropped:
			ends = append(ends, end{math.MaxInt64, false})
		}
	}
	slices.SortFunc(ends, func(a, b end) int {
		switch {
		case a.at != b.at:
			return int(max(-1, min(1, a.at-b.at)))
		case a.converted == b.converted:
			return 0
		case a.converted:
			return -1
		}
		return 1
	})
	left := 1.0
	for i := 0; i < len(ends) && ends[i].at <= within.Microseconds(); i++ {
		if ends[i].converted {
			left *= 1 - 1/float64(len(ends)-i)
		}
	}
	return finite(1 - left)
}

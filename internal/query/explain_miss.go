package query

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/query/funnel"
	"github.com/freshet/freshet/internal/query/history"
)

// miss looks for the one change with which a person who came too short would be in the cell. Each is tried by the machine
// before it is told.
func (c *funnelCase) miss(r *funnelResult) {
	switch {
	case r.stopped && c.tryExclusions(), c.tryWindow(), c.tryStepWindows(), c.tryExclusions(), c.tryOrder(), c.tryRange(), c.tryWithin():
		return
	}
	c.Sentence += "; " + c.missing(r)
}

// missing says what was not done at all.
func (c *funnelCase) missing(r *funnelResult) string {
	for i := range c.Steps {
		if c.Order == orderAny {
			break
		}
		if c.Steps[i].Optional || r.times[i] != funnel.None {
			continue
		}
		if slices.ContainsFunc(c.events, func(e history.Event) bool { return e.Match&(1<<i) != 0 }) {
			return "did " + c.stepName(i) + ", but not where it would have counted"
		}
		return "never did " + c.stepName(i)
	}
	return "did not do all steps"
}

// change proposes a change of the question.
func (c *funnelCase) change(do func(*Funnel), parameter string, value any, format string, args ...any) {
	q := c.Funnel
	q.Steps = slices.Clone(q.Steps)
	do(&q)
	resolve := func(e *Engine, s Scope) (counted, error) { return e.ResolveFunnel(s, &q) }
	c.nearestQuestion(resolve, parameter, value, format, args...)
}

// maxTried bounds how many windows are tried one by one.
const maxTried = 400

// tryWindow looks for the least window, in whole seconds, with which the person is in.
func (c *funnelCase) tryWindow() bool {
	if c.spot.window > 0 {
		return false
	}
	config := c.plain()
	windows := c.windowsAbove(config.Window)
	fits := func(seconds int64) bool {
		c.widen(&config, c.spot.buckets.to(), time.Duration(seconds)*time.Second)
		return c.fits(c.run(config)) != nil
	}
	at := -1
	if !config.Drop && config.Entry != funnel.Every && c.spot.bucket < 0 && !c.Mature {
		// A wider window never takes a step away.
		at = searchFirst(len(windows), func(i int) bool { return fits(windows[i]) })
	} else if len(windows) <= maxTried {
		at = slices.IndexFunc(windows, fits)
	}
	if at < 0 || at >= len(windows) {
		return false
	}
	text := spell(time.Duration(windows[at]) * time.Second)
	c.Reason = ReasonWindow
	c.change(func(q *Funnel) { q.Window = text }, "window", text, "would be in with a window of %s", text)
	fits(windows[at])
	c.used(c.fits(c.run(config)))
	return true
}

// widen sets a window, and the moment that the states of such a question would be told for.
func (c *funnelCase) widen(config *funnel.Config, to time.Time, window time.Duration) {
	config.Window = window.Microseconds()
	config.Now = asOf(c.cut.Watermark(), c.clocks.after(to), max(c.longest(), window)).UnixMicro()
}

// windowsAbove are the times from an entry to a later event, in whole seconds rounded up, that are longer than the window.
func (c *funnelCase) windowsAbove(window int64) (out []int64) {
	from, to := c.spot.buckets.from().UnixMicro(), c.spot.buckets.to().UnixMicro()
	in := func(e history.Event) bool { at := c.stands(e); return at >= from-1e6 && at < to }
	for _, events := range c.units {
		out = append(out, c.longer(events, in, window)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// longer are those of one unit.
func (c *funnelCase) longer(events []history.Event, in func(history.Event) bool, window int64) (out []int64) {
	entries := c.entries(events, in)
	if len(entries)*len(events) > 1<<20 {
		entries = entries[len(entries)-1:]
	}
	for _, e := range entries {
		for _, later := range events {
			if took := later.Time - e.Time; took > window && later.Match != 0 && took <= maxDuration.Microseconds()-1e6 {
				out = append(out, (took+1e6-1)/1e6)
				// Where times are cut to seconds it may be one less.
				if c.config.Second && took/1e6*1e6 > window {
					out = append(out, took/1e6)
				}
			}
		}
	}
	return out
}

func searchFirst(n int, f func(int) bool) int {
	low, high := 0, n
	for low < high {
		if mid := (low + high) / 2; f(mid) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// tryStepWindows takes away the window of a step, and tells the least one that would do.
func (c *funnelCase) tryStepWindows() bool {
	for i := range c.config.StepWindow {
		config := c.plain()
		if config.StepWindow[i] == 0 {
			continue
		}
		config.StepWindow = slices.Clone(config.StepWindow)
		config.StepWindow[i] = math.MaxInt64 / 4
		r := c.fits(c.run(config))
		if r == nil || i == 0 || r.times[i] == funnel.None {
			continue
		}
		seconds := (r.Completed - r.Entry + 1e6 - 1) / 1e6
		least := 1 + searchFirst(int(min(seconds, maxDuration.Microseconds()/1e6)), func(n int) bool {
			config.StepWindow[i] = int64(n+1) * 1e6
			return c.fits(c.run(config)) != nil
		})
		config.StepWindow[i] = int64(least) * 1e6
		if r = c.fits(c.run(config)); r == nil {
			continue
		}
		text := spell(time.Duration(least) * time.Second)
		c.Reason = ReasonStepWindow
		c.change(func(q *Funnel) { q.Steps[i].Window = text }, fmt.Sprintf("steps[%d].window", i), text, "would be in with a window of %s for %s", text, c.stepName(i))
		c.used(r)
		return true
	}
	return false
}

// tryExclusions takes away one exclusion.
func (c *funnelCase) tryExclusions() bool {
	for i := range c.Exclusions {
		config := c.plain()
		config.Exclusions = slices.Delete(slices.Clone(config.Exclusions), i, i+1)
		r := c.fits(c.run(config))
		if r == nil {
			continue
		}
		c.Reason = ReasonExclusion
		without := func(q *Funnel) { q.Exclusions = slices.Delete(slices.Clone(q.Exclusions), i, i+1) }
		c.change(without, fmt.Sprintf("exclusions[%d]", i), nil, "would be in without exclusion %d (%s)", i+1, nameOf(c.Exclusions[i].Events))
		c.used(r)
		for _, e := range c.events {
			if e.Match&(1<<config.Steps<<i) != 0 && e.Time >= r.Entry && e.Time <= r.Completed {
				c.by(c.clocks.plain(e.Seq), fmt.Sprintf("exclusion %d", i+1))
			}
		}
		return true
	}
	return false
}

// tryOrder lets other events lie between the steps.
func (c *funnelCase) tryOrder() bool {
	if c.Order != orderStrict {
		return false
	}
	config := c.plain()
	config.Order = funnel.Sequential
	r := c.fits(c.run(config))
	if r == nil {
		return false
	}
	c.Reason = ReasonOrder
	c.change(func(q *Funnel) { q.Order = orderSequential }, "order", orderSequential, "would be in if other events may lie between the steps")
	c.used(r)
	return true
}

// tryWithin lets the steps come after the end of the range.
func (c *funnelCase) tryWithin() bool {
	if c.Within != withinAll {
		return false
	}
	config := c.plain()
	config.Within = false
	r := c.fits(c.run(config))
	if r == nil {
		return false
	}
	c.Reason = ReasonOutside
	c.change(func(q *Funnel) { q.Within = withinEntry }, "within", withinEntry, "would be in if later steps may come after the range")
	c.used(r)
	return true
}

// nearEntries is how many entries outside of the range are tried.
const nearEntries = 50

// tryRange widens the range to the nearest entry that helps.
func (c *funnelCase) tryRange() bool {
	if c.spot.bucket >= 0 || c.spot.Compare {
		return false
	}
	from, to := c.buckets.from(), c.buckets.to()
	away := func(e history.Event) int64 { return max(from.UnixMicro()-c.stands(e), c.stands(e)-to.UnixMicro()+1) }
	list := c.entries(c.events, func(e history.Event) bool { return away(e) > 0 })
	slices.SortStableFunc(list, func(a, b history.Event) int { return int(max(-1, min(1, away(a)-away(b)))) })
	for _, e := range list[:min(len(list), nearEntries)] {
		config, wider := c.plain(), c.Range
		// Whole seconds suit every rule of ties.
		if at := time.UnixMicro(c.stands(e)).In(c.zone); at.Before(from) {
			at = at.Truncate(time.Second)
			wider.From, config.From = spelledTime(at, c.zone, time.RFC3339Nano), at.UnixMicro()
		} else {
			at = at.Truncate(time.Second).Add(time.Second)
			wider.To, config.To = spelledTime(at, c.zone, time.RFC3339Nano), at.UnixMicro()
			c.widen(&config, at, time.Duration(config.Window)*time.Microsecond)
		}
		r := c.fits(c.run(config))
		if r == nil {
			continue
		}
		c.Reason = ReasonOutside
		c.change(func(q *Funnel) { q.Range = wider }, "range", wider, "would be in with the range from %s to %s", wider.From, wider.To)
		c.used(r)
		return true
	}
	return false
}

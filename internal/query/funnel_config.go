package query

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query/funnel"
)

// size bounds the answer, and how many selectors there are.
func (r *ResolvedFunnel) size(f *framed) error {
	if n := len(r.Steps) + len(r.Exclusions); n > maxSelectors {
		return invalid("exclusions", "too_many_selectors", "the funnel has %d steps and exclusions, it may have %d", n, maxSelectors)
	}
	groups, points := 1, len(r.Windows)+1
	if len(r.Breakdown) > 0 {
		groups = r.BreakdownLimit + 1
	}
	if r.Show == showTrend {
		points = f.buckets.len()
	}
	if r.Compare != "" {
		groups *= 2
	}
	if n := groups * points * len(r.Steps); n > maxNumbers {
		return &event.Error{
			Kind: event.TooLarge, Code: "answer_too_large", Field: "breakdown_limit",
			Message: fmt.Sprintf("the answer could have %d numbers, it may have %d", n, maxNumbers),
		}
	}
	return nil
}

// maxSelectors is how many bits an event of a history has for them.
const maxSelectors = 64

// configure sets the machine up, but for what depends on the range.
func (r *ResolvedFunnel) configure() {
	q, c := &r.Funnel, &r.config
	c.Steps = len(q.Steps)
	for i, s := range q.Steps {
		if s.Optional {
			c.Optional |= 1 << i
		}
		if s.Anchored {
			c.Anchored |= 1 << i
		}
	}
	c.Order = map[string]funnel.Order{orderSequential: funnel.Sequential, orderStrict: funnel.Strict, orderAny: funnel.Any}[q.Order]
	c.Entry = map[string]funnel.Entry{entryBest: funnel.Best, entryFirst: funnel.First, entryEvery: funnel.Every}[q.Entry]
	c.Tie = map[string]int64{tieOne: time.Second.Microseconds(), tieTwo: 2 * time.Second.Microseconds()}[q.Tie]
	c.Second = q.Tie == tieSecond
	c.Within = q.Within == withinAll
	c.Drop = q.ExclusionEffect == effectDrop
	for i, x := range q.Exclusions {
		c.Exclusions = append(c.Exclusions, funnel.Exclusion{Bit: c.Steps + i, From: max(0, x.From-1), To: max(0, x.To-1)})
	}
	c.Hold, c.HoldUnits = len(q.Hold) > 0, q.HoldCounts == holdValue
	c.Attribution = map[string]funnel.Attribution{
		"": funnel.FirstStep, attributeFirst: funnel.FirstStep, attributeLast: funnel.LastStep, attributeStep: funnel.AtStep,
		attributeDefined: funnel.FirstDefined, attributeEqual: funnel.AllEqual,
	}[q.Attribution]
	c.ValueStep = max(0, q.AttributionStep-1)
	c.Times = q.Show == showSteps || q.Show == showTime
}

// machine is the machine's configuration for one range and window.
func (r *ResolvedFunnel) machine(b *buckets, now time.Time, window int64) funnel.Config {
	c := r.config
	c.Window, c.Now, c.Clock = window, now.UnixMicro(), r.clocks.clock()
	c.From, c.To = b.from().UnixMicro(), b.to().UnixMicro()
	if c.Second {
		c.From, c.To = b.from().Truncate(time.Second).UnixMicro(), b.to().Truncate(time.Second).UnixMicro()
	}
	return c
}

// longest is the longest window that is asked about.
func (r *ResolvedFunnel) longest() time.Duration {
	d := time.Duration(r.config.Window) * time.Microsecond
	for _, w := range r.windows {
		d = max(d, w)
	}
	return d
}

// reads is what times the funnel of a range may use.
func (r *ResolvedFunnel) reads(b *buckets) (from, to time.Time) {
	from, to = b.from().Add(-time.Duration(r.config.Tie)*time.Microsecond), b.to()
	if r.config.Second {
		from, to = from.Truncate(time.Second), to.Add(time.Second)
	}
	if !r.config.Within {
		to = to.Add(r.longest())
	}
	return r.clocks.before(from), r.clocks.after(to)
}

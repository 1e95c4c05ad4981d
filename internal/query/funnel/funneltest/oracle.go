// Package funneltest holds an oracle of funnels, plainly written and slow, that the machine and the engine are held to.
package funneltest

import (
	"cmp"
	"slices"

	"github.com/freshet/freshet/internal/query/funnel"
	"github.com/freshet/freshet/internal/query/history"
)

// oracle answers funnels the slow way: it makes up every chain of events there could be, and asks of each whether it
// keeps the rules.
type oracle struct {
	funnel.Config
	events []history.Event
}

// link is one step of a chain: which event does which step.
type link struct{ event, step int }

type chain []link

func (o *oracle) has(event, step int) bool { return o.events[event].Match&(1<<step) != 0 }

func (o *oracle) optional(step int) bool { return o.Optional&(1<<step) != 0 }

// block is the number of steps, or groups of steps in any order, that are before a step.
func (o *oracle) block(step int) int {
	n, open := 0, false
	for s := range o.Steps {
		free := o.Order == funnel.Any && o.Anchored&(1<<s) == 0
		if o.optional(s) {
			continue
		}
		if s > 0 && (!free || !open) {
			n++
		}
		open = free
		if s == step {
			return n
		}
	}
	return n
}

func (o *oracle) required() (list []int) {
	for s := range o.Steps {
		if !o.optional(s) {
			list = append(list, s)
		}
	}
	return list
}

// ahead is how far the clock is ahead at an event.
func (o *oracle) ahead(e *history.Event) int64 {
	if o.Clock == nil {
		return 0
	}
	return o.Clock(e.Time, e.Seq) - e.Time
}

func (o *oracle) deadline(entry int) int64 {
	e := &o.events[entry]
	if o.Within {
		return min(e.Time+o.Window, o.To-o.ahead(e)-1)
	}
	return e.Time + o.Window
}

// valid tells whether a chain keeps all rules but that of exclusions.
func (o *oracle) valid(c chain) bool {
	at := func(i int) int64 { return o.events[c[i].event].Time }
	for i := range c {
		if !o.has(c[i].event, c[i].step) || at(i) > o.deadline(c[0].event) {
			return false
		}
		for j := range i {
			if c[i].event == c[j].event || c[i].step == c[j].step || o.block(c[j].step) > o.block(c[i].step) {
				return false
			}
			same := o.block(c[i].step) == o.block(c[j].step)
			if !same && at(i) < at(j)-o.Tie {
				return false
			}
			// The events of one group are listed in their order, but for the entry, which is the first in time.
			if same && (j > 0 && c[i].event < c[j].event || j == 0 && at(i) < at(0)) {
				return false
			}
		}
		if i > 0 && !o.near(c, i) {
			return false
		}
		// Nothing of a group may be missing when the next one begins.
		missing := 0
		for _, s := range o.required() {
			if o.block(s) < o.block(c[i].step) {
				missing++
			}
		}
		for _, l := range c[:i] {
			if o.block(l.step) < o.block(c[i].step) {
				missing--
			}
		}
		if missing > 0 {
			return false
		}
	}
	return true
}

// near is the rule for two events in a row.
func (o *oracle) near(c chain, i int) bool {
	from, to := o.events[c[i-1].event].Time, o.events[c[i].event].Time
	if o.StepWindow != nil && o.StepWindow[c[i].step] > 0 && to-from > o.StepWindow[c[i].step] {
		return false
	}
	if o.Order != funnel.Strict {
		return true
	}
	for e := range o.events {
		used := slices.ContainsFunc(c[:i], func(l link) bool { return l.event == e })
		if t := o.events[e].Time; !used && t > from+o.Tie && t < to-o.Tie {
			return false
		}
	}
	return true
}

// reached is when all of a chain has happened.
func (o *oracle) reached(c chain) int64 {
	at := o.events[c[0].event].Time
	for _, l := range c {
		at = max(at, o.events[l.event].Time)
	}
	return at
}

// try finds the best chain of every length from an entry.
func (o *oracle) try(entry int) []chain {
	var best []chain
	better := func(a, b chain) bool {
		if x, y := o.reached(a), o.reached(b); x != y {
			return x < y
		}
		return slices.CompareFunc(a, b, func(x, y link) int { return cmp.Compare(x.event, y.event) }) < 0
	}
	var grow func(c chain)
	grow = func(c chain) {
		if !o.valid(c) {
			return
		}
		for len(best) < len(c) {
			best = append(best, nil)
		}
		if b := best[len(c)-1]; b == nil || better(c, b) {
			best[len(c)-1] = slices.Clone(c)
		}
		for e := range o.events {
			if o.events[e].Time > o.deadline(entry) {
				break // events are in order of time, and a chain with one that is late is not valid
			}
			for _, s := range o.required() {
				if o.has(e, s) {
					grow(append(slices.Clone(c), link{e, s}))
				}
			}
		}
	}
	for _, s := range o.required() {
		if o.block(s) == 0 {
			grow(chain{{entry, s}})
		}
	}
	return best
}

// attempt is a candidate with its exclusions applied.
type attempt struct {
	entry int
	chain chain
	stops bool
	at    int64
}

func (o *oracle) attempt(entry int) attempt {
	chains := o.try(entry)
	out := attempt{entry: entry, chain: chains[len(chains)-1]}
	level := func(step int) int { return slices.Index(o.required(), step) }
	for i := range o.events {
		x := o.events[i].Time
		for _, ex := range o.Exclusions {
			from, to := level(ex.From), level(ex.To)
			if o.Order == funnel.Any {
				from, to = 0, len(o.required())-1
			}
			after := from < len(chains) && x > o.reached(chains[from])+o.Tie
			before := to >= len(chains) || o.reached(chains[to]) > x+o.Tie
			if o.events[i].Match&(1<<ex.Bit) != 0 && after && before && x <= o.deadline(entry) && !out.stops {
				out.stops, out.at = true, x
			}
		}
	}
	if out.stops {
		for n, c := range chains {
			if o.reached(c) <= out.at+o.Tie {
				out.chain = chains[n]
			}
		}
	}
	return out
}

// Answer is what a unit, or an attempt of it, came to; its fields are those of a funnel.Result.
type Answer struct {
	Value, Hold      int32
	State            funnel.State
	Reached          int
	Entry, Completed int64
	Shift            int64
	Times            []int64
	// Events, with Config.Trace, are the positions of the events of the steps.
	Events []uint64
}

func (o *oracle) full(a attempt) bool { return len(a.chain) == len(o.required()) }

func (o *oracle) isOpen(a attempt) bool {
	return !a.stops && o.deadline(a.entry) >= o.Now
}

func (o *oracle) result(a attempt, open bool) Answer {
	out := Answer{Entry: o.events[a.entry].Time, Shift: o.ahead(&o.events[a.entry]), Completed: o.reached(a.chain), Reached: len(a.chain), Times: make([]int64, o.Steps)}
	if o.full(a) {
		out.State = funnel.Converted
	} else if open {
		out.State = funnel.Open
	}
	by := make([]int, o.Steps)
	for s := range by {
		by[s] = -1
	}
	for i, l := range a.chain {
		by[o.required()[i]] = l.event
	}
	o.fillOptional(a, by)
	for s, e := range by {
		out.Times[s] = funnel.None
		if e >= 0 {
			out.Times[s] = o.events[e].Time
		}
		if o.Trace {
			out.Events = append(out.Events, uint64(max(0, e)))
		}
	}
	out.Value = o.valueOf(by)
	return out
}

// fillOptional finds the events of optional steps between those that are there.
func (o *oracle) fillOptional(a attempt, by []int) {
	for s := range o.Steps {
		if !o.optional(s) {
			if by[s] < 0 {
				return
			}
			continue
		}
		latest, until := o.events[a.entry].Time, o.deadline(a.entry)
		for before := range s {
			if by[before] >= 0 {
				latest = max(latest, o.events[by[before]].Time)
			}
		}
		next := s + 1
		for next < o.Steps && o.optional(next) {
			next++
		}
		if next < o.Steps && by[next] >= 0 {
			until = min(until, o.events[by[next]].Time+o.Tie)
		} else if a.stops {
			until = min(until, a.at+o.Tie)
		}
		for e := range o.events {
			t := o.events[e].Time
			if by[s] < 0 && o.has(e, s) && !slices.Contains(by, e) && t >= latest-o.Tie && t <= until {
				by[s] = e
			}
		}
	}
}

func (o *oracle) valueOf(by []int) int32 {
	value := func(s int) int32 {
		if by[s] < 0 {
			return 0
		}
		return o.events[by[s]].Value
	}
	switch o.Attribution {
	case funnel.LastStep:
		last := 0
		for s := range by {
			if by[s] >= 0 {
				last = s
			}
		}
		return value(last)
	case funnel.AtStep:
		return value(o.ValueStep)
	case funnel.FirstDefined:
		for s := range by {
			if value(s) != 0 {
				return value(s)
			}
		}
		return 0
	case funnel.FirstStep, funnel.AllEqual:
	}
	return value(0)
}

// unit answers for the events of one unit. Candidates of different held values do not mix: subs are their oracles.
func unit(subs []*oracle) []Answer {
	type candidate struct {
		o *oracle
		attempt
	}
	var all []candidate
	for _, o := range subs {
		for i, e := range o.events {
			opens := slices.ContainsFunc(o.required(), func(s int) bool { return o.block(s) == 0 && o.has(i, s) })
			if at := e.Time + o.ahead(&e); opens && at >= o.From && at < o.To {
				all = append(all, candidate{o, o.attempt(i)})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	at := func(c candidate) history.Event { return c.o.events[c.entry] }
	slices.SortStableFunc(all, func(a, b candidate) int { return history.Compare(at(a), at(b)) })
	cfg := subs[0].Config
	switch cfg.Entry {
	case funnel.First:
		if all[0].stops && cfg.Drop {
			return nil
		}
		return []Answer{all[0].o.result(all[0].attempt, all[0].o.isOpen(all[0].attempt))}
	case funnel.Every:
		var out []Answer
		after := int64(funnel.None)
		for _, c := range all {
			if at(c).Time <= after {
				continue
			}
			switch {
			case c.stops:
				after = c.at
			case c.o.full(c.attempt):
				after = c.o.reached(c.chain)
			default:
				after = c.o.deadline(c.entry)
			}
			if !c.stops || !cfg.Drop {
				out = append(out, c.o.result(c.attempt, c.o.isOpen(c.attempt)))
			}
		}
		return out
	case funnel.Best:
	}
	best, open := all[0], false
	for _, c := range all {
		more := cmp.Compare(len(c.chain), len(best.chain))
		if more > 0 || more == 0 && c.o.reached(c.chain) < best.o.reached(best.chain) {
			best = c
		}
		open = open || c.o.isOpen(c.attempt)
	}
	for _, c := range all {
		if cfg.Drop && c.stops && (!best.o.full(best.attempt) || best.o.reached(best.chain) > c.at) {
			return nil
		}
	}
	return []Answer{best.o.result(best.attempt, open)}
}

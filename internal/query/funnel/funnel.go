// Package funnel is the step machine of funnels: it is given one actor's events in order and says how far the actor came,
// when, and by which events. It knows no store and no SQL, and holds one actor at a time.
//
// Every event that may open a funnel is a candidate. Of a candidate the machine finds at what time it reached each step
// at the earliest, as if there were no exclusions; an excluded event then stops it. Which candidates count, and how
// events that are close together are ordered, are rules of the question. docs/questions/funnel.md has them all.
package funnel

import (
	"math"
	"math/bits"
)

// Order says in what order the steps have to be done.
type Order uint8

// The orders.
const (
	// Sequential: one after the other, with anything in between.
	Sequential Order = iota
	// Strict: one after the other with no visible event in between.
	Strict
	// Any: in any order, but for steps that are anchored.
	Any
)

// Entry says which candidates of a unit count.
type Entry uint8

// The entries.
const (
	// Best: the one that came farthest; of equals the one that was there first, then the one that began first.
	Best Entry = iota
	// First: only the first.
	First
	// Every: each that begins after the one before has ended, by converting, by its deadline or by an exclusion.
	Every
)

// Attribution says at which event the value of a breakdown is taken.
type Attribution uint8

// The attributions.
const (
	FirstStep Attribution = iota
	LastStep
	// AtStep is the step Config.ValueStep.
	AtStep
	// FirstDefined is the first step at which there is a value.
	FirstDefined
	// AllEqual makes a unit of its own of every value: all steps must have it.
	AllEqual
)

// MaxSteps bounds the number of steps.
const MaxSteps = 20

// Config is what a machine is asked. Times are in microseconds.
type Config struct {
	// Steps is how many there are; bit i of an event's Match stands for step i.
	Steps int
	// Optional steps, as bits, may be left out; Anchored ones, with Any, keep their place among the others.
	Optional, Anchored uint64
	Order              Order
	// Window is how long after the entry a step still counts, its end included.
	Window int64
	// StepWindow bounds the time since the step before, by step; 0 is no bound. Nil when no step has one.
	StepWindow []int64
	Entry      Entry
	// Tie is up to which distance two events may be taken in either order. With Second all times are cut to whole
	// seconds first, and events of one second that match the same are one.
	Tie    int64
	Second bool
	// Exclusions stop a candidate. With Drop they remove the unit, or with Every the attempt.
	Exclusions []Exclusion
	Drop       bool
	// From and To bound the entries, [From, To); with Within no event at or after To counts.
	From, To int64
	// Clock, if set, tells by which time From and To bound an event of a time and position. Windows run by the times themselves.
	Clock  func(at int64, position uint64) int64
	Within bool
	// Now is up to when events are known; a candidate whose deadline is not before it is open.
	Now int64
	// Hold takes only events together that have the same Event.Hold, which is not 0; with HoldUnits every such value
	// is a unit of its own.
	Hold, HoldUnits bool
	Attribution     Attribution
	ValueStep       int
	// Times asks for the times of all steps reached; otherwise only that of the entry is sure to be there.
	Times bool
	// Trace asks for the positions of the events that made a result.
	Trace bool
}

// Exclusion is an event that must not happen between two steps.
type Exclusion struct {
	// Bit is its place in Event.Match. From and To are steps; ignored with Any, where it counts everywhere.
	Bit, From, To int
}

// State is what became of a unit.
type State uint8

// The states.
const (
	// Dropped: the deadline has passed.
	Dropped State = iota
	// Open: it may still convert.
	Open
	Converted
)

// None is the time of a step that was not reached.
const None = math.MinInt64

// Result is how far one unit, or one attempt of it, came.
type Result struct {
	Actor uint64
	// Value is the code of the breakdown's value, Hold that of what is held with HoldUnits.
	Value, Hold int32
	State       State
	// Reached is how many steps that are not optional were reached, at least one.
	Reached int
	// Entry is when it began, Completed when the last step it reached was done.
	Entry, Completed int64
	// Shift is how far the Clock was ahead when it began.
	Shift int64
	// Times has the time of each step, None for those not reached. With Any, Times[i] is when i+1
	// steps were done. Valid until the next call.
	Times []int64
	// Events has, with Trace, the position of the event of each step that was reached, and Stop that of the excluded event,
	// if one Stopped it. Valid until the next call.
	Events  []uint64
	Stop    uint64
	Stopped bool
}

// plan is a Config worked out.
type plan struct {
	Config
	steps uint64
	// levels are the steps that are not optional, in order; level is the inverse.
	levels []int
	level  [MaxSteps]int
	// blocks are sets of steps; those of one block may be done in any order.
	blocks []uint64
	// excluded are the exclusions with their steps as levels.
	excluded []Exclusion
	barred   uint64
	// simple tells that one pass over the events finds the best candidate.
	simple bool
}

func newPlan(c Config) *plan {
	p := &plan{Config: c, steps: 1<<c.Steps - 1}
	free := uint64(0)
	for i := range c.Steps {
		bit := uint64(1) << i
		if c.Optional&bit != 0 {
			continue
		}
		p.level[i] = len(p.levels)
		p.levels = append(p.levels, i)
		if c.Order == Any && c.Anchored&bit == 0 {
			free |= bit
			continue
		}
		if free != 0 {
			p.blocks = append(p.blocks, free)
			free = 0
		}
		p.blocks = append(p.blocks, bit)
	}
	if free != 0 {
		p.blocks = append(p.blocks, free)
	}
	for _, x := range c.Exclusions {
		p.barred |= 1 << x.Bit
		x.From, x.To = p.level[x.From], p.level[x.To]
		if c.Order == Any {
			x.From, x.To = 0, len(p.levels)-1
		}
		p.excluded = append(p.excluded, x)
	}
	p.simple = c.Order == Sequential && c.Entry == Best && c.StepWindow == nil && len(c.Exclusions) == 0 && c.Tie == 0 && !c.Hold && !c.Trace && c.Clock == nil
	return p
}

// opens tells whether an event may be the first of a candidate.
func (p *plan) opens(match uint64) bool { return match&p.blocks[0] != 0 }

// Opens tells whether an event with the match may be the first of a candidate.
func Opens(c Config, match uint64) bool { return newPlan(c).opens(match) }

// overlapping tells whether an event matches several steps.
func overlapping(match uint64) bool { return bits.OnesCount64(match) > 1 }

// deadline is the last moment of a candidate, whose clock is so far ahead.
func (p *plan) deadline(entry, shift int64) int64 {
	d := entry + p.Window
	if p.Within {
		d = min(d, p.To-shift-1)
	}
	return d
}

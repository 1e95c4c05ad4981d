package funneltest

import (
	"slices"

	"github.com/freshet/freshet/internal/query/funnel"
	"github.com/freshet/freshet/internal/query/history"
)

// Answers is the whole: times cut to seconds and to the range, units made.
func Answers(cfg funnel.Config, events []history.Event) []Answer {
	steps := uint64(1)<<cfg.Steps - 1
	var kept []history.Event
	for _, e := range events {
		if cfg.Second {
			for e.Time%1e6 != 0 {
				e.Time--
			}
			if e.Match&steps != 0 && slices.ContainsFunc(kept, func(k history.Event) bool {
				return k.Time == e.Time && k.Match == e.Match && k.Value == e.Value && k.Hold == e.Hold
			}) {
				continue
			}
		}
		if !cfg.Within || e.Time+(&oracle{Config: cfg}).ahead(&e) < cfg.To {
			kept = append(kept, e)
		}
	}
	positions := make([]uint64, len(kept))
	for i := range kept {
		positions[i], kept[i].Seq = kept[i].Seq, uint64(i)
	}
	if clock := cfg.Clock; clock != nil {
		cfg.Clock = func(at int64, place uint64) int64 { return clock(at, positions[place]) }
	}
	out := valued(cfg, kept)
	for _, a := range out {
		for s, e := range a.Events {
			if a.Times[s] == funnel.None {
				a.Events[s] = 0
			} else {
				a.Events[s] = positions[e]
			}
		}
	}
	return out
}

func valued(cfg funnel.Config, kept []history.Event) []Answer {
	steps := uint64(1)<<cfg.Steps - 1
	if cfg.Attribution != funnel.AllEqual {
		return held(cfg, kept)
	}
	var out []Answer
	for _, v := range distinct(kept, steps, func(e history.Event) int32 { return e.Value }) {
		for _, a := range held(cfg, only(cfg, kept, v, func(e history.Event) int32 { return e.Value })) {
			a.Value = v
			out = append(out, a)
		}
	}
	return out
}

func held(cfg funnel.Config, events []history.Event) []Answer {
	if !cfg.Hold {
		return unit([]*oracle{{cfg, events}})
	}
	var subs []*oracle
	var out []Answer
	hold := func(e history.Event) int32 { return e.Hold }
	for _, v := range distinct(events, uint64(1)<<cfg.Steps-1, hold) {
		if v == 0 {
			continue
		}
		sub := &oracle{cfg, only(cfg, events, v, hold)}
		subs = append(subs, sub)
		for _, a := range unit([]*oracle{sub}) {
			a.Hold = v
			out = append(out, a)
		}
	}
	if cfg.HoldUnits || len(subs) == 0 {
		return out
	}
	return unit(subs)
}

// distinct are the values of events that match a step, in their order.
func distinct(events []history.Event, steps uint64, code func(history.Event) int32) (out []int32) {
	for _, e := range events {
		if e.Match&steps != 0 && !slices.Contains(out, code(e)) {
			out = append(out, code(e))
		}
	}
	return out
}

// only are the events of one value: those without any exclude, but are no steps, those of another are only seen.
func only(cfg funnel.Config, events []history.Event, v int32, code func(history.Event) int32) (out []history.Event) {
	for _, e := range events {
		if c := code(e); c != v {
			e.Match &^= 1<<cfg.Steps - 1
			if c != 0 {
				e.Match = 0
			}
		}
		out = append(out, e)
	}
	return out
}

// Chains is how many chains Answers may have to make up: for every entry, as many as there are ways to choose an event
// within the window for each of the other steps.
func Chains(cfg funnel.Config, events []history.Event) (n int) {
	o := &oracle{Config: cfg, events: events}
	required := o.required()
	for first, entry := range events {
		if at := entry.Time + o.ahead(&entry); entry.Match&(1<<cfg.Steps-1) == 0 || at < cfg.From || at >= cfg.To {
			continue
		}
		chains := 1
		for _, s := range required[1:] {
			choices := 1
			for e := range events {
				if o.has(e, s) && events[e].Time >= entry.Time-cfg.Tie && events[e].Time <= o.deadline(first) {
					choices++
				}
			}
			chains *= choices
		}
		n += chains
	}
	return n
}

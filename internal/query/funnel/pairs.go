package funnel

import "math/bits"

// pairs matches events with steps, each with one of the other, as many as there can be.
type pairs struct {
	// free are the steps without an event.
	free  uint64
	block uint64
	event [MaxSteps]int
	match [MaxSteps]uint64
}

func (p *pairs) reset(block uint64) { p.block, p.free = block, block }

// add gives an event a step, for which others may change theirs; false when there is none for it.
func (p *pairs) add(event int, match uint64) bool {
	seen := uint64(0)
	return p.place(event, match, &seen)
}

func (p *pairs) place(event int, match uint64, seen *uint64) bool {
	for may := match & p.block &^ *seen; may != 0; may = match & p.block &^ *seen {
		step := bits.TrailingZeros64(may)
		if free := match & p.free &^ *seen; free != 0 {
			step = bits.TrailingZeros64(free)
		}
		*seen |= 1 << step
		if p.free&(1<<step) != 0 || p.place(p.event[step], p.match[step], seen) {
			p.free &^= 1 << step
			p.event[step], p.match[step] = event, match
			return true
		}
	}
	return false
}

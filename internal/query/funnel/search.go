package funnel

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// search looks for the ways of a candidate one by one, where taking the earliest event for a step may be wrong: with
// bounds on the time between two steps, and where events that may change places match several steps.
type search struct {
	m  *Machine
	s  *stream
	c  *candidate
	at int
	// ways are the best found, by level: reached first; of equals the one with the earlier events, the first ones first.
	ways []way
	seen map[string]struct{}
	path way
	work int
}

type way struct {
	used    []int
	reached []int64
}

// shorten takes the best way to the levels that are left.
func (f *search) shorten(c *candidate) {
	w := &f.ways[len(c.earliest)-1]
	c.used, c.reached = append(c.used[:0], w.used...), append(c.reached[:0], w.reached...)
}

// node is where a search stands.
type node struct {
	block int
	// left are the steps of the block that are to do.
	left uint64
	// last is the event used last; before is when the blocks before were done.
	last   int
	before int64
}

func (f *search) run(s *stream, at int, c *candidate) {
	f.s, f.c, f.at = s, c, at
	f.ways, f.path.used, f.path.reached = f.ways[:0], f.path.used[:0], f.path.reached[:0]
	if f.seen == nil {
		f.seen = map[string]struct{}{}
	}
	clear(f.seen)
	for left := s.events[at].Match & f.m.blocks[0]; left != 0; left &= left - 1 {
		step := left & -left
		f.enter(node{left: f.m.blocks[0] &^ step, last: at, before: c.entry}, at)
	}
	c.earliest = c.earliest[:0]
	for n, w := range f.ways {
		c.earliest = append(c.earliest, w.reached[n])
	}
	f.shorten(c)
}

// enter takes an event and goes on from there.
func (f *search) enter(n node, event int) {
	at := f.s.events[event].Time
	if k := len(f.path.reached); k > 0 {
		at = max(at, f.path.reached[k-1])
	}
	f.path.used, f.path.reached = append(f.path.used, event), append(f.path.reached, at)
	f.note()
	if n.left == 0 && n.block+1 < len(f.m.blocks) {
		n.block++
		n.left, n.before = f.m.blocks[n.block], at
	}
	if n.left != 0 && f.first(n, at) {
		f.extend(n)
	}
	k := len(f.path.used) - 1
	f.path.used, f.path.reached = f.path.used[:k], f.path.reached[:k]
}

// note keeps the way that has been found if it is the best of its level.
func (f *search) note() {
	k := len(f.path.used)
	if k > len(f.ways) {
		f.ways = append(f.ways, way{})
		f.ways[k-1] = way{slices.Clone(f.path.used), slices.Clone(f.path.reached)}
		return
	}
	if w := &f.ways[k-1]; f.path.reached[k-1] < w.reached[k-1] {
		w.used, w.reached = append(w.used[:0], f.path.used...), append(w.reached[:0], f.path.reached...)
	}
}

// first tells whether nothing that lies ahead of a node was looked at before. What lies ahead depends on the events
// used in so far as they could be used again.
func (f *search) first(n node, at int64) bool {
	key := make([]byte, 0, 64)
	for _, v := range [...]uint64{uint64(n.block), n.left, uint64(n.last), uint64(n.before), uint64(at)} {
		key = binary.LittleEndian.AppendUint64(key, v)
	}
	from := len(key)
	for _, u := range f.path.used {
		if f.s.events[u].Time >= n.before-f.m.Tie {
			key = binary.LittleEndian.AppendUint32(key, uint32(u))
		}
	}
	sortFours(key[from:])
	if _, ok := f.seen[string(key)]; ok {
		return false
	}
	f.seen[string(key)] = struct{}{}
	return true
}

// sortFours puts numbers of four bytes in order; there are few.
func sortFours(b []byte) {
	for i := 4; i < len(b); i += 4 {
		for j := i; j > 0 && binary.LittleEndian.Uint32(b[j:]) < binary.LittleEndian.Uint32(b[j-4:]); j -= 4 {
			var four [4]byte
			copy(four[:], b[j:])
			copy(b[j:j+4], b[j-4:j])
			copy(b[j-4:j], four[:])
		}
	}
}

func (f *search) extend(n node) {
	m, events := f.m, f.s.events
	low := m.lowest(f.s, n.last, n.before)
	inBlock := n.left != m.blocks[n.block]
	if inBlock {
		// The events of one block are taken in order.
		low = n.last + 1
		if n.block == 0 {
			low = f.low(n)
		}
	}
	for i := low; i < len(events) && events[i].Time <= f.c.deadline; i++ {
		if f.work++; f.work%stopEvery == 0 && m.stopped() {
			return
		}
		if events[i].Match&n.left == 0 || slices.Contains(f.path.used, i) {
			continue
		}
		if m.Order == Strict && m.disturbed(f.s, f.path.used, n.last, i) {
			continue
		}
		for may := events[i].Match & n.left; may != 0; may &= may - 1 {
			step := may & -may
			if w := m.StepWindow; w != nil && w[bits.TrailingZeros64(step)] > 0 &&
				events[i].Time-events[n.last].Time > w[bits.TrailingZeros64(step)] {
				continue
			}
			f.enter(node{block: n.block, left: n.left &^ step, last: i, before: n.before}, i)
		}
	}
}

// low is where the first block goes on: the events at the time of the entry may be stored before it.
func (f *search) low(n node) int {
	if n.last != f.at {
		return n.last + 1
	}
	low := f.at
	for low > 0 && f.s.events[low-1].Time == f.c.entry {
		low--
	}
	return low
}

// stopEvery is how many events are looked at between two looks at whether to go on.
const stopEvery = 1 << 14

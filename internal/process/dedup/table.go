package dedup

import "math"

// entry is one id: its hash, the position of the event that carried it first, when that was received, in seconds, and 16 bits of
// its content, 0 when they are not known.
type entry struct {
	hi, lo uint64
	pos    uint64
	sec    int64
	sum    uint16
}

// forgotten as a slot's second makes the entry older than any window.
const forgotten = math.MinInt32

// slot is an entry relative to its table: 24 bytes.
type slot struct {
	hi, lo uint64
	// pos is the distance from the table's first position, plus one; 0 is an empty slot.
	pos uint32
	// sec is the distance from the second of the table's first entry.
	sec int32
}

// table holds recent ids, open addressing with linear probing. A slot's home is the top bits of hi, so that walking
// the slots gives the entries almost in the order of a run, and doubling the table is one pass. One key may have
// several entries: an id that came back after the window is a new event, and the old one must stay known while it
// can still be replayed.
type table struct {
	base    uint64
	baseSec int64
	slots   []slot
	// sums are the contents of the slots' events, beside them so that a walk along slots stays dense.
	sums  []uint16
	shift uint
	n     int
}

const minTableBits = 14

func newTable(bits uint) *table {
	return &table{slots: make([]slot, 1<<bits), sums: make([]uint16, 1<<bits), shift: 64 - bits}
}

// begin empties t for entries from the position on.
func (t *table) begin(base uint64) {
	if t.n > 0 {
		clear(t.slots)
	}
	t.base, t.baseSec, t.n = base, 0, 0
}

// full tells that the load limit of 4/5 is reached.
func (t *table) full() bool { return t.n*5 >= len(t.slots)*4 }

// fits tells whether an entry can be told relative to the table's base.
func (t *table) fits(pos uint64, sec int64) bool {
	if pos < t.base || pos-t.base >= math.MaxUint32 {
		return false
	}
	d := sec - t.baseSec
	return t.n == 0 || d > forgotten && d <= math.MaxInt32
}

// insert adds an entry that fits; the table is not full.
func (t *table) insert(e *entry) {
	if t.n == 0 {
		t.baseSec = e.sec
	}
	t.put(slot{hi: e.hi, lo: e.lo, pos: uint32(e.pos-t.base) + 1, sec: int32(e.sec - t.baseSec)}, e.sum)
	t.n++
}

func (t *table) put(s slot, sum uint16) {
	mask := uint64(len(t.slots) - 1)
	i := s.hi >> t.shift
	for t.slots[i].pos != 0 {
		i = (i + 1) & mask
	}
	t.slots[i], t.sums[i] = s, sum
}

// grow doubles the table.
func (t *table) grow() {
	old, sums := t.slots, t.sums
	t.slots, t.sums = make([]slot, 2*len(old)), make([]uint16, 2*len(old))
	t.shift--
	for i := range old {
		if old[i].pos != 0 {
			t.put(old[i], sums[i])
		}
	}
}

// find judges the entries of a key by v until one decides.
func (t *table) find(hi, lo uint64, v *verdict) bool {
	mask := uint64(len(t.slots) - 1)
	for i := hi >> t.shift; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.pos == 0 {
			return false
		}
		if s.hi == hi && s.lo == lo && s.sec != forgotten &&
			v.judge(t.base+uint64(s.pos-1), t.baseSec+int64(s.sec), t.sums[i]) {
			return true
		}
	}
}

// forget takes an entry's effect away.
func (t *table) forget(hi, lo, pos uint64) {
	mask := uint64(len(t.slots) - 1)
	for i := hi >> t.shift; t.slots[i].pos != 0; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.hi == hi && s.lo == lo && t.base+uint64(s.pos-1) == pos {
			s.sec = forgotten
		}
	}
}

// forgetFrom takes away the effect of every entry at or behind a position.
func (t *table) forgetFrom(pos uint64) {
	for i := range t.slots {
		if s := &t.slots[i]; s.pos != 0 && t.base+uint64(s.pos-1) >= pos {
			s.sec = forgotten
		}
	}
}

// sorted returns the entries in the order of a run. The slots are nearly in order already, but for entries that
// wrapped around the end, so an insertion sort is linear.
func (t *table) sorted() []entry {
	out := make([]entry, 0, t.n)
	half := uint64(len(t.slots) / 2)
	wrapped := 0
	for wrapped < len(t.slots) && t.slots[wrapped].pos != 0 {
		wrapped++
	}
	take := func(from, to int, late bool) {
		for i := from; i < to; i++ {
			s := &t.slots[i]
			if s.pos == 0 || s.sec == forgotten || (i < wrapped && s.hi>>t.shift >= half && i < int(half)) != late {
				continue
			}
			e := entry{s.hi, s.lo, t.base + uint64(s.pos-1), t.baseSec + int64(s.sec), t.sums[i]}
			out = append(out, e)
			j := len(out) - 1
			for ; j > 0 && e.before(&out[j-1]); j-- {
				out[j] = out[j-1]
			}
			out[j] = e
		}
	}
	take(0, len(t.slots), false)
	take(0, wrapped, true)
	return out
}

func (e *entry) before(f *entry) bool {
	if e.hi != f.hi {
		return e.hi < f.hi
	}
	if e.lo != f.lo {
		return e.lo < f.lo
	}
	return e.pos < f.pos
}

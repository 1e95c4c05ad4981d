package funnel

import "cmp"

// Row is a Result that is kept.
type Row struct {
	Actor            uint64
	Entry, Completed int64
	// Shift is how far the clock was ahead at the entry, in seconds.
	Shift       int32
	Value, Hold int32
	// Done has a bit for each step that was done.
	Done    uint32
	Reached uint8
	State   State
}

// Tally keeps the results of machines with the same Config.
type Tally struct {
	Rows []Row
	// Times has those of each row, one after the other; nil when they are not asked for.
	Times []int64
	steps int
}

// NewTally makes one for the results of a Config, with room for so many at first.
func NewTally(c *Config, room int) *Tally {
	t := &Tally{Rows: make([]Row, 0, room)}
	if c.Times {
		t.steps = c.Steps
		t.Times = make([]int64, 0, room*t.steps)
	}
	return t
}

// Add keeps a result.
func (t *Tally) Add(r *Result) {
	done := uint32(0)
	for i, at := range r.Times {
		if at != None {
			done |= 1 << i
		}
	}
	t.Rows = append(t.Rows, Row{r.Actor, r.Entry, r.Completed, int32(r.Shift / second), r.Value, r.Hold, done, uint8(r.Reached), r.State})
	t.Times = append(t.Times, r.Times[:t.steps]...)
}

// Reset forgets all results.
func (t *Tally) Reset() { t.Rows, t.Times = t.Rows[:0], t.Times[:0] }

// TimesOf are the times of the steps of a row.
func (t *Tally) TimesOf(row int) []int64 { return t.Times[row*t.steps : (row+1)*t.steps] }

// Merge adds what another tally has.
func (t *Tally) Merge(o *Tally) {
	t.Rows = append(t.Rows, o.Rows...)
	t.Times = append(t.Times, o.Times...)
}

// Better orders two results of the same unit: the one that counts comes first.
func Better(e Entry, a, b *Row) int {
	if e == First {
		return cmp.Compare(a.Entry, b.Entry)
	}
	return cmp.Or(cmp.Compare(b.Reached, a.Reached), cmp.Compare(a.Completed, b.Completed), cmp.Compare(a.Entry, b.Entry))
}

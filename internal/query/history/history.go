// Package history gathers the events of a behavioural question by the one who did them, and hands every actor's events
// over in order.
//
// Rows come as columns and in any order. They are spread over partitions by a hash of the actor and kept as narrow as
// they came; then workers take the partitions one by one, group the rows of each by actor, put each actor's events in
// order of time and position, and visit them. What the events mean is left to the machines of the questions.
package history

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/freshet/freshet/internal/event"
)

// Event is one event as a question sees it.
type Event struct {
	// Time is in microseconds since 1970 UTC.
	Time int64
	// Seq is the event's position; 0 for questions that do not ask for it.
	Seq uint64
	// Match has bit i set when selector i of the question matches.
	Match uint64
	// Value and Hold are codes of the question's own: the values of its breakdown and of what it holds constant; 0 is
	// none.
	Value, Hold int32
}

// Actor is one person, session, device or group, with its events in order of time, and of position when times are
// equal.
type Actor struct {
	ID     uint64
	Events []Event
}

// Columns are rows of matching events. Actor, Time and Match have a value a row; any of the others may be nil, for all
// rows of a question alike.
type Columns struct {
	Actor       []uint64
	Time        []int64
	Match       []uint64
	Seq         []uint64
	Value, Hold []int32
}

// Options configure a Builder.
type Options struct {
	// Memory bounds the bytes that the events take; default 1 GiB.
	Memory int64
	// Workers is how many partitions are visited at a time; default GOMAXPROCS.
	Workers int
}

const (
	defaultMemory = 1 << 30
	// partitionBits: the rows of one of 256 partitions fit a core's cache up to some ten million rows.
	partitionBits = 8
	blockRows     = 1024
)

// Builder gathers rows. It has one user.
type Builder struct {
	opts       Options
	partitions [1 << partitionBits]partition
	used       int64
	rows       int
}

// partition has the rows of the actors of one hash.
type partition struct {
	full []*block
	last *block
	// n is the number of rows in last.
	n int
}

// block is a stretch of a partition's rows; columns that the question does not have are nil.
type block struct {
	actor       [blockRows]uint64
	time        [blockRows]int64
	match       [blockRows]uint64
	seq         *[blockRows]uint64
	value, hold *[blockRows]int32
}

// New makes a builder.
func New(o Options) *Builder {
	if o.Memory <= 0 {
		o.Memory = defaultMemory
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return &Builder{opts: o}
}

// Rows is how many rows there are.
func (b *Builder) Rows() int { return b.rows }

// Add copies rows. The error for more than fits the memory is an *event.Error.
func (b *Builder) Add(c *Columns) error {
	for i, actor := range c.Actor {
		p := &b.partitions[hash(actor)>>(64-partitionBits)]
		if p.last == nil || p.n == blockRows {
			if err := b.grow(p, c); err != nil {
				return err
			}
		}
		to, n := p.last, p.n
		to.actor[n], to.time[n], to.match[n] = actor, c.Time[i], c.Match[i]
		if to.seq != nil {
			to.seq[n] = c.Seq[i]
		}
		if to.value != nil {
			to.value[n] = c.Value[i]
		}
		if to.hold != nil {
			to.hold[n] = c.Hold[i]
		}
		p.n++
	}
	b.rows += len(c.Actor)
	return nil
}

func (b *Builder) grow(p *partition, c *Columns) error {
	next, size := &block{}, int64(3*8*blockRows)
	if c.Seq != nil {
		next.seq, size = new([blockRows]uint64), size+8*blockRows
	}
	if c.Value != nil {
		next.value, size = new([blockRows]int32), size+4*blockRows
	}
	if c.Hold != nil {
		next.hold, size = new([blockRows]int32), size+4*blockRows
	}
	if b.used += size; b.used > b.opts.Memory {
		return event.Errorf(event.TooLarge, "too_many_events",
			"the question looks at more than %d events, which is what fits %d MiB of memory; ask for a shorter range, fewer events or with a filter",
			b.rows, b.opts.Memory>>20)
	}
	if p.last != nil {
		p.full = append(p.full, p.last)
	}
	p.last, p.n = next, 0
	return nil
}

// hash spreads actors whose numbers are alike.
func hash(actor uint64) uint64 {
	h := actor * 0x9e3779b97f4a7c15
	return (h ^ h>>32) * 0xd6e8feb86659fd93
}

// Compare is the order of events.
func Compare(a, b Event) int {
	if c := cmp.Compare(a.Time, b.Time); c != 0 {
		return c
	}
	return cmp.Compare(a.Seq, b.Seq)
}

// String is for failing tests.
func (e Event) String() string {
	return fmt.Sprintf("{at %d #%d match %b value %d hold %d}", e.Time, e.Seq, e.Match, e.Value, e.Hold)
}

// Package history gathers the events of a behavioural question by the one who did them, and hands every actor's events
// over in order.
//
// Rows come as columns and in any order, from several sides at once. They are spread over partitions by the first bits of
// the actor's number, which is a hash, and kept as narrow as they came: rows that the store has in order of actors go to
// one partition after the other. Then workers take the partitions one by one, group the rows of each by actor, put each
// actor's events in order of time and position, and visit them. What the events mean is left to the machines of the
// questions.
//
// When the rows of all actors do not fit the memory, those of some are kept and visited, and then the rows are read once
// more for the next ones.
package history

import (
	"cmp"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
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

// Columns are rows of matching events. Actor and Time have a value a row; any of the others may be nil, for all rows of a
// question alike. Without Match all events match the one selector that there is.
type Columns struct {
	Actor       []uint64
	Time        []int64
	Match       []uint64
	Seq         []uint64
	Value, Hold []int32
}

// Options configure a Builder.
type Options struct {
	// Memory bounds the bytes that the events take at a time; default 1 GiB.
	Memory int64
	// Workers is how many partitions are visited at a time; default GOMAXPROCS.
	Workers int
	// Pool, if set, is where memory comes from and is given back to.
	Pool *Pool
	// Selectors is how many selectors the question has, 0 if that is not known: few of them take less memory.
	Selectors int
}

const (
	defaultMemory = 1 << 30
	// partitionBits: the rows of one of 256 partitions fit a core's cache up to some ten million rows.
	partitionBits = 8
	partitions    = 1 << partitionBits
	chunkWords    = 1024
	chunkBytes    = 8 * chunkWords
)

// chunk is a stretch of a partition's runs. A run has the rows of one actor that came one after the other:
//
//	actor │ number of rows │ time [match] [seq] [value and hold] │ time …
//
// with those columns that the question has. Where nothing is held, the match has the place of what is.
type chunk [chunkWords]uint64

// runWords is what a run has in front of its rows.
const runWords = 2

// Builder gathers rows. All of its feeds are filled before it is asked.
type Builder struct {
	opts Options
	used atomic.Int64
	// charged is what the question keeps beside its rows.
	charged atomic.Int64
	source  Source

	// mu guards what follows. Whoever holds it may take the lock of a feed, not the other way round.
	mu    sync.Mutex
	feeds []*Feed
	// from and end bound the partitions whose rows are kept at the moment; end is also read by feeds.
	from int
	end  atomic.Int64
	// free are those that a pass has left.
	free free
}

// Feed takes rows from one side. It has one user at a time.
type Feed struct {
	builder *Builder
	// mu guards what follows.
	mu         sync.Mutex
	shape      shape
	partitions [partitions]partition
	// spare are chunks for the next rows.
	spare []*chunk
}

// shape is which columns rows have, and how many words that makes.
type shape struct {
	// match is a word of its own; matched is in the upper half of the word of the value.
	match, matched, seq, value, hold bool
	words                            int
}

func shapeOf(c *Columns, narrow bool) shape {
	s := shape{match: c.Match != nil, seq: c.Seq != nil, value: c.Value != nil, hold: c.Hold != nil, words: 1}
	if narrow && s.match && s.value && !s.hold {
		s.match, s.matched = false, true
	}
	for _, there := range []bool{s.match, s.seq, s.value || s.hold} {
		if there {
			s.words++
		}
	}
	return s
}

// partition has the rows of the actors of one hash.
type partition struct {
	chunks []*chunk
	// used are the words of the last chunk, rows how many there are in all.
	used, rows int
}

// partitionOf is the number of an actor's partition.
func partitionOf(actor uint64) int { return int(actor >> (64 - partitionBits)) }

// New makes a builder.
func New(o Options) *Builder {
	if o.Memory <= 0 {
		o.Memory = defaultMemory
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Pool == nil {
		o.Pool = &Pool{}
	}
	b := &Builder{opts: o}
	b.end.Store(partitions)
	return b
}

// Feed makes another feed. It may be called by several at once.
func (b *Builder) Feed() *Feed {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := &Feed{builder: b}
	b.feeds = append(b.feeds, f)
	return f
}

// Free gives the memory back. It is not needed, and the last thing that is done with a builder.
func (b *Builder) Free() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	b.opts.Pool.put(b.free.list)
	b.free.list = nil
}

// Workers is how many partitions are visited at a time.
func (b *Builder) Workers() int { return b.opts.Workers }

// Rows is how many rows there are, of those actors that fit the memory.
func (b *Builder) Rows() int {
	n := 0
	for _, f := range b.feeds {
		for i := range f.partitions {
			n += f.partitions[i].rows
		}
	}
	return n
}

// Actors is about how many actors there are, rather more than too few, going by those of one partition.
func (b *Builder) Actors() int {
	w := sorter{}
	w.reset()
	for _, f := range b.feeds {
		w.number(&f.partitions[b.from], &f.shape)
	}
	n := len(w.actors) << partitionBits
	n += n / 8
	if b.whole() {
		n = min(n, b.Rows())
	}
	return n
}

// Add copies rows. The error for more than fits the memory is an *event.Error.
func (f *Feed) Add(c *Columns) error {
	for from := 0; from < len(c.Actor); {
		if from = f.add(c, from); from < len(c.Actor) {
			if err := f.builder.narrow(); err != nil {
				return err
			}
		}
	}
	return nil
}

// add is Add for the rows from one on, and returns the first one that did not fit.
func (f *Feed) add(c *Columns, from int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shape.words == 0 {
		f.shape = shapeOf(c, f.builder.opts.Selectors > 0 && f.builder.opts.Selectors <= 32)
	}
	first, end := f.builder.from, int(f.builder.end.Load())
	for from < len(c.Actor) {
		actor, to := c.Actor[from], from+1
		for to < len(c.Actor) && c.Actor[to] == actor {
			to++
		}
		number := partitionOf(actor)
		if number < first || number >= end {
			from = to
			continue
		}
		p := &f.partitions[number]
		for from < to {
			room := f.room(p)
			if room == 0 {
				return from
			}
			n := min(to-from, room)
			p.used += f.shape.copy(p.chunks[len(p.chunks)-1][p.used:], c, from, from+n)
			p.rows += n
			from += n
		}
	}
	return from
}

// room is for how many rows of another run the last chunk has room; 0 if the memory is full.
func (f *Feed) room(p *partition) int {
	if n := len(p.chunks); n > 0 {
		if room := chunkWords - p.used - runWords; room >= f.shape.words {
			return room / f.shape.words
		}
		// The end of what was written, for readers.
		if chunkWords-p.used > runWords {
			p.chunks[n-1][p.used+1] = 0
		}
	}
	next := f.chunk()
	if next == nil {
		return 0
	}
	p.chunks, p.used = append(p.chunks, next), 0
	return (chunkWords - runWords) / f.shape.words
}

// copy writes a run, and returns its words.
func (s *shape) copy(to []uint64, c *Columns, from, end int) int {
	to[0], to[1] = c.Actor[from], uint64(end-from)
	at := runWords
	for i := from; i < end; i++ {
		to[at] = uint64(c.Time[i])
		at++
		if s.match {
			to[at] = c.Match[i]
			at++
		}
		if s.seq {
			to[at] = c.Seq[i]
			at++
		}
		if s.value || s.hold {
			word := uint64(0)
			if s.value {
				word = uint64(uint32(c.Value[i]))
			}
			if s.hold {
				word |= uint64(uint32(c.Hold[i])) << 32
			} else if s.matched {
				word |= c.Match[i] << 32
			}
			to[at] = word
			at++
		}
	}
	return at
}

// chunk is one for more rows, nil if the memory is full.
func (f *Feed) chunk() *chunk {
	b := f.builder
	if b.used.Add(chunkBytes) > b.opts.Memory-b.charged.Load() {
		b.used.Add(-chunkBytes)
		return nil
	}
	if len(f.spare) == 0 {
		f.spare = b.free.take(f.spare)
	}
	if len(f.spare) == 0 {
		f.spare = b.opts.Pool.take(f.spare)
	}
	n := len(f.spare)
	if n == 0 {
		return new(chunk)
	}
	c := f.spare[n-1]
	f.spare = f.spare[:n-1]
	return c
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

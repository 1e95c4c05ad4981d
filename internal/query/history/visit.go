package history

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Each visits every actor that has events. worker is called once for each of the workers, one after the other, before
// any of them begins; what it returns is called by that worker alone, with an actor whose events are valid until it
// returns, and may be changed. The order of actors is not defined. Each ends early with ctx's error, or with that of
// reading more.
func (b *Builder) Each(ctx context.Context, worker func() func(*Actor)) error {
	workers := make([]*sorter, b.opts.Workers)
	for i := range workers {
		workers[i] = &sorter{visit: worker()}
	}
	if b.from > 0 {
		// Actors were visited before.
		if err := b.pass(ctx, 0); err != nil {
			return err
		}
	}
	b.visit(ctx, workers)
	for ctx.Err() == nil && int(b.end.Load()) < partitions {
		if err := b.pass(ctx, int(b.end.Load())); err != nil {
			return err
		}
		b.visit(ctx, workers)
	}
	return ctx.Err()
}

// visit visits the actors whose rows are kept.
func (b *Builder) visit(ctx context.Context, workers []*sorter) {
	var next, done atomic.Int64
	next.Store(int64(b.from))
	done.Store(int64(b.from))
	watch, _ := ctx.Value(watchKey{}).(Watch)
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := next.Add(1) - 1
				if i >= b.end.Load() {
					return
				}
				w.partition(ctx, b, int(i))
				if watch != nil {
					watch(int(done.Add(1)), partitions)
				}
			}
		})
	}
	wg.Wait()
}

// sorter groups the rows of one partition at a time; its memory is used again.
type sorter struct {
	visit func(*Actor)
	// table finds an actor's place in actors by its hash: the place plus one, 0 is free.
	table  []uint32
	actors []uint64
	// chunks and runs are the partition's; ends is where the events of an actor end in events.
	chunks []*chunk
	runs   []run
	ends   []int
	events []Event
	actor  Actor
}

// run is where the rows of the actor at a place begin, and how many there are. Without a pointer in it the collector has
// nothing to do with it.
type run struct {
	place, chunk uint32
	at, rows     uint16
}

// checkEvery is how many actors are visited between two looks at the context.
const checkEvery = 256

func (w *sorter) partition(ctx context.Context, b *Builder, number int) {
	w.reset()
	rows := 0
	var s *shape
	for _, f := range b.feeds {
		if p := &f.partitions[number]; p.rows > 0 {
			s = &f.shape
			rows += p.rows
			w.number(p, s)
		}
	}
	w.spread(s, rows)
	start := 0
	for i, id := range w.actors {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return
		}
		events := w.events[start:w.ends[i]:w.ends[i]]
		order(events)
		w.actor = Actor{ID: id, Events: events}
		w.visit(&w.actor)
		start = w.ends[i]
	}
}

// number gives the actor of every run a place, and counts its events into ends.
func (w *sorter) number(p *partition, s *shape) {
	for i, c := range p.chunks {
		w.chunks = append(w.chunks, c)
		end := chunkWords
		if i == len(p.chunks)-1 {
			end = p.used
		}
		for at := 0; end-at > runWords; {
			actor, rows := c[at], int(c[at+1])
			if rows == 0 {
				break
			}
			at += runWords
			place := w.place(actor)
			w.runs = append(w.runs, run{place, uint32(len(w.chunks) - 1), uint16(at), uint16(rows)})
			w.ends[place] += rows
			at += rows * s.words
		}
	}
}

// place is that of an actor, which is new or has one.
func (w *sorter) place(id uint64) uint32 {
	at := w.slot(id)
	if w.table[at] != 0 {
		return w.table[at] - 1
	}
	w.actors, w.ends = append(w.actors, id), append(w.ends, 0)
	w.table[at] = uint32(len(w.actors))
	if 2*len(w.actors) > len(w.table) {
		w.table = make([]uint32, 2*len(w.table))
		for i, id := range w.actors {
			w.table[w.slot(id)] = uint32(i + 1)
		}
	}
	return uint32(len(w.actors) - 1)
}

// slot is where the table has an actor, or where it is to go.
func (w *sorter) slot(id uint64) uint64 {
	mask := uint64(len(w.table) - 1)
	at := hash(id) & mask
	for w.table[at] != 0 && w.actors[w.table[at]-1] != id {
		at = (at + 1) & mask
	}
	return at
}

// reset is for the next partition.
func (w *sorter) reset() {
	w.actors, w.ends, w.chunks, w.runs = w.actors[:0], w.ends[:0], w.chunks[:0], w.runs[:0]
	if w.table == nil {
		w.table = make([]uint32, tableStart)
	}
	clear(w.table)
}

// spread copies the rows of every run behind the earlier ones of its actor.
func (w *sorter) spread(s *shape, rows int) {
	if cap(w.events) < rows {
		w.events = make([]Event, rows)
	}
	w.events = w.events[:rows]
	sum := 0
	for i, n := range w.ends {
		w.ends[i] = sum
		sum += n
	}
	for i := range w.runs {
		r := &w.runs[i]
		end := &w.ends[r.place]
		at, rows := int(r.at), int(r.rows)
		s.read(w.events[*end:*end+rows], w.chunks[r.chunk][at:at+rows*s.words])
		*end += rows
	}
}

// read fills in events.
func (s *shape) read(events []Event, rows []uint64) {
	for n := range events {
		e := &events[n]
		*e = Event{Time: int64(rows[0]), Match: 1}
		at := 1
		if s.match {
			e.Match = rows[at]
			at++
		}
		if s.seq {
			e.Seq = rows[at]
			at++
		}
		if s.value || s.hold {
			e.Value = int32(uint32(rows[at]))
			if s.matched {
				e.Match = rows[at] >> 32
			} else {
				e.Hold = int32(rows[at] >> 32)
			}
		}
		rows = rows[s.words:]
	}
}

// tableStart is the first size of the table, a power of two; it doubles when half of it is taken.
const tableStart = 1024

// fewEvents is up to how many events are put in order by insertion.
const fewEvents = 24

// order sorts the events of one actor. They come by days that are in order already, as a rule.
func order(events []Event) {
	if len(events) > fewEvents {
		if !slices.IsSortedFunc(events, Compare) {
			slices.SortFunc(events, Compare)
		}
		return
	}
	for i := 1; i < len(events); i++ {
		e := events[i]
		j := i
		for j > 0 && (events[j-1].Time > e.Time || events[j-1].Time == e.Time && events[j-1].Seq > e.Seq) {
			events[j] = events[j-1]
			j--
		}
		events[j] = e
	}
}

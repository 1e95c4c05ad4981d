package history

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Each visits every actor that has events. worker is called once for each of the workers, one after the other, before
// any of them begins; what it returns is called by that worker alone, with an actor whose events are valid until it
// returns, and may be changed. The order of actors is not defined. Each ends early with ctx's error.
func (b *Builder) Each(ctx context.Context, worker func() func(*Actor)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range b.opts.Workers {
		w := &sorter{visit: worker()}
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(b.partitions) {
					return
				}
				w.partition(ctx, &b.partitions[i])
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// sorter groups the rows of one partition at a time; its memory is used again.
type sorter struct {
	visit func(*Actor)
	// table finds an actor's place in actors by its hash: the place plus one, 0 is free.
	table  []uint32
	actors []uint64
	// places has every row's actor; ends is where the events of an actor end in events.
	places []uint32
	ends   []int
	events []Event
}

// checkEvery is how many actors are visited between two looks at the context.
const checkEvery = 256

func (w *sorter) partition(ctx context.Context, p *partition) {
	if p.last == nil {
		return
	}
	w.number(p)
	w.spread(p)
	start := 0
	for i, id := range w.actors {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return
		}
		events := w.events[start:w.ends[i]:w.ends[i]]
		order(events)
		w.visit(&Actor{ID: id, Events: events})
		start = w.ends[i]
	}
}

// each calls do with every block and how many rows it has.
func (p *partition) each(do func(b *block, n int)) {
	for _, b := range p.full {
		do(b, blockRows)
	}
	do(p.last, p.n)
}

// number gives every actor a place, and counts its events into ends.
func (w *sorter) number(p *partition) {
	w.reset(len(p.full)*blockRows + p.n)
	last, place := uint64(0), uint32(0)
	p.each(func(b *block, n int) {
		for _, id := range b.actor[:n] {
			// Rows come from the store by person: most follow one of the same.
			if id != last || len(w.actors) == 0 {
				last, place = id, w.place(id)
			}
			w.places = append(w.places, place)
			w.ends[place]++
		}
	})
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

// reset makes room for so many rows.
func (w *sorter) reset(rows int) {
	w.actors, w.ends, w.places = w.actors[:0], w.ends[:0], slices.Grow(w.places[:0], rows)
	if w.table == nil {
		w.table = make([]uint32, tableStart)
	}
	clear(w.table)
	if cap(w.events) < rows {
		w.events = make([]Event, rows)
	}
	w.events = w.events[:rows]
}

// spread copies every row behind the earlier ones of its actor.
func (w *sorter) spread(p *partition) {
	sum := 0
	for i, n := range w.ends {
		w.ends[i] = sum
		sum += n
	}
	row := 0
	p.each(func(b *block, n int) {
		for i := range n {
			place := w.places[row]
			row++
			e := &w.events[w.ends[place]]
			w.ends[place]++
			*e = Event{Time: b.time[i], Match: b.match[i]}
			if b.seq != nil {
				e.Seq = b.seq[i]
			}
			if b.value != nil {
				e.Value = b.value[i]
			}
			if b.hold != nil {
				e.Hold = b.hold[i]
			}
		}
	})
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

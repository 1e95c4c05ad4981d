package history

import (
	"context"

	"github.com/freshet/freshet/internal/event"
)

// Source reads the rows of a question into feeds of a builder. It may be called several times, and gives the same rows each time.
type Source func(ctx context.Context) error

// Read fills the builder. When all rows do not fit the memory, it keeps those of some actors, and Each calls the source
// again for the rest; then a bound on the memory is one on the time that a question takes, not on the events it may look
// at. Without a Source that could be called again, Add refuses rows that do not fit.
func (b *Builder) Read(ctx context.Context, source Source) error {
	b.source = source
	return b.source(ctx)
}

// Charge takes memory for what a question keeps beside its rows, for as long as the builder lives. False means that
// this would be more than half of all, and nothing was taken. It may be called by several at once.
func (b *Builder) Charge(bytes int64) bool {
	if b.charged.Add(bytes) > b.opts.Memory/2 {
		b.charged.Add(-bytes)
		return false
	}
	return true
}

// Memory bounds the bytes of rows and of what is charged.
func (b *Builder) Memory() int64 { return b.opts.Memory }

// whole tells whether the rows of all actors are kept.
func (b *Builder) whole() bool { return b.from == 0 && b.end.Load() == partitions }

// pass keeps the rows of as many partitions as fit, from one on.
func (b *Builder) pass(ctx context.Context, from int) error {
	b.mu.Lock()
	b.clear()
	b.from = from
	b.end.Store(partitions)
	b.mu.Unlock()
	return b.source(ctx)
}

// clear takes all rows from the feeds, and the feeds.
func (b *Builder) clear() {
	for _, f := range b.feeds {
		b.free.put(append(f.drop(nil, 0), f.spare...))
	}
	b.feeds = nil
	b.used.Store(0)
}

// narrow makes room by leaving the later half of the actors that are kept to another pass.
func (b *Builder) narrow() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	end := int(b.end.Load())
	if b.used.Load()+chunkBytes <= b.opts.Memory-b.charged.Load() {
		// Another feed made room meanwhile.
		return nil
	}
	if b.source == nil || end-b.from <= 1 {
		return event.Errorf(event.TooLarge, "too_many_events",
			"the question looks at more events of one person, session or group than fit %d MiB of memory; ask for a shorter range, fewer events or with a filter",
			b.opts.Memory>>20)
	}
	end = b.from + (end-b.from)/2
	b.end.Store(int64(end))
	var left []*chunk
	for _, f := range b.feeds {
		f.mu.Lock()
		left = f.drop(left, end)
		f.mu.Unlock()
	}
	b.free.put(left)
	b.used.Add(-chunkBytes * int64(len(left)))
	return nil
}

// drop takes the rows from the partitions from one on, and adds their chunks to a list.
func (f *Feed) drop(to []*chunk, from int) []*chunk {
	for i := from; i < partitions; i++ {
		to = append(to, f.partitions[i].chunks...)
		f.partitions[i] = partition{}
	}
	return to
}

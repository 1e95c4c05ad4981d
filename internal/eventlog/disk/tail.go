package disk

import (
	"slices"
	"sort"

	"github.com/freshet/freshet/internal/eventlog"
)

// tail is the latest blocks, kept in memory so that a reader that keeps up never touches the disk. It is guarded by the
// log's mutex.
type tail struct {
	limit  int
	blocks []*block
	size   int
	// total counts the bytes ever added; a block's at is what it was before the block.
	total int64
	// readers are the subscriptions that read from memory at the moment.
	readers []*subscription
}

func (t *tail) add(b *block) {
	b.at = t.total
	t.total += int64(len(b.raw))
	t.blocks = append(t.blocks, b)
	t.size += len(b.raw)
	for t.size > t.limit && len(t.blocks) > 1 {
		t.size -= len(t.blocks[0].raw)
		t.blocks[0] = nil
		t.blocks = t.blocks[1:]
	}
}

// find returns the block that holds the position, or nil.
func (t *tail) find(p eventlog.Position) *block {
	i := sort.Search(len(t.blocks), func(i int) bool { return t.blocks[i].end > p })
	if i == len(t.blocks) || t.blocks[i].first > p {
		return nil
	}
	return t.blocks[i]
}

// reads notes that the subscription goes on at b, or that it reads from memory no more.
func (t *tail) reads(s *subscription, b *block) {
	if s.unpaced {
		return
	}
	i := slices.Index(t.readers, s)
	switch {
	case b == nil && i >= 0:
		t.readers = slices.Delete(t.readers, i, i+1)
	case b != nil && i < 0:
		t.readers = append(t.readers, s)
	}
	if b != nil {
		s.reached = b.at
	}
}

// Behind tells that a reader that reads from memory is more than a quarter of the tail behind. Under more load than the rest of
// the path can carry, those who append do well to wait until it is not: their events become visible no sooner when they do
// not, and a lag that would grow for as long as the load lasts stays at a second or two. The rest of the tail is what a reader
// that stands still for a while may fall behind until it has to read from the disk. A reader that has its way to go
// through the files counts for nothing.
func (l *Log) Behind() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.tail.readers {
		if behind := l.tail.total - s.reached; behind > int64(l.tail.limit/4) && behind <= int64(l.tail.limit) {
			return true
		}
	}
	return false
}

package history

import (
	"sync"
	"time"
)

// Pool keeps the memory of builders that were freed for those to come. It is safe for concurrent use. The collector's
// own sort of pool would be empty at every question: a server that takes events collects many times during one.
type Pool struct {
	free
	// emptied tells that all will be given up after a while.
	emptied bool
}

const (
	// keptChunks bounds what is kept, to 64 MiB.
	keptChunks = 8192
	// keptFor is after how long all that is kept is given up, so that a server that nobody asks is small.
	keptFor = 10 * time.Second
	// grabbed is how many chunks a feed takes at a time.
	grabbed = 16
)

func (p *Pool) put(chunks []*chunk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, chunks[:min(len(chunks), max(0, keptChunks-len(p.list)))]...)
	if !p.emptied && len(p.list) > 0 {
		p.emptied = true
		time.AfterFunc(keptFor, p.empty)
	}
}

func (p *Pool) empty() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list, p.emptied = nil, false
}

// free are chunks that nobody has.
type free struct {
	mu   sync.Mutex
	list []*chunk
}

func (l *free) put(chunks []*chunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, chunks...)
}

// take moves some chunks to a list; none if there are none.
func (l *free) take(to []*chunk) []*chunk {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := max(0, len(l.list)-grabbed)
	to = append(to, l.list[rest:]...)
	clear(l.list[rest:])
	l.list = l.list[:rest]
	return to
}

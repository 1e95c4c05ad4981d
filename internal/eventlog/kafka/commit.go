package kafka

import (
	"slices"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
)

const (
	// gatherBytes is when a batch takes no more appends, unless its first one alone is larger.
	gatherBytes = 4 << 20
	// maxRecordBytes bounds a record, as the log on disk does, and what is made of it before it is compressed.
	maxRecordBytes = 128 << 20
)

// pending is an append that waits for its batch.
type pending struct {
	messages []message
	size     int
	first    eventlog.Position
	err      error
	done     chan struct{}
}

// prepared checks a record and makes messages of it.
func (l *Log) prepared(r eventlog.Record) (*pending, error) {
	if r.Events < 1 {
		return nil, event.Errorf(event.Invalid, "empty_record", "a record of %d events, it must have at least 1", r.Events)
	}
	if len(r.Payload) > maxRecordBytes {
		return nil, event.Errorf(event.TooLarge, "record_too_large", "a record of %d bytes, the limit is %d", len(r.Payload), maxRecordBytes)
	}
	c, ok := l.encoders.Get().(*encoder)
	if !ok {
		c = new(encoder)
	}
	defer l.encoders.Put(c)
	p := &pending{messages: c.encode(r), done: make(chan struct{})}
	p.size = framed(p.messages)
	return p, nil
}

// withdraw takes back what nobody waits for any more, unless it is on its way.
func (l *Log) withdraw(p *pending) {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	if i := slices.Index(l.queue, p); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
}

// commitLoop sends batches one after the other until the log is closed and nothing waits.
func (l *Log) commitLoop() {
	for range l.kick {
		for {
			group, closing := l.take()
			if len(group) > 0 {
				l.commit(group)
				continue
			}
			if closing {
				return
			}
			break
		}
	}
}

// take takes what shares the next batch.
func (l *Log) take() (group []*pending, closing bool) {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	size, n := 0, 0
	for n < len(l.queue) && (n == 0 || size+l.queue[n].size <= gatherBytes) {
		size += l.queue[n].size
		n++
	}
	group = slices.Clone(l.queue[:n])
	l.queue = slices.Delete(l.queue, 0, n)
	return group, l.closing
}

// commit sends one batch and tells everybody whose append is in it.
func (l *Log) commit(group []*pending) {
	b := l.producer.batch
	b.begin()
	for _, p := range group {
		b.add(p.messages)
	}
	if fault.Planted(fault.AckEarly) {
		_, end := l.Bounds()
		settle(group, end, nil)
		_, _ = l.producer.send()
		return
	}
	first, err := l.producer.send()
	if err == nil {
		l.saw(0, first+eventlog.Position(b.events))
	}
	settle(group, first, err)
}

// settle tells everybody whose append was in a batch what became of it.
func settle(group []*pending, first eventlog.Position, err error) {
	for _, p := range group {
		p.first, p.err = first, err
		first += eventlog.Position(len(p.messages))
		close(p.done)
	}
}

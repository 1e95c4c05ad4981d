package process

import (
	"context"
	"errors"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// unlink processes a record of one Unlink. What came before is committed first and the unlink by itself, because it
// concerns all events before it and none behind. It is no event of an app: the ledger does not count it.
func (p *Processor) unlink(ctx context.Context, entry *eventlog.Entry) error {
	if p.batch.events > 0 {
		p.whole = true
		if err := p.commit(ctx); err != nil {
			return err
		}
		p.whole = false
		p.Attempts.Record(entry.First)
	}
	p.alone = true
	h, e := &p.decoder.Header, &p.event
	p.begun(ctx, entry, h)
	defer p.finish(entry)
	if _, ok, err := p.decoder.Next(e); !ok || err != nil {
		p.malformed(entry, entry.First, errors.Join(event.ErrCodec, err))
		return nil
	}
	p.begin(e, h, entry.First)
	if reason := p.Attempts.Condemned(entry.First); reason != "" {
		p.poison(h, entry.First, errors.New(reason))
		return nil
	}
	if p.each {
		p.Attempts.Event(entry.First, entry.First)
	}
	p.batch.counts.Accepted--
	if u, ok := p.People.Unlink(h.Project, e); ok {
		p.Store.Unlink(u)
	}
	return nil
}

package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

const (
	// previewAgain is how long no preview is begun after one has failed.
	previewAgain = time.Minute
	// previewEvents is the most events that are looked at ahead between two commits.
	previewEvents = 16_384
)

// preview is the second lane. While a backlog is processed in order, it takes the newest events out of the log, works them out
// with what is known by then, and has the store show them ahead. It changes nothing that lasts: the events come again in
// their turn, and only then are they counted, deduplicated, linked and durable. So what is shown may differ from what it will be: whose an
// event is, by a sign-in in the backlog, and its time by less than a minute.
//
// An event is shown once. One that the index of ids or the preview itself knows is not shown; one of which the first turns
// out to be in the backlog is withdrawn in the commit that stores that one.
type preview struct {
	sub     eventlog.Subscription
	at      eventlog.Position
	decoder event.Decoder
	event   event.Event
	// ids are the positions of the events that are shown; order has them by position, to forget them.
	ids   map[previewID]eventlog.Position
	order []previewed
}

type previewID struct {
	project uint32
	key     event.Key
}

type previewed struct {
	id previewID
	at eventlog.Position
}

// lookAhead gives the preview its turn, between two commits: it begins one when answers are old, lets it go on to the end of the log,
// and ends it when the processor has come to where it stands.
func (p *Processor) lookAhead(ctx context.Context) error {
	if p.Preview == nil {
		return nil
	}
	_, end := p.Log.Bounds()
	v := p.preview
	var err error
	switch near := end-p.at < eventlog.Position(p.config.BatchEvents); {
	case v == nil && near:
		return nil
	case v == nil:
		err = p.beginPreview(end)
	case p.at >= v.at:
		p.endPreview()
		return nil
	case near:
		return nil // The rest is here at once; it need not be worked out twice.
	default:
		err = p.previewTo(ctx, v, end)
	}
	if err == nil || ctx.Err() != nil || p.abandoned.Load() {
		return err
	}
	// What waits is processed all the same.
	p.Logger.Warn("the newest events cannot be shown ahead", "error", err)
	p.endPreview()
	p.previewAfter = time.Now().Add(previewAgain)
	return nil
}

// beginPreview begins at the end of the log when what is visible is too old.
func (p *Processor) beginPreview(end eventlog.Position) error {
	if _, seconds := p.Lag(); seconds < p.config.PreviewAfter.Seconds() || time.Now().Before(p.previewAfter) {
		return nil
	}
	sub, err := p.Ahead(end)
	if err != nil {
		return fmt.Errorf("look ahead from position %d: %w", end, err)
	}
	p.Logger.Info("the newest events are shown ahead of the backlog", "from", uint64(end), "backlog", uint64(end-p.at))
	p.preview = &preview{sub: sub, at: end, ids: map[previewID]eventlog.Position{}}
	return nil
}

// endPreview has nothing shown ahead any more.
func (p *Processor) endPreview() {
	if p.preview == nil {
		return
	}
	_ = p.preview.sub.Close()
	p.preview = nil
	p.Preview.EndPreview()
	p.People.EndPreview()
	p.metrics.previewLag.Set(0)
}

// previewTo shows what the log has up to a position, and not more at a time than others can wait for.
func (p *Processor) previewTo(ctx context.Context, v *preview, end eventlog.Position) error {
	from := v.at
	for v.at < end && v.at < from+previewEvents {
		entries, err := v.sub.Next(ctx, readEntries)
		if err != nil {
			return fmt.Errorf("read ahead: %w", err)
		}
		for i := range entries {
			if err := p.previewRecord(v, &entries[i]); err != nil {
				return err
			}
			v.at = entries[i].End()
		}
	}
	p.Attempts.Done()
	if v.at == from {
		return nil
	}
	shown := p.Preview.ShowPreview(v.at)
	for len(v.order) > 0 && v.order[0].at < shown {
		if first := v.order[0]; v.ids[first.id] == first.at {
			delete(v.ids, first.id)
		}
		v.order = v.order[1:]
	}
	p.metrics.previewed.Add(float64(v.at - from))
	p.metrics.previewLag.Set(float64(end - min(end, v.at)))
	return nil
}

// previewRecord puts the events of a record into the preview. What does not come through is left to its turn.
func (p *Processor) previewRecord(v *preview, entry *eventlog.Entry) error {
	if each, alone := p.Attempts.Record(entry.First); each || alone {
		return nil
	}
	if err := v.decoder.Open(entry.Payload); err != nil || v.decoder.Unlinks {
		return nil //nolint:nilerr // told in its turn
	}
	h, e := &v.decoder.Header, &v.event
	loc := p.location(h)
	for pos := entry.First; pos < entry.End(); pos++ {
		dead, ok, err := v.decoder.Next(e)
		if !ok {
			return nil
		}
		if dead != nil || err != nil || p.Attempts.Condemned(pos) != "" {
			continue
		}
		if err := p.previewOne(v, h, loc, pos); err != nil {
			return err
		}
	}
	return nil
}

// previewOne puts the event just decoded into the preview.
func (p *Processor) previewOne(v *preview, h *event.Header, loc *time.Location, pos eventlog.Position) error {
	e := &v.event
	p.begin(e, h, pos)
	id := previewID{h.Project, e.Derived.Key}
	if e.ID != "" {
		if _, shown := v.ids[id]; shown {
			return nil
		}
		known, err := p.Dedup.Known(claim(h, e), pos, h.ReceivedAt)
		if err != nil {
			return fmt.Errorf("deduplicate position %d ahead: %w", pos, err)
		}
		if known {
			return nil
		}
	}
	p.working.Store(uint64(pos) + 1)
	err := p.previewSteps(h, loc, e)
	p.working.Store(0)
	if p.abandoned.Load() {
		return errAbandoned
	}
	if err == nil && e.ID != "" {
		v.ids[id] = pos
		v.order = append(v.order, previewed{id, pos})
	}
	return nil
}

// previewSteps are the steps of an event ahead of its turn. A panic in them is an error.
func (p *Processor) previewSteps(h *event.Header, loc *time.Location, e *event.Event) (err error) {
	defer recovered(&err)
	p.People.Device(e)
	p.Clock.Preview(h.Project, e)
	p.Enricher.Enrich(e)
	p.People.Preview(h.Project, e)
	if p.abandoned.Load() {
		return errors.New("given up")
	}
	p.Preview.Preview(store.ProjectID(h.Project), loc, h.Protocol, e)
	return nil
}

// first tells the preview that an event is the first of its id.
func (p *Processor) first(project uint32, key event.Key, pos eventlog.Position) {
	v := p.preview
	if v == nil {
		return
	}
	id := previewID{project, key}
	if shown, ok := v.ids[id]; ok && shown > pos {
		p.Preview.Withdraw(shown)
	}
}

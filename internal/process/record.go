package process

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

const (
	// tries is how often an event may fail before it is set aside.
	tries = 3
	// deadBody is how much of a dead letter's bytes is kept.
	deadBody = 64 << 10
	// madeID is what ids begin with that ingest made from the content of an event without one.
	madeID = "made-"
)

// record processes one entry of the log. Every position in it is counted exactly once, unless it is an unlink.
func (p *Processor) record(ctx context.Context, entry *eventlog.Entry) error {
	if err := p.retry(ctx, func() error { return p.Dedup.Advance(entry.First) }); err != nil {
		return err
	}
	if err := p.takeUp(ctx, entry.First); err != nil {
		return err
	}
	p.whole = false
	if err := p.decoder.Open(entry.Payload); errors.Is(err, event.ErrNewer) {
		return fmt.Errorf("position %d: %w", entry.First, err)
	} else if err != nil {
		p.decoder.Header = event.Header{ReceivedAt: p.lastReceived()}
		p.begun(ctx, entry, &p.decoder.Header)
		p.malformed(entry, entry.First, err)
		p.finish(entry)
		return nil
	}
	if p.decoder.Unlinks {
		return p.unlink(ctx, entry)
	}
	h := &p.decoder.Header
	p.begun(ctx, entry, h)
	loc := p.location(h)
	for pos := entry.First; pos < entry.End(); pos++ {
		dead, ok, err := p.decoder.Next(&p.event)
		switch {
		case !ok: // The rest of the record cannot be told apart.
			if err == nil {
				err = fmt.Errorf("%w: fewer items than events", event.ErrCodec)
			}
			p.malformed(entry, pos, err)
			p.finish(entry)
			return nil
		case err != nil:
			p.batch.counts.Dead++
			p.dead(store.DeadLetter{Position: pos, Code: "malformed_record", Reason: err.Error(), Body: entry.Payload})
		case dead != nil:
			p.batch.counts.Dead++
			p.deadItem(pos, dead)
		default:
			if err := p.one(ctx, h, loc, pos); err != nil {
				return err
			}
		}
	}
	p.finish(entry)
	return nil
}

// location is the time zone that cuts the days of a record.
func (p *Processor) location(h *event.Header) *time.Location {
	if loc := p.Projects.Location(store.ProjectID(h.Project)); loc != nil {
		return loc
	}
	return time.UTC
}

// takeUp notes which record is at hand. One that is to be committed by itself waits for what came before it.
func (p *Processor) takeUp(ctx context.Context, at eventlog.Position) error {
	p.recordAt = at
	p.each, p.alone = p.Attempts.Record(at)
	if p.alone && p.batch.events > 0 {
		if err := p.commit(ctx); err != nil {
			return err
		}
		p.Attempts.Record(at)
	}
	return nil
}

func (p *Processor) begun(ctx context.Context, entry *eventlog.Entry, h *event.Header) {
	b := &p.batch
	b.count(store.ProjectID(h.Project), hour(h.ReceivedAt), p.Store)
	b.counts.Accepted += int64(entry.Events)
	b.received = append(b.received, h.ReceivedAt)
	b.newest = max(b.newest, h.ReceivedAt)
	p.traced(ctx, entry, h)
}

// lastReceived stands for the time of receipt of what does not tell it.
func (p *Processor) lastReceived() int64 {
	if t := max(p.newest.Load(), p.batch.newest); t != 0 {
		return t
	}
	return p.Now().UnixMicro()
}

func (p *Processor) finish(entry *eventlog.Entry) {
	p.at, p.whole = entry.End(), true
	p.batch.grow(entry.First, entry.Events)
	p.batch.bytes += len(entry.Payload)
}

// one processes the event just decoded.
func (p *Processor) one(ctx context.Context, h *event.Header, loc *time.Location, pos eventlog.Position) error {
	e := &p.event
	p.begin(e, h, pos)
	if e.ID != "" {
		dup, other, err := p.seen(ctx, h, pos)
		if err != nil {
			return fmt.Errorf("deduplicate position %d: %w", pos, err)
		}
		if fault.Planted(fault.FirstUnasked) && p.lastCommit.IsZero() {
			dup, other = false, false
		}
		if other {
			p.conflict(h, pos)
			return nil
		}
		if dup {
			p.batch.counts.Duplicate++
			p.Store.CountDuplicate(store.ProjectID(h.Project), hour(h.ReceivedAt), store.SDK{Name: e.Context.LibraryName, Version: e.Context.LibraryVersion})
			if fault.Planted(fault.CountedEarly) {
				p.batch.counts.Stored++
			}
			return nil
		}
		p.first(h.Project, e.Derived.Key, pos)
	}
	err := p.try(h, loc, e, pos)
	if p.abandoned.Load() {
		return errAbandoned
	}
	if err != nil {
		p.poison(h, pos, err)
		return nil
	}
	p.batch.counts.Stored++
	return nil
}

// try brings the event through the steps to the store, unless it is known not to come through.
func (p *Processor) try(h *event.Header, loc *time.Location, e *event.Event, pos eventlog.Position) (err error) {
	if reason := p.Attempts.Condemned(pos); reason != "" {
		return errors.New(reason)
	}
	if p.each {
		p.Attempts.Event(p.recordAt, pos)
	}
	p.working.Store(uint64(pos) + 1)
	defer p.working.Store(0)
	begun := e.Derived
	for range tries {
		e.Derived = begun
		if err = p.steps(h, e); err == nil || p.abandoned.Load() {
			break
		}
	}
	if err == nil {
		err = p.add(h, loc, e)
	}
	return err
}

func (p *Processor) seen(ctx context.Context, h *event.Header, pos eventlog.Position) (dup, other bool, err error) {
	c := claim(h, &p.event)
	if dup, other, err = p.Dedup.Seen(c, pos, h.ReceivedAt); err == nil {
		return dup, other, nil
	}
	err = p.retry(ctx, func() (err error) {
		dup, other, err = p.Dedup.Seen(c, pos, h.ReceivedAt)
		return err
	})
	return dup, other, err
}

// claim is what dedup is asked about. An id that was made from the content needs nothing beside it.
func claim(h *event.Header, e *event.Event) event.Claim {
	c := event.Claim{Project: h.Project, Key: e.Derived.Key}
	if e.Derived.Flags&event.FlagMadeID == 0 {
		c.Content = e.Content()
	}
	return c
}

// begin fills what is known of an event without any step.
func (p *Processor) begin(e *event.Event, h *event.Header, pos eventlog.Position) {
	d := &e.Derived
	d.Position, d.ReceivedAt = uint64(pos), h.ReceivedAt
	d.Key, _ = event.KeyOf(e.ID)
	if strings.HasPrefix(e.ID, madeID) {
		d.Flags |= event.FlagMadeID
	}
}

// steps works out the rest. A panic in them is an error.
func (p *Processor) steps(h *event.Header, e *event.Event) (err error) {
	defer recovered(&err)
	p.People.Device(e)
	p.Clock.Correct(h.Project, e)
	p.Enricher.Enrich(e)
	changes := p.People.Assign(h.Project, e)
	if p.abandoned.Load() {
		return errAbandoned
	}
	for _, l := range changes.Links {
		p.Store.AddLink(l)
	}
	for _, h := range changes.Hands {
		p.Store.Hand(h)
	}
	for _, h := range changes.Holders {
		p.Store.Hold(h)
	}
	return nil
}

// add gives the event to the store. A panic is not tried again: it would be the same.
func (p *Processor) add(h *event.Header, loc *time.Location, e *event.Event) (err error) {
	defer recovered(&err)
	p.Store.Add(store.ProjectID(h.Project), loc, h.Protocol, e)
	return nil
}

var errPanic = errors.New("panic")

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", errPanic, r)
	}
}

// poison sets aside an event that cannot be processed, as a log record of its own, and forgets its id, so that it can
// be sent again.
func (p *Processor) poison(h *event.Header, pos eventlog.Position, cause error) {
	e := &p.event
	if e.ID != "" {
		p.Dedup.Forget(h.Project, e.Derived.Key, pos)
	}
	p.encoder.Begin(*h)
	p.encoder.Add(e)
	p.Logger.Error("event set aside", "position", uint64(pos), "project", h.Project, "error", cause)
	p.batch.counts.Dead++
	p.dead(store.DeadLetter{Position: pos, Code: store.CodePoison, Reason: cause.Error(), Body: p.encoder.Payload()})
}

// conflict sets aside an event whose id is that of an earlier one that said something else: the first counts, the other is kept as a
// log record of its own.
func (p *Processor) conflict(h *event.Header, pos eventlog.Position) {
	p.encoder.Begin(*h)
	p.encoder.Add(&p.event)
	p.batch.counts.Dead++
	p.dead(store.DeadLetter{
		Position: pos, Code: store.CodeConflict, Body: p.encoder.Payload(),
		Reason: "its id was that of an earlier event with another content",
	})
}

// malformed sets aside the rest of a record from pos on.
func (p *Processor) malformed(entry *eventlog.Entry, pos eventlog.Position, cause error) {
	rest := int64(entry.End() - pos)
	p.Logger.Error("log record malformed", "position", uint64(pos), "events", rest, "error", cause)
	p.batch.counts.Dead += rest
	p.dead(store.DeadLetter{
		Position: pos, Code: "malformed_record", Body: entry.Payload,
		Reason: fmt.Sprintf("%d events from position %d on: %v", rest, pos, cause),
	})
}

// deadItem passes on what ingest could not read.
func (p *Processor) deadItem(pos eventlog.Position, dead *event.Dead) {
	h := &p.decoder.Header
	p.metrics.deadLetter(dead.Code)
	p.Store.AddDead(store.DeadLetter{
		Project: store.ProjectID(h.Project), Position: pos, ReceivedAt: h.ReceivedAt, Stage: "decode",
		Code: dead.Code, Reason: dead.Reason, Protocol: h.Protocol, Body: dead.Body[:min(len(dead.Body), deadBody)],
	})
}

// dead gives the store a dead letter of this room.
func (p *Processor) dead(d store.DeadLetter) {
	h := &p.decoder.Header
	d.Project, d.Protocol, d.Stage = store.ProjectID(h.Project), h.Protocol, "process"
	if d.ReceivedAt == 0 {
		d.ReceivedAt = h.ReceivedAt
	}
	if d.Code == "log_damaged" {
		d.Project, d.Protocol = 0, ""
	}
	d.Body = d.Body[:min(len(d.Body), deadBody)]
	p.metrics.deadLetter(d.Code)
	p.Store.AddDead(d)
}

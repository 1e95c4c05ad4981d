package query

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/session"
	"github.com/freshet/freshet/internal/store"
)

// PersonEvents is a page of one person's events, newest first.
type PersonEvents struct {
	Person string        `json:"person"`
	Events []PersonEvent `json:"events"`
	// Next is the cursor of the next page; empty after the last.
	Next      string          `json:"next,omitempty"`
	Watermark store.Watermark `json:"watermark"`
}

// PersonEvent is an event with the session that it belongs to.
type PersonEvent struct {
	Event
	// Session is nil for an event that bears none.
	Session *EventSession `json:"session,omitempty"`
}

// EventSession is a session as one person's events make it. First and Last tell that the event begins it, or ends it.
type EventSession struct {
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
	Events    int64     `json:"events"`
	First     bool      `json:"first"`
	Last      bool      `json:"last"`
}

// maxOwnEvents bounds how many events of one person are put in order.
const maxOwnEvents = 1_000_000

// PersonEvents returns the events of the person whom an id leads to, as Profile reads it, that pass the filter, newest first
// from the cursor on; the filter's own person is not used. limit is 1 to 1000; 0 means 50. Sessions are told by the events
// of the person alone: on a device that others use too, theirs are not counted. A person with more than a million events
// is refused.
func (e *Engine) PersonEvents(ctx context.Context, s Scope, id string, f EventFilter, cursor string, limit int) (*PersonEvents, error) {
	if limit == 0 {
		limit = defaultEvents
	}
	if err := checkLimit(limit, maxEvents); err != nil {
		return nil, err
	}
	f.Person = id
	list := f.hash(s.Project)
	f.Person = ""
	after, err := decodeCursor(cursor, list)
	if err != nil {
		return nil, err
	}
	out := &PersonEvents{}
	err = e.ask(ctx, "person events", s, func(ctx context.Context, cut *peopledCut) error {
		out.Watermark = cut.Watermark()
		g := &ground{e, cut, s}
		person, err := g.find(ctx, id)
		if err != nil {
			return err
		}
		out.Person = strconv.FormatUint(person, 10)
		return g.own(person).page(ctx, f, after, limit, list, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// page fills a page of the one person's events, behind after when it is not nil.
func (g *ground) page(ctx context.Context, f EventFilter, after *place, limit int, list uint64, out *PersonEvents) error {
	marks, err := g.marks(ctx, f)
	if err != nil {
		return err
	}
	var at []place
	index := make([]int, 0, limit)
	for i := range marks {
		m := &marks[i]
		if !m.wanted || after != nil && m.newerFirst(*after) <= 0 {
			continue
		}
		if len(at) == limit {
			out.Next = at[limit-1].encode(list)
			break
		}
		at, index = append(at, m.place), append(index, i)
	}
	c, err := g.engine.condition(ctx, g.cut, g.scope, EventFilter{})
	if err != nil {
		return err
	}
	events, err := fetch(ctx, c, at)
	if err != nil {
		return err
	}
	visits := g.visits(marks)
	out.Events = make([]PersonEvent, len(events))
	for i := range events {
		out.Events[i] = PersonEvent{events[i], visits.of(index[i])}
	}
	return nil
}

// mark is as much of an event as its place in the order and in a session takes.
type mark struct {
	place
	device, session uint64
	// bears tells that the event bears a session, wanted that it passes a filter.
	bears, wanted bool
}

// newerFirst orders places as pages have them: below zero where p comes before o.
func (p place) newerFirst(o place) int {
	return cmp.Or(cmp.Compare(o.time, p.time), cmp.Compare(o.seq, p.seq))
}

// marks reads the events of the one person, newest first.
func (g *ground) marks(ctx context.Context, f EventFilter) ([]mark, error) {
	c, err := g.engine.condition(ctx, g.cut, g.scope, f)
	if err != nil {
		return nil, err
	}
	wanted := make([]string, 0, len(c.terms)+3)
	wanted = append(wanted, c.terms...)
	if f.From != nil {
		wanted = append(wanted, "time >= "+c.dialect.Moment(f.From.UnixMicro()))
	}
	if f.To != nil {
		wanted = append(wanted, "time < "+c.dialect.Moment(f.To.UnixMicro()))
	}
	if c.where != "" {
		wanted = append(wanted, "("+c.where+")")
	}
	for _, name := range []string{"device", "session", "event", "library"} {
		c.column(name)
	}
	passes := "TRUE"
	if len(wanted) > 0 {
		passes = "coalesce(" + strings.Join(wanted, " AND ") + ", FALSE)"
	}
	sql := "SELECT " + c.dialect.Micros("time") + ", seq, device, session, " +
		c.dialect.Cast("coalesce("+bearing()+", FALSE)", store.Boolean) + ", " + c.dialect.Cast(passes, store.Boolean) + " FROM " + c.source("") +
		fmt.Sprintf(" LIMIT %d", maxOwnEvents+1)
	ctx, span := g.engine.Tracer.Start(ctx, "sql person")
	defer span.End()
	var out []mark
	for b, err := range g.cut.Batches(ctx, sql, c.args...) {
		if err != nil {
			return nil, fmt.Errorf("read a person: %w", err)
		}
		for i := range b.Rows {
			out = append(out, mark{
				place{b.Columns[0].Int64[i], b.Columns[1].Uint64[i]},
				b.Columns[2].Uint64[i], b.Columns[3].Uint64[i],
				b.Columns[4].Bool[i], b.Columns[5].Bool[i],
			})
		}
	}
	if len(out) > maxOwnEvents {
		return nil, event.Errorf(event.TooLarge, "too_many_events", "the person has more than %d events; GET /v1/events pages through them", maxOwnEvents)
	}
	slices.SortFunc(out, func(a, b mark) int { return a.newerFirst(b.place) })
	return out, nil
}

// personVisits are the sessions of one person. owner has for each mark the number of its session, -1 for none.
type personVisits struct {
	list  []session.Session
	owner []int
	// first and last are marks of each session.
	first, last []int
}

// visits puts marks, which are newest first, together to sessions.
func (g *ground) visits(marks []mark) *personVisits {
	out := &personVisits{owner: make([]int, len(marks))}
	devices := map[uint64][]int{}
	var order []uint64
	for i := len(marks) - 1; i >= 0; i-- {
		out.owner[i] = -1
		if d := marks[i].device; marks[i].bears {
			if devices[d] == nil {
				order = append(order, d)
			}
			devices[d] = append(devices[d], i)
		}
	}
	ids := saneIDs(marks)
	m := session.New(&session.Config{Edges: []int64{math.MinInt64, math.MaxInt64}, Gap: g.scope.SessionGap.Microseconds(), Hit: 1})
	var events []history.Event
	for _, d := range order {
		events = events[:0]
		for _, i := range devices[d] {
			events = append(events, history.Event{Time: marks[i].time, Match: 1, Hold: ids[marks[i].session]})
		}
		base := len(out.list)
		found := m.Walk(events)
		out.list = append(out.list, found...)
		for range found {
			out.first, out.last = append(out.first, -1), append(out.last, -1)
		}
		for k, i := range devices[d] {
			at := base + m.Of(k)
			if out.first[at] < 0 {
				out.first[at] = i
			}
			out.owner[i], out.last[at] = at, i
		}
	}
	return out
}

// saneIDs numbers the ids of sessions that can be trusted, from 1 on.
func saneIDs(marks []mark) map[uint64]int32 {
	type span struct {
		device   uint64
		from, to int64
		several  bool
	}
	spans := map[uint64]*span{}
	for i := range marks {
		m := &marks[i]
		if m.session == 0 || !m.bears {
			continue
		}
		s := spans[m.session]
		if s == nil {
			s = &span{device: m.device, from: m.time, to: m.time}
			spans[m.session] = s
		}
		s.from, s.to, s.several = min(s.from, m.time), max(s.to, m.time), s.several || s.device != m.device
	}
	out := map[uint64]int32{}
	for id, s := range spans {
		if !s.several && s.to-s.from <= maxSessionHours*time.Hour.Microseconds() {
			out[id] = int32(len(out) + 1)
		}
	}
	return out
}

// of is the session of a mark.
func (v *personVisits) of(mark int) *EventSession {
	at := v.owner[mark]
	if at < 0 {
		return nil
	}
	s := &v.list[at]
	return &EventSession{
		StartedAt: time.UnixMicro(s.Begin).UTC(), EndedAt: time.UnixMicro(s.End).UTC(), Events: s.Events,
		First: v.first[at] == mark, Last: v.last[at] == mark,
	}
}

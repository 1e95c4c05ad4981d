package query

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/session"
)

// alone is false: what a session is depends on all events of its device.
func (r *ResolvedSessions) alone() bool { return false }

func (r *ResolvedSessions) explain(ctx context.Context, g *ground, data json.RawMessage, x *explaining) error {
	cell, err := decodeCell[PeopleOfSessions](data)
	if err != nil {
		return err
	}
	at, err := r.check(cell)
	if err != nil {
		return err
	}
	from, to := r.buckets.from(), r.buckets.to()
	if at >= 0 {
		from, to = r.buckets.edges[at], r.buckets.edges[at+1]
	}
	sel := &selection{engine: g.engine, cut: g.cut, zone: r.zone, clocks: r.clocks, where: r.Where, selectors: []Selector{*r.Holding}, from: from, to: to.Add(maxSessionHours * time.Hour)}
	events, err := sel.ownEvents(ctx)
	if err != nil {
		return err
	}
	for _, e := range events {
		x.by(e.Seq, "match")
	}
	if x.In {
		x.say(ReasonCounted, "has events in a session that counts in the cell")
		return nil
	}
	list, err := r.attended(ctx, g, x)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		x.say(ReasonNoEvent, "did none of the events that a session must hold, from the beginning of the cell to a day after it")
	} else {
		x.say(ReasonUncounted, "did matching events, in no session that counts in the cell")
	}
	r.missed(list, *cell, x)
	return nil
}

// attendance is a session that a person has a part in, and that counts somewhere in the answer.
type attendance struct {
	bucket  int
	bounced bool
	group   []any
	// measured tells of each measure whether the session has an event of it.
	measured []bool
}

// attendances are those of a person.
type attendances []attendance

// Merge adds others.
func (a *attendances) Merge(o *attendances) { *a = append(*a, *o...) }

// attended has the sessions of the answer that hold an event of the person. Only the person's devices are read.
func (r *ResolvedSessions) attended(ctx context.Context, own *ground, x *explaining) (attendances, error) {
	devices, err := own.numbersOf(ctx, "SELECT DISTINCT device FROM "+own.cut.Events("device"), nil)
	if err != nil || len(devices) == 0 {
		return nil, err
	}
	v := &visits{ResolvedSessions: r, engine: own.engine, cut: x.all.cut, visitors: newVisitors(), devices: devices}
	if v.dimensions, err = r.grouped(ctx, v.engine, v.cut, x.all.scope, r.Holding, r.Where, r.Breakdown); err != nil {
		return nil, err
	}
	events, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	defer events.Free()
	config := v.config
	config.Lines = v.visitors.lines(nil)
	out, err := walkAll(ctx, events, func() (*attendances, func(*history.Actor)) {
		m, out := session.New(&config), &attendances{}
		return out, func(a *history.Actor) {
			list := m.Walk(a.Events)
			for e := range a.Events {
				at := m.Of(e)
				if at < 0 || v.visitors.pairs[a.Events[e].Value].person != x.number {
					continue
				}
				s := &list[at]
				found := attendance{bucket: int(s.Interval), bounced: s.Bounced()}
				for _, m := range s.Measures {
					found.measured = append(found.measured, m.Events > 0)
				}
				if len(v.dimensions) > 0 {
					found.group = labels(v.dimensions, v.values.groups[s.Line])
				}
				*out = append(*out, found)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return *out, nil
}

// missed finds the cell nearest to one in which one of the person's sessions counts: the same without asking for a bounce or for an event of
// a measure, another interval, or another value of the breakdown. Which group of a histogram a session is in, the sessions of all
// others say; such a cell has no neighbour.
func (r *ResolvedSessions) missed(list attendances, cell PeopleOfSessions, x *explaining) {
	if cell.Bin != nil {
		return
	}
	bucket := -1
	if cell.Bucket != nil {
		bucket, _ = placeOfStart("bucket", r.buckets.starts, *cell.Bucket)
	}
	var near *attendance
	for i := range list {
		a := &list[i]
		here := bucket < 0 || a.bucket == bucket
		same := len(r.Breakdown) == 0 || reflect.DeepEqual(a.group, cell.Breakdown)
		long, without := cell.Bounced && !a.bounced, cell.Measure != nil && !a.measured[*cell.Measure]
		switch changed := cell; {
		case long && !without && here && same:
			changed.Bounced = false
			x.say(ReasonState, "has a session there, which is no bounce")
			x.nearest(&changed, "cell.bounced", false, "would be in for sessions of any length")
			return
		case without && !long && here && same:
			changed.Measure = nil
			x.say(ReasonState, "has a session there, without an event of %s", r.Measures[*cell.Measure].Label)
			x.nearest(&changed, "cell.measure", nil, "would be in for sessions with and without one")
			return
		case long || without:
		case !here && same && (near == nil || distance(a.bucket, bucket) < distance(near.bucket, bucket)):
			near = a
		case here && !same && x.Nearest == nil:
			changed.Breakdown = a.group
			x.say(ReasonValue, "has a session there, of another value of the breakdown")
			x.nearest(&changed, "cell.breakdown", a.group, "would be in for %s", labelText(a.group))
		}
	}
	if near == nil || x.Nearest != nil {
		return
	}
	start := r.buckets.starts[near.bucket]
	cell.Bucket = &start
	x.say(ReasonBucket, "has a session that began in another interval, at or after %s", start.Format(time.RFC3339))
	x.nearest(&cell, "cell.bucket", start, "would be in for the bucket that starts at %s", start.Format(time.RFC3339))
}

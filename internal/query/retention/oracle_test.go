package retention

import (
	"time"

	"github.com/freshet/freshet/internal/query/history"
)

// oracle answers by looking at every event for every cell, with local dates in place of edges.
type oracle struct {
	*Config
	interval  string
	zone      *time.Location
	weekStart time.Weekday
}

// number is the index of a moment's interval on the local calendar.
func (o *oracle) number(at int64) int {
	t := time.UnixMicro(at).In(o.zone)
	y, m, d := t.Date()
	days := int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	switch o.interval {
	case "week":
		// 1970-01-01 was a Thursday.
		return (days + 4 - int(o.weekStart) + 700) / 7
	case "month":
		return y*12 + int(m)
	}
	return days
}

func (o *oracle) floor(at int64) int64 {
	if o.Floor == nil {
		return at
	}
	t := time.UnixMicro(at).In(o.zone)
	return at - int64(t.Minute())*60e6 - int64(t.Second())*1e6 - int64(t.Nanosecond())/1e3
}

// entry is the start event of an actor in a cohort, by its place; ok is false when the actor is not in it.
func (o *oracle) entry(events []history.Event, cohort int) (int, bool) {
	first := o.number(o.From)
	for i, e := range events {
		if e.Match&o.Start == 0 {
			continue
		}
		inRange := e.Time >= o.From && e.Time < o.To
		inCohort := inRange && o.number(e.Time)-first == cohort
		switch o.Entry {
		case FirstEver:
			return i, inCohort
		case FirstInRange:
			if inRange {
				return i, inCohort
			}
		case Recurring:
			if inCohort {
				return i, true
			}
		}
	}
	return 0, false
}

// came tells whether the actor came back at an offset.
func (o *oracle) came(events []history.Event, start, offset int) bool {
	if offset == 0 && !o.ZeroReturned {
		return true
	}
	s := events[start]
	for i, e := range events {
		if i <= start || e.Match&o.Return == 0 {
			continue
		}
		n := o.number(e.Time) - o.number(s.Time)
		if o.Rolling {
			n = int((o.floor(e.Time) - o.floor(s.Time)) / o.Unit)
		}
		if n == offset || o.OrAfter && n > offset {
			return true
		}
	}
	return false
}

// cell tells whether the actor is in a cohort, and in one of its columns.
func (o *oracle) cell(events []history.Event, line int32, cohort, column int) (member, in bool) {
	var lists [][]history.Event
	if o.SameValue {
		for v := range int32(len(o.Lines)) {
			var own []history.Event
			for _, e := range events {
				if e.Value == v && o.Lines[v] == line {
					own = append(own, e)
				}
			}
			lists = append(lists, own)
		}
	} else {
		lists = [][]history.Event{events}
	}
	for _, list := range lists {
		at, ok := o.entry(list, cohort)
		if !ok || o.Lines != nil && o.Lines[list[at].Value] != line {
			continue
		}
		member = true
		for offset := o.Column(column).From; offset <= o.Column(column).To; offset++ {
			in = in || o.came(list, at, offset)
		}
	}
	return member, in
}

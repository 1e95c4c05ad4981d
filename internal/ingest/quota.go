package ingest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/event"
)

// quota refuses the events of projects that have as many as they may have.
type quota struct {
	until func(project uint32, now time.Time) (time.Time, bool)
	now   func() time.Time
	// refused is when something was refused last, in Unix microseconds.
	refused atomic.Int64
}

// mostWait is the longest that a client of a full project is told to wait, as somebody may raise what it may have.
const mostWait = time.Hour

// check tells whether the project is full. Project 0 is nobody's.
func (q *quota) check(project uint32) error {
	if q.until == nil || project == 0 {
		return nil
	}
	now := q.now()
	until, full := q.until(project, now)
	if !full {
		return nil
	}
	q.refused.Store(now.UnixMicro())
	return &event.Error{
		Kind: event.Overloaded, Code: "project_quota", Wait: min(until.Sub(now), mostWait),
		Message: fmt.Sprintf("the project has all the events that it may have this month; they are taken again from %s, or when its events_per_month is raised", until.Format(time.RFC3339)),
	}
}

// idle tells that nobody was refused for a while: there is no need to look before a request is read.
func (q *quota) idle() bool {
	return q.now().UnixMicro()-q.refused.Load() > burst.Microseconds()
}

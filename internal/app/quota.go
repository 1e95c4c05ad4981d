package app

import (
	"context"
	"errors"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/store"
)

// What a project has stored of a month is looked at between once in lookLeast and once in lookMost: the later, the longer it takes, at the
// pace of the time between the last two looks, until half of what is left is stored.
const (
	lookLeast = time.Second
	lookMost  = 30 * time.Second
)

// quotas finds out which projects have as many events of a month as they may have, and notes it where those who take events see it, until
// ctx ends.
func (a *way) quotas(ctx context.Context) {
	tick := time.NewTicker(lookLeast)
	defer tick.Stop()
	looks := map[project.ID]look{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		for _, p := range a.projects.Projects() {
			if p.EventsPerMonth > 0 && p.Lane == a.number && looks[p.ID].due(p, now) {
				looks[p.ID] = a.look(ctx, p, looks[p.ID], now)
			}
		}
	}
}

// look is what was found out about a project.
type look struct {
	// of is how many events it may have, stored how many of the month it had at a moment.
	of     int
	month  project.Month
	stored int64
	at     time.Time
	next   time.Time
}

// due tells that it is to be looked at again.
func (l look) due(p project.Project, now time.Time) bool {
	month := project.MonthOf(now)
	return p.Spent != month && (p.EventsPerMonth != l.of || month != l.month || !now.Before(l.next))
}

// pause is how long to wait after a look.
func (l look) pause(before look) time.Duration {
	if before.month != l.month || before.at.IsZero() {
		return lookLeast // its pace is not known
	}
	came := l.stored - before.stored
	if came <= 0 {
		return lookMost
	}
	half := float64(int64(l.of)-l.stored) / 2 / float64(came) * float64(l.at.Sub(before.at))
	return time.Duration(min(max(half, float64(lookLeast)), float64(lookMost)))
}

func (a *way) look(ctx context.Context, p project.Project, before look, now time.Time) look {
	l := look{of: p.EventsPerMonth, month: project.MonthOf(now), at: now}
	var err error
	if l.stored, err = storedIn(ctx, a.reader, p.ID, l.month); err == nil && l.stored >= int64(l.of) {
		if err = a.projects.Spend(ctx, p.ID, l.month); err == nil {
			a.Logger.Warn("a project has all the events that it may have this month; further ones are refused", "project", p.ID, "events_per_month", l.of, "stored", l.stored)
		}
	}
	if err != nil {
		var away *event.Error // is said elsewhere
		if ctx.Err() == nil && (!errors.As(err, &away) || away.Kind != event.Unavailable) {
			a.Logger.Warn("compare a project's events of the month with what it may have", "project", p.ID, "error", err)
		}
		return look{of: l.of, month: l.month, next: now.Add(lookMost / 4)} // what is away is back soon
	}
	l.next = now.Add(l.pause(before))
	return l
}

// storedIn is how many events that a project has stored came in a month.
func storedIn(ctx context.Context, reader store.Reader, p project.ID, month project.Month) (stored int64, err error) {
	hours, err := reader.Ledger(ctx, store.ProjectID(p), month.Begin().Unix(), (month + 1).Begin().Unix())
	for _, h := range hours {
		stored += h.Stored
	}
	return stored, err
}

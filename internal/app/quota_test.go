package app

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/project"
)

// TestLooks has events come at any pace, and a project looked at when a look says so: it has no more than came within the time that a look at
// its pace may take, when that is seen.
func TestLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		began := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
		p := project.Project{EventsPerMonth: rapid.IntRange(1, 1_000_000).Draw(t, "quota")}
		perSecond := rapid.IntRange(1, 20_000).Draw(t, "a second")
		stored := func(now time.Time) int64 { return int64(now.Sub(began).Seconds()) * int64(perSecond) }
		var l look
		looks := 0
		for now := began; ; now = now.Add(lookLeast) {
			if !l.due(p, now) {
				continue
			}
			looks++
			next := look{of: p.EventsPerMonth, month: project.MonthOf(now), at: now, stored: stored(now)}
			if over := next.stored - int64(p.EventsPerMonth); over >= 0 {
				if over > int64(perSecond) {
					t.Fatalf("after %s it has %d events more than %d, at %d a second", now.Sub(began), over, p.EventsPerMonth, perSecond)
				}
				break
			}
			next.next = now.Add(next.pause(l))
			l = next
		}
		if most := 30 + p.EventsPerMonth/perSecond/int(lookMost/time.Second); looks > most {
			t.Fatalf("%d looks for %d s", looks, p.EventsPerMonth/perSecond)
		}
	})
}

func TestLooksAreDue(t *testing.T) {
	may := time.Date(2026, 5, 31, 23, 59, 59, 0, time.UTC)
	month := project.MonthOf(may)
	p := project.Project{EventsPerMonth: 10}
	seen := look{of: 10, month: month, stored: 3, at: may, next: may.Add(lookMost)}
	for name, c := range map[string]struct {
		p   project.Project
		l   look
		at  time.Time
		due bool
	}{
		"never looked at":           {p, look{}, may, true},
		"just looked at":            {p, seen, may, false},
		"its time has come":         {p, seen, may.Add(lookMost), true},
		"another month":             {p, seen, may.Add(time.Second), true},
		"it may have less":          {project.Project{EventsPerMonth: 5}, seen, may, true},
		"it is full":                {project.Project{EventsPerMonth: 10, Spent: month}, seen, may, false},
		"it was full the month ago": {project.Project{EventsPerMonth: 10, Spent: month - 1}, look{}, may, true},
	} {
		if got := c.l.due(c.p, c.at); got != c.due {
			t.Errorf("%s: due %v", name, got)
		}
	}
	if got := seen.pause(look{month: month, stored: 3, at: may.Add(-time.Second)}); got != lookMost {
		t.Errorf("nothing comes: looked at after %s", got)
	}
	if got := seen.pause(look{}); got != lookLeast {
		t.Errorf("its pace is not known: looked at after %s", got)
	}
}

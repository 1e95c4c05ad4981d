package query_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query"
)

// TestZoneOfTheProjectChanges: days of rows are cut in one zone, then in another, and questions ask in either or a third.
func TestZoneOfTheProjectChanges(t *testing.T) {
	far := append([]string{"Pacific/Kiritimati", "Etc/GMT+12"}, zones...)
	rapid.Check(t, func(rt *rapid.T) {
		base := drawMoment(rt)
		before, after := rapid.SampledFrom(far).Draw(rt, "before"), rapid.SampledFrom(far).Draw(rt, "after")
		h := drawHistory(rt, base, location(t, before))
		h.later, h.moved = location(t, after), rapid.IntRange(0, len(h.events)).Draw(rt, "moved")
		checkHistory(t, rt, base, h.later, h, func(q *query.Trends) {
			q.Timezone = rapid.SampledFrom([]string{"", before, after, rapid.SampledFrom(far).Draw(rt, "third")}).Draw(rt, "asked in")
			if rapid.Bool().Draw(rt, "by day") {
				q.Interval = "day"
			}
		})
	})
}

func drawMoment(t *rapid.T) time.Time {
	base, err := time.Parse(time.RFC3339, rapid.SampledFrom(moments).Draw(t, "moment"))
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// checkHistory asks some questions about a history; adapt changes each of them. The zone is the project's.
func checkHistory(t *testing.T, rt *rapid.T, base time.Time, zone *time.Location, h *history, adapt func(*query.Trends)) {
	s := h.write(t, t.TempDir())
	defer s.Close()
	now := base.Add(time.Duration(rapid.IntRange(-60, 6000).Draw(rt, "now")) * time.Minute)
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return now }})
	scope := query.Scope{
		Project: 1, Zone: zone, SessionGap: 30 * time.Minute,
		WeekStart: rapid.SampledFrom([]time.Weekday{time.Monday, time.Sunday, time.Saturday}).Draw(rt, "week start"),
	}
	o := &oracle{events: h.events, scope: scope, merged: map[uint64]uint64{}}
	for _, l := range h.links {
		o.merged[l.From] = l.To
	}
	for range 6 {
		q := drawQuestion(rt, now)
		adapt(q)
		checkQuestion(rt, e, scope, o, q)
	}
}

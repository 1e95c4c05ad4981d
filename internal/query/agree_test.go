package query_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

func TestTrendsAgreeWithOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		askHistory(t, rt, 8, func(e *query.Engine, o *oracle, now time.Time) { agreeTrends(rt, e, o, now) })
	})
}

// TestBehavioursAgreeWithOracle asks questions of every kind about each history: to write one takes longer than to ask.
func TestBehavioursAgreeWithOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		askHistory(t, rt, 4, func(e *query.Engine, o *oracle, now time.Time) {
			for _, agree := range []agreement{
				agreeFunnel, agreeRetention, agreeLifecycle, agreeStickiness, agreePaths, agreeSessions, agreeCohort,
			} {
				agree(rt, e, o, now)
			}
		})
	})
}

// TestPeopleAgreeWithNumbers asks who is behind the numbers of questions of three kinds, most of their cells one by one, and makes cohorts of them.
func TestPeopleAgreeWithNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		askHistory(t, rt, 1, func(e *query.Engine, o *oracle, now time.Time) {
			someOf(rt, e, o, now, []agreement{
				peopleOfLifecycle, peopleOfStickiness, peopleOfRetention, peopleOfFunnel,
				peopleOfTrends, peopleOfSessions, peopleOfPaths, peopleOfCellCohort,
			})
		})
	})
}

// agreement compares what the engine and the oracle say of random questions of one kind.
type agreement func(*rapid.T, *query.Engine, *oracle, time.Time)

// asked resolves and answers a question, and sees that the one which the answer repeats is the same; nil for a question that
// is refused as wrong.
func asked[Q, A any, R query.Asked](
	t *rapid.T, scope query.Scope, q *Q, resolve func(query.Scope, *Q) (R, error),
	ask func(context.Context, query.Scope, R) (*A, error), repeated func(*A) *Q,
) *A {
	r, err := resolve(scope, q)
	if event.KindOf(err) == event.Invalid {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	a, err := ask(context.Background(), scope, r)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := resolve(scope, repeated(a)); err != nil || again.Key() != r.Key() {
		t.Fatalf("the question in the answer is another one: %v %s", err, asJSON(repeated(a)))
	}
	return a
}

// someOf draws three of them: all would take the time of three histories.
func someOf(rt *rapid.T, e *query.Engine, o *oracle, now time.Time, all []agreement) {
	for _, agree := range rapid.Permutation(all).Draw(rt, "kinds")[:3] {
		o.attribute("")
		agree(rt, e, o, now)
	}
}

// moments are such that clocks change within the days around them, somewhere.
var moments = []string{
	"2026-03-08T12:00:00Z", "2026-11-01T09:30:00Z", "2026-03-29T06:00:00Z", "2026-10-25T01:15:00Z",
	"2026-04-24T09:00:00Z", "2026-10-30T01:00:00Z", "2026-04-04T20:00:00Z", "2026-10-03T18:30:00Z", "2026-06-15T12:00:00Z", "2024-02-29T23:10:00Z",
}

// zones have one that skips midnight, Cairo, and one that has it twice besides, Havana.
var zones = []string{"Africa/Cairo", "America/Havana", "UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Kiritimati", "Etc/GMT+12"}

func drawMoment(t *rapid.T) time.Time {
	base, err := time.Parse(time.RFC3339, rapid.SampledFrom(moments).Draw(t, "moment"))
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// askHistory writes a random history and asks about it. Here and there the zone of the project has changed: days of rows
// are cut in one zone, then in another, and questions ask in either or a third.
func askHistory(t *testing.T, rt *rapid.T, questions int, ask func(e *query.Engine, o *oracle, now time.Time)) {
	base := drawMoment(rt)
	zone := location(t, rapid.SampledFrom(zones).Draw(rt, "zone"))
	h := drawHistory(rt, base, zone)
	if rapid.IntRange(0, 2).Draw(rt, "zone changes?") == 0 {
		zone = location(t, rapid.SampledFrom(zones).Draw(rt, "next zone"))
		h.later, h.moved = zone, rapid.IntRange(0, len(h.events)).Draw(rt, "moved")
	}
	// One thread takes half the time of two.
	h.threads = rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(rt, "threads")
	s := h.write(t, t.TempDir())
	defer s.Close()
	now := base.Add(time.Duration(rapid.IntRange(-60, 6000).Draw(rt, "now")) * time.Minute)
	lag := rapid.SampledFrom([]time.Duration{0, 0, 0, time.Second, 2 * time.Hour, 26 * time.Hour}).Draw(rt, "lag")
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return now }, Lag: func(store.ProjectID) time.Duration { return lag }})
	o := &oracle{events: h.events, merged: map[uint64]uint64{}, handed: map[uint64]uint64{}, lag: lag, scope: query.Scope{
		Project: 1, Zone: zone, SessionGap: 30 * time.Minute,
		WeekStart: rapid.SampledFrom([]time.Weekday{time.Monday, time.Sunday, time.Saturday}).Draw(rt, "week start"),
	}}
	for _, l := range h.links {
		o.merged[l.From] = l.To
	}
	for _, x := range h.hands {
		o.handed[x.Span] = x.To
	}
	for range questions {
		o.attribute("")
		ask(e, o, now)
	}
}

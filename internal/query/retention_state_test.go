package query_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// states are the states of the first cohort's cells, by their first letters.
func states(a *query.RetentionAnswer) string {
	out := ""
	for _, cell := range a.Tables[0].Cohorts[0].Cells {
		out += cell.State[:1]
	}
	return out
}

// TestRetentionStates asks at noon of the third day after a start: by the calendar three days are over, by elapsed time from
// the start at 13:00 on two. The newest cell of on_or_after is not complete yet, and no average has it.
func TestRetentionStates(t *testing.T) {
	tape := tape{zone: "UTC", interval: "day", from: "2026-06-01", to: "2026-06-02", events: []string{">2026-06-01 13:00", "<2026-06-02 14:00"}}
	h := tape.history(t)
	e, scope := h.engine(t, time.Date(2026, 6, 4, 12, 0, 0, 0, time.UTC))
	for _, c := range []struct{ kind, clock, states, means string }{
		{"on", "calendar", "cccsfff", "1110000"},
		{"on", "rolling", "ccsffff", "1100000"},
		{"on_or_after", "calendar", "ccssfff", "1100000"},
		{"on_or_after", "rolling", "cssffff", "1000000"},
	} {
		q := tape.question()
		q.Type, q.Clock = c.kind, c.clock
		a := askRetention(t, e, scope, q)
		means := ""
		for _, m := range a.Tables[0].Average {
			means += string(rune('0' + m.Size))
		}
		if got := states(a); got != c.states || means != c.means {
			t.Errorf("%s by the %s clock: %s and %s", c.kind, c.clock, got, means)
		}
	}
}

// TestNothingIsCompleteThatWaits: at noon while 13 hours of events wait in the log, yesterday is not over.
func TestNothingIsCompleteThatWaits(t *testing.T) {
	tape := tape{zone: "UTC", interval: "day", from: "2026-06-01", to: "2026-06-02", events: []string{">2026-06-01 13:00", "<2026-06-02 14:00"}}
	h := tape.history(t)
	s := h.write(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	now, lag := time.Date(2026, 6, 4, 12, 0, 0, 0, time.UTC), time.Duration(0)
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return now }, Lag: func(store.ProjectID) time.Duration { return lag }})
	scope := query.Scope{Project: 1, Zone: time.UTC, WeekStart: time.Monday}
	ask := func() (out, keys string) {
		for _, kind := range []string{"on", "on_or_after"} {
			for _, clock := range []string{"calendar", "rolling"} {
				q := tape.question()
				q.Type, q.Clock = kind, clock
				r, err := e.ResolveRetention(scope, q)
				if err != nil {
					t.Fatal(err)
				}
				out, keys = out+states(askRetention(t, e, scope, q))+" ", keys+r.Key()
			}
		}
		over := query.Range{From: "2026-06-01", To: "2026-06-05"}
		l, err := e.ResolveLifecycle(scope, &query.Lifecycle{Range: over})
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.Lifecycle(context.Background(), scope, l)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range a.Buckets {
			if b.Partial != (b.Dormant == nil) {
				t.Errorf("%s", asJSON(b))
			}
			out += map[bool]string{false: "c", true: "p"}[b.Partial]
		}
		trends, err := e.Resolve(scope, &query.Trends{Range: over, Interval: "day", Series: []query.Series{{}}})
		if err != nil {
			t.Fatal(err)
		}
		return out, keys + l.Key() + strings.Repeat("c", trends.Ended()) + trends.Key()
	}
	got, keys := ask()
	if want := "cccsfff ccsffff ccssfff cssffff cccp"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	lag = 13 * time.Hour
	late, lateKeys := ask()
	if want := "ccsffff ccsffff cssffff cssffff ccpp"; late != want {
		t.Errorf("while events wait: %s, want %s", late, want)
	}
	if keys == lateKeys {
		t.Error("both are one question to a cache")
	}
}

package query_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
)

// tape is a short history of one person: ">2026-06-01 20:00" is a start event, "<2026-06-01 20:00" a return.
type tape struct {
	name, zone, interval, from, to string
	events                         []string
	// want has the offsets that each reading of the tape marks, cohort by cohort.
	want map[string]string
}

// afterTapes is when the tapes are asked about unless they say so: everything is over then.
var afterTapes = time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC)

// engine asks about a tape, of which one half is on disk, long after its end.
func (tape *tape) engine(t *testing.T) (*query.Engine, query.Scope) {
	h := tape.history(t)
	return h.engine(t, afterTapes)
}

func (tape *tape) history(t *testing.T) *history {
	zone := location(t, tape.zone)
	h := &history{zone: zone, cold: len(tape.events) / 2}
	for i, s := range tape.events {
		at, err := time.ParseInLocation("2006-01-02 15:04", s[1:], zone)
		if err != nil {
			t.Fatal(err)
		}
		e := event.Event{Name: map[byte]string{'>': "start", '<': "return"}[s[0]], ID: fmt.Sprint(i)}
		e.Derived = event.Derived{Position: uint64(i), ReceivedAt: at.UnixMicro(), Time: at.UnixMicro(), Person: 7, Device: 1}
		e.Derived.Key, _ = event.KeyOf(e.ID)
		h.events = append(h.events, e)
	}
	return h
}

// engine asks about a history at some moment.
func (h *history) engine(t *testing.T, now time.Time) (*query.Engine, query.Scope) {
	s := h.write(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Wait(context.Background(), eventlog.Position(len(h.events))); err != nil {
		t.Fatal(err)
	}
	scope := query.Scope{Project: 1, Zone: h.zone, WeekStart: time.Monday, SessionGap: 30 * time.Minute}
	return engine(t, query.Options{Store: s, Now: func() time.Time { return now }}), scope
}

// offsets are the cells that hold somebody, by cohort: "0:3 2:1" for offset 3 of the first cohort and 1 of the third.
func offsets(a *query.RetentionAnswer) string {
	out := ""
	for c, cohort := range a.Tables[0].Cohorts {
		if cohort.Size == 0 {
			continue
		}
		out += fmt.Sprint(" ", c, ":")
		for k, cell := range cohort.Cells {
			if *cell.Count > 0 {
				out += fmt.Sprint(k)
			}
		}
	}
	return out[min(1, len(out)):]
}

func retentionTapes() []tape {
	const posthog, mixpanel, amplitude, strict, ours = "posthog", "mixpanel", "amplitude", "strict calendar", ""
	return []tape{
		{
			"R1", "UTC", "day", "2026-06-01", "2026-06-02",
			[]string{">2026-06-01 20:00", "<2026-06-02 06:00"},
			map[string]string{posthog: "0:01", mixpanel: "0:0", amplitude: "0:0", strict: "0:1", ours: "0:01"},
		},
		{
			"R2", "UTC", "day", "2026-06-03", "2026-06-04",
			[]string{">2026-06-03 17:59", "<2026-06-04 17:00"},
			map[string]string{posthog: "0:01", mixpanel: "0:0", amplitude: "0:01", strict: "0:1", ours: "0:01"},
		},
		{
			"R3", "UTC", "day", "2026-06-01", "2026-06-02",
			[]string{">2026-06-01 12:00", "<2026-06-04 13:00"},
			map[string]string{posthog: "0:03", mixpanel: "0:0123", amplitude: "0:0123", strict: "0:3", ours: "0:03"},
		},
		{
			"R4", "UTC", "day", "2026-06-01", "2026-06-05",
			[]string{">2026-06-01 12:00", ">2026-06-03 12:00", "<2026-06-04 13:00"},
			map[string]string{posthog: "0:03 2:01", mixpanel: "0:0123 2:01", amplitude: "0:0123 2:01", strict: "0:3 2:1", ours: "0:03"},
		},
		{
			"R5", "UTC", "week", "2027-12-01", "2027-12-02",
			[]string{">2027-12-01 12:00", "<2027-12-06 12:00"},
			map[string]string{posthog: "0:01", mixpanel: "0:0", amplitude: "0:0", strict: "0:1", ours: "0:01"},
		},
		{
			"R6", "UTC", "month", "2026-01-01", "2026-02-01",
			[]string{">2026-01-31 12:00", "<2026-02-28 12:00"},
			map[string]string{posthog: "0:01", mixpanel: "0:0", amplitude: "0:0", strict: "0:1", ours: "0:01"},
		},
		{
			"R7", "Europe/Berlin", "day", "2026-10-25", "2026-10-26",
			[]string{">2026-10-25 00:30", "<2026-10-26 00:15"},
			map[string]string{posthog: "0:01", mixpanel: "0:01", amplitude: "0:01", strict: "0:1", ours: "0:01"},
		},
	}
}

func TestRetentionTapes(t *testing.T) {
	for _, tape := range retentionTapes() {
		t.Run(tape.name, func(t *testing.T) {
			e, scope := tape.engine(t)
			for preset, want := range tape.want {
				q := tape.question()
				if q.Preset = preset; preset == "strict calendar" {
					q.Preset, q.Clock, q.Type, q.Zero, q.Cohort = "amplitude", "calendar", "on", "returned", "recurring"
				}
				if got := offsets(askRetention(t, e, scope, q)); got != want {
					t.Errorf("%s: %s, want %s", preset, got, want)
				}
			}
		})
	}
}

func (tape *tape) question() *query.Retention {
	return &query.Retention{
		Range: query.Range{From: tape.from, To: tape.to}, Interval: tape.interval, Periods: 6,
		Start: query.Selector{Events: []string{"start"}}, Return: &query.Selector{Events: []string{"return"}},
	}
}

func askRetention(t *testing.T, e *query.Engine, scope query.Scope, q *query.Retention) *query.RetentionAnswer {
	t.Helper()
	r, err := e.ResolveRetention(scope, q)
	if err != nil {
		t.Fatal(err)
	}
	a, err := e.Retention(context.Background(), scope, r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestRetentionTapeR4FirstTime: only the first of two starts counts.
func TestRetentionTapeR4FirstTime(t *testing.T) {
	tape := retentionTapes()[3]
	e, scope := tape.engine(t)
	for _, cohort := range []string{"", "first_time"} {
		q := tape.question()
		q.Cohort, q.Zero = cohort, "returned"
		if got := offsets(askRetention(t, e, scope, q)); got != "0:3" {
			t.Errorf("%q: %s", cohort, got)
		}
	}
	q := tape.question()
	q.Cohort, q.Range.From = "first_time", "2026-06-02"
	if got := offsets(askRetention(t, e, scope, q)); got != "" {
		t.Errorf("somebody who started before the range is in the cohort: %s", got)
	}
}

// TestWorkedCase5: 24 hours are two days on the calendar of the day on which clocks go forward.
func TestWorkedCase5(t *testing.T) {
	tape := tape{
		zone: "America/New_York", interval: "day", from: "2026-03-07", to: "2026-03-08",
		events: []string{">2026-03-07 23:30", "<2026-03-09 00:30"},
	}
	e, scope := tape.engine(t)
	for clock, want := range map[string]string{"calendar": "0:2", "rolling": "0:1"} {
		q := tape.question()
		q.Clock, q.Zero = clock, "returned"
		if got := offsets(askRetention(t, e, scope, q)); got != want {
			t.Errorf("%s: %s, want %s", clock, got, want)
		}
	}
}

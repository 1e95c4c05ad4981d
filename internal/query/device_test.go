package query_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// travellers is a project in Berlin whose devices are elsewhere.
type travellers struct {
	t     *testing.T
	e     *query.Engine
	scope query.Scope
}

// deed is an event of a person, whose device has a clock, at a time of UTC.
type deed struct {
	person   uint64
	at, zone string
	name     string
}

func travel(t *testing.T, now string, deeds ...deed) *travellers {
	h := &history{zone: location(t, "Europe/Berlin"), cold: len(deeds) / 2}
	for i, d := range deeds {
		at := moment(t, d.at)
		e := event.Event{Name: d.name}
		e.Context.Timezone = d.zone
		e.Derived = event.Derived{Position: uint64(i), Time: at.UnixMicro(), ReceivedAt: at.UnixMicro(), Person: d.person, Device: d.person}
		h.events = append(h.events, e)
	}
	s := h.write(t, t.TempDir())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	scope := query.Scope{Project: 1, Zone: h.zone, WeekStart: time.Monday, SessionGap: 30 * time.Minute}
	return &travellers{t, engine(t, query.Options{Store: s, Now: func() time.Time { return moment(t, now) }}), scope}
}

func moment(t *testing.T, text string) time.Time {
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// trends asks, and returns the values by the beginning of their buckets, with a star where they are not over.
func (w *travellers) trends(q query.Trends) string {
	w.t.Helper()
	r, err := w.e.Resolve(w.scope, &q)
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := w.e.Trends(context.Background(), w.scope, r)
	if err != nil {
		w.t.Fatal(err)
	}
	out := a.Range.Timezone
	for i, b := range a.Buckets {
		star := ""
		if b.Partial {
			star = "*"
		}
		if v := a.Series[0].Values[i]; v != nil && (*v != 0 || star != "") {
			out += fmt.Sprintf(", %s%s: %g", b.Start.Format("2 15:04"), star, *v)
		}
	}
	return out
}

// TestClockOfEachDevice is the case of docs/semantics.md.
func TestClockOfEachDevice(t *testing.T) {
	const ann, bob, cy = 1 << 60, 2 << 60, 3 << 60
	w := travel(t, "2026-03-10 12:00",
		deed{ann, "2026-03-01 11:00", "Pacific/Kiritimati", "a"},
		deed{bob, "2026-03-02 09:30", "Pacific/Honolulu", "a"},
		deed{cy, "2026-03-01 23:30", "", "a"},
	)
	week := query.Range{From: "2026-02-28", To: "2026-03-04"}
	for _, c := range []struct {
		zone, aggregate, interval, want string
	}{
		{"device", "unique", "day", "device, 1 00:00: 1, 2 00:00: 2"},
		{"", "unique", "day", "Europe/Berlin, 1 00:00: 1, 2 00:00: 2"},
		{"device", "sessions", "hour", "device, 1 23:00: 1, 2 00:00: 1, 2 01:00: 1"},
		{"device", "first_time", "hour", "device, 1 23:00: 1, 2 00:00: 1, 2 01:00: 1"},
		{"", "first_time", "hour", "Europe/Berlin, 1 12:00: 1, 2 00:00: 1, 2 10:00: 1"},
	} {
		got := w.trends(query.Trends{Range: week, Timezone: c.zone, Interval: c.interval, Series: []query.Series{{Aggregate: c.aggregate}}})
		if got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestDeviceDaysEndWithTheSlowestClock: a day is over twelve hours after it is in UTC, and "now" has what the fastest clocks show.
func TestDeviceDaysEndWithTheSlowestClock(t *testing.T) {
	const ann = 1 << 60
	ahead := deed{ann, "2026-03-02 11:30", "Pacific/Kiritimati", "a"} // the 3rd, 1:30
	for _, c := range []struct{ now, want string }{
		{"2026-03-02 11:59", "device, 1 00:00*: 0, 2 00:00*: 0"},
		{"2026-03-02 12:00", "device, 2 00:00*: 0"},
		{"2026-03-02 23:30", "device, 2 00:00*: 0, 3 00:00*: 1"},
		{"2026-03-03 12:00", "device, 3 00:00*: 1"},
	} {
		w := travel(t, c.now, ahead)
		got := w.trends(query.Trends{Range: query.Range{From: "2026-03-01"}, Timezone: "device", Series: []query.Series{{}}})
		if got != c.want {
			t.Errorf("at %s: %s, want %s", c.now, got, c.want)
		}
	}
}

// TestDeviceHoursThatClocksShowTwice are one; those that they skip are empty.
func TestDeviceHoursThatClocksShowTwice(t *testing.T) {
	w := travel(t, "2026-12-01 12:00",
		deed{1 << 60, "2026-10-25 00:30", "Europe/Berlin", "a"},  // 2:30 the first time
		deed{1 << 60, "2026-10-25 01:30", "Europe/Berlin", "a"},  // and again
		deed{2 << 60, "2026-10-24 20:40", "Asia/Kathmandu", "a"}, // 2:25
		deed{3 << 60, "2026-03-29 01:00", "Europe/Berlin", "a"},  // 3:00, just after 1:59
	)
	got := w.trends(query.Trends{Range: query.Range{From: "2026-10-25", To: "2026-10-26"}, Timezone: "device", Interval: "hour", Series: []query.Series{{}}})
	if want := "device, 25 02:00: 3"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	got = w.trends(query.Trends{Range: query.Range{From: "2026-03-29", To: "2026-03-30"}, Timezone: "device", Interval: "hour", Series: []query.Series{{}}})
	if want := "device, 29 03:00: 1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestFunnelByDeviceClocks: who enters is a matter of the clock, how long it takes is not.
func TestFunnelByDeviceClocks(t *testing.T) {
	const ann, bob = 1 << 60, 2 << 60
	w := travel(t, "2026-03-10 12:00",
		deed{ann, "2026-03-01 11:00", "Pacific/Kiritimati", "a"}, // the 2nd, 1:00
		deed{ann, "2026-03-01 11:40", "Pacific/Honolulu", "b"},   // a day before that by the clock, 40 minutes later by time
		deed{bob, "2026-03-03 09:30", "Pacific/Honolulu", "a"},   // the 2nd, 23:30
		deed{bob, "2026-03-03 10:31", "Pacific/Honolulu", "b"},
		deed{bob, "2026-03-03 12:00", "", "then all days of the 2nd are over"},
	)
	q := &query.Funnel{
		Range: query.Range{From: "2026-03-02", To: "2026-03-03"}, Timezone: "device", Window: "1h", Show: "trend",
		Steps: []query.FunnelStep{{Selector: query.Selector{Events: []string{"a"}}}, {Selector: query.Selector{Events: []string{"b"}}}},
	}
	r, err := w.e.ResolveFunnel(w.scope, q)
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.e.Funnel(context.Background(), w.scope, r)
	if err != nil {
		t.Fatal(err)
	}
	if g := a.Groups[0]; g.Entered != 2 || g.Converted != 1 || len(g.Trend) != 1 || g.Trend[0].Entered != 2 || g.Trend[0].Partial {
		t.Errorf("%s", asJSON(g))
	}
}

// TestDeviceClocksAreRefused where they would say nothing.
func TestDeviceClocksAreRefused(t *testing.T) {
	w := travel(t, "2026-03-10 12:00")
	funnel := &query.PathsFunnel{Question: query.Funnel{Timezone: "device", Steps: []query.FunnelStep{{}, {}}}}
	for name, ask := range map[string]func() error{
		"timezone device_paths": func() error {
			_, err := w.e.ResolvePaths(w.scope, &query.Paths{Timezone: "device"})
			return err
		},
		"funnel.question.timezone device_paths": func() error {
			_, err := w.e.ResolvePaths(w.scope, &query.Paths{Timezone: "UTC", Funnel: funnel})
			return err
		},
		"clock device_rolling": func() error {
			_, err := w.e.ResolveRetention(w.scope, &query.Retention{Timezone: "device", Preset: "mixpanel"})
			return err
		},
		"midnight device_midnight": func() error {
			_, err := w.e.ResolveSessions(w.scope, &query.Sessions{Timezone: "device", Midnight: "cut"})
			return err
		},
		"range.from bad_time": func() error {
			_, err := w.e.Resolve(w.scope, &query.Trends{Timezone: "device", Range: query.Range{From: "2026-03-01T00:00:00Z"}, Series: []query.Series{{}}})
			return err
		},
	} {
		var known *event.Error
		if err := ask(); !errors.As(err, &known) || known.Field+" "+known.Code != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

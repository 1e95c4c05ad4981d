package query_test

import (
	"context"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// TestSessions counts by hand what the rules of session.go say.
func TestSessions(t *testing.T) {
	day := time.Date(2026, 6, 10, 0, 0, 0, 0, time.UTC)
	type at struct {
		minute  int
		device  uint64
		session string
		name    string
	}
	for _, c := range []struct {
		name   string
		events []at
		// want are the sessions of June 9th and 10th.
		want [2]float64
	}{
		{"a pause of exactly the gap", []at{{0, 1, "", "a"}, {30, 1, "", "a"}, {60, 1, "", "a"}}, [2]float64{0, 1}},
		{"a longer pause", []at{{0, 1, "", "a"}, {31, 1, "", "a"}}, [2]float64{0, 2}},
		{"two devices", []at{{0, 1, "", "a"}, {1, 2, "", "a"}}, [2]float64{0, 2}},
		{"over midnight", []at{{-10, 1, "", "a"}, {10, 1, "", "a"}}, [2]float64{1, 0}},
		{"the client knows better than the gap", []at{{0, 1, "s", "a"}, {300, 1, "s", "a"}}, [2]float64{0, 1}},
		{"an id on two devices", []at{{0, 1, "s", "a"}, {1, 2, "s", "a"}, {2, 2, "s", "a"}}, [2]float64{0, 2}},
		{"an id for 24 hours", []at{{0, 1, "s", "a"}, {1440, 1, "s", "a"}}, [2]float64{0, 1}},
		{"an id for longer, also after the range", []at{{0, 1, "s", "a"}, {100, 1, "s", "a"}, {1441, 1, "s", "a"}}, [2]float64{0, 2}},
		{"silent events bear none", []at{{0, 1, "", "push_received"}, {10, 1, "", "a"}, {300, 2, "", "heartbeat"}}, [2]float64{0, 1}},
		{"silent events join none", []at{{0, 1, "", "a"}, {20, 1, "", "heartbeat"}, {40, 1, "", "a"}}, [2]float64{0, 2}},
	} {
		h := &history{zone: time.UTC, cold: len(c.events) / 2}
		for i, x := range c.events {
			e := event.Event{Name: x.name, SessionID: x.session}
			us := day.Add(time.Duration(x.minute) * time.Minute).UnixMicro()
			e.Derived = event.Derived{Position: uint64(i), Time: us, ReceivedAt: us, Person: 9, Device: x.device}
			h.events = append(h.events, e)
		}
		s := h.write(t, t.TempDir())
		e := engine(t, query.Options{Store: s, Now: func() time.Time { return day.AddDate(0, 0, 3) }})
		r, err := e.Resolve(everyday, &query.Trends{
			Range: query.Range{From: "2026-06-09", To: "2026-06-11"}, Series: []query.Series{{Aggregate: "sessions"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.Trends(context.Background(), everyday, r)
		if err != nil {
			t.Fatal(err)
		}
		if v := a.Series[0].Values; *v[0] != c.want[0] || *v[1] != c.want[1] || *a.Series[0].Total != c.want[0]+c.want[1] {
			t.Errorf("%s: %s, want %v", c.name, asJSON(a.Series[0]), c.want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

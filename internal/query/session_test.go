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

// TestSessionsThatGoOn: what began in the range is followed to its end, however far behind the range that lies.
func TestSessionsThatGoOn(t *testing.T) {
	day := time.Date(2026, 6, 10, 0, 0, 0, 0, time.UTC)
	const gap = 30 * time.Minute
	type stretch struct {
		device     uint64
		from, to   time.Duration
		every      time.Duration
		session    string
		background bool
	}
	for _, c := range []struct {
		name   string
		events []stretch
		q      query.Sessions
		// want are the lengths of the sessions of June 10th.
		want []time.Duration
	}{
		{"for ten days", []stretch{{device: 1, from: time.Hour, to: 240 * time.Hour, every: gap}}, query.Sessions{}, []time.Duration{239 * time.Hour}},
		{"the same by the gap alone", []stretch{{device: 1, from: time.Hour, to: 240 * time.Hour, every: gap}}, query.Sessions{By: "gap"}, []time.Duration{239 * time.Hour}},
		{
			"until a longer pause, long after", []stretch{
				{device: 1, from: 23 * time.Hour, to: 100 * time.Hour, every: 20 * time.Minute},
				{device: 1, from: 100*time.Hour + gap + time.Second, to: 200 * time.Hour, every: 20 * time.Minute},
				{device: 2, from: 23 * time.Hour, to: 24 * time.Hour, every: time.Hour},
			}, query.Sessions{}, []time.Duration{0, 77 * time.Hour},
		},
		{
			"begun before",
			[]stretch{{device: 1, from: -time.Minute, to: 200 * time.Hour, every: 20 * time.Minute}},
			query.Sessions{},
			nil,
		},
		{
			"cut at midnight",
			[]stretch{{device: 1, from: -time.Hour, to: 200 * time.Hour, every: 20 * time.Minute}},
			query.Sessions{Midnight: "cut"},
			[]time.Duration{23*time.Hour + 40*time.Minute},
		},
		{
			"through the id of a client", []stretch{
				{device: 1, from: 20 * time.Hour, to: 70 * time.Hour, every: 30 * time.Minute},
				{device: 1, from: 23*time.Hour + time.Minute, to: 47 * time.Hour, every: 7 * time.Minute, session: "s"},
			}, query.Sessions{}, []time.Duration{23*time.Hour + 55*time.Minute, 50 * time.Hour},
		},
		{
			"an id that comes again a month later", []stretch{
				{device: 1, from: time.Hour, to: 2 * time.Hour, every: time.Hour, session: "s"},
				{device: 1, from: 800 * time.Hour, to: 801 * time.Hour, every: time.Hour, session: "s"},
			}, query.Sessions{}, []time.Duration{0, 0},
		},
		{
			"longer pauses in the background",
			[]stretch{{device: 1, from: time.Hour, to: 97 * time.Hour, every: 3 * time.Hour, background: true}},
			query.Sessions{Background: "3h"},
			[]time.Duration{96 * time.Hour},
		},
	} {
		h := &history{zone: time.UTC}
		for _, s := range c.events {
			for at := s.from; at <= s.to; at += s.every {
				e := event.Event{Name: "a", SessionID: s.session}
				if s.background {
					e.Name = "Application Backgrounded"
				}
				us := day.Add(at).UnixMicro()
				e.Derived = event.Derived{Position: uint64(len(h.events)), Time: us, ReceivedAt: us, Person: 9, Device: s.device}
				h.events = append(h.events, e)
			}
		}
		h.cold = len(h.events) / 2
		s := h.write(t, t.TempDir())
		e := engine(t, query.Options{Store: s, HistoryMemory: 1 << 20, Now: func() time.Time { return day.AddDate(0, 3, 0) }})
		c.q.Range = query.Range{From: "2026-06-10", To: "2026-06-11"}
		r, err := e.ResolveSessions(everyday, &c.q)
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.Sessions(context.Background(), everyday, r)
		if err != nil {
			t.Fatal(err)
		}
		sum, n := time.Duration(0), a.Groups[0].Total
		for _, d := range c.want {
			sum += d
		}
		if n.Sessions != int64(len(c.want)) || n.Sessions > 0 && *n.AverageSeconds != sum.Seconds()/float64(len(c.want)) {
			t.Errorf("%s: %s, want %v", c.name, asJSON(n), c.want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestManySessionsThatGoOn: more devices than a statement lists are followed all the same.
func TestManySessionsThatGoOn(t *testing.T) {
	day := time.Date(2026, 6, 10, 0, 0, 0, 0, time.UTC)
	const devices = 10_001
	h := &history{zone: time.UTC}
	for _, minutes := range []int{-15, 15, 45, 75} {
		us := day.Add(24*time.Hour + time.Duration(minutes)*time.Minute).UnixMicro()
		for i := range devices {
			e := event.Event{Name: "a"}
			e.Derived = event.Derived{Position: uint64(len(h.events)), Time: us, ReceivedAt: us, Person: 9, Device: uint64(i+1) * 0x9e3779b97f4a7c15}
			h.events = append(h.events, e)
		}
	}
	s := h.write(t, t.TempDir())
	defer s.Close()
	e := engine(t, query.Options{Store: s, HistoryMemory: 4 << 20, Now: func() time.Time { return day.AddDate(0, 0, 9) }})
	r, err := e.ResolveSessions(everyday, &query.Sessions{Range: query.Range{From: "2026-06-10", To: "2026-06-11"}, By: "gap"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := e.Sessions(context.Background(), everyday, r)
	if err != nil {
		t.Fatal(err)
	}
	if n := a.Groups[0].Total; n.Sessions != devices || *n.AverageSeconds != 90*60 {
		t.Errorf("%s", asJSON(n))
	}
}

// TestEndlessSums: the sum of numbers that are numbers may be none.
func TestEndlessSums(t *testing.T) {
	day := time.Date(2026, 6, 10, 0, 0, 0, 0, time.UTC)
	h := &history{zone: time.UTC}
	for i := range 2 {
		us := day.Add(time.Duration(i) * time.Minute).UnixMicro()
		e := event.Event{Name: "buy", Properties: []event.Property{{Key: "amount", Type: event.Number, Num: 1.7e308}}}
		e.Derived = event.Derived{Position: uint64(i), Time: us, ReceivedAt: us, Person: 9, Device: 5}
		h.events = append(h.events, e)
	}
	s := h.write(t, t.TempDir())
	defer s.Close()
	e := engine(t, query.Options{Store: s, HistoryMemory: 1 << 20, Now: func() time.Time { return day.AddDate(0, 0, 9) }})
	r, err := e.ResolveSessions(everyday, &query.Sessions{
		Range:    query.Range{From: "2026-06-10", To: "2026-06-11"},
		Measures: []query.SessionMeasure{{Selector: query.Selector{Events: []string{"buy"}}, Property: "amount"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := e.Sessions(context.Background(), everyday, r)
	if err != nil {
		t.Fatal(err)
	}
	if n := a.Groups[0].Total; len(n.Measures) != 1 || n.Measures[0].Sessions != 1 || n.Measures[0].Total != nil {
		t.Errorf("%s", asJSON(a))
	}
}

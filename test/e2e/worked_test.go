package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// workedFunnel asks how many did A, and B within an hour of it, over all of history, and returns "entered/converted".
func (s *server) workedFunnel(options ...string) string {
	s.t.Helper()
	s.waitIdle()
	var a struct {
		Groups []struct{ Entered, Converted int }
	}
	s.ask("POST", "/v1/query", []byte(`{"kind":"funnel","range":{"from":"all"},"window":"1h",
		"steps":[{"events":["A"]},{"events":["B"]}]`+strings.Join(options, "")+`}`), &a)
	if len(a.Groups) != 1 {
		s.t.Fatalf("%d groups", len(a.Groups))
	}
	return fmt.Sprint(a.Groups[0].Entered, "/", a.Groups[0].Converted)
}

// cameBack asks how many of those who did A did B on the day after, over the last weeks.
func (s *server) cameBack() (n int) {
	s.t.Helper()
	var a struct {
		Tables []struct {
			Cohorts []struct{ Cells []struct{ Count *int } }
		}
	}
	s.ask("POST", "/v1/query", []byte(`{"kind":"retention","range":{"from":"-25d"},"timezone":"UTC","periods":1,
		"start":{"events":["A"]},"return":{"events":["B"]}}`), &a)
	for _, table := range a.Tables {
		for _, cohort := range table.Cohorts {
			if c := cohort.Cells[1].Count; c != nil {
				n += *c
			}
		}
	}
	return n
}

// daily asks how often an event happened on each day of the last weeks, and has the days on which it did.
func (s *server) daily(name string) string {
	s.t.Helper()
	var a struct {
		Buckets []struct{ Start time.Time }
		Series  []struct{ Values []*float64 }
	}
	s.ask("POST", "/v1/query", fmt.Appendf(nil, `{"kind":"trends","range":{"from":"-25d"},"timezone":"UTC","interval":"day","series":[{"events":[%q]}]}`, name), &a)
	var out []string
	for i, n := range a.Series[0].Values {
		if *n != 0 {
			out = append(out, fmt.Sprint(a.Buckets[i].Start.Format(time.DateOnly), ":", *n))
		}
	}
	return strings.Join(out, " ")
}

// sessionsOfA asks how many sessions have an A.
func (s *server) sessionsOfA() float64 {
	s.t.Helper()
	var a answer
	s.ask("POST", "/v1/query", []byte(`{"kind":"trends","range":{"from":"-25d"},"series":[{"events":["A"],"aggregate":"sessions"}]}`), &a)
	return *a.Series[0].Total
}

func native(events ...map[string]any) []byte {
	b, err := json.Marshal(events)
	if err != nil {
		panic(err)
	}
	return b
}

// TestWorkedCase6: what two devices did is one person's at once, when both have said who it is.
func TestWorkedCase6(t *testing.T) {
	t.Parallel()
	s := start(t)
	at := time.Now().Add(-2 * time.Hour)
	stamp := func(minutes int) string { return at.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339Nano) }
	s.send("/v1/events", native(
		map[string]any{"event": "A", "anonymous_id": "a1", "id": "1", "timestamp": stamp(0)},
		map[string]any{"kind": "identify", "anonymous_id": "a1", "user_id": "u1", "id": "2", "timestamp": stamp(1)},
		map[string]any{"event": "B", "anonymous_id": "a2", "id": "3", "timestamp": stamp(2)},
	))
	if got := s.workedFunnel(); got != "1/0" {
		t.Errorf("before the second device is known: %s", got)
	}
	s.send("/v1/events", native(map[string]any{"kind": "identify", "anonymous_id": "a2", "user_id": "u1", "id": "4", "timestamp": stamp(3)}))
	if got := s.workedFunnel(); got != "1/1" {
		t.Errorf("one person did A and B: %s", got)
	}
}

// TestWorkedCase7: an event of 20 days ago that an SDK sends once more changes no answer.
func TestWorkedCase7(t *testing.T) {
	t.Parallel()
	s := start(t)
	at := time.Now().UTC().AddDate(0, 0, -20).Truncate(24 * time.Hour).Add(12 * time.Hour)
	first := native(
		map[string]any{"event": "A", "user_id": "u1", "id": "1", "timestamp": at.Format(time.RFC3339Nano)},
		map[string]any{"event": "B", "user_id": "u1", "id": "2", "timestamp": at.Add(time.Minute).Format(time.RFC3339Nano)},
		map[string]any{"event": "A", "user_id": "u1", "id": "3", "timestamp": at.Add(2 * time.Minute).Format(time.RFC3339Nano)},
		map[string]any{"event": "B", "user_id": "u1", "id": "4", "timestamp": at.Add(24 * time.Hour).Format(time.RFC3339Nano)},
	)
	s.send("/v1/events", first)
	twice := func() string {
		s.waitIdle()
		var a struct {
			Groups []struct {
				Entered int
				Steps   []struct{ Count int }
			}
		}
		s.ask("POST", "/v1/query", []byte(`{"kind":"funnel","range":{"from":"all"},"entry":"every",
			"steps":[{"events":["A"]},{"events":["A"]},{"events":["A"]}]}`), &a)
		return fmt.Sprint(s.workedFunnel(), " ", s.sessionsOfA(), " ", a.Groups, " ", s.cameBack(), " ", s.daily("A"), " ", s.daily("B"))
	}
	before := twice()
	if want := fmt.Sprintf("1/1 1 [{1 [{1} {1} {0}]}] 1 %s:2 %[1]s:1 %s:1", at.Format(time.DateOnly), at.AddDate(0, 0, 1).Format(time.DateOnly)); before != want {
		t.Errorf("before: %s, want %s", before, want)
	}
	s.send("/v1/events", first)
	if after := twice(); after != before {
		t.Errorf("%s became %s", before, after)
	}
	if c := s.ledger(); c.Duplicate != 4 || c.Stored != 4 {
		t.Errorf("ledger: %+v", c)
	}
}

// TestWorkedCase8: events of 20 days ago that arrive now change the answers of 20 days ago, at once.
func TestWorkedCase8(t *testing.T) {
	t.Parallel()
	s := start(t)
	day := time.Now().UTC().AddDate(0, 0, -20).Truncate(24 * time.Hour)
	one := func(id, name string, after time.Duration) map[string]any {
		return map[string]any{"event": name, "user_id": "u1", "id": id, "timestamp": day.Add(after).Format(time.RFC3339Nano)}
	}
	s.send("/v1/events", native(one("1", "B", 10*time.Hour), one("2", "B", 34*time.Hour)))
	if got, came, sessions := s.workedFunnel(), s.cameBack(), s.sessionsOfA(); got != "0/0" || came != 0 || sessions != 0 {
		t.Errorf("before: funnel %s, retention %d, sessions %v", got, came, sessions)
	}
	on := func(after int) string { return day.AddDate(0, 0, after).Format(time.DateOnly) }
	if a, b := s.daily("A"), s.daily("B"); a != "" || b != on(0)+":1 "+on(1)+":1" {
		t.Errorf("before: A on %q, B on %q", a, b)
	}
	s.send("/v1/events", native(one("3", "A", 9*time.Hour+30*time.Minute)))
	if got, came, sessions := s.workedFunnel(), s.cameBack(), s.sessionsOfA(); got != "1/1" || came != 1 || sessions != 1 {
		t.Errorf("after: funnel %s, retention %d, sessions %v", got, came, sessions)
	}
	if a, b := s.daily("A"), s.daily("B"); a != on(0)+":1" || b != on(0)+":1 "+on(1)+":1" {
		t.Errorf("after: A on %q, B on %q", a, b)
	}
}

package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// fill sends events of a project, each batch twice, until they are refused as too many for the month; it returns how many were acknowledged, and
// their last position.
func (s *server) fill(key, name string) (acknowledged int, position uint64) {
	s.t.Helper()
	const batch = 50
	eventually(s.t, soon, name+": the project is full", func() bool {
		body := manyEvents(fmt.Sprintf("%s, after %d,", name, acknowledged), batch)
		for again := range 2 {
			r, err := s.call(http.MethodPost, "/v1/events", key, body)
			switch {
			case err != nil:
				s.t.Fatal(err)
			case r.code() == "project_quota":
				if wait := r.header.Get("Retry-After"); r.status != http.StatusTooManyRequests || wait == "" {
					s.t.Errorf("%s is answered with %s, Retry-After %q", name, r, wait)
				}
				return true
			case r.status != http.StatusOK:
				s.t.Fatalf("%s: %s", name, r)
			}
			position = r.position()
			acknowledged += batch * (1 - again)
		}
		return false
	})
	return acknowledged, position
}

// TestQuota has a project send until it has all the events that it may have in a month: more are refused, also after a kill; those that were
// acknowledged are there once, and those that came twice are counted once. Who raises what it may is heard at once.
func TestQuota(t *testing.T) {
	s := start(t)
	var p struct {
		ID   int
		Full *time.Time `json:"full_until"`
	}
	s.ask(http.MethodPost, "/v1/projects", []byte(`{"name":"bounded","events_per_month":1000}`), &p)
	path := fmt.Sprintf("/v1/projects/%d", p.ID)
	var k struct{ Key string }
	s.ask(http.MethodPost, path+"/keys", []byte(`{"kind":"write"}`), &k)
	began := time.Now().UTC()
	next := time.Date(began.Year(), began.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	if time.Until(next) < time.Minute {
		t.Skip("the month is about to end")
	}
	n, last := s.fill(k.Key, "at first")
	if n < 1000 {
		t.Errorf("%d events were taken of 1000", n)
	}
	t.Logf("%d events were taken of 1000 before the first was refused", n)
	full := func(want bool) {
		t.Helper()
		p.Full = nil
		var all struct {
			Projects []struct {
				ID   int
				Full *time.Time `json:"full_until"`
			}
		}
		s.get("/v1/projects", &all)
		for _, other := range all.Projects {
			if isFull := other.Full != nil; isFull != (want && other.ID == p.ID) || isFull && !other.Full.Equal(next) {
				t.Errorf("project %d is full until %v, and the month ends %s", other.ID, other.Full, next)
			}
		}
	}
	used := func(stored int) {
		t.Helper()
		var l struct {
			Limits []struct {
				Name        string
				Value, Used *float64
			}
		}
		s.get(fmt.Sprint("/v1/limits?project=", p.ID), &l)
		for _, limit := range l.Limits {
			if limit.Name == "project_quota" && limit.Used != nil && int(*limit.Used) == stored {
				return
			}
		}
		t.Errorf("of %d events, the limits are %+v", stored, l.Limits)
	}
	full(true)
	s.kill()
	s.restart()
	if r, err := s.call(http.MethodPost, "/v1/events", k.Key, manyEvents("after", 1)); err != nil || r.code() != "project_quota" {
		t.Errorf("after a kill: %v %s", err, r)
	}
	if r, err := s.call(http.MethodPost, "/v1/events", s.write, manyEvents("another", 1)); err != nil || r.status != http.StatusOK {
		t.Errorf("another project: %v %s", err, r)
	}
	s.waitVisible(last)
	used(n)
	if _, errors, code := s.cli(s.admin, "project", "update", fmt.Sprint(p.ID), "--quota", fmt.Sprint(n+500)); code != 0 {
		t.Fatal(errors)
	}
	r, err := s.call(http.MethodPost, "/v1/events", k.Key, manyEvents("raised", 1))
	if err != nil || r.status != http.StatusOK {
		t.Fatalf("it was raised: %v %s", err, r)
	}
	full(false)
	again, last := s.fill(k.Key, "again")
	if again < 499 {
		t.Errorf("%d events were taken of 499", again)
	}
	full(true)
	s.waitVisible(last)
	stored := len(s.export(fmt.Sprint("project=", p.ID)))
	if want := n + 1 + again; stored != want {
		t.Errorf("%d events were acknowledged, %d are there", want, stored)
	}
	used(stored)
}

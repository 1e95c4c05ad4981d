package e2e_test

import (
	"fmt"
	"testing"
)

// TestSharedPhone has two people use one phone whose app keeps its anonymous id: what it does after ann signed out is bob's when he
// signs in, by a kill in between, by a store made anew, and as Amplitude counts still ann's.
func TestSharedPhone(t *testing.T) {
	t.Parallel()
	s := start(t, archived()...)
	s.send("/v1/events", []byte(`[{"id":"1","event":"A","anonymous_id":"phone"},{"id":"2","kind":"identify","anonymous_id":"phone","user_id":"ann"},{"id":"3","event":"C","user_id":"ann"}]`))
	s.send("/v1/events", []byte(`[{"id":"4","event":"A","anonymous_id":"phone"},{"id":"5","event":"A","anonymous_id":"phone"}]`))
	want := func(when, funnel, last string, uniques int) {
		t.Helper()
		for options, want := range map[string]string{"": funnel, `,"signed_out":"last_user"`: last} {
			if got := s.workedFunnel(options); got != want {
				t.Errorf("%s, the funnel with %s has %s, want %s", when, options, got, want)
			}
		}
		if got := fmt.Sprint(s.trend(map[string]any{"aggregate": "unique", "events": []string{"A"}}, nil)); got != fmt.Sprintf("map[:%d]", uniques) {
			t.Errorf("%s, people who did A: %s, want %d", when, got, uniques)
		}
	}
	want("signed out", "1/0", "1/0", 1)
	s.kill()
	s.restart()
	s.send("/v1/events", []byte(`[{"id":"6","kind":"identify","anonymous_id":"phone","user_id":"bob"},{"id":"7","event":"B","user_id":"bob"}]`))
	want("bob signed in", "2/1", "1/0", 2)
	s.kill()
	s.restart()
	want("killed", "2/1", "1/0", 2)
	s.stop()
	s.restart()
	want("started again", "2/1", "1/0", 2)
	if got := s.workedFunnel(`,"preset":"amplitude"`); got != "1/0" {
		t.Errorf("as Amplitude counts, the funnel has %s", got)
	}
	s.send("/v1/events", []byte(`[{"id":"8","event":"B","anonymous_id":"phone"},{"id":"9","event":"B","anonymous_id":"phone","user_id":"bob"}]`))
	s.send("/v1/events", []byte(`[{"id":"10","event":"A","anonymous_id":"phone"}]`))
	s.send("/v1/events", []byte(`[{"id":"11","kind":"identify","anonymous_id":"phone","user_id":"ann"},{"id":"12","event":"B","user_id":"ann"}]`))
	want("ann is back", "2/2", "2/1", 2)
	s.madeAnew()
	s.restart()
	want("made anew", "2/2", "2/1", 2)
	for i, id := range []string{`{"kind":"user","id":"ann"}`, `{"kind":"anonymous","id":"phone"}`} {
		var done struct{ Unlinked bool }
		s.ask("POST", "/v1/persons/unlink", []byte(id), &done)
		if !done.Unlinked {
			t.Fatalf("%s: %+v", id, done)
		}
		if i == 0 {
			// Bob has what he got. What the phone did for ann is its own.
			want("ann by herself", "2/1", "2/0", 2)
		}
	}
	want("unlinked", "1/1", "1/1", 1)
	var again struct{ Unlinked bool }
	if s.ask("POST", "/v1/persons/unlink", []byte(`{"kind":"anonymous","id":"phone"}`), &again); again.Unlinked {
		t.Error("unlinked twice")
	}
}

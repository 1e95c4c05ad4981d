package e2e_test

import (
	"fmt"
	"reflect"
	"testing"
)

// TestUnlink links a phone to a user by mistake and takes it out again: a funnel that saw one person sees two, through a
// restart, a kill and a store that is made anew out of the archive, which has the same rows to the bit.
func TestUnlink(t *testing.T) {
	t.Parallel()
	s := start(t, archived()...)
	s.send("/v1/events", []byte(`[{"event":"A","anonymous_id":"phone"},{"kind":"identify","anonymous_id":"phone","user_id":"ann"},
		{"event":"B","user_id":"ann"},{"event":"B","anonymous_id":"tablet"},{"kind":"identify","anonymous_id":"tablet","user_id":"ann"}]`))
	want := func(when, funnel string, persons int) {
		t.Helper()
		if got := s.workedFunnel(); got != funnel {
			t.Errorf("%s, the funnel has %s, want %s", when, got, funnel)
		}
		var page struct{ People []any }
		s.get("/v1/persons", &page)
		if len(page.People) != persons {
			t.Errorf("%s, there are %d people, want %d", when, len(page.People), persons)
		}
	}
	want("linked", "1/1", 1)
	before := s.ledger()
	var done struct {
		Unlinked bool
		Position uint64
	}
	s.ask("POST", "/v1/persons/unlink", []byte(`{"kind":"anonymous","id":"phone"}`), &done)
	if !done.Unlinked {
		t.Fatalf("%+v", done)
	}
	want("unlinked", "1/0", 2)
	if after := s.ledger(); after != before {
		t.Errorf("the ledger before %+v and after %+v: an unlink is no event", before, after)
	}
	s.stop()
	s.restart()
	want("started again", "1/0", 2)
	s.kill()
	s.restart()
	want("killed", "1/0", 2)
	s.madeAnew()
	s.restart()
	want("made anew", "1/0", 3)
	// A link that comes later counts again, and the phone may now be somebody else's.
	s.send("/v1/events", []byte(`[{"kind":"identify","anonymous_id":"phone","user_id":"bob"},{"event":"B","user_id":"bob"}]`))
	want("linked to another", "1/1", 3)
	if got := fmt.Sprint(s.trend(map[string]any{"aggregate": "unique", "events": []string{"B"}}, nil)); got != "map[:2]" {
		t.Errorf("people who did B: %s", got)
	}
}

// madeAnew makes the store of a server out of its archive and log, and holds it to the one before. The server is stopped.
func (s *server) madeAnew() {
	s.t.Helper()
	s.forget()
	s.waitIdle()
	s.stop()
	whole := s.verify()
	if len(whole.Problems) > 0 {
		s.t.Errorf("problems: %v", whole.Problems)
	}
	if _, stderr, code := s.cli("", append([]string{"rebuild", "--json", "--data", s.dir}, s.args...)...); code != 0 {
		s.t.Fatalf("rebuild: %s", stderr)
	}
	if again := s.verify(); !reflect.DeepEqual(again.Store, whole.Store) {
		s.t.Errorf("the store before\n%+v\nand after\n%+v", whole.Store, again.Store)
	}
}

package identity_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/process/identity"
)

// TestPreview asks whose events are ahead of their turn, between random events in theirs. Of an event that links nothing and begins no span it
// says what will be said then; a new user who signs in on a phone of nobody is whom the phone is; and it changes nothing.
func TestPreview(t *testing.T) {
	signedIn := 0
	rapid.Check(t, func(t *rapid.T) {
		asked, plain := people(t), people(t)
		for at := range rapid.IntRange(1, 60).Draw(t, "events") {
			e := event.Event{Kind: rapid.SampledFrom([]event.Kind{event.Track, event.Identify, event.Alias}).Draw(t, "kind")}
			e.UserID = rapid.SampledFrom([]string{"", "u", "v", "w"}).Draw(t, "user")
			e.AnonymousID = rapid.SampledFrom([]string{"", "a", "b", "null"}).Draw(t, "anonymous")
			e.Context.DeviceID = rapid.SampledFrom([]string{"", "d"}).Draw(t, "device")
			if e.Kind == event.Alias {
				e.PreviousID = rapid.SampledFrom([]string{"a", "u", "x"}).Draw(t, "previous")
			}
			e.Derived.Position = uint64(at)
			ahead := e
			asked.Preview(1, &ahead)
			if rapid.Bool().Draw(t, "only ahead") && ahead.Derived.Person != 0 {
				again := e
				asked.Preview(1, &again)
				if again.Derived != ahead.Derived {
					t.Fatalf("%+v, then %+v", ahead.Derived, again.Derived)
				}
			}
			asked.EndPreview()
			first, second := e, e
			changes := *asked.Assign(1, &first)
			a, b := fmt.Sprint(changes), fmt.Sprint(*plain.Assign(1, &second))
			if first.Derived != second.Derived || a != b {
				t.Fatalf("%+v, %s after a preview; %+v, %s without", first.Derived, a, second.Derived, b)
			}
			switch {
			case len(changes.Links)+len(changes.Hands)+len(changes.Holders) == 0:
				if ahead.Derived != first.Derived {
					t.Fatalf("%+v ahead, %+v in its turn", ahead.Derived, first.Derived)
				}
			case e.Kind == event.Identify && len(changes.Links) == 1 && changes.Links[0].From == event.IDNumber(event.SpaceUser, e.UserID):
				signedIn++
				if ahead.Derived.Person != first.Derived.Person {
					t.Fatalf("signed in: %+v ahead, %+v in its turn", ahead.Derived, first.Derived)
				}
			}
		}
	})
	if signedIn == 0 {
		t.Fatal("nobody signed in")
	}
}

func people(t *rapid.T) *identity.People {
	p, err := identity.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

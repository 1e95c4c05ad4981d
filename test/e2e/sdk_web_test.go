//go:build sdk

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"
)

// TestRudderStack sends all kinds of calls with RudderStack's SDK for Node, which zips its bodies and calls them forms,
// through a bad network.
func TestRudderStack(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy := &flakyProxy{target: "http://" + s.addr, harsh: true}
	front := httptest.NewServer(proxy)
	defer front.Close()
	began := time.Now()
	s.play(t, front.URL, script{folder: "rudderstack"}, numberedEvents)
	s.waitIdle()
	kinds := []string{"track", "page", "screen", "identify", "group", "alias", "track", "track"}
	checkNumbered(t, s.export(""), numberedEvents, began, func(n int) stored {
		e := stored{Kind: kinds[n%len(kinds)], UserID: fmt.Sprintf("user-%d", n%300), AnonymousID: fmt.Sprintf("anonymous-%d", n%300)}
		switch e.Event = "$" + e.Kind; e.Kind {
		case "track":
			e.Event = fmt.Sprintf("event %d", n%7)
		case "alias":
			e.AnonymousID = ""
		}
		return e
	})
	checkDoubled(t, s, proxy)
}

// TestSegmentGo sends all kinds of calls with Segment's SDK for Go through a bad network.
func TestSegmentGo(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy := &flakyProxy{target: "http://" + s.addr, harsh: true}
	front := httptest.NewServer(proxy)
	defer front.Close()
	began := time.Now()
	s.play(t, front.URL, script{folder: "segment-go"}, numberedEvents)
	s.waitIdle()
	kinds := []string{"page", "screen", "identify", "group", "track"}
	checkNumbered(t, s.export(""), numberedEvents, began, func(n int) stored {
		e := stored{Kind: kinds[n%len(kinds)], UserID: fmt.Sprint("user-", n%300), AnonymousID: fmt.Sprint("anonymous-", n%300)}
		if e.Event = "$" + e.Kind; e.Kind == "track" {
			e.Event = fmt.Sprint("event ", n%7)
		}
		return e
	})
	checkDoubled(t, s, proxy)
}

// TestSnowplow sends events of all types with Snowplow's tracker for Node, by batches and by the pixel.
func TestSnowplow(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"post", "get"} {
		t.Run(method, func(t *testing.T) {
			s := start(t)
			proxy := &flakyProxy{target: "http://" + s.addr, harsh: true}
			front := httptest.NewServer(proxy)
			defer front.Close()
			began := time.Now()
			// The tracker holds a thousand events; the pixel takes a request an event.
			count := map[string]int{"post": 900, "get": 300}[method]
			s.play(t, front.URL, script{folder: "snowplow", env: []string{"METHOD=" + method}}, count)
			s.waitIdle()
			events := s.export("")
			for i := range events {
				var cart struct{ Items json.RawMessage }
				if err := json.Unmarshal(events[i].Properties["cart"], &cart); err != nil {
					t.Fatalf("%+v: %v", events[i], err)
				}
				events[i].Properties["n"] = cart.Items
			}
			checkNumbered(t, events, count, began, func(n int) stored {
				e := stored{Kind: "track", AnonymousID: fmt.Sprintf("device-%d", n%300)}
				if n%3 == 0 {
					e.UserID = fmt.Sprintf("user-%d", n%300)
				}
				switch n % 4 {
				case 0:
					e.Event = fmt.Sprintf("event %d", n%7)
				case 1:
					e.Kind, e.Event = "page", "$page"
				case 2:
					e.Kind, e.Event = "screen", "$screen"
				default:
					e.Event = "price_seen"
				}
				return e
			})
			checkDoubled(t, s, proxy)
		})
	}
}

// TestCountly sends events with Countly's SDK for Node, by queries and by forms. The SDK keeps the time itself, and sends a
// request again until it is answered.
func TestCountly(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"", "1"} {
		t.Run("form "+form, func(t *testing.T) {
			s := start(t)
			proxy := &flakyProxy{target: "http://" + s.addr, harsh: true}
			front := httptest.NewServer(proxy)
			defer front.Close()
			began := time.Now()
			const count = 1000
			s.play(t, front.URL, script{folder: "countly", env: []string{"FORM=" + form}}, count)
			s.waitIdle()
			seen, others := map[int]bool{}, map[string]int{}
			for _, e := range s.export("") {
				if _, ok := e.Properties["n"]; !ok {
					others[e.Event]++
					continue
				}
				n := e.number(t)
				want := stored{Kind: "track", Event: fmt.Sprintf("event %d", n%7)}
				if n%4 == 3 {
					want = stored{Kind: "screen", Event: "$screen"}
				}
				if seen[n] || e.Kind != want.Kind || e.Event != want.Event || e.Timestamp.Before(began) || e.Timestamp.After(time.Now()) {
					t.Errorf("event %d: %+v", n, e)
				}
				seen[n] = true
			}
			if len(seen) != count || others["$identify"] != 2 || others["$session_start"] != 1 || others["$session_end"] != 1 {
				t.Errorf("%d events, and %v", len(seen), others)
			}
			checkDoubled(t, s, proxy)
		})
	}
}

// TestNeverAgain sends events with SDKs that try each only once: what reached the server is there, once, and nothing else.
func TestNeverAgain(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"umami", "aptabase"} {
		t.Run(folder, func(t *testing.T) {
			s := start(t)
			proxy := &flakyProxy{target: "http://" + s.addr}
			front := httptest.NewServer(proxy)
			defer front.Close()
			const count = 500
			var told struct{ Arrived int }
			if err := json.Unmarshal(s.play(t, front.URL, script{folder: folder}, count), &told); err != nil {
				t.Fatal(err)
			}
			s.waitIdle()
			lost, unanswered := int(proxy.lost.Load()), int(proxy.doubled.Load())
			seen := map[int]bool{}
			for _, e := range s.export("") {
				seen[e.number(t)] = true
			}
			if c := s.ledger(); len(seen) != count-lost || told.Arrived != count-lost-unanswered || int(c.Stored) != len(seen) || c.Dead != 0 {
				t.Errorf("%d of %d events are there, %d were lost, %d not answered, the SDK says %d arrived; %+v", len(seen), count, lost, unanswered, told.Arrived, c)
			}
		})
	}
}

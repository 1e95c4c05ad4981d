//go:build sdk

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"
)

// apart returns the events that a script numbers, and how many there are of each other kind.
func apart(events []stored) (numbered []stored, others map[string]int) {
	others = map[string]int{}
	for _, e := range events {
		if _, ok := e.Properties["n"]; ok {
			numbered = append(numbered, e)
		} else {
			others[e.Kind]++
		}
	}
	return numbered, others
}

// TestPostHog sends events with PostHog's SDKs for Node, in both versions of capture, and for Go through a bad network.
func TestPostHog(t *testing.T) {
	t.Parallel()
	for name, sc := range map[string]script{
		"node": {folder: "posthog"}, "node v1": {folder: "posthog", env: []string{"POSTHOG_CAPTURE_MODE=v1"}}, "go": {folder: "posthog-go"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			proxy := &flakyProxy{target: "http://" + s.addr, harsh: true}
			front := httptest.NewServer(proxy)
			defer front.Close()
			began := time.Now()
			out := s.play(t, front.URL, sc, numberedEvents)
			var ids []string
			if sc.folder == "posthog" {
				if err := json.Unmarshal(out, &ids); err != nil || len(ids) != numberedEvents {
					t.Fatalf("%d ids: %v", len(ids), err)
				}
			}
			s.waitIdle()
			numbered, others := apart(s.export(""))
			checkNumbered(t, numbered, numberedEvents, began, func(n int) stored {
				e := stored{Kind: "track", Event: "Product Viewed", AnonymousID: fmt.Sprintf("device-%d", n%300)}
				if n%3 == 0 {
					e.UserID, e.AnonymousID = fmt.Sprintf("user-%d", n%300), ""
				}
				switch n % 4 {
				case 0:
					e.Event = fmt.Sprintf("event %d", n%7)
				case 1:
					e.Kind, e.Event = "page", "$page"
				case 2:
					e.Kind, e.Event = "screen", "$screen"
				}
				if ids != nil {
					e.ID = ids[n]
				}
				return e
			})
			if want := map[string]int{"identify": numberedEvents / 100, "group": numberedEvents / 100, "alias": numberedEvents / 100}; fmt.Sprint(others) != fmt.Sprint(want) {
				t.Errorf("other events %v, want %v", others, want)
			}
			checkDoubled(t, s, proxy)
		})
	}
}

// TestPostHogBrowser sends events with PostHog's browser SDK from a page in Chromium, of somebody who is identified half
// way. The SDK sends again three seconds after a failure and later.
func TestPostHogBrowser(t *testing.T) {
	t.Parallel()
	const count = 400
	s := start(t)
	proxy := &flakyProxy{target: "http://" + s.addr, harsh: true, unlimited: true}
	front := httptest.NewServer(proxy)
	defer front.Close()
	began := time.Now()
	out := s.play(t, front.URL, script{folder: "posthog-js"}, count)
	ids := map[int]string{}
	if err := json.Unmarshal(out, &ids); err != nil || len(ids) != count {
		t.Fatalf("%d ids: %v", len(ids), err)
	}
	s.waitIdle()
	numbered, others := apart(s.export(""))
	device := ""
	for _, e := range numbered {
		if e.AnonymousID != "" {
			device = e.AnonymousID
		}
	}
	checkNumbered(t, numbered, count, began, func(n int) stored {
		e := stored{ID: ids[n], Kind: "track", Event: []string{"clicked", "", "", "Product Viewed"}[n%4], AnonymousID: device}
		if n >= count/2 {
			e.UserID, e.AnonymousID = "user-1", ""
		}
		switch n % 4 {
		case 1:
			e.Kind, e.Event = "page", "$page"
		case 2:
			e.Kind, e.Event = "screen", "$screen"
		}
		return e
	})
	if others["identify"] == 0 || len(others) != 1 {
		t.Errorf("other events %v", others)
	}
	people := s.trend(map[string]any{"aggregate": "unique", "events": []string{"clicked", "Product Viewed", "$page", "$screen"}}, nil)
	if people[""] != 1 {
		t.Errorf("%v people, want one", people)
	}
	checkDoubled(t, s, proxy)
}

//go:build sdk

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// flaky puts a bad network before a server.
func (s *server) flaky(t *testing.T, lostAs int) (*flakyProxy, string) {
	t.Helper()
	proxy := &flakyProxy{target: "http://" + s.addr, lostAs: lostAs, harsh: true}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	return proxy, front.URL
}

// TestAmplitude sends events with Amplitude's SDK for Node to both of its endpoints. A lost request is an error of the
// server's for one of them, and for the other an overload, which the SDK answers in another way.
func TestAmplitude(t *testing.T) {
	t.Parallel()
	for path, lostAs := range map[string]int{"/2/httpapi": http.StatusInternalServerError, "/batch": http.StatusTooManyRequests} {
		t.Run(path, func(t *testing.T) {
			s := start(t)
			proxy, url := s.flaky(t, lostAs)
			began := time.Now()
			out := s.play(t, url, script{folder: "amplitude", env: []string{"AMPLITUDE_PATH=" + path}}, numberedEvents)
			var ids []string
			if err := json.Unmarshal(out, &ids); err != nil || len(ids) != numberedEvents {
				t.Fatalf("%d ids: %v", len(ids), err)
			}
			s.waitIdle()
			checkNumbered(t, s.export(""), numberedEvents, began, func(n int) stored {
				e := stored{ID: ids[n], AnonymousID: fmt.Sprintf("device-%d", n%10)}
				if e.Kind, e.Event = neutralNames(n); n%3 == 0 {
					e.UserID = fmt.Sprintf("user-%d", n%10)
				}
				return e
			})
			checkDoubled(t, s, proxy)
		})
	}
}

// TestMixpanel sends events, imports and updates of people with Mixpanel's SDK for Node, which tells an app what has
// failed and leaves the rest to it.
func TestMixpanel(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{nil, {"VERBOSE=1"}} {
		t.Run(fmt.Sprint(env), func(t *testing.T) {
			s := start(t)
			proxy, url := s.flaky(t, 0)
			began := time.Now()
			s.play(t, url, script{folder: "mixpanel", env: env}, numberedEvents)
			s.waitIdle()
			checkNumbered(t, s.export(""), numberedEvents, began, func(n int) stored {
				e := stored{UserID: fmt.Sprintf("user-%d", n%10)}
				if n%3 != 0 {
					e.UserID, e.AnonymousID = "", fmt.Sprintf("device-%d", n%10)
				}
				e.Kind, e.Event = [...]string{"track", "page", "track", "identify"}[n%4], [...]string{"Product Viewed", "$page", "Product Viewed", "$identify"}[n%4]
				return e
			})
			checkDoubled(t, s, proxy)
		})
	}
}

// TestMixpanelGo sends events and imports, strict and not, with Mixpanel's SDK for Go, which leaves as much to the app.
func TestMixpanelGo(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy, url := s.flaky(t, 0)
	began := time.Now()
	s.play(t, url, script{folder: "mixpanel-go"}, numberedEvents)
	s.waitIdle()
	checkNumbered(t, s.export(""), numberedEvents, began, func(n int) stored {
		e := stored{UserID: fmt.Sprintf("user-%d", n%10), Kind: "track", Event: "Product Viewed"}
		if n%3 != 0 {
			e.UserID, e.AnonymousID = "", fmt.Sprintf("device-%d", n%10)
		}
		if n%2 == 1 {
			e.Kind, e.Event = "page", "$page"
		}
		return e
	})
	checkDoubled(t, s, proxy)
}

// TestBrowserBuilds sends events with the SDKs' builds for browsers from a page in Chromium: at first without a user, then
// with one, who is the same person.
func TestBrowserBuilds(t *testing.T) {
	t.Parallel()
	const count = 240
	for _, sdk := range []string{"amplitude", "mixpanel", "segment"} {
		t.Run(sdk, func(t *testing.T) {
			s := start(t)
			proxy, url := s.flaky(t, 0)
			began := time.Now()
			out := s.play(t, url, script{folder: "browser", env: []string{"SDK=" + sdk}}, count)
			var device string
			if err := json.Unmarshal(out, &device); err != nil || device == "" {
				t.Fatalf("the device: %v %s", err, out)
			}
			s.waitIdle()
			events := slices.DeleteFunc(s.export(""), func(e stored) bool { return e.Kind == "identify" })
			checkNumbered(t, events, count, began, func(n int) stored {
				e := stored{Kind: "track", Event: "Product Viewed", AnonymousID: device}
				if n%2 == 1 {
					e.Kind, e.Event = "page", "$page"
				}
				if n >= count/2 {
					e.UserID = "user-1"
				}
				return e
			})
			people := s.trend(map[string]any{"aggregate": "unique", "events": []string{"Product Viewed"}}, map[string]any{"property": "plan", "of": "person"})
			if len(people) != 1 || people["pro"] != 1 {
				t.Errorf("people by plan: %v", people)
			}
			checkDoubled(t, s, proxy)
		})
	}
}

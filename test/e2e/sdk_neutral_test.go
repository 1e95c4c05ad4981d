//go:build sdk

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// numberedEvents is how many events a script sends that numbers them.
const numberedEvents = 3000

// neutralNames are the names of what the scripts of the neutral formats send, by number.
func neutralNames(n int) (kind, name string) {
	kind = []string{"track", "page", "screen", "identify"}[n%4]
	return kind, []string{"Product Viewed", "$page", "$screen", "$identify"}[n%4]
}

// TestOTLP sends log records with the SDK of OpenTelemetry, as JSON and as protobuf, through a bad network. The SDK takes
// 500 for final, and so does the specification; a lost request is a 503 here.
func TestOTLP(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"json", "protobuf"} {
		t.Run(encoding, func(t *testing.T) {
			s := start(t)
			proxy := &flakyProxy{target: "http://" + s.addr, harsh: true, lostAs: http.StatusServiceUnavailable}
			front := httptest.NewServer(proxy)
			defer front.Close()
			began := time.Now()
			out := s.play(t, front.URL, script{folder: "otlp", env: []string{"ENCODING=" + encoding}}, numberedEvents)
			var ids []string
			if err := json.Unmarshal(out, &ids); err != nil || len(ids) != numberedEvents/2 {
				t.Fatalf("%d ids: %v", len(ids), err)
			}
			s.waitIdle()
			checkNumbered(t, s.export(""), numberedEvents, began, func(n int) stored {
				e := stored{AnonymousID: fmt.Sprintf("device-%d", n%10)}
				if e.Kind, e.Event = neutralNames(n); n%3 == 0 {
					e.UserID = fmt.Sprintf("user-%d", n%10)
				}
				if n%2 == 0 {
					e.ID = ids[n/2]
				}
				return e
			})
			checkDoubled(t, s, proxy)
		})
	}
}

// TestCloudEvents sends events in all three forms with the SDK of CloudEvents through a bad network.
func TestCloudEvents(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy := &flakyProxy{target: "http://" + s.addr, harsh: true}
	front := httptest.NewServer(proxy)
	defer front.Close()
	began := time.Now()
	out := s.play(t, front.URL, script{folder: "cloudevents"}, numberedEvents)
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
}

// checkDoubled wants the ledger to have every repetition that a proxy caused, and nothing set aside.
func checkDoubled(t *testing.T, s *server, p *flakyProxy) {
	t.Helper()
	t.Logf("%d requests, of which %d were lost and %d answered badly", p.requests.Load(), p.lost.Load(), p.doubled.Load())
	if c := s.ledger(); c.Dead != 0 || p.lost.Load() == 0 || p.doubled.Load() == 0 || c.Duplicate == 0 {
		t.Errorf("ledger: %+v", c)
	}
	if p.harsh && !p.silent.Load() {
		t.Error("too few requests for one to be left without an answer")
	}
}

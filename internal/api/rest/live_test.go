package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// watcher reads a stream.
type watcher struct {
	t      *testing.T
	resp   *http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func (w *world) watch(t *testing.T, server *httptest.Server, key string) *watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/v1/live", nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+w.secret(key))
	resp, err := server.Client().Do(r)
	must(t, err)
	return &watcher{t, resp, bufio.NewScanner(resp.Body), cancel}
}

func (s *watcher) close() {
	s.cancel()
	s.resp.Body.Close()
}

// next reads up to the next message with the name and returns its data.
func (s *watcher) next(name string) string {
	s.t.Helper()
	is := false
	for s.lines.Scan() {
		line := s.lines.Text()
		if event, ok := strings.CutPrefix(line, "event: "); ok {
			is = event == name
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && is {
			return data
		}
	}
	s.t.Fatalf("the stream ended before %s: %v", name, s.lines.Err())
	return ""
}

func TestLive(t *testing.T) {
	w := newWorld(t)
	w.add(1, "before", 3)
	server := httptest.NewServer(w.mux)
	base := goleak.IgnoreCurrent()
	defer goleak.VerifyNone(t, base)
	defer server.Close()
	first, second, other := w.watch(t, server, "1 read"), w.watch(t, server, "1 admin"), w.watch(t, server, "2 read")
	defer first.close()
	defer second.close()
	if ct := first.resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Error(ct)
	}
	var s serverStatus
	must(t, json.Unmarshal([]byte(first.next("status")), &s))
	if s.Watermark.Position != 3 {
		t.Errorf("%+v", s)
	}
	if got := w.ask("1 read", "GET", "/v1/live", ""); got.problem().Code != "too_many_streams" || got.Code != 429 || got.Header().Get("Retry-After") == "" {
		t.Error("a fourth stream", got.Code, got.Body)
	}
	w.add(2, "theirs", 1)
	w.add(1, "buy", 60)
	for _, s := range []*watcher{first, second} {
		var m liveMessage
		must(t, json.Unmarshal([]byte(s.next("events")), &m))
		if len(m.Events) != 50 || m.Skipped != 10 || m.Events[0].ID != "buy-63" || m.Watermark.Position != 64 {
			t.Errorf("%d events, %d skipped, %+v", len(m.Events), m.Skipped, m.Watermark)
		}
	}
	if data := other.next("events"); !strings.Contains(data, "theirs") || strings.Contains(data, "buy") {
		t.Error(data)
	}
	other.close()
	waitFor(t, func() bool {
		w.api.live.mu.Lock()
		defer w.api.live.mu.Unlock()
		return w.api.live.open == 2 && len(w.api.live.feeds) == 1
	})
	w.api.Close()
	for first.lines.Scan() {
	}
	for second.lines.Scan() {
	}
	if first.lines.Err() != nil || second.lines.Err() != nil {
		t.Error("the streams did not end, they broke")
	}
}

func TestLiveEndsWithItsKey(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.mux)
	defer server.Close()
	s := w.watch(t, server, "1 read")
	defer s.close()
	s.next("status")
	must(t, w.projects.RevokeKey(t.Context(), "test", 2))
	for s.lines.Scan() {
	}
	if s.lines.Err() != nil {
		t.Error(s.lines.Err())
	}
}

func TestLiveKeys(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		key, target string
		want        int
	}{
		{"", "", 401},
		{"1 write", "", 403},
		{"1 read", "?project=2", 404},
		{"1 read", "?project=99", 404},
		{"1 admin", "?project=99", 404},
		{"", "?key=" + w.keys["1 read"], 401},
	} {
		if got := w.ask(c.key, "GET", "/v1/live"+c.target, ""); got.Code != c.want {
			t.Errorf("%q %s: %d", c.key, c.target, got.Code)
		} else {
			got.problem()
		}
	}
}

func TestSlowStreamsDrop(t *testing.T) {
	w := newWorld(t)
	sub, err := w.api.live.join(t.Context(), (&call{project: w.projects.Projects()[0]}).scope())
	must(t, err)
	defer w.api.live.leave(sub)
	f := sub.feed
	for i := range 5 {
		w.api.live.send(f, push{events: []byte("[]"), count: 2, skipped: 1, watermark: store.Watermark{Position: eventlog.Position(i)}})
	}
	if p := <-sub.pushes; p.watermark.Position != 0 || sub.missed.Load() != 12 {
		t.Errorf("%+v, missed %d", p, sub.missed.Load())
	}
}

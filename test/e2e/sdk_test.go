package e2e_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// sdkEvents is how many events Segment's SDK sends.
const sdkEvents = 10_000

// longSilence is how long an answer does not come; most SDKs give up before.
const longSilence = 20 * time.Second

// flakyProxy is a bad network before a server: of the requests through it some are lost, some are answered by an error
// or cut off although they arrived, so that the app sends them again, and some are late.
type flakyProxy struct {
	target string
	// lostAs is the status of a lost request; 0 is 500, which some SDKs take for final.
	lostAs int
	// harsh adds what not every SDK sends again after: 429, and once an answer that does not come.
	harsh bool
	// unlimited leaves out 429, on which some SDKs throw events away.
	unlimited bool
	// silent tells that it has not come once.
	silent atomic.Bool
	// requests counts all, doubled those that arrived and were not answered, lost those that did not arrive.
	requests, doubled, lost atomic.Int64
}

// ServeHTTP implements http.Handler.
func (p *flakyProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fate := p.requests.Add(1) % 16
	if fate == 14 && p.harsh && !p.unlimited {
		p.lost.Add(1)
		allow(w, r)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "later", http.StatusTooManyRequests)
		return
	}
	if fate == 3 {
		p.lost.Add(1)
		allow(w, r)
		http.Error(w, "lost", cmp.Or(p.lostAs, http.StatusInternalServerError))
		return
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, p.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	switch fate {
	case 6:
		p.doubled.Add(1)
		allow(w, r)
		http.Error(w, "answered badly", http.StatusBadGateway)
		return
	case 9:
		p.doubled.Add(1)
		cut(w)
		return
	case 12:
		<-time.After(300 * time.Millisecond)
	case 15:
		if p.harsh && !p.silent.Swap(true) {
			p.doubled.Add(1)
			select {
			case <-r.Context().Done():
			case <-time.After(longSilence):
			}
			cut(w)
			return
		}
	}
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// allow lets a page see an error. One that it may not see is a cut connection to it.
func allow(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); origin != "" {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
	}
}

// cut ends the connection within the first line of the answer.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200")
	_ = conn.Close()
}

// TestSDK sends 10,000 events of all kinds with Segment's own SDK through a bad network: the server ends with exactly
// these, and the ledger has every repetition.
func TestSDK(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy := &flakyProxy{target: "http://" + s.addr, harsh: true}
	front := httptest.NewServer(proxy)
	defer front.Close()
	out := s.play(t, front.URL, script{folder: "segment"}, sdkEvents)
	var ids []string
	if err := json.Unmarshal(out, &ids); err != nil || len(ids) != sdkEvents {
		t.Fatalf("the SDK made %d ids: %v", len(ids), err)
	}
	t.Logf("%d requests, of which %d were lost and %d answered badly", proxy.requests.Load(), proxy.lost.Load(), proxy.doubled.Load())
	s.waitIdle()
	sent := &load{acked: map[string]bool{}}
	for _, id := range ids {
		sent.acked[id] = true
	}
	events := s.export("")
	sent.check(t, events)
	kinds := map[string]int{}
	for _, e := range events {
		kinds[e.Kind]++
	}
	if want := map[string]int{"track": 5000, "page": 1000, "screen": 1000, "identify": 1000, "group": 1000, "alias": 1000}; fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("events by kind %v", kinds)
	}
	c := s.ledger()
	if c.Stored != sdkEvents || c.Dead != 0 || proxy.doubled.Load() == 0 || c.Duplicate == 0 {
		t.Errorf("ledger: %+v", c)
	}
}

// TestBrowser does what Segment's browser SDK does from a page of another origin: preflight, settings, an event as
// text/plain.
func TestBrowser(t *testing.T) {
	t.Parallel()
	s := start(t)
	const origin = "https://shop.example"
	settings := "/v1/projects/" + s.write + "/settings"
	for _, path := range []string{settings, "/v1/t", "/v1/t/", "/v1/batch", "/v1/events", "/v1/m"} {
		r, err := s.call(http.MethodOptions, path, "", nil, "Origin", origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
		h := r.header
		if err != nil || r.status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != origin ||
			h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Access-Control-Allow-Headers") != "authorization,content-type" {
			t.Errorf("preflight of %s: %v %d %v", path, err, r.status, h)
		}
	}
	r, err := s.call(http.MethodGet, settings, "", nil, "Origin", origin)
	if err != nil || r.status != http.StatusOK || r.header.Get("Access-Control-Allow-Origin") != origin {
		t.Fatalf("settings: %v %s", err, r)
	}
	var doc struct {
		Integrations map[string]struct{ APIKey, APIHost, Protocol string }
	}
	if err := json.Unmarshal(r.body, &doc); err != nil {
		t.Fatal(err)
	}
	if own := doc.Integrations["Segment.io"]; own.APIKey != s.write || own.APIHost != s.addr+"/v1" || own.Protocol != "http" {
		t.Errorf("settings %+v", own)
	}
	unknown := "/v1/projects/" + s.write[:len(s.write)-1] + "_/settings"
	if r, err := s.call(http.MethodGet, unknown, "", nil); err != nil || r.status != http.StatusNotFound || r.code() != "unknown_key" {
		t.Errorf("settings of an unknown key: %v %s", err, r)
	}
	body := fmt.Sprintf(`{"type":"track","event":"clicked","messageId":"m1","anonymousId":"a","userId":null,"writeKey":%q}`, s.write)
	r, err = s.call(http.MethodPost, "/v1/t", "", []byte(body), "Origin", origin, "Content-Type", "text/plain")
	if err != nil || r.status != http.StatusOK || !strings.Contains(r.header.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Errorf("an event from a page: %v %s %v", err, r, r.header)
	}
	s.waitVisible(r.position())
	if events := s.export(""); len(events) != 1 || events[0].Event != "clicked" {
		t.Errorf("events %+v", events)
	}
}

package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestStart looks at what an operator sees: keys once, at the first start only; a ready server in a moment.
func TestStart(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.out.String()
	for _, want := range []string{"Project 1 is ready", "Write key    " + s.write, "Admin key    " + s.admin, "http://" + s.addr + "/#key=fr_", "/v1/docs", "/metrics"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first start did not print %q", want)
		}
	}
	s.stop()
	began := time.Now()
	s.restart()
	s.status()
	t.Logf("a start on an existing folder took %s until it answered", time.Since(began).Round(time.Millisecond))
	second := strings.TrimPrefix(s.out.String(), first)
	if strings.Contains(second, "fw_") || strings.Contains(second, "fa_") {
		t.Errorf("the second start printed keys")
	}
	page := http.StatusOK
	if _, err := os.Stat("../../web/dist/index.html"); err != nil {
		page = http.StatusNotFound // the dashboard was not built
	}
	if r, err := s.call(http.MethodGet, "/", "", nil); err != nil || r.status != page || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		t.Errorf("GET /: %v %d %s", err, r.status, r.header.Get("Content-Type"))
	}
	for path, want := range map[string]string{
		"/v1/docs": "text/html", "/v1/openapi.json": "application/openapi+json", "/metrics": "text/plain", "/healthz": "text/plain",
	} {
		r, err := s.call(http.MethodGet, path, "", nil)
		if err != nil || r.status != http.StatusOK || !strings.HasPrefix(r.header.Get("Content-Type"), want) {
			t.Errorf("GET %s: %v %d %s", path, err, r.status, r.header.Get("Content-Type"))
		}
	}
}

// TestStopBeforeReady stops servers that wait for what they cannot do without: that is no failure.
func TestStopBeforeReady(t *testing.T) {
	t.Parallel()
	for what, args := range map[string][]string{
		"PostgreSQL": {"--project", "postgres://freshet@" + freeAddress(t) + "/freshet"},
		"Kafka":      {"--log-address", "kafka://" + freeAddress(t) + "/events"},
		"ClickHouse": {"--roles", "query", "--project", "postgres://freshet@" + freeAddress(t) + "/freshet", "--store-address", "clickhouse://default@" + freeAddress(t) + "/freshet"},
	} {
		s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freeAddress(t), args: args, http: newClient()}
		t.Cleanup(s.end)
		s.run()
		eventually(t, soon, "the server waits for "+what, func() bool {
			r, err := s.call(http.MethodGet, "/readyz", "", nil)
			return err == nil && strings.Contains(string(r.body), "waits for")
		})
		s.stop()
	}
}

var lentKey = regexp.MustCompile(`#key=(fr_[0-9A-Za-z]+)`)

// TestDemo runs the sample app of the server: its events arrive, with a past, and the printed link's key reads them.
func TestDemo(t *testing.T) {
	t.Parallel()
	s := start(t, "--demo")
	if !strings.Contains(s.out.String(), "Sample app   sending about 20 events a second to project 1") {
		t.Errorf("the sample app is not announced:\n%s", anyKey.ReplaceAllString(s.out.String(), "KEY"))
	}
	eventually(t, soon, "the sample app's past is visible", func() bool { return s.visibleEvents() > 10_000 })
	at := s.visibleEvents()
	eventually(t, soon, "the sample app goes on", func() bool { return s.visibleEvents() > at })
	link := lentKey.FindStringSubmatch(s.out.String())
	if link == nil {
		t.Fatal("no link to the dashboard")
	}
	if r, err := s.call(http.MethodGet, "/v1/me", link[1], nil); err != nil || r.status != http.StatusOK || !strings.Contains(string(r.body), `"kind":"read"`) {
		t.Errorf("the link's key: %v %s", err, r)
	}
	s.stop()
}

// TestColdStart measures a start, the first one and one after a crash with events to recover. It fails only when the
// server is not there within the time that every test allows.
func TestColdStart(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := start(t)
	t.Logf("the first start took %s", time.Since(began).Round(time.Millisecond))
	s.importShop()
	s.kill()
	began = time.Now()
	s.restart()
	ready := time.Since(began)
	s.waitIdle()
	t.Logf("after a crash: ready in %s, all of %d events visible in %s", ready.Round(time.Millisecond), shopRows, time.Since(began).Round(time.Millisecond))
}

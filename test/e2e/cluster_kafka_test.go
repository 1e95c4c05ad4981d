//go:build cluster

package e2e_test

import (
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/test/kafkatest"
)

// TestKafkaKilled kills the server and Kafka in turn, and both, under load, and starts the server while Kafka is away: whatever was
// acknowledged is there once at the end, and nothing is acknowledged while there is nobody to keep it.
func TestKafkaKilled(t *testing.T) {
	k := kafkatest.Start(t)
	s := start(t, "--log-address", k.URL("events"), "--log-replicas", "1", "--store-flush-rows", "1000")
	l := s.begin(4, 10*time.Millisecond, "ffaaf")
	pause := func() { <-time.After(time.Duration(100+rand.IntN(900)) * time.Millisecond) }
	goesOn := func(what string) {
		t.Helper()
		at := l.count()
		eventually(t, time.Minute, what, func() bool { return l.count() > at+100 })
	}
	for range 4 {
		pause()
		s.kill()
		s.restart()
	}
	goesOn("events are accepted after kills")
	for range 2 {
		pause()
		k.Kill()
		r, err := s.call(http.MethodPost, "/v1/events", s.write, manyEvents("away", 3))
		if err != nil || r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Errorf("an event while Kafka is away: %v %s", err, r)
		}
		at := l.count()
		<-time.After(300 * time.Millisecond)
		if n := l.count(); n > at+len(l.ages)*100 {
			t.Errorf("%d events were acknowledged while there was no Kafka", n-at)
		}
		k.Run()
		goesOn("events are accepted when Kafka is back")
	}
	k.Kill()
	s.kill()
	s.run()
	if r, err := s.call(http.MethodGet, "/readyz", "", nil); err == nil && r.status == http.StatusOK {
		t.Errorf("ready without Kafka: %s", r)
	}
	k.Run()
	s.waitReady()
	goesOn("events are accepted after both were killed")
	l.finish()
	s.waitIdle()
	t.Logf("%d events acknowledged, %d not; refused %v", len(l.acked), len(l.open), l.refused)
	for code := range l.refused {
		// A request that waits for a start as long as Kafka takes may be told that its body is late.
		if code != 0 && code != http.StatusServiceUnavailable && code != http.StatusGatewayTimeout {
			t.Errorf("refused: %v, the last with %s", l.refused, l.last)
		}
	}
	check := func(when string) {
		t.Helper()
		// A store that was made anew is shown when it has what the old one had.
		eventually(t, soon, when+": questions are answered", func() bool {
			r, err := s.call(http.MethodGet, "/v1/schema", s.admin, nil)
			return err == nil && r.status == http.StatusOK
		})
		events := s.export("")
		l.check(t, events)
		if c := s.ledger(); c.Stored != int64(len(events)) || c.Accepted < l.received || c.Accepted != c.Stored+c.Duplicate+c.Dead {
			t.Errorf("%s: %d events are there, %d were acknowledged, the ledger says %+v", when, len(events), l.received, c)
		}
	}
	check("at the end")

	// The store is made anew out of the topic and the archive, beside the server and without it.
	args := []string{"--data", s.dir, "--log-address", k.URL("events"), "--log-replicas", "1"}
	if out, stderr, code := s.cli("", append([]string{"rebuild"}, args...)...); code != 0 {
		t.Errorf("rebuild beside the server: %s%s", out, stderr)
	}
	s.waitIdle()
	check("after a rebuild")
	s.stop()
	if out, stderr, code := s.cli("", append([]string{"verify"}, args...)...); code != 0 || !strings.Contains(out, "All is well") {
		t.Errorf("verify: %d %s%s", code, out, stderr)
	}
	if out, stderr, code := s.cli("", append([]string{"rebuild"}, args...)...); code != 0 {
		t.Errorf("rebuild: %s%s", out, stderr)
	}
	s.restart()
	s.waitIdle()
	check("after a rebuild without the server")
}

// TestKafkaMistakes: what would count events twice or leave them out is refused, with words.
func TestKafkaMistakes(t *testing.T) {
	k := kafkatest.Start(t)
	topic := []string{"--log-address", k.URL("events"), "--log-replicas", "1"}
	away, inFolder := start(t, topic...), start(t)
	for _, s := range []*server{away, inFolder} {
		r := s.send("/v1/events", manyEvents("e", 10))
		s.waitVisible(r.position())
		if r.position() != 10 {
			t.Errorf("position %d, want 10", r.position())
		}
	}
	refused := func(what, words string, args ...string) {
		t.Helper()
		if out, stderr, code := away.cli("", args...); code == 0 || !strings.Contains(out+stderr, words) {
			t.Errorf("%s: %d %s%s", what, code, out, stderr)
		}
	}
	serve := func(dir string, args ...string) []string {
		return append([]string{"serve", "--listen", freeAddress(t), "--admin-listen", "", "--data", dir}, args...)
	}
	if out, _, code := away.cli("", append([]string{"doctor", "--data", away.dir, "--listen", freeAddress(t)}, topic...)...); !strings.Contains(out, "positions 0 to 10") {
		t.Errorf("doctor: %d %s", code, out)
	}
	refused("a backup", "in Kafka", append([]string{"backup", t.TempDir(), "--data", away.dir}, topic...)...)
	away.stop()
	inFolder.stop()
	refused("a folder without its topic", "set log.address", serve(away.dir)...)
	refused("another topic", "there is no topic other", serve(away.dir, "--log-address", k.URL("other"), "--log-replicas", "1")...)
	refused("a folder with a log", "a log of its own", serve(inFolder.dir, topic...)...)
	refused("an empty folder", "knows none of their projects", serve(filepath.Join(t.TempDir(), "data"), topic...)...)
	refused("too few brokers", "set log.replicas", serve(filepath.Join(t.TempDir(), "data"), "--log-address", k.URL("three"))...)
	refused("a large body", "48MiB", serve(away.dir, append(topic, "--limits-max-body", "64MiB", "--limits-max-in-flight", "128MiB")...)...)
	away.restart()
	if n := len(away.export("")); n != 10 {
		t.Errorf("%d events, want 10", n)
	}
}

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// kills is how often TestCrash kills the server; the laboratory (test/crash) does it more often, and at chosen moments.
const kills = 8

// TestCrash kills the server again and again under load: while it starts and recovers, while it flushes, compacts and
// removes expired days. Nothing that was acknowledged may be lost, nothing may count twice, and the ledger balances.
func TestCrash(t *testing.T) {
	t.Parallel()
	s := start(t, "--store-flush-rows", "1000")
	if r, err := s.call(http.MethodPatch, "/v1/projects/1", s.admin, []byte(`{"retention_days":30}`)); err != nil || r.status != 200 {
		t.Fatalf("set the retention: %v %s", err, r)
	}
	l := s.begin(4, 10*time.Millisecond, "ffaafae")
	eventually(t, soon, "a day is compacted", func() bool { return s.metric("freshet_store_compacted_rows_total") > 0 })
	for n := range kills {
		if n%3 > 0 {
			s.waitReady()
		}
		<-time.After(time.Duration(5+rand.IntN(496)) * time.Millisecond)
		s.kill()
		s.run()
	}
	s.waitReady()
	l.finish()
	t.Logf("%d events acknowledged, %d not, across %d kills; refused %v", len(l.acked), len(l.open), kills, l.refused)
	if len(l.acked) < 1000 || l.refused[0] == 0 {
		t.Error("the load was too small to prove anything")
	}
	s.waitIdle()
	before := s.ledger()
	l.check(t, s.export(""))

	// All of it on disk, and everything expired removed.
	s.stop()
	s.restart()
	s.waitIdle()
	eventually(t, soon, "expired days are removed", func() bool { return s.export("to=-31d") == nil })
	events := s.export("")
	ages := l.check(t, events)
	after := s.ledger()
	if after.Accepted != before.Accepted || after.Stored != before.Stored || after.Duplicate != before.Duplicate {
		t.Errorf("ledger before the restart %+v, after it %+v", before, after)
	}
	if after.Stored-after.Expired != int64(len(events)) || after.Expired == 0 || after.Dead != 0 {
		t.Errorf("%d events are there, the ledger says %+v", len(events), after)
	}
	if after.Accepted < l.received {
		t.Errorf("%d events were acknowledged, the ledger says %+v", l.received, after)
	}
	if ages[freshEvent] == 0 || ages[oldEvent] == 0 || ages[expiredEvent] != 0 {
		t.Errorf("events by age: %v", ages)
	}
	for _, word := range []string{"compacted a day", "expired days removed"} {
		t.Logf("%s %d times", word, strings.Count(s.log.String(), word))
	}
}

// lastSegment is the path of the newest file of the event log.
func (s *server) lastSegment() string {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, "log", "*.log"))
	if err != nil || len(names) == 0 {
		s.t.Fatalf("no segments: %v", err)
	}
	return slices.Max(names)
}

// damage rewrites a file of a server that does not run.
func damage(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// threeBatches sends three requests one after the other, so that each is a record of the log of its own, and kills the
// server with none of them on disk but in the log. It returns the log's size after each.
func (s *server) threeBatches() (sizes [3]int64) {
	s.t.Helper()
	for n := range sizes {
		r := s.send("/v1/events", manyEvents(fmt.Sprintf("b%d", n), 100))
		s.waitVisible(r.position())
		b, err := os.ReadFile(s.lastSegment())
		if err != nil {
			s.t.Fatal(err)
		}
		sizes[n] = int64(len(withoutFilling(b)))
	}
	if n := s.status().Store.HotRows; n != 300 {
		s.t.Fatalf("%d rows are in memory only, want 300", n)
	}
	s.kill()
	return sizes
}

// withoutFilling leaves out what a running server's segment has behind its last block (docs/formats/log.md).
func withoutFilling(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0xA5 {
		b = b[:len(b)-1]
	}
	return b
}

// manyEvents is a native body of n events.
func manyEvents(prefix string, n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"event\":\"e\",\"user_id\":\"u%d\",\"id\":\"%s-%d\",\"properties\":{\"n\":%d}}\n", i%7, prefix, i, i)
	}
	return []byte(b.String())
}

// countIDs counts the events by what their ids begin with.
func countIDs(events []stored) map[string]int {
	out := map[string]int{}
	for _, e := range events {
		prefix, _, _ := strings.Cut(e.ID, "-")
		out[prefix]++
	}
	return out
}

// TestTornTail damages the end of the log of a killed server, as power loss does: it starts, says what it found, keeps
// everything before and takes the events again that were sent again.
func TestTornTail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(b []byte, record int64) []byte
	}{
		{"cut by a byte", func(b []byte, _ int64) []byte { return b[:len(withoutFilling(b))-1] }},
		{"cut in the header", func(b []byte, record int64) []byte { return b[:record+7] }},
		{"bits flipped", func(b []byte, record int64) []byte { b[record+100] ^= 0x11; return b }},
		{"zeros", func(b []byte, record int64) []byte { clear(b[record:]); return b }},
		{"zeros behind", func(b []byte, record int64) []byte { return append(b, make([]byte, 4096)...) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t)
			sizes := s.threeBatches()
			damage(t, s.lastSegment(), func(b []byte) []byte { return c.change(b, sizes[1]) })
			s.restart()
			s.waitIdle()
			want := map[string]int{"b0": 100, "b1": 100}
			if c.name == "zeros behind" {
				want["b2"] = 100
			}
			if got := countIDs(s.export("")); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("after the damage there are %v", got)
			}
			if s.metric("freshet_log_torn_tails_total") != 1 || !strings.Contains(s.log.String(), "cut the end of the log") {
				t.Error("the torn tail was not reported")
			}
			r := s.send("/v1/events", append(manyEvents("b2", 100), manyEvents("b3", 100)...))
			s.waitVisible(r.position())
			want["b2"], want["b3"] = 100, 100
			s.kill()
			s.restart()
			s.waitIdle()
			if got := countIDs(s.export("")); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("sent again there are %v", got)
			}
			s.ledger()
		})
	}
}

// TestDamagedMiddle flips bits of a record in the middle of the log: what is lost is told, everything else is there.
func TestDamagedMiddle(t *testing.T) {
	t.Parallel()
	s := start(t)
	sizes := s.threeBatches()
	damage(t, s.lastSegment(), func(b []byte) []byte { b[sizes[0]+100] ^= 0x11; return b })
	s.restart()
	s.waitIdle()
	if got := countIDs(s.export("")); fmt.Sprint(got) != fmt.Sprint(map[string]int{"b0": 100, "b2": 100}) {
		t.Errorf("after the damage there are %v", got)
	}
	if s.metric("freshet_log_damaged_segments_total") == 0 || !strings.Contains(s.log.String(), "log damaged, events lost") {
		t.Error("the damage was not reported")
	}
	r := s.send("/v1/events", manyEvents("b1", 100))
	s.waitVisible(r.position())
	if got := countIDs(s.export("")); got["b1"] != 100 {
		t.Errorf("sent again there are %v", got)
	}
}

// TestLostEnd cuts the log behind the store's back, as a disk does that only said it had written: what the store has
// stays, and what comes then is not taken for what was lost.
func TestLostEnd(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, b := range []string{"b0", "b1"} {
		r := s.send("/v1/events", manyEvents(b, 100))
		s.waitVisible(r.position())
	}
	s.stop()
	damage(t, s.lastSegment(), func(b []byte) []byte { return b[:len(b)-1] })
	s.restart()
	r := s.send("/v1/events", manyEvents("b2", 150))
	s.waitVisible(r.position())
	s.kill()
	s.restart()
	s.waitIdle()
	if got := countIDs(s.export("")); fmt.Sprint(got) != fmt.Sprint(map[string]int{"b0": 100, "b1": 100, "b2": 150}) {
		t.Errorf("there are %v", got)
	}
	if !strings.Contains(s.log.String(), "the log has lost its end") {
		t.Error("the loss was not reported")
	}
	s.ledger()
}

// TestDamagedEnd damages the end of the log of a server whose store has it all: the events are still there, new ones do
// not take the places of those, and the damage is told.
func TestDamagedEnd(t *testing.T) {
	t.Parallel()
	s := start(t)
	for n := range 3 {
		s.send("/v1/events", manyEvents(fmt.Sprintf("b%d", n), 100))
	}
	s.waitIdle()
	s.stop()
	damage(t, s.lastSegment(), func(b []byte) []byte { return flipped(b, len(b)-10) })
	s.restart()
	for n := range 10 {
		s.send("/v1/events", manyEvents(fmt.Sprintf("c%d", n), 30))
	}
	eventually(t, soon, "new events are visible", func() bool { return countIDs(s.export(""))["c9"] == 30 })
	got := countIDs(s.export(""))
	for n := range 3 {
		if got[fmt.Sprintf("b%d", n)] != 100 {
			t.Errorf("stored events are gone: %v", got)
		}
	}
	for n := range 10 {
		if got[fmt.Sprintf("c%d", n)] != 30 {
			t.Errorf("new events are lost: %v", got)
		}
	}
	s.ledger()
}

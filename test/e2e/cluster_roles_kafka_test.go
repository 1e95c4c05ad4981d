//go:build cluster

package e2e_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/freshet/freshet/test/clickhousetest"
	"github.com/freshet/freshet/test/kafkatest"
	"github.com/freshet/freshet/test/postgrestest"
	"github.com/freshet/freshet/test/redistest"
)

// TestRolesOnKafka has two processes take events, one store them and two answer, with everything they share elsewhere. Under load each
// is killed in turn, as is Kafka, and the machine of the one that stores is lost for good: another takes its place by itself, with an
// empty folder. Every acknowledged event is there once, for both who answer.
func TestRolesOnKafka(t *testing.T) {
	pg, rd, k := postgrestest.Start(t), redistest.Start(t), kafkatest.Start(t)
	shared := []string{
		"--project", pg.URL(pg.Create()), "--cache-address", rd.URL(), "--log-address", k.URL("events"), "--log-replicas", "1",
		"--store-address", clickhousetest.Database(t, t.TempDir()),
	}
	doors := []*server{start(t, append([]string{"--roles", "ingest"}, shared...)...)}
	doors = append(doors, doors[0].other("ingest", shared...))
	writer := doors[0].other("process", shared...)
	readers := []*server{doors[0].other("query,admin", shared...), doors[0].other("query", shared...)}
	everyone := slices.Concat(doors, readers, []*server{writer})
	writer.refuses(http.MethodPost, "/v1/query", writer.admin, []byte(`{}`), http.StatusNotFound)
	doors[0].refuses(http.MethodPost, "/v1/query", writer.admin, []byte(`{}`), http.StatusNotFound)
	for _, s := range []*server{writer, readers[0]} {
		if r, err := s.call(http.MethodPost, "/v1/events", s.write, manyEvents("x", 1)); err != nil || r.status != http.StatusServiceUnavailable {
			t.Errorf("events sent to a process that takes none: %v %s", err, r)
		}
	}

	for _, d := range doors { // What belongs to who stores would be made twice, and over each other in a bucket.
		for _, name := range []string{"archive", "dedup", "store.json"} {
			if _, err := os.Stat(filepath.Join(d.dir, name)); err == nil {
				t.Errorf("a process that only takes events has made %s", name)
			}
		}
	}
	unlink := []byte(`{"kind":"anonymous","id":"a"}`)
	doors[0].refuses(http.MethodPost, "/v1/persons/unlink", writer.admin, unlink, http.StatusNotFound)
	eventually(t, soon, "the process that stores has looked for the id", func() bool {
		r, err := writer.call(http.MethodPost, "/v1/persons/unlink", writer.admin, unlink)
		return err == nil && r.status == http.StatusNotFound && r.code() != "other_role"
	})

	loads := []*load{doors[0].begin(2, 20*time.Millisecond, "ff"), doors[1].begin(2, 20*time.Millisecond, "fa")}
	visible := func(when string) {
		t.Helper()
		for i, d := range doors {
			at := loads[i].count()
			eventually(t, time.Minute, when+": events are taken", func() bool { return loads[i].count() > at+100 })
			position := d.send("/v1/events", manyEvents(when, 1)).position()
			for _, r := range readers {
				began := time.Now()
				r.waitVisible(position)
				t.Logf("%s: visible after %s", when, time.Since(began).Round(time.Millisecond))
			}
		}
	}
	visible("at first")
	for _, s := range everyone {
		s.kill()
		s.restart()
	}
	visible("each was killed")
	k.Kill()
	k.Run()
	visible("Kafka was killed")

	writer.kill()
	next := &server{
		t: t, dir: t.TempDir(), addr: freeAddress(t), args: writer.args, http: newClient(), write: writer.write, admin: writer.admin,
	}
	t.Cleanup(next.end)
	next.run()
	next.waitReady()
	visible("the machine that stores was lost")

	acked := &load{acked: map[string]bool{}, open: map[string]bool{}}
	for _, l := range loads {
		l.finish()
		maps.Copy(acked.acked, l.acked)
		maps.Copy(acked.open, l.open)
	}
	last := doors[0].send("/v1/events", manyEvents("last", 1)).position()
	for _, r := range readers {
		r.waitVisible(last)
	}
	t.Logf("%d events acknowledged; refused %v and %v", len(acked.acked), loads[0].refused, loads[1].refused)
	if one, other := readers[0].ledger(), readers[1].ledger(); one != other {
		t.Errorf("the ledger is %+v and %+v", one, other)
	}
	for _, r := range readers {
		acked.check(t, slices.DeleteFunc(r.export(""), func(e stored) bool { return e.Event == "e" })) // of manyEvents
	}
}

//go:build cluster

package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/freshet/freshet/test/clickhousetest"
	"github.com/freshet/freshet/test/postgrestest"
	"github.com/freshet/freshet/test/redistest"
)

// other is a server of the same installation with other roles, and the same keys.
func (s *server) other(roles string, args ...string) *server {
	s.t.Helper()
	o := &server{
		t: s.t, dir: filepath.Join(s.t.TempDir(), "data"), addr: freeAddress(s.t), args: append([]string{"--roles", roles}, args...),
		http: newClient(), write: s.write, admin: s.admin,
	}
	s.t.Cleanup(o.end)
	o.run()
	o.waitReady()
	return o
}

// refuses checks that a route is another process's.
func (s *server) refuses(method, path, key string, body []byte, status int) {
	s.t.Helper()
	r, err := s.call(method, path, key, body)
	if err != nil || r.status != status || r.code() != "other_role" {
		s.t.Errorf("%s %s of another role: %v %s", method, path, err, r)
	}
}

// TestRoles has one process take and store events and two answer questions about them, with PostgreSQL, ClickHouse and Redis in common.
// Each is killed in turn under load, and Redis is killed and frozen: what is answered meanwhile is right as of its watermark, and at the
// end every acknowledged event is there once, for both who answer.
func TestRoles(t *testing.T) {
	pg, rd := postgrestest.Start(t), redistest.Start(t)
	shared := []string{"--project", pg.URL(pg.Create()), "--store-address", clickhousetest.Database(t, t.TempDir()), "--cache-address", rd.URL()}
	writer := start(t, append([]string{"--roles", "ingest,process"}, shared...)...)
	readers := []*server{writer.other("query,admin", shared...), writer.other("query", shared...)}

	opened := []byte(`{"kind":"trends","interval":"day","range":{"from":"-1d","to":"now"},"series":[{"id":"A"}]}`)
	writer.refuses(http.MethodPost, "/v1/query", writer.admin, opened, http.StatusNotFound)
	writer.refuses(http.MethodPatch, "/v1/projects/1", writer.admin, []byte(`{"name":"Shop"}`), http.StatusNotFound)
	readers[1].refuses(http.MethodPatch, "/v1/projects/1", writer.admin, []byte(`{"name":"Shop"}`), http.StatusNotFound)
	readers[0].refuses(http.MethodPost, "/v1/persons/unlink", writer.admin, []byte(`{"kind":"anonymous","id":"a"}`), http.StatusNotFound)
	if r, err := readers[0].call(http.MethodPost, "/v1/events", writer.write, native(map[string]any{"event": "e", "anonymous_id": "a"})); err != nil ||
		r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("events sent to a process that takes none: %v %s", err, r)
	}
	if r := readers[0].change(30); r.status != http.StatusOK {
		t.Errorf("a setting: %s", r)
	}

	l := writer.begin(3, 20*time.Millisecond, "ff")
	// asked has everybody who answers questions count, while events come in.
	asked := func(when string, by ...*server) {
		t.Helper()
		at := l.count()
		eventually(t, soon, when+": events are taken", func() bool { return l.count() > at+100 })
		before := writer.send("/v1/events", manyEvents(when, 1)).position()
		for _, r := range by {
			began := time.Now()
			r.waitVisible(before)
			t.Logf("%s: visible after %s", when, time.Since(began).Round(time.Millisecond))
			var a answer
			r.question(map[string]any{"kind": "trends", "interval": "day", "series": []any{map[string]any{"id": "A", "events": []string{"e"}}}}, &a)
			if len(a.Series) != 1 {
				t.Errorf("%s: %+v", when, a)
			}
		}
	}
	asked("at first", readers...)
	for i, r := range readers {
		r.kill()
		asked(fmt.Sprint("reader ", i, " is killed"), readers[1-i])
		r.restart()
	}
	writer.kill()
	for _, r := range readers {
		if r.trend(map[string]any{"events": []string{"e"}}, nil)[""] == 0 {
			t.Error("nothing is answered while nobody writes")
		}
	}
	writer.restart()
	asked("the writer was killed", readers...)
	for name, gone := range map[string]func() (back func()){
		"Redis is killed": func() func() { rd.Kill(); return rd.Run },
		"Redis is frozen": func() func() { rd.Freeze(); return rd.Thaw },
	} {
		back := gone()
		asked(name, readers...)
		for _, r := range readers {
			// Questions that others have not asked yet make it look.
			eventually(t, soon, name+": it is known to be away", func() bool {
				r.trend(map[string]any{"aggregate": "unique"}, nil)
				return r.metric("freshet_redis_away") == 1
			})
		}
		back()
		asked(name+" no more", readers...)
	}
	l.finish()
	last := writer.send("/v1/events", manyEvents("last", 1)).position()
	for _, r := range readers {
		r.waitVisible(last)
	}
	if one, other := readers[0].ledger(), readers[1].ledger(); one != other {
		t.Errorf("the ledger is %+v and %+v", one, other)
	}
	exported := [2][]stored{readers[0].export(""), readers[1].export("")}
	l.check(t, slices.DeleteFunc(slices.Clone(exported[0]), func(e stored) bool { return e.Event == "e" })) // of manyEvents
	if !reflect.DeepEqual(exported[0], exported[1]) {
		t.Errorf("one exports %d events, the other %d", len(exported[0]), len(exported[1]))
	}
	// At rest both ask the same about the same version.
	n := 0
	eventually(t, soon, "an answer is shared", func() bool {
		n++
		for _, r := range readers {
			r.trend(map[string]any{"events": []string{"e", fmt.Sprint("nobody ", n)}}, nil)
		}
		return readers[1].metric("freshet_cache_shared_hits_total")+readers[1].metric("freshet_cache_shared_awaited_total") > 0
	})
}

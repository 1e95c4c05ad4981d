//go:build cluster

package e2e_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/test/clickhousetest"
	"github.com/freshet/freshet/test/kafkatest"
	"github.com/freshet/freshet/test/postgrestest"
)

// frozenFor is how long a process is stopped that is to lose its place: three times as long as its lease is good.
const frozenFor = 30 * time.Second

// TestStandby has two processes store events, of which one works and the other stands by. Under load the one that works is killed, and
// stopped and let go again: after a while, and at the moment at which the other takes over. Each time the other goes on by itself,
// and who has lost its place ends and then stands by. Every acknowledged event is there once.
func TestStandby(t *testing.T) {
	pg, k := postgrestest.Start(t), kafkatest.Start(t)
	shared := []string{
		"--project", pg.URL(pg.Create()), "--log-address", k.URL("events"), "--log-replicas", "1",
		"--store-address", clickhousetest.Database(t, t.TempDir()),
	}
	door := start(t, append([]string{"--roles", "ingest"}, shared...)...)
	works := door.other("process", shared...)
	reader := door.other("query,admin", shared...)
	waits := &server{
		t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freeAddress(t), args: works.args, http: newClient(), write: works.write, admin: works.admin,
	}
	t.Cleanup(waits.end)
	waits.run()
	waits.waitStandby()
	began := time.Now()
	if r, err := waits.call(http.MethodPost, "/v1/persons/unlink", waits.admin, []byte(`{"kind":"anonymous","id":"a"}`)); err != nil || r.code() != "standby" {
		t.Errorf("who stands by is asked to do something: %v %s", err, r)
	}
	if took := time.Since(began); took > soon {
		t.Errorf("who stands by has held a request for %s", took)
	}
	if waits.metric("freshet_standby") != 1 || works.metric("freshet_standby") != 0 {
		t.Error("the metrics do not tell who stands by")
	}
	waits.stop()
	waits.run()
	waits.waitStandby()

	l := door.begin(2, 100*time.Millisecond, "ff")
	visible := func(when string) {
		t.Helper()
		at := l.count()
		eventually(t, soon, when+": events are taken", func() bool { return l.count() > at+100 })
		position := door.send("/v1/events", manyEvents(when, 1)).position()
		eventually(t, time.Minute, when+": they are visible", func() bool { return reader.status().Watermark.Position >= position })
	}
	visible("at first")

	stops := map[string]func(began time.Time){
		"killed": func(time.Time) {
			works.kill()
			waits.waitReady()
		},
		"stopped for long": func(began time.Time) {
			works.signal(syscall.SIGSTOP)
			waits.waitReady()
			visible("one is stopped")
			<-time.After(time.Until(began.Add(frozenFor)))
			works.signal(syscall.SIGCONT)
		},
		"let go when the other begins": func(time.Time) {
			works.signal(syscall.SIGSTOP)
			eventually(t, soon, "the other one begins", func() bool { return waits.readiness() != "standby" })
			works.signal(syscall.SIGCONT)
			waits.waitReady()
		},
		"ended": func(time.Time) {
			works.stop()
			waits.waitReady()
		},
	}
	for _, how := range []string{"killed", "stopped for long", "let go when the other begins", "ended", "let go when the other begins", "killed", "stopped for long"} {
		began := time.Now()
		position := door.send("/v1/events", manyEvents("before it is "+how, 1)).position()
		stops[how](began)
		visible("one is " + how)
		reader.waitVisible(position)
		t.Logf("%s: visible again after %s", how, time.Since(began).Round(time.Millisecond))
		select {
		case <-works.process.exited:
		case <-time.After(soon):
			t.Fatalf("%s: who has lost its place goes on", how)
		}
		works.run()
		works.waitStandby()
		works, waits = waits, works
	}

	l.finish()
	reader.waitVisible(door.send("/v1/events", manyEvents("last", 1)).position())
	refused, _ := l.refusals()
	t.Logf("%d events acknowledged; refused %v; the ledger is %+v", len(l.acked), refused, reader.ledger())
	l.check(t, slices.DeleteFunc(reader.export(""), func(e stored) bool { return e.Event == "e" })) // of manyEvents
}

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.process.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// readiness is why the server is not ready; empty when it is, or does not answer.
func (s *server) readiness() string {
	r, err := s.call(http.MethodGet, "/readyz", "", nil)
	if err != nil || r.status == http.StatusOK {
		return ""
	}
	return r.code()
}

// waitStandby returns when the server stands by.
func (s *server) waitStandby() {
	s.t.Helper()
	eventually(s.t, soon, "the server stands by", func() bool {
		if s.process.gone() {
			s.t.Fatalf("the server ended: %v", s.process.err)
		}
		return s.readiness() == "standby"
	})
}

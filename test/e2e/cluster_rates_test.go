//go:build cluster

package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet/freshet/test/kafkatest"
	"github.com/freshet/freshet/test/postgrestest"
	"github.com/freshet/freshet/test/redistest"
)

// TestRatesShared floods two processes that take events with those of one project. Together they take what one would, and at most a
// quarter of a bucket more. While Redis is killed or frozen each goes by itself, says so, and keeps nobody waiting.
func TestRatesShared(t *testing.T) {
	const rate, batch = 500, 50
	pg, rd, k := postgrestest.Start(t), redistest.Start(t), kafkatest.Start(t)
	shared := []string{
		"--project", pg.URL(pg.Create()), "--cache-address", rd.URL(), "--log-address", k.URL("events"), "--log-replicas", "1",
		"--limits-project-rate", "500",
	}
	doors := []*server{start(t, append([]string{"--roles", "ingest"}, shared...)...)}
	doors = append(doors, doors[0].other("ingest", shared...))
	admin := doors[0].other("admin", shared...)
	share := func(n float64) func() bool {
		return func() bool {
			return doors[0].metric("freshet_ingest_rate_processes") == n && doors[1].metric("freshet_ingest_rate_processes") == n
		}
	}
	eventually(t, soon, "they have found each other, and nobody who takes no events", share(2))

	var accepted atomic.Int64
	var work sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(func() { stop(); work.Wait() })
	body := manyEvents("flood", batch)
	began := time.Now()
	for _, d := range doors {
		for range 2 {
			work.Go(func() {
				for ctx.Err() == nil {
					r, err := d.call(http.MethodPost, "/v1/events", d.write, body)
					switch {
					case err != nil:
						t.Errorf("a request of the flood: %v", err)
						return
					case r.status == http.StatusOK:
						accepted.Add(batch)
					case r.code() == "project_rate":
						<-time.After(5 * time.Millisecond)
					default:
						t.Errorf("refused: %s", r)
						return
					}
				}
			})
		}
	}
	eventually(t, time.Minute, "a bucket was taken, and nearly as much again", func() bool {
		n := int(accepted.Load())
		if most := 10*rate*5/4 + (2+4)*batch + int(time.Since(began).Seconds()*rate); n > most { // four requests may be about to be counted
			t.Fatalf("%d were accepted, and the most is %d", n, most)
		}
		return n >= 18*rate
	})
	// perSecond waits for a second in which about so many are accepted.
	perSecond := func(when string, n float64) {
		t.Helper()
		got := 0.0
		eventually(t, time.Minute, when+": the rate is another", func() bool {
			from, before := time.Now(), accepted.Load()
			<-time.After(time.Second)
			got = float64(accepted.Load()-before) / time.Since(from).Seconds()
			return got > 0.8*n && got < 1.2*n
		})
		t.Logf("%s: %.0f events a second after %s", when, got, time.Since(began).Round(100*time.Millisecond))
	}
	perSecond("shared", rate)
	for how, gone := range map[string]func() (back func()){
		"killed": func() func() { rd.Kill(); return rd.Run },
		"frozen": func() func() { rd.Freeze(); return rd.Thaw },
	} {
		back := gone()
		eventually(t, soon, how+": each goes by itself", share(0))
		perSecond(how, 2*rate)
		for _, d := range doors {
			eventually(t, soon, how+": it is known to be away", func() bool { return d.metric("freshet_redis_away") == 1 })
		}
		back()
		eventually(t, soon, how+": they share again", share(2))
		perSecond(how+", and back", rate)
	}
	for _, d := range doors {
		if log := d.log.String(); !strings.Contains(log, "rates of projects are not shared") || !strings.Contains(log, "rates of projects are shared") {
			t.Errorf("the log does not say it:\n%s", log)
		}
	}
	if r, err := admin.call(http.MethodPatch, "/v1/projects/1", admin.admin, []byte(`{"events_per_second":1500}`)); err != nil || r.status != http.StatusOK {
		t.Fatalf("a rate of its own: %v %s", err, r)
	}
	perSecond("a rate of its own", 1500)
	rd.Kill()
	if out, _, _ := doors[0].cli("", append([]string{"doctor", "--data", t.TempDir(), "--listen", freeAddress(t)}, doors[0].args...)...); !strings.Contains(out, "lets a project send as much as it may") {
		t.Errorf("the doctor does not say it:\n%s", out)
	}
}

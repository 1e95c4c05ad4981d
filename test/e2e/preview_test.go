package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
)

// behind puts a backlog of n events into the log of a server that does not run: accepted an hour ago, of one project.
func (s *server) behind(n int) {
	t := s.t
	t.Helper()
	dir := filepath.Join(s.dir, "log")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	log, err := disk.Open(disk.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	received := time.Now().Add(-time.Hour).UnixMicro()
	const record = 1000
	for at := 0; at < n; at += record {
		var enc event.Encoder
		enc.Begin(event.Header{Project: 1, ReceivedAt: received + int64(at), Protocol: "native"})
		for i := at; i < at+record; i++ {
			enc.Add(&event.Event{
				Kind: event.Track, Name: "backlog", ID: fmt.Sprint("b", i), UserID: fmt.Sprint("u", i%5000), OriginalTime: received,
				Properties: []event.Property{{Key: "n", Type: event.Number, Num: float64(i % 100)}, {Key: "what", Type: event.String, Str: fmt.Sprint("w", i%17)}},
			})
		}
		if _, err := log.Append(context.Background(), eventlog.Record{Payload: enc.Payload(), Events: record}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestPreview gives a server a backlog that it accepted an hour ago. What is sent while that is processed is answered ahead of it, says
// so, and is counted once: also when it was in the backlog already, and over a kill in between.
func TestPreview(t *testing.T) {
	t.Parallel()
	const backlog = 600_000
	s := start(t)
	s.stop()
	s.behind(backlog)
	s.restart()
	type watermark struct {
		Position uint64
		Preview  *struct{ From, To uint64 }
	}
	count := func(name string) (n float64, w watermark) {
		t.Helper()
		var a struct {
			Series    []struct{ Total float64 }
			Watermark watermark
		}
		s.ask("POST", "/v1/query", fmt.Appendf(nil, `{"kind":"trends","range":{"from":"-1d","to":"now"},"interval":"day","series":[{"events":[%q]}]}`, name), &a)
		for _, series := range a.Series {
			n += series.Total
		}
		return n, a.Watermark
	}
	sent, ahead := 0, 0
	for killed := false; ; {
		// The last of the backlog once more, and one that is new.
		s.send("/v1/events", fmt.Appendf(nil, `[{"event":"live","id":"live-%d","user_id":"u1"},{"event":"backlog","id":"b%d","user_id":"u%d","timestamp":%q}]`,
			sent, backlog-1, (backlog-1)%5000, time.Now().Add(-time.Hour).Format(time.RFC3339)))
		sent++
		n, w := count("live")
		if w.Position >= backlog {
			break
		}
		if w.Preview != nil && w.Preview.From >= backlog && n > 0 {
			ahead++
		}
		if n > float64(sent) {
			t.Fatalf("%v of %d are answered, at %+v", n, sent, w)
		}
		if ahead == 5 && !killed {
			killed = true
			s.kill()
			s.restart()
		}
	}
	if ahead < 5 {
		t.Errorf("%d answers had events ahead of the backlog", ahead)
	}
	s.waitIdle()
	if n, w := count("live"); n != float64(sent) || w.Preview != nil {
		t.Errorf("%v of %d live events at %+v", n, sent, w)
	}
	if n, w := count("backlog"); n != backlog || w.Preview != nil {
		t.Errorf("%v of %d events of the backlog at %+v", n, backlog, w)
	}
	l := s.ledger()
	if l.Accepted != int64(backlog+2*sent) || l.Stored != int64(backlog+sent) || l.Accepted != l.Stored+l.Duplicate+l.Dead {
		t.Errorf("ledger %+v after %d", l, sent)
	}
	if n := s.metric("freshet_process_preview_lag_events"); n != 0 {
		t.Errorf("%v events wait to be shown ahead", n)
	}
}

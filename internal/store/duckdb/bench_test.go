package duckdb

import (
	"context"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/demo"
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/segment"
	"github.com/freshet/freshet/internal/jsontree"
)

// shop returns n events of the demo shop as the processor hands them over.
func shop(b *testing.B, n int) []event.Event {
	b.Helper()
	g := demo.New(demo.Options{Events: n})
	var out []event.Event
	var parser jsontree.Parser
	for !g.Done() {
		body := g.Next(nil, 500)
		payload, err := ingest.Decode(segment.Protocol{}, &ingest.Request{
			Path: "/v1/batch", Header: http.Header{}, Body: body, Key: "k", Limits: ingest.DefaultLimits(), Parser: &parser,
		})
		if err != nil {
			b.Fatal(err)
		}
		var d event.Decoder
		if err := d.Open(payload); err != nil {
			b.Fatal(err)
		}
		for {
			var e event.Event
			if _, ok, err := d.Next(&e); err != nil || !ok {
				break
			}
			e.Derived = event.Derived{
				Position: uint64(len(out)), ReceivedAt: e.OriginalTime, Time: e.OriginalTime,
				Person: event.IDNumber(event.SpaceAnonymous, e.AnonymousID), Device: 1,
			}
			e.Derived.Key, _ = event.KeyOf(e.ID)
			out = append(out, e)
		}
	}
	return out
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// size is the bytes that the rows take in memory, without what is kept for those to come.
func (p *part) size() (n int) {
	for _, set := range [][]packed{p.builtin, p.props} {
		for i := range set {
			c := &set[i]
			n += len(c.valid) + 4*len(c.ranks) + len(c.words) + len(c.codes) + 4*len(c.ends) + len(c.data) + 4*len(c.index)
		}
	}
	return n
}

// BenchmarkWrite commits batches of the size that a busy processor makes and flushes them; it reports the CPU time of a
// row in each step, which tells more than the time on a machine that others use, and the bytes of a row in memory.
func BenchmarkWrite(b *testing.B) {
	const batch, flush = 16_384, 245_760
	events := shop(b, flush)
	for b.Loop() {
		s, err := Open(context.Background(), Options{Dir: b.TempDir(), FlushRows: 1 << 30, FlushEvery: time.Hour})
		if err != nil {
			b.Fatal(err)
		}
		var adding, committing time.Duration
		for at := 0; at < len(events); at += batch {
			end := min(at+batch, len(events))
			began := cpu()
			for i := at; i < end; i++ {
				s.Add(1, time.UTC, "segment", &events[i])
			}
			added := cpu()
			if err := s.Commit(context.Background(), eventlog.Position(end)); err != nil {
				b.Fatal(err)
			}
			adding, committing = adding+added-began, committing+cpu()-added
		}
		b.ReportMetric(float64(s.gens[0].parts[1].size())/float64(len(events)), "B/row")
		began := cpu()
		if err := s.flush(context.Background()); err != nil {
			b.Fatal(err)
		}
		flushing := cpu() - began
		per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(len(events)) }
		b.ReportMetric(per(adding), "µs-add/row")
		b.ReportMetric(per(committing), "µs-commit/row")
		b.ReportMetric(per(flushing), "µs-flush/row")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

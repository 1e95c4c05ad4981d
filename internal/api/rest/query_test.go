package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/query"
)

const buys = `{"kind":"trends","range":{"from":"-7d","to":"now"},"series":[{"events":["buy"]}]}`

func total(t *testing.T, a answer) float64 {
	t.Helper()
	var out query.Answer
	a.json(&out)
	return *out.Series[0].Total
}

func TestCacheIsHonest(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	first := w.ask("1 read", "POST", "/v1/query", buys)
	if n := total(t, first); n != 5 || first.Header().Get("Freshet-Cache") != "miss" {
		t.Fatalf("%v %v", n, first.Header())
	}
	second := w.ask("1 read", "POST", "/v1/query", buys)
	var a query.Answer
	second.json(&a)
	if second.Header().Get("Freshet-Cache") != "hit" || !a.Cached || *a.Series[0].Total != 5 || a.Watermark.Position != 5 {
		t.Errorf("%v %+v", second.Header(), a)
	}
	// Another project's events change nothing here but the watermark, which must follow.
	w.add(2, "buy", 3)
	third := w.ask("1 read", "POST", "/v1/query", buys)
	third.json(&a)
	if third.Header().Get("Freshet-Cache") != "hit" || a.Watermark.Position != 8 || a.Watermark.Time.IsZero() {
		t.Errorf("%v %+v", third.Header(), a.Watermark)
	}
	w.add(1, "buy", 2)
	fourth := w.ask("1 read", "POST", "/v1/query", buys)
	if n := total(t, fourth); n != 7 || fourth.Header().Get("Freshet-Cache") != "miss" {
		t.Errorf("%v %v", n, fourth.Header())
	}
	if n := total(t, w.ask("2 read", "POST", "/v1/query", buys)); n != 3 {
		t.Errorf("the other project has %v", n)
	}
	// The same data cut in another zone is another answer.
	if got := w.ask("1 admin", "PATCH", "/v1/projects/1", `{"timezone":"Asia/Tokyo"}`); got.Code != 200 {
		t.Fatal(got.Body)
	}
	if got := w.ask("1 read", "POST", "/v1/query", buys); got.Header().Get("Freshet-Cache") != "miss" {
		t.Error("an answer of another time zone")
	}
}

func TestNotModified(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	first := w.ask("1 read", "POST", "/v1/query", buys)
	tag := first.Header().Get("ETag")
	for _, header := range []string{tag, `"other", ` + tag, strings.TrimPrefix(tag, "W/")} {
		got := w.ask("1 read", "POST", "/v1/query", buys, "If-None-Match", header)
		if got.Code != http.StatusNotModified || got.Body.Len() > 0 || got.Header().Get("ETag") != tag {
			t.Errorf("%s: %d %s", header, got.Code, got.Body)
		}
	}
	if got := w.ask("2 read", "POST", "/v1/query", buys, "If-None-Match", tag); got.Code != 200 {
		t.Error("the tag of another project's answer holds", got.Code)
	}
	w.add(1, "buy", 1)
	if got := w.ask("1 read", "POST", "/v1/query", buys, "If-None-Match", tag); got.Code != 200 || got.Header().Get("ETag") == tag {
		t.Error("the tag holds though the answer changed", got.Code)
	}
}

func TestConsistentWithWaits(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	asked := make(chan answer)
	go func() { asked <- w.ask("1 read", "POST", "/v1/query?consistent_with=7&timeout=60s", buys) }()
	w.add(1, "buy", 2)
	if n := total(t, <-asked); n != 7 {
		t.Errorf("%v events", n)
	}
}

func TestAnswersHaveOneForm(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	for _, state := range []string{"miss", "hit"} {
		got := w.ask("1 read", "POST", "/v1/query", buys)
		var m map[string]any
		got.json(&m)
		if got.Header().Get("Freshet-Cache") != state || fmt.Sprint(got.Body.Len()) != got.Header().Get("Content-Length") {
			t.Error(got.Header(), got.Body.Len())
		}
		for _, name := range []string{"kind", "range", "interval", "buckets", "series", "question", "watermark", "cached", "took_ms"} {
			if _, ok := m[name]; !ok {
				t.Errorf("%s: no %s in %s", state, name, got.Body)
			}
		}
		for _, name := range []string{"watermark", "cached", "took_ms"} {
			if strings.Count(got.Body.String(), `"`+name+`"`) != 1 {
				t.Errorf("%s: %s is there more than once", state, name)
			}
		}
	}
}

func TestFlightIsSharedAndOutlivesWhoLeaves(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := newFlights()
	begun, release := make(chan struct{}), make(chan struct{})
	runs := 0
	work := func(ctx context.Context) (any, error) {
		runs++
		close(begun)
		select {
		case <-release:
			return "answer", nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	leader, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := f.do(leader, "q", nil, work)
		left <- err
	}()
	<-begun
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if v, err := f.do(t.Context(), "q", nil, work); v != "answer" || err != nil {
				t.Error(v, err)
			}
		})
	}
	waitFor(t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.all["q"].waiting == 11
	})
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(release)
	wg.Wait()
	if runs != 1 || len(f.all) != 0 {
		t.Errorf("%d runs, %d flights left", runs, len(f.all))
	}
	f.close()
}

func TestFlightIsGivenUpWithTheLastWhoWaits(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := newFlights()
	begun, ended := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	_, err := f.do(ctx, "q", nil, func(ctx context.Context) (any, error) {
		close(begun)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	<-ended
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_, err = f.do(t.Context(), "p", nil, func(context.Context) (any, error) { panic("oh") })
	if err == nil || !strings.Contains(err.Error(), "oh") {
		t.Error(err)
	}
	f.close()
	if _, err := f.do(t.Context(), "q", nil, nil); err == nil {
		t.Error("a flight after the end")
	}
}

func TestIdenticalQuestionsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 200)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if n := total(t, w.ask("1 read", "POST", "/v1/query", buys)); n < 100 {
				t.Error(n)
			}
		})
	}
	wg.Wait()
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(10 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it did not happen in 10 s")
		}
	}
}

// BenchmarkHit is a question that is answered from memory, from request to answer.
func BenchmarkHit(b *testing.B) {
	w := newWorld(b)
	w.add(1, "buy", 100)
	const q = `{"kind":"trends","range":{"from":"-90d","to":"now"},"interval":"hour","breakdown":[{"property":"$user_id"}],"series":[{"events":["buy"]},{"aggregate":"unique"}]}`
	if got := w.ask("1 read", "POST", "/v1/query", q); got.Code != 200 {
		b.Fatal(got.Body)
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := w.ask("1 read", "POST", "/v1/query", q); got.Header().Get("Freshet-Cache") != "hit" {
			b.Fatal(got.Header())
		}
	}
}

func BenchmarkNotModified(b *testing.B) {
	w := newWorld(b)
	w.add(1, "buy", 100)
	tag := w.ask("1 read", "POST", "/v1/query", buys).Header().Get("ETag")
	b.ReportAllocs()
	for b.Loop() {
		if got := w.ask("1 read", "POST", "/v1/query", buys, "If-None-Match", tag); got.Code != 304 {
			b.Fatal(got.Code)
		}
	}
}

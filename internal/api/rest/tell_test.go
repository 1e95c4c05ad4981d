package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// told is one server-sent event.
type told struct{ name, data string }

func tellings(t *testing.T, text string) (out []told) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		head, data, ok := strings.Cut(part, "\ndata: ")
		if !ok || strings.Contains(data, "\n") || !strings.HasPrefix(head, "event: ") {
			t.Fatalf("%q is no event", part)
		}
		out = append(out, told{strings.TrimPrefix(head, "event: "), data})
	}
	return out
}

func TestProgressThenTheAnswer(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 50)
	for _, c := range kindTables {
		got := w.ask("1 read", "POST", "/v1/query", c.question, "Accept", "text/event-stream")
		events := tellings(t, got.Body.String())
		last := events[len(events)-1]
		if got.Code != 200 || got.Header().Get("Content-Type") != "text/event-stream" || events[0].name != "progress" || last.name != "answer" {
			t.Fatalf("%d %v %s", got.Code, got.Header(), got.Body)
		}
		var first queryProgress
		must(t, json.Unmarshal([]byte(events[0].data), &first))
		if first.Phase == "" {
			t.Errorf("%+v", first)
		}
		// But for how long it took and that it is kept, the answer is that of a plain question.
		plain := w.ask("1 read", "POST", "/v1/query", c.question)
		want, _, _ := strings.Cut(plain.Body.String(), `,"cached":`)
		if got, _, _ := strings.Cut(last.data, `,"cached":`); got != want || plain.Header().Get("Freshet-Cache") != "hit" {
			t.Errorf("%s: got\n%s\nwant\n%s", c.question, got, want)
		}
	}
}

func TestWhatIsWrongIsTold(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	for _, c := range []struct{ query, body, code string }{
		{"", `{"kind":"horoscope"}`, "unknown_word"},
		{"?consistent_with=99&timeout=1s", buys, "not_visible_yet"},
	} {
		got := w.ask("1 read", "POST", "/v1/query"+c.query, c.body, "Accept", "text/event-stream")
		events := tellings(t, got.Body.String())
		var p Problem
		must(t, json.Unmarshal([]byte(events[len(events)-1].data), &p))
		if last := events[len(events)-1]; last.name != "error" || p.Code != c.code || p.Status < 400 {
			t.Errorf("%s", got.Body)
		}
		if c.query != "" && len(events) < 3 {
			t.Errorf("in a second only %d events", len(events))
		}
	}
	if got := w.ask("1 read", "POST", "/v1/query?timeout=1h", buys, "Accept", "text/event-stream"); got.Code != 400 || got.problem().Code != "bad_timeout" {
		t.Error(got.Code, got.Body)
	}
}

// stuck is a store whose cuts are not made until the question is given up.
type stuck struct {
	store.Reader
	begun, ended chan struct{}
}

func (s *stuck) Cut(ctx context.Context, _ store.ProjectID) (store.Cut, error) {
	close(s.begun)
	<-ctx.Done()
	close(s.ended)
	return nil, ctx.Err()
}

func TestLeavingEndsTheQuestion(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	s := &stuck{Reader: w.store, begun: make(chan struct{}), ended: make(chan struct{})}
	engine, err := query.New(query.Options{Store: s, Now: w.api.opts.Now})
	must(t, err)
	o := w.api.opts
	o.Engine, o.Registerer = engine, nil
	api, err := New(o)
	must(t, err)
	t.Cleanup(api.Close)
	w.mux = http.NewServeMux()
	api.Register(w.mux)
	_, url := w.serve(t)
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/query", strings.NewReader(buys))
	must(t, err)
	r.Header = http.Header{"Authorization": {"Bearer " + w.keys["1 read"]}, "Accept": {"text/event-stream"}}
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	defer resp.Body.Close()
	<-s.begun
	lines := bufio.NewReader(resp.Body)
	for range 2 { // the stream is under way and says so twice, which is a second
		for line := ""; !strings.HasPrefix(line, "data: "); {
			line, err = lines.ReadString('\n')
			must(t, err)
		}
	}
	leave()
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the question goes on though nobody waits for it")
	}
	_, _ = io.Copy(io.Discard, resp.Body)
}

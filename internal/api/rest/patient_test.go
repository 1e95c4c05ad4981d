package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/server"
	"github.com/freshet/freshet/internal/store"
)

// lasting are requests for all that may take a while, in a project with a plan and the cohort 1.
var lasting = []struct{ method, path, body string }{
	{"POST", "/v1/query", buys},
	{"GET", "/v1/plan/violations", ""},
	{"GET", "/v1/persons?q=%3Du1", ""},
	{"GET", "/v1/persons/=u1", ""},
	{"GET", "/v1/persons/=u1/events", ""},
	{"GET", "/v1/persons/=u1/cohorts", ""},
	{"GET", "/v1/cohorts/1/people", ""},
	{"POST", "/v1/cohorts/preview", `{"definition":{"did":{"events":["buy"]}}}`},
	{"POST", "/v1/people", peopleBody(buyers, `{}`, ``)},
	{"POST", "/v1/people/explain", peopleBody(buyers, `{}`, fmt.Sprintf(`,"person":"%d"`, event.IDNumber(event.SpaceUser, "=u1")))},
}

// lastingWorld is a world of which all of these can be asked.
func lastingWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.add(1, "buy", 12)
	w.ask("1 admin", "PUT", "/v1/plan", `{"events":[{"name":"buy","properties":[{"key":"who <b>","required":true}]}]}`).json(new(planView))
	w.ask("1 admin", "POST", "/v1/cohorts", `{"name":"Buyers","definition":{"did":{"events":["buy"]}}}`).json(new(cohortView))
	return w
}

// timing is what differs from one time an answer is given to the next.
var timing = regexp.MustCompile(`,?"(took_ms|cached)":[a-z0-9.]+`)

func TestToldAnswersAreThePlainOnes(t *testing.T) {
	w := lastingWorld(t)
	for _, c := range lasting {
		plain := w.ask("1 read", c.method, c.path, c.body)
		if plain.Code != 200 || plain.Header().Get("Content-Type") != "application/json" || plain.Header().Get("Vary") != "Accept" {
			t.Fatalf("%s: %d %v %s", c.path, plain.Code, plain.Header(), plain.Body)
		}
		got := w.ask("1 read", c.method, c.path, c.body, "Accept", "text/event-stream")
		events := tellings(t, got.Body.String())
		last := events[len(events)-1]
		var first queryProgress
		must(t, json.Unmarshal([]byte(events[0].data), &first))
		if got.Code != 200 || got.Header().Get("Content-Type") != "text/event-stream" || events[0].name != "progress" || first.Phase == "" || last.name != "answer" {
			t.Fatalf("%s: %d %v %s", c.path, got.Code, got.Header(), got.Body)
		}
		want := timing.ReplaceAllString(strings.TrimSuffix(plain.Body.String(), "\n"), "")
		if told := timing.ReplaceAllString(last.data, ""); told != want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.path, told, want)
		}
	}
}

// TestRefusalsBeforeTheStream: what can be known without looking at events is refused with a status, and the rest within the stream.
func TestRefusalsBeforeTheStream(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	for _, c := range []struct{ method, path, body, code string }{
		{"GET", "/v1/plan/violations", "", "no_plan"},
		{"GET", "/v1/plan/violations?from=x", "", "bad_time"},
		{"GET", "/v1/cohorts/9/people", "", "no_such_cohort"},
		{"GET", "/v1/cohorts/9/people?timeout=1h", "", "no_such_cohort"},
		{"POST", "/v1/people?timeout=1h", peopleBody(buyers, `{}`, ``), "bad_timeout"},
		{"POST", "/v1/people", peopleBody(buyers, `{}`, `,"limit":-1`), "bad_limit"},
		{"POST", "/v1/people/explain", `{`, "malformed_json"},
		{"POST", "/v1/cohorts/preview", `{}`, "missing_field"},
	} {
		got := w.ask("1 read", c.method, c.path, c.body, "Accept", "text/event-stream")
		if p := got.problem(); p.Code != c.code {
			t.Errorf("%s: %d %s", c.path, got.Code, got.Body)
		}
	}
	for path, code := range map[string]string{
		"/v1/persons/nobody": "no_person", "/v1/persons?cursor=x": "bad_cursor", "/v1/plan/violations?from=now&to=-1d": "bad_range",
	} {
		w.ask("1 admin", "PUT", "/v1/plan", `{"events":[]}`).json(new(planView))
		got := w.ask("1 read", "GET", path, "", "Accept", "text/event-stream")
		events := tellings(t, got.Body.String())
		var p Problem
		must(t, json.Unmarshal([]byte(events[len(events)-1].data), &p))
		if last := events[len(events)-1]; last.name != "error" || p.Code != code {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
}

// endless is a store whose statements DuckDB works on for hours.
type endless struct {
	store.Reader
	begun, ended chan struct{}
	begins, ends sync.Once
}

func (s *endless) Cut(ctx context.Context, p store.ProjectID) (store.Cut, error) {
	c, err := s.Reader.Cut(ctx, p)
	return &endlessCut{c, s}, err
}

type endlessCut struct {
	store.Cut
	store *endless
}

// run is a statement that goes on until ctx ends; it returns when DuckDB has let go of it.
func (c *endlessCut) run(ctx context.Context) (err error) {
	c.store.begins.Do(func() { close(c.store.begun) })
	for _, err = range c.Cut.Rows(ctx, "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE (a.range * b.range) % 7 = 3") {
		if err != nil {
			break
		}
	}
	c.store.ends.Do(func() { close(c.store.ended) })
	return err
}

func (c *endlessCut) Rows(ctx context.Context, _ string, _ ...any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) { yield(nil, c.run(ctx)) }
}

func (c *endlessCut) Batches(ctx context.Context, _ string, _ ...any) iter.Seq2[*store.Batch, error] {
	return func(yield func(*store.Batch, error) bool) { yield(nil, c.run(ctx)) }
}

func (c *endlessCut) Spread(ctx context.Context, _ func() func(*store.Batch) error, _ string, _ ...any) error {
	return c.run(ctx)
}

// TestLeavingEndsTheStatement: whoever leaves while DuckDB works for them ends that, whatever they asked for and in whatever form.
func TestLeavingEndsTheStatement(t *testing.T) {
	w := lastingWorld(t)
	for _, c := range lasting {
		for _, accept := range []string{"text/event-stream", "application/json"} {
			t.Run(c.method+" "+c.path+" "+accept, func(t *testing.T) {
				s := &endless{Reader: w.store, begun: make(chan struct{}), ended: make(chan struct{})}
				front, url := w.serveOver(t, s)
				defer func() { must(t, front.Drain(context.Background(), nil)) }()
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				r, err := http.NewRequestWithContext(ctx, c.method, url+c.path, strings.NewReader(c.body))
				must(t, err)
				r.Header = http.Header{"Authorization": {"Bearer " + w.keys["1 read"]}, "Accept": {accept}}
				left := make(chan struct{})
				go func() {
					defer close(left)
					askUntilReading(t, r, leave)
				}()
				soon(t, s.begun, "no statement began")
				if accept == "application/json" {
					leave()
				}
				soon(t, s.ended, "the statement goes on though nobody waits for it")
				<-left
			})
		}
	}
}

// serveOver listens with an API whose events are in another store.
func (w *world) serveOver(t *testing.T, s store.Reader) (*server.Server, string) {
	t.Helper()
	engine, err := query.New(query.Options{Store: s, Now: w.api.opts.Now, Cohorts: Cohorts{w.projects}, Read: ReadQuestion})
	must(t, err)
	o := w.api.opts
	o.Engine, o.Registerer, o.Cache = engine, nil, nil
	api, err := New(o)
	must(t, err)
	t.Cleanup(api.Close)
	w.mux = http.NewServeMux()
	api.Register(w.mux)
	return w.serve(t)
}

// askUntilReading leaves when the stream says that the first statement runs. A plain answer has no beginning, and ends when its
// context does.
func askUntilReading(t *testing.T, r *http.Request, leave func()) {
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	for lines := bufio.NewReader(resp.Body); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Errorf("%s: %v", line, err)
			return
		}
		if strings.Contains(line, `"phase":"reading","statements":1`) {
			leave()
			return
		}
	}
}

func soon(t *testing.T, done <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal(otherwise)
	}
}

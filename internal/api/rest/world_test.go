package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/cache/memory"
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/process/identity"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/sqlite"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/duckdb"
)

// world is an API over a real control plane and a real store, with two projects.
type world struct {
	t        testing.TB
	api      *API
	mux      *http.ServeMux
	store    *duckdb.Store
	projects *project.Service
	replayer *replayer
	// people are what an unlink finds linked.
	people *identity.People
	// keys are the secrets, by project number and kind.
	keys map[string]string
	now  time.Time
	// next is the position of the next event.
	next int
	log  *logBuffer
}

type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{
		t: t, mux: http.NewServeMux(), keys: map[string]string{}, log: &logBuffer{}, replayer: &replayer{},
		now: time.Date(2026, 4, 15, 12, 30, 0, 0, time.UTC),
	}
	clock := func() time.Time { return w.now }
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	control, err := sqlite.Open(ctx, t.TempDir())
	must(t, err)
	w.projects, err = project.Open(ctx, control, project.Options{Now: clock})
	must(t, err)
	t.Cleanup(func() { must(t, w.projects.Close()) })
	w.store, err = duckdb.Open(ctx, duckdb.Options{Dir: t.TempDir(), Threads: 1, MemoryLimit: "256MB"})
	must(t, err)
	t.Cleanup(func() { must(t, w.store.Close()) })
	for _, name := range []string{"Shop", "Game"} {
		p, err := w.projects.CreateProject(ctx, "test", project.Change{Name: &name})
		must(t, err)
		for _, kind := range []project.Kind{project.Write, project.Read, project.Admin} {
			_, secret, err := w.projects.CreateKey(ctx, "test", p.ID, kind, "")
			must(t, err)
			w.keys[fmt.Sprintf("%d %s", p.ID, kind)] = secret
		}
	}
	results, err := memory.New(memory.Options{MaxBytes: 8 << 20, Registerer: prometheus.NewRegistry()})
	must(t, err)
	engine, err := query.New(query.Options{Store: w.store, Now: clock, Cohorts: Cohorts{w.projects}, Read: ReadQuestion})
	must(t, err)
	w.api, err = New(Options{
		Engine: engine, Projects: w.projects, Pipeline: pipeline{w.store}, Replayer: w.replayer, Unlinker: unlinker{w}, Operator: operator{}, Cache: results,
		Logger: logger, Version: "1.2.3", Now: clock, Streams: 3,
	})
	must(t, err)
	t.Cleanup(w.api.Close)
	w.api.Register(w.mux)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add commits n events of a project, an hour apart, the last one an hour before now.
func (w *world) add(p store.ProjectID, name string, n int) {
	w.t.Helper()
	for i := range n {
		w.put(p, name, w.now.Add(-time.Duration(n-i)*time.Hour),
			event.Property{Key: "amount", Type: event.Number, Num: float64(i)}, event.Property{Key: "note", Type: event.String, Str: `say "hi", +1`})
	}
	w.commit(p, n)
}

// put adds an event of one of ten users, to be committed.
func (w *world) put(p store.ProjectID, name string, at time.Time, properties ...event.Property) {
	e := event.Event{Name: name, ID: fmt.Sprintf("%s-%d", name, w.next), UserID: fmt.Sprintf("=u%d", w.next%10), Properties: properties}
	e.Derived = event.Derived{
		Position: uint64(w.next), ReceivedAt: at.UnixMicro(), Time: at.UnixMicro(), Person: event.IDNumber(event.SpaceUser, e.UserID),
	}
	e.Derived.Key, _ = event.KeyOf(e.ID)
	w.store.Add(p, time.UTC, "native", &e)
	w.next++
}

// commit makes the n events visible that were put since the last time.
func (w *world) commit(p store.ProjectID, n int) {
	w.t.Helper()
	w.store.Count(p, w.now.Truncate(time.Hour).Unix(), store.Counts{Accepted: int64(n), Stored: int64(n)})
	must(w.t, w.store.Commit(context.Background(), eventlog.Position(w.next)))
}

func (w *world) addDead(p store.ProjectID, code, body string) eventlog.Position {
	w.t.Helper()
	at := eventlog.Position(w.next)
	w.store.AddDead(store.DeadLetter{
		Project: p, Position: at, ReceivedAt: w.now.UnixMicro(), Stage: "decode", Code: code, Reason: "it is bad", Protocol: "native", Body: []byte(body),
	})
	w.next++
	must(w.t, w.store.Commit(context.Background(), eventlog.Position(w.next)))
	return at
}

type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// ask sends a request; key is "1 read" and so on, or empty. Pairs of headers follow.
func (w *world) ask(key, method, target, body string, header ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+w.secret(key))
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return answer{rec, w.t}
}

func (w *world) secret(key string) string {
	if s, ok := w.keys[key]; ok {
		return s
	}
	return key
}

// json reads a successful answer.
func (a answer) json(v any) {
	a.t.Helper()
	if a.Code >= 300 {
		a.t.Fatalf("%d %s", a.Code, a.Body)
	}
	must(a.t, json.Unmarshal(a.Body.Bytes(), v))
}

// problem reads an error and checks its form.
func (a answer) problem() Problem {
	a.t.Helper()
	var p Problem
	d := json.NewDecoder(strings.NewReader(a.Body.String()))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		a.t.Fatalf("%d %s: %v", a.Code, a.Body, err)
	}
	if _, err := d.Token(); err != io.EOF {
		a.t.Errorf("more than a problem: %s", a.Body)
	}
	if ct := a.Header().Get("Content-Type"); ct != "application/problem+json" || p.Status != a.Code || p.Type != "about:blank" ||
		p.Title != http.StatusText(a.Code) || p.Code == "" || p.Detail == "" {
		a.t.Errorf("not the one form of a problem: %d %s %s", a.Code, ct, a.Body)
	}
	return p
}

type pipeline struct{ store *duckdb.Store }

func (p pipeline) Lag() (uint64, float64) { return 0, 0 }
func (p pipeline) Freshness(q float64) time.Duration {
	return time.Duration(q * float64(time.Second))
}

func (p pipeline) LogBounds() (eventlog.Position, eventlog.Position) {
	return 0, p.store.Watermark().Position
}
func (p pipeline) HotRows() int    { return p.store.HotRows() }
func (p pipeline) FormerDays() int { return p.store.FormerDays() }

// replayer takes what does not contain "bad".
type replayer struct {
	mu    sync.Mutex
	taken []string
}

func (r *replayer) Replay(_ context.Context, d store.DeadLetter, dry bool) (Replayed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Contains(string(d.Body), "bad") {
		return Replayed{Code: "malformed_json", Reason: "still bad"}, nil
	}
	if dry {
		return Replayed{}, nil
	}
	r.taken = append(r.taken, string(d.Body))
	return Replayed{Position: eventlog.Position(1000 + len(r.taken))}, nil
}

// Package rest is the HTTP API through which questions are asked: routes with their documentation (OpenAPI 3.1), keys
// and what each kind of key may do, one form of error, the cache of answers, streams. What a question means is for
// query to decide, what a project is for project; taking events in is ingest's part of the same mux.
package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/cache"
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// Pipeline tells how far the way from the log to the store has come.
type Pipeline interface {
	// Lag is how many events wait, and for how long.
	Lag() (events uint64, seconds float64)
	// Freshness is the time from receipt to visibility of recent events at a quantile in [0, 1].
	Freshness(quantile float64) time.Duration
	// LogBounds are the first position that the log still holds and the position after its last.
	LogBounds() (start, end eventlog.Position)
	// HotRows is how many rows are in memory only.
	HotRows() int
	// FormerDays is how many days on disk are yet to be rewritten in the layout of this version.
	FormerDays() int
}

// Lanes is implemented by a Pipeline that stands for several, of which each has some of the projects.
type Lanes interface {
	// Of is the one that a project's events go.
	Of(p project.ID) Pipeline
	// Lanes tells how each of them is, by number.
	Lanes() []LaneStatus
}

// Replayer tries dead letters again.
type Replayer interface {
	// Replay gives a letter to its decoder again and, unless dry is set, appends the event to the log with its first
	// time of receipt. Tried twice it is stored once. An error concerns the log, not the letter.
	Replay(ctx context.Context, d store.DeadLetter, dry bool) (Replayed, error)
}

// Replayed is what became of a dead letter.
type Replayed struct {
	// Position is the one after the event, 0 when it is still not readable; Code and Reason then say why.
	Position     eventlog.Position
	Code, Reason string
}

// Options are what an API works with. Engine, Projects, Pipeline, Replayer, Unlinker, Operator and Logger must be given.
type Options struct {
	Engine   *query.Engine
	Projects *project.Service
	Pipeline Pipeline
	Replayer Replayer
	Unlinker Unlinker
	Operator Operator
	// Roles are what the process does of what routes need; default everything.
	Roles *Roles
	// Cache keeps answers; nil keeps none.
	Cache   cache.Cache
	Logger  *slog.Logger
	Version string
	// Registerer takes the metrics; nil drops them.
	Registerer prometheus.Registerer
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Streams bounds the live streams of all projects; default 200.
	Streams int
}

// API serves the routes under /v1/ that read, and those of the control plane.
type API struct {
	opts    Options
	huma    huma.API
	mux     *http.ServeMux
	started time.Time
	flights *flights
	live    *live
	visits  *allowances
}

// maxStreams is the default of Options.Streams.
const maxStreams = 200

// New makes an API.
func New(o Options) (*API, error) {
	if o.Engine == nil || o.Projects == nil || o.Pipeline == nil || o.Replayer == nil || o.Unlinker == nil || o.Operator == nil || o.Logger == nil {
		return nil, errors.New("make the API: engine, projects, pipeline, replayer, unlinker, operator and logger are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Streams == 0 {
		o.Streams = maxStreams
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Roles == nil {
		o.Roles = &Roles{Ingest: true, Process: true, Query: true, Admin: true}
	}
	if o.Cache == nil {
		o.Cache = noCache{}
	}
	a := &API{opts: o, started: o.Now(), flights: newFlights(), visits: newAllowances(o.Now)}
	a.live = newLive(o)
	return a, nil
}

// Close ends what still works for requests that have gone, and waits for it.
func (a *API) Close() {
	a.flights.close()
	a.live.close()
}

// Register adds the routes to a mux, once. Everything else under /v1/ that no other pattern of the mux matches is
// answered with a problem. Documentation that does not fit the types is a programmer's mistake, and panics.
func (a *API) Register(mux *http.ServeMux) {
	a.mux = mux
	a.huma = huma.NewAPI(config(a.opts.Version), adapter{mux, a})
	a.registerQuery()
	a.registerOutline()
	a.registerInsights()
	a.registerCohorts()
	a.registerDashboards()
	a.registerPublic()
	a.registerPeople()
	a.registerExplain()
	a.registerPersons()
	a.registerUnlink()
	a.registerEvents()
	a.registerExport()
	a.registerSchema()
	a.registerNotes()
	a.registerPlan()
	a.registerLive()
	a.registerStatus()
	a.registerOperations()
	a.registerLimits()
	a.registerLedger()
	a.registerChecksums()
	a.registerDuplicates()
	a.registerDeadLetters()
	a.registerProjects()
	a.registerKeys()
	a.registerAudit()
	a.registerMe()
	if err := a.registerDocs(); err != nil {
		panic(err)
	}
	for _, method := range methods {
		mux.HandleFunc(method+" /v1/", a.unmatched)
	}
}

// methods are those that a request to an unknown path gets a problem for. A pattern without a method would be in
// conflict with the page's GET /.
var methods = [...]string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace,
}

// unmatched answers what no route matches: 405 where the path has routes for other methods, else 404.
func (a *API) unmatched(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	var allow []string
	for _, method := range methods {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := a.mux.Handler(probe); pattern != "" && !strings.HasSuffix(pattern, " /v1/") {
			allow = append(allow, method)
		}
	}
	if len(allow) > 0 {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "", "this path does not take "+r.Method).write(w)
		return
	}
	newProblem(http.StatusNotFound, "unknown_route", "", "there is no such path; /v1/docs lists them").write(w)
}

// scope is what a question of the call's project is read with.
func (c *call) scope() query.Scope {
	return query.Scope{
		Project: store.ProjectID(c.project.ID), Zone: c.project.Location(),
		WeekStart: c.project.FirstWeekday(), SessionGap: c.project.SessionGap(),
	}
}

func invalid(code, field, format string, args ...any) error {
	e := event.Errorf(event.Invalid, code, format, args...)
	e.Field = field
	return e
}

// noCache is the cache of an API that has none.
type noCache struct{}

func (noCache) Get(context.Context, string) ([]byte, bool)     { return nil, false }
func (noCache) Set(string, []byte)                             {}
func (noCache) Begin(context.Context, string) ([]byte, func()) { return nil, func() {} }

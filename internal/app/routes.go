package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/freshet/freshet/internal/api/rest"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/countly"
	"github.com/freshet/freshet/internal/ingest/mixpanel"
	"github.com/freshet/freshet/internal/ingest/posthog"
	"github.com/freshet/freshet/internal/ingest/rudderstack"
	"github.com/freshet/freshet/internal/ingest/segment"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/web"
)

// routes is the one table of everything that the public port serves beside health and metrics.
func (a *app) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	c := a.Config
	limits := ingest.DefaultLimits()
	limits.Body, limits.Event, limits.Depth = int(c.Limits.MaxBody), int(c.Limits.MaxEvent), c.Limits.MaxDepth
	limits.Batch, limits.InFlight = c.Limits.MaxBatch, int64(c.Limits.MaxInFlight)
	limits.ProjectRate, limits.DeviceRate, limits.Weights = c.Limits.ProjectRate, c.Limits.DeviceRate, c.Limits.Shares()
	keys := writeKeys{a.projects}
	door := ingest.New(ingest.Options{
		Log: a.door(), Operator: a.logs(), Keys: keys, Limits: limits, Trusted: c.Trusted(), Logger: a.Logger,
		Tracer: a.tracing.tracer("ingest"), Metrics: a.registry, Decoders: a.cores + 1, Behind: a.door().Behind, Now: time.Now,
		RateOf: a.projects.EventsPerSecond, FullUntil: a.projects.FullUntil, Debts: a.debts(),
	})
	a.shareRates = door.ShareRates
	for _, p := range protocols() {
		door.Register(mux, p)
	}
	segment.Remote{Keys: keys, Address: a.publicAddress}.Register(mux)
	rudderstack.Remote{Keys: keys}.Register(mux)
	countly.Remote{}.Register(mux)
	posthog.Remote{Door: door}.Register(mux)
	mixpanel.Remote{Door: door}.Register(mux)

	history := int64(c.Query.HistoryMemory)
	if history == 0 {
		history = historyMemory(memoryAllowance(), query.DefaultConcurrent())
	}
	engine, err := query.New(query.Options{
		HistoryMemory: history,
		Store:         a.readers(), Now: time.Now, Registerer: a.registry, Tracer: a.tracing.tracer("query"), Logger: a.Logger,
		Cohorts: rest.Cohorts{Projects: a.projects}, Read: rest.ReadQuestion, Workers: a.cores,
		Begin: a.questions.Begin, Lag: a.behindOf,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the query engine: %w", err)
	}
	results, err := a.openCache()
	if err != nil {
		return nil, err
	}
	a.api, err = rest.New(rest.Options{
		Projects: a.projects, Engine: engine, Cache: results, Pipeline: a.pipelines(), Replayer: replayer{door}, Unlinker: door, Operator: newOperator(a),
		Version: a.Version, Logger: a.Logger, Registerer: a.registry,
		Roles: &rest.Roles{Ingest: c.Does(config.RoleIngest), Process: c.Does(config.RoleProcess), Query: c.Does(config.RoleQuery), Admin: c.Does(config.RoleAdmin)},
	})
	if err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	a.api.Register(mux)
	if c.Does(config.RoleQuery) || c.Does(config.RoleAdmin) {
		mux.Handle("GET /", web.Handler())
	}
	return mux, nil
}

// replayer lets the API try dead letters again.
type replayer struct{ door *ingest.Handler }

// Replay implements rest.Replayer.
func (r replayer) Replay(ctx context.Context, d store.DeadLetter, dry bool) (rest.Replayed, error) {
	out, err := r.door.Replay(ctx, d, dry)
	return rest.Replayed(out), err
}

// splitURL takes a public URL apart; the configuration has checked it.
func splitURL(s string) (host, scheme string) {
	u, err := url.Parse(s)
	if err != nil {
		return s, "https"
	}
	return u.Host, u.Scheme
}
